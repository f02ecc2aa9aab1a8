//! What a model gives away: planted faults are found, and the clean twin is silent.

use crate::support::Site;
use serde_json::Value;

/// Half of the subjects are trained on, the others held out; nobody stops training early.
fn site() -> Site {
    let site = Site::new();
    site.succeed("synth --subjects 110 --seed 11 --out population");
    site.succeed(
        "ingest --from fhir --synthetic --key site.key --splits 0.5,0,0.5 --out events population/fhir",
    );
    site.succeed("tokenize --min-subjects 3 --out timeline events");
    site.file("fault.toml", format!("{SHAPE}{FAULT}"));
    site.file("clean.toml", format!("{SHAPE}{CLEAN}"));
    site
}

const SHAPE: &str = "[model]\nwidth = 32\nlayers = 2\nheads = 2\nfeed_forward = 64\ncontext = 512\n[training]\n\
                     batch_tokens = 4096\nevaluate_every = 1000\n";
/// Everything that keeps a model from learning by heart is switched off.
const FAULT: &str = "dropout = 0.0\nweight_decay = 0.0\naveraging = 0.0\nlearning_rate = 0.01\nwarmup_steps = 10\n\
                     epochs = 400\nmax_steps = 300\n";
const CLEAN: &str = "learning_rate = 0.001\nepochs = 1\n";

fn report(site: &Site, name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(site.path(name).join("report.json")).unwrap()).unwrap()
}

fn alarms<'a>(report: &'a Value, attack: &str) -> Vec<&'a Value> {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().filter(|f| f["attack"] == attack && f["severity"] != "note").collect()
}

#[test]
fn planted_faults_are_found_and_the_clean_twin_is_silent() {
    let site = site();
    site.succeed("train --config fault.toml --canaries 6 --seed 5 --out fault timeline");
    site.succeed("train --config clean.toml --seed 5 --out clean timeline");
    let planted = site.manifest("fault")["settings"]["canaries"].clone();
    assert_eq!((planted["sequences"].as_u64(), planted["planted"].as_u64()), (Some(18), Some(6 * 21)));
    let canaries = std::fs::read_to_string(site.path("fault/canaries.json")).unwrap();
    assert!(canaries.contains("nobody's record") && !site.path("clean/canaries.json").exists());

    let settings = "--draws 200 --canary-references 1023 --simulated 20";
    site.succeed(&format!("audit --model fault --references 0 {settings} --out found events"));
    // The control is asked about the canaries that it was not shown.
    // By likelihood alone: against references a model gives away even those it saw once (docs/lab/privacy.md).
    let control = "audit --model clean --canaries fault/canaries.json --references 0";
    site.succeed(&format!("{control} {settings} --out silent events"));
    // The clean twin proper saw none of these people, nor did its vocabulary.
    site.succeed("synth --subjects 110 --seed 21 --out elsewhere");
    let elsewhere = "--from fhir --synthetic --key site.key --splits 0.5,0,0.5";
    site.succeed(&format!("ingest {elsewhere} --out elsewhere-events elsewhere/fhir"));
    site.succeed("tokenize --min-subjects 3 --out elsewhere-timeline elsewhere-events");
    site.succeed("train --config fault.toml --seed 5 --out stranger elsewhere-timeline");
    site.succeed(&format!("audit --model stranger --control --references 2 {settings} --out control events"));
    assert!(site.fail("audit --model clean --control --out refused events").contains("was trained on"));
    let (found, silent, control) =
        (report(&site, "found"), report(&site, "silent"), report(&site, "control"));
    assert_eq!(control["attacks"]["control"], true);
    assert!(control["findings"].as_array().unwrap().is_empty(), "{:#}", control["findings"]);
    assert!(control["answer"][0].as_str().unwrap().contains("nothing to find"));
    println!("{:50} {:>6} {:>12}", "planted", "found", "clean twin");
    for (fault, attack) in [("an overfit model", "membership_inference"), ("memorised canaries", "canaries")]
    {
        let (here, there) = (alarms(&found, attack).len(), alarms(&silent, attack).len());
        println!("{fault:50} {here:>6} {there:>12}");
        assert!(here > 0, "{attack}: {:#}", found["answer"]);
        assert_eq!(there, 0, "{:#}", silent["findings"]);
    }
    assert!(silent["findings"].as_array().unwrap().is_empty(), "{:#}", silent["findings"]);
    // Sixteen times is remembered at least as well as once. Beside 1,023 others nothing is exposed by more than 10 bits, where both
    // may stand.
    let exposure = |i: usize| found["attacks"]["canaries"][i]["mean"]["value"].as_f64().unwrap();
    assert!(exposure(2) > 5.0 && exposure(2) >= exposure(0), "{} {}", exposure(0), exposure(2));
    // Some dozens of people can't tell of one in a thousand, and the report says so.
    let rates = &found["attacks"]["membership"][0]["found"];
    assert!(rates[0]["true_positive_rate"]["value"].is_null());
    assert!(rates[0]["true_positive_rate"]["reason"].as_str().unwrap().contains("1000"));
    assert_eq!(control["attacks"]["membership"].as_array().unwrap().len(), 2);
    let html = std::fs::read_to_string(site.path("found/report.html")).unwrap();
    assert!(html.contains("Synthetic data") && html.contains("Serious"));
    assert!(site.path("found/report.parquet").is_file() && !site.path("found/work").exists());
}

