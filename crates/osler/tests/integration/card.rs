//! The card: every figure is what its file holds, and what no file holds is said not to be known.

use crate::governance::demo;
use crate::support::Site;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

const ABOUT: &str = "name = \"Ward <script>alert(1)</script> risk\"\nintended_use = \"To be tried out | nothing more\"\n\
    out_of_scope = [\"children\", \"deciding on treatment\"]\n";

/// The card of the demo's model, with everything at hand; and where each of its sources lies.
fn whole(site: &Site) -> (Value, BTreeMap<String, PathBuf>) {
    site.file("about.toml", ABOUT);
    site.succeed(&format!(
        "audit --model {} --references 0 --simulated 20 --subjects 60 --draws 20 --out audit {}",
        demo("model"),
        demo("events")
    ));
    site.succeed(&format!(
        "card --model {} --events {} --report {} --audit audit --about about.toml --out card",
        demo("model"),
        demo("events"),
        demo("report")
    ));
    let files = [
        ("model/manifest.json", PathBuf::from(demo("model/manifest.json"))),
        ("model/config.json", demo("model/config.json").into()),
        ("model/training.jsonl", demo("model/training.jsonl").into()),
        ("model/tuning_check.json", demo("model/tuning_check.json").into()),
        ("events/manifest.json", demo("events/manifest.json").into()),
        ("report/report.json", demo("report/report.json").into()),
        ("audit/report.json", site.path("audit/report.json")),
        ("about.toml", site.path("about.toml")),
    ];
    (json(site, "card/card.json"), files.into_iter().map(|(name, path)| (name.to_owned(), path)).collect())
}

fn json(site: &Site, name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(site.path(name)).unwrap()).unwrap()
}

fn all<'a>(card: &'a Value, part: &str) -> Vec<&'a Value> {
    let sections = card["sections"].as_array().unwrap();
    sections.iter().flat_map(|section| section[part].as_array().unwrap()).collect()
}

#[test]
fn every_figure_is_what_its_file_holds_at_the_place_that_the_card_names() {
    let site = Site::new();
    let (card, files) = whole(&site);
    let mut held = BTreeMap::new();
    for source in card["sources"].as_array().unwrap() {
        let bytes = std::fs::read(&files[source["file"].as_str().unwrap()]).unwrap();
        assert_eq!(source["blake3"], blake3::hash(&bytes).to_hex().to_string());
        assert_eq!(source["bytes"], bytes.len());
        let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        held.insert(source["id"].as_str().unwrap().to_owned(), value);
    }
    assert_eq!(held.len(), files.len(), "every file given is a source, and no other");
    let at = |of: &Value, end: &str| {
        let place = format!("{}{end}", of["place"].as_str().unwrap());
        held[of["source"].as_str().unwrap()].pointer(&place).cloned()
    };
    let (mut figures, mut intervals) = (0, 0);
    for table in all(&card, "tables") {
        for row in table["rows"].as_array().unwrap() {
            for figure in row["figures"].as_array().unwrap() {
                let Some(value) = figure["value"].as_f64() else {
                    assert!(figure["reason"].is_string(), "no number, and no reason: {figure}");
                    continue;
                };
                let plain = at(figure, "").and_then(|found| found.as_f64());
                let estimate = at(figure, "/value").and_then(|found| found.as_f64());
                assert_eq!(plain.or(estimate), Some(value), "{figure}");
                // Of groups the evaluation holds back counts from which a small one could be told.
                let of_groups = table["title"].as_str().unwrap().starts_with("For whom");
                assert!(row["n"] == figure["n"] && (of_groups || figure["n"].is_u64()), "{figure}");
                for end in ["low", "high"] {
                    let found = at(figure, &format!("/{end}")).unwrap_or_default();
                    assert_eq!(found, figure[end], "{figure}");
                }
                figures += 1;
                intervals += usize::from(figure["low"].is_number());
            }
        }
    }
    // The demo's people are few, so that little of their evaluation has an interval, and conditions that few of them had aren't told.
    assert!(figures > 1 && intervals > 1, "{figures} figures, {intervals} intervals");
    let facts: Vec<_> = all(&card, "entries").into_iter().filter(|entry| entry["kind"] == "fact").collect();
    assert!(facts.len() > 20);
    for fact in facts {
        let log = card["sources"].as_array().unwrap().iter().find(|s| s["id"] == fact["source"]).unwrap();
        let is_log = log["file"] == "model/training.jsonl";
        assert!(is_log || at(fact, "").is_some_and(|found| !found.is_null()), "nothing there: {fact}");
    }
}

