//! Training that is stopped, told wrong things, and asked for more than one model.

use crate::support::Site;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// A site with a small timeline.
fn site() -> Site {
    let site = Site::new();
    site.succeed("synth --subjects 120 --seed 3 --out population");
    site.succeed("ingest --from fhir --synthetic --key site.key --out events population/fhir");
    site.succeed("tokenize --min-subjects 5 --out timeline events");
    site
}

const TRAIN: &str = "train --config small.toml --max-steps 24 --evaluate-every 8 --seed 5";
const SMALL: &str = "[model]\nwidth = 16\nlayers = 2\nheads = 2\nfeed_forward = 32\ncontext = 128\n\
                     [training]\nbatch_tokens = 512\npack_tokens = 256\n";

fn start(site: &Site, line: &str) -> Child {
    let mut command = site.command(&line.split_whitespace().collect::<Vec<_>>());
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits until a file of a run is there, or the run ends.
fn wait_for(child: &mut Child, path: PathBuf) -> bool {
    let begin = Instant::now();
    while !path.exists() {
        assert!(begin.elapsed() < Duration::from_secs(60), "{} never came", path.display());
        if child.try_wait().unwrap().is_some() {
            return path.exists();
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    true
}

#[track_caller]
fn weights(site: &Site, model: &str) -> Vec<u8> {
    std::fs::read(site.path(model).join("model.safetensors")).unwrap()
}

#[test]
fn stopped_runs_go_on_to_the_same_bits_on_any_number_of_threads() {
    let site = site();
    site.file("small.toml", SMALL);
    site.succeed(&format!("{TRAIN} --threads 1 --out whole timeline"));
    let log = std::fs::read_to_string(site.path("whole/training.jsonl")).unwrap();
    assert_eq!(log.lines().count(), 24 + 3);
    let curves = std::fs::read_to_string(site.path("whole/curves.svg")).unwrap();
    for part in ["which code", "waiting time", "value", "horizon risk", "learning rate", "kept step"] {
        assert!(curves.contains(part), "{part} is not drawn");
    }
    let straight = weights(&site, "whole");
    // Killed again and again right after a checkpoint, each time with other threads.
    let line = format!("{TRAIN} --checkpoint-every 3 --out model timeline");
    let partial = site.path(".model.partial");
    let mut killed = 0;
    for threads in [2, 4, 1, 2] {
        let mut child = start(&site, &line.replace("--out", &format!("--threads {threads} --out")));
        if wait_for(&mut child, partial.join("checkpoint.safetensors")) {
            std::thread::sleep(Duration::from_millis(20));
        }
        killed += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        if site.path("model").exists() {
            std::fs::remove_dir_all(site.path("model")).unwrap();
        }
    }
    assert!(killed > 0, "no run was caught before its end");
    // A disk that is full when the next checkpoint is due: told, and what was saved before is kept.
    #[cfg(target_os = "linux")]
    if partial.exists() {
        let link = partial.join("checkpoint.safetensors.partial");
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink("/dev/full", &link).unwrap();
        let said = site.fail(&line);
        assert!(said.contains("No space left") && said.contains("checkpoint.safetensors"), "{said}");
        assert!(partial.join("checkpoint.safetensors").exists() && !link.exists());
    }
    let said = String::from_utf8(site.succeed(&format!("{line} --threads 4")).stderr).unwrap();
    assert!(said.contains("going on") || !partial.exists(), "{said}");
    assert!(weights(&site, "model") == straight, "the weights differ");
    assert_eq!(site.digest("model"), site.digest("whole"));
    assert!(!partial.exists());
}

#[cfg(unix)]
#[test]
fn ctrl_c_keeps_the_step_under_way() {
    let site = site();
    site.file("small.toml", SMALL);
    let line = format!("{TRAIN} --checkpoint-every 1000 --threads 1 --out model timeline");
    let line = line.replace("--max-steps 24", "--max-steps 300");
    let mut child = start(&site, &line);
    let log = site.path(".model.partial/training.jsonl");
    assert!(wait_for(&mut child, log.clone()));
    while std::fs::metadata(&log).map_or(0, |m| m.len()) == 0 && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(2));
    }
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("stopped after step") && said.contains("the same command goes on"), "{said}");
    let said = String::from_utf8(site.succeed(&line).stderr).unwrap();
    assert!(said.contains("going on"), "{said}");
    site.succeed(&line.replace("--out model", "--out whole"));
    assert_eq!(site.digest("model"), site.digest("whole"));
}

