//! A labelled task learned from a model that is there already, in every way, and several models together.

use crate::support::Site;

const MAPPING: &str = r#"
name = "clinic"
index = "2015-03-01"

[[table]]
files = ["visits.csv"]
subject = { column = "id" }

[[table.event]]
code = "MEDS_BIRTH"
time = { years_before = "age" }

[[table.event]]
code = { column = "sex", codes = { "f" = "GENDER//F", "m" = "GENDER//M" } }
time = "static"

[[table.event]]
time = { days = "day" }
value = "value"
code = { column = "test", codes = { "k" = { code = "LOINC//2823-3", unit = "mmol/L" }, "na" = { code = "LOINC//2951-2", unit = "mmol/L" } } }

[[table.label]]
task = "readmitted"
time = { days = 40 }
column = "label"
true = ["1"]
false = ["0"]
"#;

/// Three hundred people, whose last potassium decides; the last row carries the label.
fn visits() -> String {
    let mut text = String::from("id,age,sex,day,test,value,label\n");
    for id in 0..300_u32 {
        // Fowler, Noll and Vo's hash and a last mix: no two salts alike.
        let noise = |salt: u32| {
            let hash = [id, salt].iter().fold(0x811c_9dc5_u32, |h, x| (h ^ x).wrapping_mul(0x0100_0193));
            let mixed = (hash ^ (hash >> 15)).wrapping_mul(0x2c1b_3c6d);
            f64::from((mixed ^ (mixed >> 12)) & 1023) / 1023.0
        };
        let (age, sex) = (40 + id % 30, if id % 2 == 0 { "f" } else { "m" });
        let last = 3.0 + 3.0 * noise(7);
        let label = u8::from(last + 0.6 * noise(9) > 5.0);
        for (day, test, value) in [(0, "k", 3.0 + 3.0 * noise(1)), (10, "na", 130.0 + 20.0 * noise(2))] {
            text += &format!("{id},{age},{sex},{day},{test},{value:.2},\n");
        }
        text += &format!("{id},{age},{sex},30,k,{last:.2},{label}\n");
    }
    text
}

fn site() -> Site {
    let site = Site::new();
    site.file("clinic.toml", MAPPING);
    site.file("visits.csv", visits());
    site.file("small.toml", "[model]\nwidth = 16\nlayers = 1\nheads = 2\nfeed_forward = 16\n[readout]\nfolds = 3\nboosted_trees = 60\nforest_trees = 20\n");
    site.file("readout.toml", "[readout]\nfolds = 3\nboosted_trees = 60\nforest_trees = 20\n");
    site.succeed("ingest --from table --mapping clinic.toml --key site.key --splits 0.6,0.2,0.2 --out events visits.csv");
    site.succeed("tokenize --out timeline events");
    site.succeed("train --config small.toml --max-steps 3 --out base timeline");
    site
}

const TASK: &str = "--events events --labels events/labels/readmitted";

#[test]
fn a_task_is_learned_from_a_model_in_every_way_and_models_answer_together() {
    let site = site();
    for tune in ["full", "head"] {
        site.succeed(&format!("train --from base --tune {tune} {TASK} --max-steps 4 --out {tune} timeline"));
    }
    for tune in ["probe", "stack"] {
        site.succeed(&format!(
            "train --from base --tune {tune} {TASK} --config readout.toml --out {tune} timeline"
        ));
        let found = site.manifest(tune)["counts"]["cross_validated"]["readmitted"].clone();
        assert!(found["rows"].as_u64().unwrap() > 200, "{found}");
        let auroc = found["auroc"].as_f64().unwrap();
        assert!(auroc > if tune == "stack" { 0.85 } else { 0.5 }, "{tune} {auroc}");
    }
    let weights = |dir: &str| std::fs::read(site.path(dir).join("model.safetensors")).unwrap();
    assert_eq!(weights("probe"), weights("base"), "a read-out leaves the model as it is");
    assert_ne!(weights("full"), weights("base"));
    for (models, name) in [("--model stack", "one"), ("--model stack --model full --model head", "three")] {
        site.succeed(&format!("predict {models} --labels events/labels/readmitted --out {name} events"));
        assert!(site.manifest(name)["counts"]["predictions"].as_u64().unwrap() > 30);
    }
    assert_ne!(site.digest("one"), site.digest("three"));
    assert_eq!(site.manifest("three")["inputs"].as_array().unwrap().len(), 4);
    site.succeed("evaluate --out report one");
    // The model is a model still, and can be asked about onsets at stated times.
    site.succeed(
        "predict --model stack --at events/labels/readmitted --codes all --split all --out onsets events",
    );
    assert!(site.manifest("onsets")["counts"]["subjects"].as_u64().unwrap() > 200);
}

