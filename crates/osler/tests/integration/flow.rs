//! The whole flow, small.

use crate::support::Site;

#[test]
fn records_in_a_measured_model_out() {
    let site = Site::new();
    site.succeed("demo --subjects 300 --max-steps 10 --no-serve --out demo");
    for dir in
        ["demo/population", "demo/events", "demo/timeline", "demo/model", "demo/predictions", "demo/report"]
    {
        let manifest = site.manifest(dir);
        assert_eq!(manifest["synthetic"], true, "{dir} must say that it is synthetic");
    }
    let report = std::fs::read_to_string(site.path("demo/report/report.html")).unwrap();
    assert!(report.to_lowercase().contains("synthetic"));
    assert!(
        !report.contains("http://") || report.contains("http://www.w3.org"),
        "the report needs no network"
    );
    site.succeed("predict --model demo/model --every-event --codes all --out risks demo/events");
    let counts = &site.manifest("risks")["counts"];
    let subjects = counts["subjects"].as_u64().unwrap();
    let of_predictions = site.manifest("demo/predictions")["counts"]["subjects"].as_u64().unwrap();
    assert!(subjects >= of_predictions && counts["moments"].as_u64().unwrap() > subjects, "{counts}");
    assert!(site.path("risks/risks.parquet").is_file());
    site.succeed("predict --model demo/model --likelihood --out likelihood demo/events");
    let told = std::fs::read_to_string(site.path("likelihood/likelihood.json")).unwrap();
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert!(told["events"].as_u64().unwrap() > counts["moments"].as_u64().unwrap(), "{told}");
    assert!(told["code_and_time"]["mean"].as_f64().unwrap() < 0.0, "{told}");
    assert!(site.path("likelihood/likelihood.parquet").is_file());
    simulations_are_repeatable_and_can_be_evaluated(&site);
    tasks_become_labels(&site);
    a_model_is_set_beside_others(&site);
    risks_are_set_to_what_happens(&site);
    what_comes_again_is_asked_too(&site);
}

fn what_comes_again_is_asked_too(site: &Site) {
    site.succeed("predict --model demo/model --again --codes all --horizons 30d,1y --split all --out recurring demo/events");
    let manifest = site.manifest("recurring");
    assert!(manifest["settings"]["outcomes"].as_str().unwrap().contains("who have one already"));
    let read = |path: &str| events::meds::read_predictions(&site.path(path)).unwrap();
    let (again, own_rate) = (read("recurring/predictions.parquet"), read("recurring/own_rate.parquet"));
    assert_eq!(again.len() as u64, manifest["counts"]["predictions"].as_u64().unwrap());
    assert_eq!(again.len(), own_rate.len());
    for (model, own) in again.iter().zip(&own_rate) {
        assert!(model.task.ends_with(" (again)") && !model.task.contains("MEDS_DEATH"), "{}", model.task);
        assert_eq!((model.subject_id, &model.task), (own.subject_id, &own.task));
        assert_eq!((model.boolean_value, model.baseline_probability), (own.boolean_value, None));
    }
    // The same people at the same moments are asked about onset where they are not asked about recurrence.
    site.succeed(
        "predict --model demo/model --codes all --horizons 30d,1y --split all --out first demo/events",
    );
    let first = read("first/predictions.parquet");
    let of = |p: &events::Prediction| {
        (
            p.subject_id,
            p.prediction_time,
            p.task.trim_end_matches(" (again)").to_owned(),
            p.horizon_days.to_bits(),
        )
    };
    let asked: std::collections::HashSet<_> = first.iter().map(of).collect();
    assert!(again.iter().all(|p| !asked.contains(&of(p))), "nobody is asked both");
    site.succeed("evaluate --draws 10 --min-events 5 --events demo/events --out recurring-report recurring");
    let report: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(site.path("recurring-report/report.json")).unwrap())
            .unwrap();
    let tasks = report["tasks"].as_array().unwrap();
    assert!(
        !tasks.is_empty() && tasks.iter().all(|t| t["beside"][0]["name"] == "own rate so far"),
        "{tasks:?}"
    );
    site.succeed("baseline --like recurring --trees 5 --out recurring-boosted demo/events");
    assert!(site.manifest("recurring-boosted")["counts"]["questions"].as_u64().unwrap() > 0);
    let said = site.fail("predict --model demo/model --again --codes MEDS_DEATH --out none demo/events");
    assert!(said.contains("nobody dies again"), "{said}");
    let nobody =
        "predict --model demo/model --again --codes all --min-history-days 40000 --out nobody demo/events";
    assert!(String::from_utf8(site.succeed(nobody).stderr).unwrap().contains("no predictions"));
    assert!(
        !site.fail("evaluate --out of-nobody nobody").contains("own rate"),
        "it isn't the yardstick that lacks"
    );
    let both = "predict --model demo/model --again --altered --out none demo/events";
    assert!(site.fail(both).contains("--altered"), "an altered history may lack what is asked about again");
}