#[test]
fn wrong_settings_are_refused_before_anything_is_begun() {
    let site = site();
    for (text, word) in [
        ("[training]\naveraging = 1.5\n", "averaging"),
        ("[training]\naverage = 0.5\n", "average"),
        ("[training]\nepochs = \"many\"\n", "`epochs`: invalid type"),
        ("[training]\nepochs = 0\n", "epochs"),
        ("[training]\nthreads = 2\n", "--threads"),
        ("[training]\ntrainable = \"some\"\n", "some"),
        ("[model]\nwidth = 15\n", "width"),
        ("[model]\nwide = 16\n", "wide"),
        ("size = \"huge\"\n", "huge"),
        ("sizes = \"tiny\"\n", "sizes"),
        ("[training\n", "wrong.toml"),
    ] {
        site.file("wrong.toml", text);
        let said = site.fail("train --config wrong.toml --out model timeline");
        assert!(said.contains(word), "{text}{said}");
        assert!(!site.path(".model.partial").exists(), "{text} leaves something behind");
    }
    assert!(site.fail("train --config nowhere.toml --out model timeline").contains("nowhere.toml"));
    assert!(site.fail("train --dropout 1 --out model timeline").contains("dropout"));
    site.file("occupied", "");
    let said = site.fail("train --max-steps 1 --out occupied/model timeline");
    assert!(said.contains("occupied"), "{said}");
    let said = site.fail("train --size large --threads 1024 --max-steps 1 --out model timeline");
    assert!(said.contains("this machine has") || cfg!(not(target_os = "linux")), "{said}");
    assert!(!site.path(".model.partial").exists());
}

#[test]
fn a_sweep_is_resumed_and_says_what_it_may_not_conclude() {
    let site = site();
    site.file("sweep.toml", "[training]\nbatch_tokens = 4096\nevaluate_every = 2\n");
    let line = "train --sweep --budget 0.5 --max-steps 2 --config sweep.toml --context 64 --threads 2 --out sweep timeline";
    let mut child = start(&site, line);
    let runs = site.path(".sweep.partial/runs");
    let first_ended = |runs: &PathBuf| {
        let entries = std::fs::read_dir(runs).into_iter().flatten();
        entries.flatten().any(|entry| entry.path().join("run.json").exists())
    };
    while !first_ended(&runs) && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // Another that was being written down when the run was killed.
    let ended = std::fs::read_dir(&runs).into_iter().flatten().flatten().map(|entry| entry.path());
    if let Some(ended) = ended.into_iter().find(|dir| dir.join("run.json").exists()) {
        std::fs::rename(ended.join("run.json"), ended.join("run.partial")).unwrap();
        std::fs::write(ended.join("run.partial"), "{").unwrap();
    }
    let resumed = site.succeed(line);
    let said = String::from_utf8_lossy(&resumed.stderr);
    assert!(
        said.contains("not to be relied on") || said.contains("no law"),
        "two steps teach nothing: {said}"
    );
    assert!(said.contains("left out"), "{said}");
    let text = std::fs::read_to_string(site.path("sweep/sweep.json")).unwrap();
    let sweep: serde_json::Value = serde_json::from_str(&text).unwrap();
    let runs = sweep["runs"].as_array().unwrap();
    assert!(runs.len() >= 4 && !sweep["beyond_budget"].as_array().unwrap().is_empty());
    assert!(runs.iter().all(|run| run["result"]["loss"].is_number()));
    assert!(site.path("sweep/sweep.svg").is_file());
    site.succeed(&line.replace("--out sweep", "--out whole"));
    assert_eq!(site.digest("sweep"), site.digest("whole"));
}

#[test]
fn codes_withheld_from_training_are_read_in_four_ways() {
    let site = site();
    site.file("small.toml", SMALL);
    let metadata = events::meds::read_codes(&site.path("events")).unwrap();
    let held_out: Vec<events::Subject> =
        events::meds::read_subjects(&site.path("events"), events::Split::HeldOut)
            .unwrap()
            .map(|subject| subject.unwrap())
            .collect();
    let occurs =
        |code: &str| held_out.iter().flat_map(|s| s.events()).any(|event| event.code.as_str() == code);
    let withheld: Vec<&str> = metadata
        .iter()
        .filter(|code| code.description.is_some() && occurs(&code.code))
        .map(|code| code.code.as_str())
        .step_by(2)
        .collect();
    assert!(withheld.len() > 3);
    site.file("withheld.txt", withheld.join("\n"));
    site.succeed("tokenize --min-subjects 5 --withhold withheld.txt --out unseen events");
    let vocabulary = std::fs::read_to_string(site.path("unseen/vocabulary.json")).unwrap();
    for code in &withheld {
        assert!(!vocabulary.contains(&format!("\"{code}\"")), "{code} has a token");
    }
    site.succeed(&format!("{TRAIN} --out model unseen"));
    let mut digests: Vec<String> = ["describe", "parent", "unknown", "ignore"]
        .into_iter()
        .map(|way| {
            site.succeed(&format!(
                "predict --model model --every-event --codes all --unseen-codes {way} --out {way} events"
            ));
            site.digest(way)
        })
        .collect();
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), 4, "each way reads the records differently");
    site.file("empty.txt", "\n");
    assert!(site.fail("tokenize --withhold empty.txt --out other events").contains("empty.txt"));
}
