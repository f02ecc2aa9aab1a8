//! `osler deid text` as a black box.

use super::measure::Report;
use super::note::Note;
use super::population::Patient;
use crate::support::Site;
use std::io::Write;
use std::ops::Range;
use std::process::Stdio;

/// Every note with the spans that the program finds in it, its patient's chart being given or not.
pub fn answers<'a>(
    patients: &'a [Patient],
    site: &Site,
    with_chart: bool,
) -> Vec<(&'a Note, Vec<Range<usize>>)> {
    let ask = |notes: Vec<&'a Note>, arguments: &[&str]| {
        let spans = run(&notes, arguments, site);
        notes.into_iter().zip(spans)
    };
    if with_chart {
        let of = |patient: &'a Patient| {
            let chart = patient.bundle.to_str().expect("a temporary path is Unicode");
            ask(patient.notes.iter().collect(), &["deid", "text", "--chart", chart])
        };
        return patients.iter().flat_map(of).collect();
    }
    ask(patients.iter().flat_map(|patient| &patient.notes).collect(), &["deid", "text"]).collect()
}

/// What of them is leaked or taken.
pub fn found(patients: &[Patient], site: &Site, with_chart: bool) -> Report {
    let mut report = Report::default();
    answers(patients, site, with_chart).iter().for_each(|(note, spans)| report.add(note, spans));
    report
}

/// Runs the filter over notes; each one's spans, in characters.
fn run(notes: &[&Note], arguments: &[&str], site: &Site) -> Vec<Vec<Range<usize>>> {
    let mut command = site.command(arguments);
    let mut program =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = program.stdin.take().expect("it is piped");
    let lines: String = notes
        .iter()
        .map(|note| serde_json::json!({"id": note.id, "text": note.text}).to_string() + "\n")
        .collect();
    // Written from beside, so that neither side waits for the other.
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = program.wait_with_output().unwrap();
    assert!(output.status.success(), "osler deid text\n{}", String::from_utf8_lossy(&output.stderr));
    writer.join().expect("the writer ends").expect("all notes are read");
    let text = String::from_utf8(output.stdout).expect("the output is UTF-8");
    let all: Vec<_> = notes.iter().zip(text.lines()).map(|(note, line)| spans(note, line)).collect();
    assert_eq!(all.len(), notes.len(), "as many lines come out as went in");
    all
}

fn spans(note: &Note, line: &str) -> Vec<Range<usize>> {
    let answer: serde_json::Value = serde_json::from_str(line).expect("each line is JSON");
    assert!(answer["id"] == note.id.as_str(), "notes come out in order");
    let at = |span: &serde_json::Value, end: &str| {
        usize::try_from(span[end].as_u64().expect("spans have a start and an end")).unwrap()
    };
    let length = note.text.chars().count();
    let spans = answer["spans"].as_array().expect("there are spans").iter().map(|span| {
        let range = at(span, "start")..at(span, "end");
        assert!(range.start < range.end && range.end <= length, "a span lies within its note");
        range
    });
    spans.collect()
}