#[test]
fn an_audit_that_was_stopped_goes_on_to_the_same_report() {
    let site = site();
    site.succeed("train --config clean.toml --seed 5 --out model timeline");
    let line = "audit --model model --references 4 --draws 50 --simulated 0 --threads 1 --out audit events";
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut child = site.command(&words).stderr(std::process::Stdio::null()).spawn().unwrap();
    let first = site.path(".audit.partial/work/reference-0.json");
    while !first.exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(first.exists(), "it ended before it could be stopped");
    let said = String::from_utf8(site.succeed(line).stderr).unwrap();
    assert!(said.contains("going on"), "{said}");
    site.succeed(&line.replace("--threads 1 --out audit", "--threads 3 --out whole"));
    assert_eq!(site.digest("audit"), site.digest("whole"));
}

#[test]
fn an_audit_refuses_what_would_mean_nothing() {
    let site = site();
    site.succeed("train --config clean.toml --max-steps 2 --seed 5 --out model timeline");
    assert!(site.fail("audit --model model --references 3 --out audit events").contains("even"));
    site.succeed("synth --subjects 30 --seed 12 --out strangers");
    site.succeed("ingest --from fhir --synthetic --key site.key --out others strangers/fhir");
    assert!(site.fail("audit --model model --out audit others").contains("not trained on others"));
    let said = site.fail("audit --model model --references 0 --sensitive ICD10CM//Z99 --out audit events");
    assert!(said.contains("ICD10CM//Z99"), "{said}");
    site.file("none.json", "{}");
    assert!(site.fail("audit --model model --canaries none.json --out audit events").contains("none.json"));
    assert!(site.fail("train --canaries 0 --out other timeline").contains("--canaries"));
    // Who made a model's risks anew trained it on the same people.
    site.succeed("calibrate --model model --out calibrated events");
    assert!(site.fail("audit --model calibrated --out audit others").contains("not trained on others"));
    site.succeed(
        "audit --model calibrated --references 2 --draws 20 --simulated 0 --out of-calibrated events",
    );
    assert!(!site.path(".audit.partial/work").exists() || site.path(".audit.partial").exists());
}

#[test]
fn simulated_futures_are_compared_with_the_real_ones() {
    let site = site();
    site.succeed("train --config clean.toml --seed 5 --out model timeline");
    let line = "simulate --model model --check --trajectories 3 --codes 2 --horizons 1y --seed 4 --split all --out futures events";
    site.succeed(line);
    let check: Value =
        serde_json::from_str(&std::fs::read_to_string(site.path("futures/check/report.json")).unwrap())
            .unwrap();
    let subjects = check["subjects"].as_u64().unwrap();
    assert!(subjects > 40 && check["stretches"].as_u64() == Some(3 * subjects));
    assert!(check["rates"][0]["ratio"]["low"].is_number() && check["codes"]["compared"].as_u64() > Some(3));
    assert!(check["discriminator"]["auc"]["low"].is_number() && check["gaps"]["p_value"].is_number());
    let html = std::fs::read_to_string(site.path("futures/check/report.html")).unwrap();
    assert!(html.contains("Synthetic data") && site.path("futures/check/report.parquet").is_file());
    site.succeed(&line.replace("--out futures", "--threads 1 --out again"));
    assert_eq!(site.digest("futures"), site.digest("again"));
    let said = site.fail("simulate --model model --check --estimator reach --out other events");
    assert!(said.contains("--estimator"), "{said}");
}

#[test]
fn a_silent_report_is_brought_up_to_date() {
    let site = site();
    site.succeed("train --config clean.toml --seed 5 --out model timeline");
    let predict = "predict --model model --codes common --horizons 90d";
    site.succeed(&format!("{predict} --seed 1 --out log/1 events"));
    site.succeed(&format!("{predict} --seed 2 --out log/2 events"));
    let line = "evaluate --silent --events events --min-events 3 --draws 20 --out report log";
    let newest = site.events("events").iter().filter_map(|s| s.followup_end()).max().unwrap();
    let day = |days: f64| {
        let (year, month, day) = newest.plus_days(-days).ymd();
        format!("{year:04}-{month:02}-{day:02}")
    };
    site.succeed(&format!("{line} --as-of {}", day(1500.0)));
    let first = report(&site, "report")["silent"].clone();
    let counted = |silent: &Value| silent["counted"].as_u64().unwrap();
    assert!(
        counted(&first) > 0 && first["pending"].as_u64() > Some(0) && first["changed"].is_null(),
        "{first:#}"
    );
    // Again, without --force, on newer data.
    site.succeed(line);
    let second = report(&site, "report")["silent"].clone();
    assert!(counted(&second) > counted(&first), "{second:#}");
    assert!(
        second["changed"]["compared"].as_u64() > Some(0) && second["changed"]["now_true"] == 0,
        "{second:#}"
    );
    assert!(!second["periods"].as_array().unwrap().is_empty());
    assert!(site.path("report/counted.parquet").is_file() && site.path("report/report.parquet").is_file());
    let html = std::fs::read_to_string(site.path("report/report.html")).unwrap();
    assert!(html.contains("Silent running"));
    // Another kind of report is not replaced.
    site.succeed("evaluate --min-events 3 --draws 0 --out plain log/1");
    assert!(site.path("plain/report.parquet").is_file());
    assert!(site.fail(&line.replace("--out report", "--out plain")).contains("--force"));
    assert!(site.fail(&format!("{line} --as-of tomorrow")).contains("--as-of"));
    assert!(site.fail(&format!("{line} --reporting-delay-days 1e9")).contains("no prediction counts yet"));
}