/// The same people at the same visits, with what age and sex say of them as before, and with the new levels.
fn what_the_tuning_people_say_is_asked_anew(site: &Site) {
    let check = |dir: &str| -> serde_json::Value {
        let text = std::fs::read(site.path(dir).join("tuning_check.json")).unwrap();
        serde_json::from_slice(&text).unwrap()
    };
    let each = |check: &serde_json::Value, name: &str| -> Vec<serde_json::Value> {
        check["codes"].as_array().unwrap().iter().map(|code| code[name].clone()).collect()
    };
    let (before, after, leaked) = (check("demo/model"), check("calibrated"), check("leaked"));
    assert!(before["people"].as_u64().unwrap() > 0, "{before}");
    for of in [&after, &leaked] {
        assert_eq!(before["people"], of["people"]);
        for name in ["code", "people", "events", "age_and_sex"] {
            assert_eq!(each(&before, name), each(of, name), "{name}");
        }
        assert_ne!(each(&before, "model"), each(of, "model"));
        assert_ne!(before["gain"], of["gain"]);
    }
    let set = |check: &serde_json::Value| check["levels_set_by_them"].as_bool();
    assert_eq!((set(&before), set(&after), set(&leaked)), (None, Some(true), None));
}

fn risks_are_set_to_what_happens(site: &Site) {
    site.succeed("calibrate --model demo/model --visits 2 --prior 0.1 --out calibrated demo/events");
    site.succeed("calibrate --model demo/model --visits 2 --prior 0.1 --out calibrated-again demo/events");
    assert_eq!(site.digest("calibrated"), site.digest("calibrated-again"));
    site.succeed("calibrate --model calibrated --visits 2 --prior 0.1 --out twice demo/events");
    site.succeed("calibrate --model demo/model --levels-alone --out levels demo/events");
    let factors = |dir: &str| site.manifest(dir)["counts"]["factors"].as_object().unwrap().clone();
    assert!(factors("levels").is_empty());
    // The prior is next to nothing, so that what few say is heard.
    let told: Vec<f64> = factors("calibrated").values().map(|factor| factor.as_f64().unwrap()).collect();
    assert!(told.iter().any(|factor| (factor - 1.0).abs() > 0.02), "{told:?}");
    assert!(told.iter().all(|factor| (0.2..=3.1).contains(factor)), "{told:?}");
    // What was set once is where it should be, but for what the prior holds back.
    let median = |dir: &str| -> f64 {
        let counts = &site.manifest(dir)["counts"]["observed_and_expected"];
        let of = |pair: &serde_json::Value| pair[0].as_f64().unwrap() / pair[1].as_f64().unwrap();
        let mut ratios: Vec<f64> =
            counts.as_object().unwrap().values().map(|pair| of(pair).ln().abs()).collect();
        ratios.sort_by(f64::total_cmp);
        ratios[ratios.len() / 2]
    };
    // Key and splits are new each time: the factor is near three, and one without effect.
    assert!(
        median("calibrated") > 2.0 * median("twice"),
        "{} then {}",
        median("calibrated"),
        median("twice")
    );
    site.succeed("predict --model calibrated --out calibrated-predictions demo/events");
    // A report must not call people held out on whom the level was set.
    site.succeed("calibrate --model demo/model --split train,held_out --out leaked demo/events");
    site.succeed("predict --model leaked --out leaked-predictions demo/events");
    let split = |dir: &str| site.manifest(dir)["settings"]["split_text"].as_str().unwrap().to_owned();
    assert!(split("leaked-predictions").contains("set on some of them"));
    assert!(!split("calibrated-predictions").contains("set on some of them"));
    what_the_tuning_people_say_is_asked_anew(site);
    assert!(site.fail("calibrate --model demo/model --prior 0 --out none demo/events").contains("above 0"));
    assert!(!site.path("none").exists());
}