#[test]
fn the_three_forms_say_the_same_and_are_safe_to_open() {
    let site = Site::new();
    let (card, _) = whole(&site);
    let page = std::fs::read_to_string(site.path("card/card.html")).unwrap();
    let text = std::fs::read_to_string(site.path("card/card.md")).unwrap();
    for part in ["<script", "http://", "https://", "src="] {
        assert!(!page.contains(part), "{part} in the page");
    }
    assert!(page.contains("Ward &lt;script&gt;") && text.contains("Ward &lt;script>"));
    assert!(page.contains("Synthetic data") && text.contains("Synthetic data"));
    assert_eq!(card["synthetic"], true);
    for section in card["sections"].as_array().unwrap() {
        let title = section["title"].as_str().unwrap();
        assert!(
            page.contains(&format!(">{title}</h2>")) && text.contains(&format!("## {title}\n")),
            "{title}"
        );
    }
    for missing in card["not_known"].as_array().unwrap() {
        let (name, how) = (missing["name"].as_str().unwrap(), missing["how"].as_str().unwrap());
        let how = if how == "not_stated" { "Not stated" } else { "Not evaluated" };
        assert!(page.contains(&format!("<strong>{how}:</strong>")), "{name}");
        let plain: String = name.chars().take_while(|c| !"_*[]#`<\\".contains(*c)).collect();
        assert!(text.contains(&format!("{how}: {plain}")), "{how}: {name}");
    }
    for source in card["sources"].as_array().unwrap() {
        let digest = source["blake3"].as_str().unwrap();
        assert!(page.contains(digest) && text.contains(digest));
    }
    // The same files give the same bytes; nothing of where they lay is told.
    let first = site.digest("card");
    let line = format!(
        "card --model {} --events {} --report {} --audit audit --about about.toml --force --out card",
        demo("model"),
        demo("events"),
        demo("report")
    );
    site.succeed(&line);
    assert_eq!(site.digest("card"), first);
    let place = site.path("").display().to_string();
    assert!(!page.contains(place.trim_end_matches('/')) && !page.contains("governance-demo"));
}

#[test]
fn what_nobody_measured_or_said_is_told_and_never_filled_in() {
    let site = Site::new();
    site.succeed(&format!("card --model {} --out bare", demo("model")));
    let card = json(&site, "bare/card.json");
    let not_known: Vec<String> = card["not_known"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| format!("{}: {}", m["how"].as_str().unwrap(), m["name"].as_str().unwrap()))
        .collect();
    for wanted in [
        "not_stated: Intended use and workflow",
        "not_stated: Targeted patient population",
        "not_stated: Release stage",
        "not_evaluated: Discrimination, calibration and utility",
        "not_evaluated: Performance by race",
        "not_evaluated: Leakage and shortcuts",
        "not_evaluated: De-identification of the training data",
        "not_evaluated: What the model gives away of those it was trained on",
    ] {
        assert!(not_known.iter().any(|known| known == wanted), "{wanted} in {not_known:#?}");
    }
    assert!(all(&card, "entries").iter().all(|entry| entry["kind"] != "stated"));
    // An evaluation on the data set of the training is no evidence for another place.
    site.succeed(&format!("card --model {} --report {} --out card", demo("model"), demo("report")));
    let card = json(&site, "card/card.json");
    let names: Vec<_> = card["not_known"].as_array().unwrap().iter().map(|m| m["name"].clone()).collect();
    assert!(names.contains(&"Performance at another place".into()));
    assert!(!names.contains(&"Discrimination, calibration and utility".into()));
    assert!(site.fail(&format!("card --model {} --out card", demo("model"))).contains("--force"));
}

#[test]
fn what_is_another_models_or_was_changed_is_refused() {
    let site = Site::new();
    site.succeed(&format!("train --size tiny --max-steps 1 --seed 9 --out other {}", demo("timeline")));
    let said = site.fail(&format!("card --model other --report {} --out card", demo("report")));
    assert!(said.contains("about another model"), "{said}");

    let report = std::fs::read_to_string(demo("report/report.json")).unwrap();
    for entry in std::fs::read_dir(demo("report")).unwrap() {
        let path = entry.unwrap().path();
        site.file(
            &format!("changed/{}", path.file_name().unwrap().to_str().unwrap()),
            std::fs::read(&path).unwrap(),
        );
    }
    site.file("changed/report.json", report.replacen("0.", "1.", 1));
    let said = site.fail(&format!("card --model {} --report changed --out card", demo("model")));
    assert!(said.contains("report.json: changed since it was written"), "{said}");

    let mut events: Value =
        serde_json::from_str(&std::fs::read_to_string(demo("events/manifest.json")).unwrap()).unwrap();
    events["outputs"][0]["blake3"] = "0".repeat(64).into();
    site.file("others/manifest.json", events.to_string());
    let said = site.fail(&format!("card --model {} --events others --out card", demo("model")));
    assert!(said.contains("not the events that the model was trained on"), "{said}");

    site.file("about.toml", "indented_use = \"x\"");
    let said = site.fail(&format!("card --model {} --about about.toml --out card", demo("model")));
    assert!(said.contains("unknown key `indented_use`") && said.contains("intended_use"), "{said}");
    assert!(!site.path("card").exists());
}