#[test]
fn what_cannot_be_tuned_is_told() {
    let site = site();
    assert!(site.fail("train --from base --tune probe --out x timeline").contains("--labels"));
    assert!(site.fail("train --from base --tune head --out x timeline").contains("--labels"));
    assert!(site.fail(&format!("train --tune probe {TASK} --out x timeline")).contains("--from"));
    site.succeed(&format!("train --from base {TASK} --max-steps 2 --out tuned timeline"));
    assert!(
        site.fail(&format!("train --from tuned --tune stack {TASK} --out x timeline")).contains("flatter")
    );
    assert!(site.fail("predict --model base --model tuned --out x events").contains("--labels"));
    assert!(
        site.fail("predict --model base --labels events/labels/readmitted --out x events")
            .contains("not trained for")
    );
}

#[test]
fn labels_stand_in_the_records_that_the_timeline_was_made_from() {
    let site = site();
    // Without sodium a label stands two tokens earlier; in the whole record's place there is nothing.
    site.file("withheld.txt", "LOINC//2951-2\nLOINC//0-0\n");
    site.succeed("tokenize --withhold withheld.txt --out shorter events");
    let told = std::fs::read_to_string(site.path("shorter/withheld.json")).unwrap();
    assert_eq!(
        serde_json::from_str::<Vec<String>>(&told).unwrap(),
        ["LOINC//2951-2"],
        "what nobody has is not told"
    );
    site.succeed(&format!("train --config small.toml {TASK} --max-steps 2 --out model shorter"));
    site.succeed("ingest --from table --mapping clinic.toml --key site.key --splits 0.5,0.3,0.2 --out other visits.csv");
    let other = "--events other --labels other/labels/readmitted";
    for how in ["--config small.toml", "--from base --tune probe"] {
        let said = site.fail(&format!("train {how} {other} --max-steps 2 --out x timeline"));
        assert!(said.contains("made from other events"), "{said}");
    }
}

#[test]
fn what_becomes_of_labels_is_told_and_strangers_labels_are_refused() {
    let site = site();
    let mut labels = events::meds::read_labels(&site.path("events/labels/readmitted")).unwrap();
    let all = labels.len();
    for label in labels.iter_mut().take(6) {
        label.subject_id = -label.subject_id - 1;
    }
    std::fs::create_dir_all(site.path("readmitted")).unwrap();
    events::meds::write_labels(&site.path("readmitted/labels.parquet"), &labels).unwrap();
    let line =
        "train --config small.toml --events events --labels readmitted --max-steps 2 --out model timeline";
    let said = site.fail(line);
    assert!(
        said.contains(&format!("6 of {all} labels have no place"))
            && said.contains("--max-unplaced-labels 0.01")
    );
    let said = String::from_utf8(site.succeed(&format!("{line} --max-unplaced-labels 0.05")).stderr).unwrap();
    assert!(said.contains("6 of people who are not among the events"), "{said}");
    let told = site.manifest("model")["counts"]["labels"]["readmitted"].clone();
    let count = |name: &str| told[name].as_u64().unwrap();
    assert_eq!((count("rows"), count("unknown_subjects"), count("before_the_record")), (all as u64, 6, 0));
    assert_eq!(count("training") + count("tuning") + count("held_out") + 6, all as u64);
    assert!(count("training") > count("tuning") && count("tuning") > 0);
}

#[test]
fn without_labels_of_tuning_people_the_whole_loss_is_watched() {
    let site = site();
    let tuning: Vec<i64> = events::meds::read_subjects(&site.path("events"), events::Split::Tuning)
        .unwrap()
        .map(|subject| subject.unwrap().id)
        .collect();
    let mut labels = events::meds::read_labels(&site.path("events/labels/readmitted")).unwrap();
    labels.retain(|label| !tuning.contains(&label.subject_id));
    std::fs::create_dir_all(site.path("readmitted")).unwrap();
    events::meds::write_labels(&site.path("readmitted/labels.parquet"), &labels).unwrap();
    let line =
        "train --config small.toml --events events --labels readmitted --max-steps 2 --out model timeline";
    let said = String::from_utf8(site.succeed(line).stderr).unwrap();
    assert!(said.contains("the whole loss is watched"), "{said}");
    let manifest = site.manifest("model");
    assert_eq!(manifest["settings"]["options"]["monitor"], "total");
    assert!(manifest["counts"]["best_tuning_loss"].as_f64().unwrap() > 0.0);
    site.file("task.toml", "[training]\nmonitor = \"task\"\n");
    let said = site.fail(&line.replace("small.toml", "task.toml").replace("model", "other"));
    assert!(said.contains("nothing to watch"), "{said}");
}