fn a_model_is_set_beside_others(site: &Site) {
    // Wherever few have an outcome within the folds there is nothing to learn, which is said.
    site.succeed("predict --model demo/model --horizons 5y,10y --meds --altered --out asked demo/events");
    let files = std::fs::read_dir(site.path("asked/meds")).unwrap().count();
    assert!(files > 10, "{files} files");
    site.succeed("baseline --like asked --trees 20 --threads 1 --out boosted demo/events");
    site.succeed("baseline --like asked --trees 20 --threads 2 --out boosted-again demo/events");
    assert_eq!(
        site.digest("boosted"),
        site.digest("boosted-again"),
        "the number of threads must change nothing"
    );
    let counts = &site.manifest("boosted")["counts"];
    let (questions, unanswered) =
        (counts["questions"].as_u64().unwrap(), counts["unanswered"].as_u64().unwrap());
    assert!(questions > 0 && unanswered > 0, "{counts}");
    site.succeed("evaluate --draws 10 --min-events 1 --beside trees=boosted --beside self=asked/predictions.parquet --out beside asked");
    let report = std::fs::read_to_string(site.path("beside/report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let names = |task: &serde_json::Value| -> Vec<String> {
        task["beside"].as_array().unwrap().iter().map(|b| b["name"].as_str().unwrap().to_owned()).collect()
    };
    let tasks = report["tasks"].as_array().unwrap();
    for check in ["shuffled_times", "last_visit"] {
        assert!(report["audit"]["made"].as_array().unwrap().contains(&check.into()), "{check}");
        assert!(
            report["audit"]["findings"].as_array().unwrap().iter().any(|f| f["check"] == check),
            "{check}"
        );
    }
    assert!(tasks.iter().all(|t| names(t).contains(&"self".to_owned())));
    assert!(tasks.iter().any(|t| names(t).contains(&"trees".to_owned())));
    let said = site.fail("evaluate --beside a=boosted --beside a=boosted --out twice asked");
    assert!(said.contains("a name of its own"), "{said}");
    assert!(site.fail("evaluate --beside boosted --out wrong asked").contains("NAME=PREDICTIONS"));
    assert!(site.fail("baseline --like demo/model --out wrong demo/events").contains("predictions"));
    assert!(!site.path("wrong").exists());
}

fn tasks_become_labels(site: &Site) {
    let onset = "onset:\n  prefixes: [ICD10CM//]\n  horizon_days: 90\n  lookback_days: 30\n  \
                 prediction_times: {every_years: 5, minimum_history_days: 365}\n";
    site.file("onset.yaml", onset);
    site.succeed("label --task onset.yaml --out labels/onset demo/events");
    let aces = "predicates:\n  any: {code: {regex: '^(ICD10CM|SNOMED)//'}}\ntrigger: _ANY_EVENT\nwindows:\n  \
                input: {start: null, end: trigger, start_inclusive: true, end_inclusive: true, index_timestamp: end}\n  \
                target: {start: trigger, end: start + 3650d, start_inclusive: false, end_inclusive: true, label: any}\n";
    site.file("aces.yaml", aces);
    site.succeed("label --task aces.yaml --out labels/aces demo/events");
    for name in ["onset", "aces"] {
        let directory = format!("labels/{name}");
        let labels = events::meds::read_labels(&site.path(&directory)).unwrap();
        assert_eq!(site.manifest(&directory)["counts"]["labels"].as_u64(), Some(labels.len() as u64));
        assert!(labels.iter().any(|l| l.boolean_value) && labels.iter().any(|l| !l.boolean_value), "{name}");
    }
    site.file("wrong.yaml", aces.replace("label: any", "lable: any"));
    let said = site.fail("label --task wrong.yaml --out labels/wrong demo/events");
    assert!(said.contains("line 6 of the task file") && said.contains("no setting `lable`"), "{said}");
    assert!(!site.path("labels/wrong").exists());
}

fn simulations_are_repeatable_and_can_be_evaluated(site: &Site) {
    let simulate = "simulate --model demo/model --codes 3 --horizons 1y,5y --trajectories 5 --subjects 8";
    site.succeed(&format!("{simulate} --threads 1 --out futures demo/events"));
    site.succeed(&format!("{simulate} --threads 3 --out again demo/events"));
    assert_eq!(site.digest("futures"), site.digest("again"), "the number of threads must change nothing");
    let counts = &site.manifest("futures")["counts"];
    let subjects = counts["subjects"].as_u64().unwrap();
    assert!(subjects > 0 && counts["trajectories"].as_u64() == Some(5 * subjects), "{counts}");
    for file in ["predictions.parquet", "agreement.json", "agreement.svg", "synthetic/trajectories.parquet"] {
        assert!(site.path("futures").join(file).is_file(), "{file}");
    }
    assert!(site.fail(&format!("{simulate} --out futures demo/events")).contains("--force"));
    site.succeed("evaluate --draws 10 --min-events 1 --out simulated-report futures");
    site.succeed(&format!("{simulate} --estimator reach --out reach demo/events"));
    assert!(!site.path("reach/synthetic").exists());
    // A category that no record holds is drawn as its narrower codes.
    let vocabulary = timeline::Vocabulary::load(&site.path("demo/model/vocabulary.json")).unwrap();
    let group = vocabulary.entries().iter().find(|entry| {
        entry.kind == timeline::EntryKind::Group && entry.events == 0 && !entry.code.as_str().ends_with("//*")
    });
    let category = simulate.replace("--codes 3", &format!("--codes {}", group.unwrap().code.as_str()));
    for estimator in ["scope", "reach"] {
        site.succeed(&format!("{category} --estimator {estimator} --out category-{estimator} demo/events"));
        // Of how many of eight people the outcome is known hangs on who they are.
        assert!(site.manifest(&format!("category-{estimator}"))["counts"]["subjects"].is_u64());
    }
}

#[test]
fn help_has_examples_and_mistakes_are_told() {
    let site = Site::new();
    for verb in [
        "ingest",
        "tokenize",
        "train",
        "predict",
        "evaluate",
        "reason",
        "serve",
        "synth",
        "demo",
        "doctor",
        "bench decoder",
        "bench risk",
        "simulate",
        "deid policy",
        "deid report",
        "deid review",
        "deid review sample",
    ] {
        let help = String::from_utf8(site.succeed(&format!("{verb} --help")).stdout).unwrap();
        assert!(help.contains("Example"), "{verb} --help has no example");
    }
    assert!(site.fail("tokenize --out t nowhere").contains("manifest.json"));
    assert!(site.fail("predict --model nowhere --out p nowhere").contains("manifest.json"));
}
