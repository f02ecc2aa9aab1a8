//! Reasoning graded against a population's truth, through the program.

use crate::support::Site;
use serde_json::Value;

const POPULATION: &str = "--subjects 90 --truth --truth-draws 4 --truth-observed 90 --truth-particles 8";
const TRAINING: &str = "--epochs 1 --max-steps 4 --batch-tokens 512";

#[test]
fn a_model_is_graded_by_the_truth_of_those_whose_records_it_reads() {
    let site = Site::new();
    site.succeed(&format!("synth {POPULATION} --out graded"));
    site.succeed(
        "ingest --from fhir --synthetic --key site.key --splits 0.5,0.1,0.4 --out events graded/fhir",
    );
    site.succeed("tokenize --out timeline events");
    site.succeed(&format!("train {TRAINING} --out model timeline"));
    let asked = "--model model --truth graded --key site.key --split all --draws 20 --least-events 2";
    let line = format!("grade {asked} --least-decisions 30 --rule events --out grades events");
    let told = site.succeed(&format!("--json {line}"));
    let report: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(report["about"]["synthetic"], true);

    // The people who are asked about are those of the truth, and so is what is expected of them.
    let rows = events::meds::ColumnsFile::read(&site.path("graded/truth/risks.parquet")).unwrap();
    let (codes, days) = (rows.texts("code").unwrap(), rows.numbers("horizon_days").unwrap());
    let chances = rows.numbers("true_risk").unwrap();
    let death: Vec<f64> = (0..codes.len())
        .filter(|i| codes[*i] == "MEDS_DEATH" && days[*i] > 1000.0)
        .map(|i| chances[i])
        .collect();
    let each = report["risks"]["each"].as_array().unwrap();
    let of = |code: &str| each.iter().find(|g| g["code"] == code && g["horizon_days"] == 1826.25).unwrap();
    let graded = of("MEDS_DEATH");
    // Who isn't watched beyond that moment, since the policy blurs the end of follow-up, isn't asked about.
    let people = graded["people"].as_u64().unwrap() as usize;
    assert!(people <= death.len() && 10 * people >= 9 * death.len(), "{people} of {}", death.len());
    let (expected, all) = (graded["expected_events"].as_f64().unwrap(), death.iter().sum::<f64>());
    assert!(expected <= all + 1e-6 && expected > 0.8 * all, "{expected} of {all}");
    // Who knows everything can't be surpassed by much; the observer knows more than a coin.
    let auc = |name: &str| graded["auc"][name]["value"].as_f64().unwrap();
    assert!(auc("who knows everything") > auc("observer") - 0.02 && auc("observer") > 0.6, "{graded}");
    assert!(graded["auc"]["model"]["low"].as_f64().unwrap() <= auc("model"));
    assert!(each.iter().any(|g| g["too_few"].as_str().is_some_and(|why| why.contains("too few"))));
    assert!(report["differential"]["cases"].as_u64().unwrap() > 5);
    let methods = report["methods"].to_string();
    assert!(methods.contains("trained on some of these people"), "{methods}");
    assert!(methods.contains("Age, sex and last values"), "{methods}");
    let page = std::fs::read_to_string(site.path("grades/report.html")).unwrap();
    assert!(page.contains("Synthetic data") && page.contains("<svg") && !page.contains("NaN"));
    assert_eq!(site.manifest("grades")["kind"], "grades");

    what_cannot_be_joined_is_refused(&site, asked);
}

fn what_cannot_be_joined_is_refused(site: &Site, asked: &str) {
    let without = asked.replace("--key site.key", "");
    let said = site.fail(&format!("grade {without} --out other events"));
    assert!(said.contains("--key"), "{said}");
    site.file("other.key", "fedcba9876543210".repeat(4));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(site.path("other.key"), std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let other = asked.replace("site.key", "other.key");
    let said = site.fail(&format!("grade {other} --out other events"));
    assert!(said.contains("another key"), "{said}");
    site.succeed(
        "ingest --from fhir --synthetic --key site.key --policy safe-harbor --out years graded/fhir",
    );
    let said = site.fail(&format!("grade {asked} --out other years"));
    assert!(said.contains("years alone"), "{said}");
    site.succeed("synth --subjects 20 --out plain");
    let plain = asked.replace("--truth graded", "--truth plain");
    let said = site.fail(&format!("grade {plain} --out other events"));
    assert!(said.contains("osler synth --truth"), "{said}");
    assert!(!site.path("other").exists());
}

#[test]
fn a_population_that_nobody_observed_is_graded_by_its_treatments_alone() {
    let site = Site::new();
    site.succeed("synth --subjects 90 --format meds --key site.key --splits 0.5,0.1,0.4 --truth --truth-draws 4 --truth-observed 0 --out graded");
    site.succeed("tokenize --out timeline graded");
    site.succeed(&format!("train {TRAINING} --out model timeline"));
    let asked = "grade --model model --truth graded --split all --draws 20 --least-decisions 30";
    let told = site.succeed(&format!("--json {asked} --out grades graded"));
    let report: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert!(report["not_graded"].to_string().contains("nobody of the population was observed"), "{report:#}");
    assert!(!report["methods"].to_string().contains("NaN"), "{}", report["methods"]);
    let said = site.fail(&format!("{asked} --show risks --out other graded"));
    assert!(said.contains("--truth-observed 0") && said.contains("--show options"), "{said}");
    let said = site.fail(&format!("{asked} --key site.key --out other graded"));
    assert!(said.contains("numbered as in the truth; leave --key away"), "{said}");
}