#[test]
fn going_on_from_a_model_keeps_what_stays_true_and_says_what_does_not() {
    let site = site();
    let copied = std::fs::read(site.path("events/labels/readmitted/labels.parquet")).unwrap();
    site.file("again/labels.parquet", copied);
    let again = "--events events --labels again";
    let said = |line: &str| String::from_utf8(site.succeed(line).stderr).unwrap();
    let there = |file: &str| site.path(file).exists();
    let predicts = |model: &str, labels: &str| {
        site.run(&format!(
            "predict --model {model} --labels {labels} --out of_{model}_{} events",
            labels.len()
        ))
        .status
        .success()
    };
    site.succeed(&format!(
        "train --config small.toml --canaries 1 {TASK} --max-steps 3 --out first timeline"
    ));
    // All weights change: the task is left out, with its baseline and the list of canaries, and said to be.
    let told = said("train --from first --max-steps 2 --out body timeline");
    assert!(told.contains("not kept") && told.contains("readmitted") && told.contains("canaries"), "{told}");
    assert_eq!(site.manifest("body")["counts"]["tasks_not_kept"][0], "readmitted");
    assert!(!there("body/task_baselines.json") && !there("body/canaries.json"));
    assert!(!predicts("body", "events/labels/readmitted"));
    assert!(
        said(&format!("train --from first {again} --max-steps 2 --out other timeline"))
            .contains("readmitted")
    );
    // Nothing but a new head changes: both tasks can be asked about, and the old one says what it said.
    let told = said(&format!("train --from first --tune head {again} --max-steps 2 --out both timeline"));
    assert!(!told.contains("not kept"), "{told}");
    for (model, labels) in
        [("both", "again"), ("both", "events/labels/readmitted"), ("first", "events/labels/readmitted")]
    {
        assert!(predicts(model, labels), "{model} {labels}");
    }
    let of = |model: &str| std::fs::read(site.path(&format!("of_{model}_24/predictions.parquet"))).unwrap();
    assert!(of("both") == of("first"));
    assert!(there("both/canaries.json"));
    // Read-outs of a model whose weights stay: they go along, and so does all that is known of the weights.
    site.succeed(&format!(
        "train --from first --tune probe --config readout.toml {again} --out probe timeline"
    ));
    for file in ["tuning_check.json", "canaries.json"] {
        assert_eq!(
            std::fs::read(site.path("probe").join(file)).unwrap(),
            std::fs::read(site.path("first").join(file)).unwrap(),
            "{file}"
        );
    }
    site.succeed("calibrate --model probe --out levels events");
    assert!(there("levels/canaries.json") && there("levels/readouts.json"));
    std::fs::create_dir_all(site.path("thirdly")).unwrap();
    std::fs::copy(site.path("again/labels.parquet"), site.path("thirdly/labels.parquet")).unwrap();
    site.succeed(
        "train --from probe --tune head --events events --labels thirdly --max-steps 2 --out three timeline",
    );
    assert!(["again", "thirdly", "events/labels/readmitted"].iter().all(|labels| predicts("three", labels)));
    assert!(said("train --from probe --max-steps 2 --out none timeline").contains("again, readmitted"));
}

#[test]
fn the_learning_rate_is_by_the_size_of_the_model_that_is_gone_on_from() {
    let site = site();
    site.file("wide.toml", "[model]\nwidth = 320\nlayers = 1\nheads = 2\nfeed_forward = 16\n");
    site.succeed("train --config wide.toml --max-steps 1 --out wide timeline");
    for (from, rate) in [("base", 0.002), ("wide", 0.001)] {
        site.succeed(&format!("train --from {from} --max-steps 1 --out more-{from} timeline"));
        let options = site.manifest(&format!("more-{from}"))["settings"]["options"].clone();
        assert_eq!(options["learning_rate"].as_f64(), Some(rate), "{from}");
    }
    let said = site.fail("train --from base --size small --max-steps 1 --out x timeline");
    assert!(said.contains("keeps its size"), "{said}");
    site.file("size.toml", "size = \"small\"\n");
    assert!(site.fail("train --from base --config size.toml --out x timeline").contains("keeps its size"));
}
