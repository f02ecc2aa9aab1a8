//! A model of one site at another that codes differently, through the program.

use crate::support::Site;
use serde_json::Value;

/// Two synthetic sites; the second writes its tests in codes and units of its own.
fn sites() -> Site {
    let site = Site::new();
    site.file("small.toml", "[model]\nwidth = 16\nlayers = 1\nheads = 2\nfeed_forward = 16\n");
    for (name, options) in [("home", "--seed 1"), ("away", "--seed 2 --site b")] {
        site.succeed(&format!(
            "synth --format meds --subjects 240 --key site.key {options} --splits 0.6,0.1,0.3 --out {name}"
        ));
    }
    site.succeed("tokenize --out timeline home");
    site.succeed("train --config small.toml --max-steps 3 --batch-tokens 512 --out theirs timeline");
    site
}

/// The table's rows, by the site's code.
fn row<'a>(table: &'a str, code: &str) -> &'a str {
    table
        .lines()
        .find(|line| line.contains(&format!(",{code},")))
        .unwrap_or_else(|| panic!("{code} in\n{table}"))
}

#[test]
fn a_model_reads_the_codes_of_the_site_that_adopted_it_and_is_the_same_otherwise() {
    let site = sites();
    let told = site.succeed("--json adopt --model theirs --propose pairs.csv away");
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    let sure = told["sure"].as_u64().unwrap();
    assert!(sure > 30 && told["unknown"].as_u64().unwrap() >= sure, "{told}");
    let table = std::fs::read_to_string(site.path("pairs.csv")).unwrap();
    for (here, there) in [
        ("GLUCOSE", "2345-7"),
        ("HEMOGLOBINA1C", "4548-4"),
        ("TOTALCHOLESTEROL", "2093-3"),
        ("WEIGHT", "29463-7"),
    ] {
        let row = row(&table, &format!("LOCAL_LAB//{here}"));
        assert!(row.starts_with("yes,") && row.contains(&format!("LOINC//{there}")), "{row}");
    }
    assert!(site.fail("adopt --model theirs --propose pairs.csv away").contains("looked through"));
    assert!(site.fail("adopt --model theirs away").contains("--propose"));
    assert!(site.fail("adopt --model theirs --pairs pairs.csv away").contains("--out"));

    site.succeed("adopt --model theirs --pairs pairs.csv --out ours away");
    let manifest = site.manifest("ours");
    let read = |when: &str| manifest["counts"][when]["as_what_they_are"].as_u64().unwrap();
    assert!(read("read_now") > read("read_before") + 1000, "{}", manifest["counts"]);
    assert_ne!(site.digest("ours"), site.digest("theirs"), "it is approved anew");
    let weights = |dir: &str| std::fs::read(site.path(dir).join("model.safetensors")).unwrap();
    assert_eq!(weights("ours"), weights("theirs"));

    // Where it comes from nothing changes; here more is read, values too.
    for model in ["theirs", "ours"] {
        for people in ["home", "away"] {
            site.succeed(&format!(
                "predict --model {model} --codes common --out {people}-by-{model} {people}"
            ));
        }
        site.succeed(&format!("tokenize --model {model} --out away-as-{model} away"));
    }
    let file = |dir: &str| std::fs::read(site.path(dir).join("predictions.parquet")).unwrap();
    assert!(file("home-by-ours") == file("home-by-theirs"));
    assert!(file("away-by-ours") != file("away-by-theirs"));
    let count = |dir: &str, what: &str| {
        let counts = site.manifest(dir)["counts"].clone();
        counts["train"]["counts"][what].as_u64().unwrap_or_else(|| panic!("{counts}"))
    };
    let without = |dir: &str| count(dir, "numeric_values_without_rank");
    assert!(
        10 * without("away-as-ours") < without("away-as-theirs"),
        "{} {}",
        without("away-as-ours"),
        without("away-as-theirs")
    );
    // What is made from it reads so too.
    site.succeed("calibrate --model ours --out calibrated away");
    site.succeed("train --from ours --max-steps 2 --out tuned away-as-ours");
    for model in ["calibrated", "tuned"] {
        site.succeed(&format!("tokenize --model {model} --out away-as-{model} away"));
        assert_eq!(without(&format!("away-as-{model}")), without("away-as-ours"));
    }

    // A judged table decides, and one that can't be meant writes nothing.
    let glucose = row(&table, "LOCAL_LAB//GLUCOSE");
    site.file("judged.csv", table.replace(glucose, &glucose.replacen("yes", "no", 1)));
    site.succeed("adopt --model theirs --pairs judged.csv --out judged away");
    assert_eq!(site.manifest("judged")["counts"]["local_codes"].as_u64().unwrap() + 1, sure);
    site.file("wrong.csv", table.replace("LOINC//2345-7", "LOINC//0"));
    let said = site.fail("adopt --model theirs --pairs wrong.csv --out wrong away");
    assert!(said.contains("the model has no code `LOINC//0`") && said.contains("line "), "{said}");
    assert!(!site.path("wrong").exists());
}
