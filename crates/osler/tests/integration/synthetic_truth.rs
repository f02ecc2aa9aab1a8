//! A population whose truth is known.

use crate::support::Site;

#[test]
fn truth_is_written_when_asked_for_and_is_the_same_each_time() {
    let site = Site::new();
    let asked = "--subjects 60 --truth --truth-draws 4 --truth-observed 8 --truth-particles 6";
    site.succeed(&format!("synth {asked} --out graded"));
    site.succeed(&format!("synth {asked} --threads 1 --out again"));
    assert_eq!(site.digest("graded"), site.digest("again"), "the output depends on the number of threads");
    for name in ["truth.ndjson", "decisions.parquet", "risks.parquet", "onsets.parquet", "disparities.json"] {
        assert!(site.path("graded/truth").join(name).is_file(), "no {name}");
    }
    assert_eq!(site.manifest("graded")["synthetic"], true);
    site.succeed("ingest --from fhir --synthetic --key site.key --out events graded/fhir");
    assert!(site.events("events").len() > 40);

    site.succeed("synth --subjects 20 --out plain");
    assert!(site.path("plain/fhir/Patient.ndjson").is_file());
    assert!(!site.path("plain/truth/decisions.parquet").exists());
    let said = site.fail("synth --subjects 20 --disparity 9 --out unjust");
    assert!(said.contains("disparity"), "{said}");
    assert!(!site.path("unjust").exists());
}
