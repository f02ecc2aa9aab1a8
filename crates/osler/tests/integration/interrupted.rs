//! `kill -9` at any moment, then the same command again: the same output as if nothing had happened.

use crate::support::Site;
use std::time::{Duration, Instant};

/// Runs a command to its end in one place, and in another kills it at several moments before it may finish.
/// Both must have the same output digest.
#[track_caller]
fn check(site: &Site, line: &str, out: &str) {
    let begin = Instant::now();
    site.succeed(&line.replace(&format!("--out {out}"), &format!("--out {out}-whole")));
    let whole = begin.elapsed();
    let mut killed = 0;
    for share in [0.1, 0.35, 0.6, 0.85] {
        let mut child = site
            .command(&line.split_whitespace().collect::<Vec<_>>())
            .stderr(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_secs_f64(whole.as_secs_f64() * share));
        killed += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        if site.path(out).exists() {
            std::fs::remove_dir_all(site.path(out)).unwrap();
        }
    }
    assert!(killed > 0, "no run was caught before its end: {line}");
    site.succeed(line);
    assert_eq!(site.digest(out), site.digest(&format!("{out}-whole")), "{line}");
    let left: Vec<_> = std::fs::read_dir(site.path(""))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("partial") || name.contains("spill"))
        .collect();
    assert!(left.is_empty(), "{left:?} left behind by {line}");
}

#[test]
fn every_long_step_survives_being_killed() {
    let site = Site::new();
    check(&site, "synth --subjects 200 --seed 3 --out population", "population");
    check(&site, "ingest --from fhir --synthetic --key site.key --out events population/fhir", "events");
    check(&site, "tokenize --min-subjects 5 --out timeline events", "timeline");
    check(
        &site,
        "train --size tiny --context 128 --batch-tokens 1024 --max-steps 40 --evaluate-every 20 --checkpoint-every 5 --seed 5 --out model timeline",
        "model",
    );
    check(&site, "predict --model model --split train --out predictions events", "predictions");
    check(&site, "predict --model model --every-event --codes all --split train --out risks events", "risks");
    check(&site, "evaluate --draws 200 --min-events 3 --out report predictions", "report");
}

#[test]
fn output_that_nobody_reads_any_more_is_no_fault() {
    let site = Site::new();
    for words in [["key", "public", "--key", "site.key"].as_slice(), ["doctor", "--json"].as_slice()] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = site.command(words).stdout(writer).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains("fault in the program"), "osler {words:?}: {said}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_said_is_no_fault_and_what_cannot_be_written_is_an_error() {
    let site = Site::new();
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let unheard = site.command(&["key", "new", "--out", "second.key"]).stderr(full()).status().unwrap();
    assert!(unheard.success() && site.path("second.key").exists(), "{unheard}");
    let refused = site.command(&["tokenize", "--out", "t", "nowhere"]).stderr(full()).status().unwrap();
    assert_eq!(refused.code(), Some(1));
    let unwritten = site.command(&["key", "public", "--key", "site.key"]).stdout(full()).output().unwrap();
    let said = String::from_utf8_lossy(&unwritten.stderr).into_owned();
    assert_eq!(unwritten.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot write standard output: ") && !said.contains("fault"), "{said}");
}

#[cfg(unix)]
#[test]
fn a_stopped_command_leaves_nothing_and_says_so() {
    let site = Site::new();
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let mut child = site
            .command(&["synth", "--subjects", "200000", "--out", "population"])
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let begin = Instant::now();
        while !site.path(".population.partial").exists() {
            assert!(begin.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none());
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::sleep(Duration::from_millis(200));
        std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("osler: stopped; what there was of population is removed"), "{said}");
        for left in ["population", ".population.partial", ".population.lock"] {
            assert!(!site.path(left).exists(), "{left}");
        }
    }
}
