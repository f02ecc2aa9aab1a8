//! A sink that keeps what it is given, and inputs from bytes.

use crate::{Input, Rejection, Sink};
use events::{SourceFact, SourceLabel, SourceTime, SourceValue};
use std::{collections::BTreeMap, io::Cursor};

#[derive(Default)]
pub(crate) struct Collected {
    pub(crate) facts: Vec<(String, SourceFact)>,
    pub(crate) rejections: Vec<Rejection>,
    pub(crate) rows: u64,
    pub(crate) descriptions: BTreeMap<String, (String, Vec<String>)>,
    pub(crate) procedures: Vec<String>,
    pub(crate) ignored: BTreeMap<(&'static str, &'static str), u64>,
}

impl Collected {
    /// Every event as `subject time code [value] [unit]`, sorted: what a test wants to compare.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.facts.iter().map(|(subject, fact)| line(subject, fact)).collect();
        lines.sort();
        lines
    }

    pub(crate) fn labels(&self) -> Vec<(&str, &SourceLabel)> {
        self.facts
            .iter()
            .filter_map(|(subject, fact)| match fact {
                SourceFact::Label(label) => Some((subject.as_str(), label)),
                SourceFact::Event(_) | SourceFact::Identity(_) => None,
            })
            .collect()
    }
}

fn line(subject: &str, fact: &SourceFact) -> String {
    match fact {
        SourceFact::Label(label) => {
            format!("{subject} {} label {} {}", label.prediction_time, label.task, label.boolean_value)
        }
        SourceFact::Identity(identity) => format!("{subject} {:?} {}", identity.kind, identity.text),
        SourceFact::Event(event) => {
            let time = match event.time {
                SourceTime::Static => "static".to_owned(),
                SourceTime::Date(time) => time.to_string()[..10].to_owned(),
                SourceTime::DateTime(time) => time.to_string(),
            };
            let mut line = format!("{subject} {time} {}", crate::codes::whole(&event.system, &event.code));
            match &event.value {
                SourceValue::None => {}
                SourceValue::Number(number) => line += &format!(" {number}"),
                SourceValue::Concept { system, code } => line += &format!(" {system}//{code}"),
                SourceValue::Text(text) => line += &format!(" {text:?}"),
            }
            if let Some(unit) = &event.unit {
                line += &format!(" [{unit}]");
            }
            line
        }
    }
}

impl Sink for Collected {
    fn fact(&mut self, subject: &str, fact: SourceFact) -> std::io::Result<()> {
        self.facts.push((subject.to_owned(), fact));
        Ok(())
    }

    fn reject(&mut self, rejection: Rejection) {
        self.rejections.push(rejection);
    }

    fn read(&mut self) {
        self.rows += 1;
    }

    fn describe(&mut self, code: &str, description: &str, parents: &[String]) {
        self.descriptions.insert(code.to_owned(), (description.to_owned(), parents.to_vec()));
    }

    fn says_procedure(&mut self, code: &str) {
        self.procedures.push(code.to_owned());
    }

    fn ignore(&mut self, kind: &'static str, reason: &'static str) {
        *self.ignored.entry((kind, reason)).or_default() += 1;
    }
}

/// An input under a name that is safe to print.
pub(crate) fn input(name: &str, bytes: &[u8]) -> Input {
    Input {
        safe_name: name.to_owned(),
        table_name: name.to_owned(),
        reader: Box::new(Cursor::new(bytes.to_vec())),
    }
}

/// The directory of shared data, or a word on why the test is skipped; in CI its absence is a failure.
#[allow(clippy::disallowed_methods)] // a test's only way to be told where data lies
pub(crate) fn shared_data() -> Option<std::path::PathBuf> {
    let directory = std::env::var_os("OSLER_SHARED_DATA").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        Into::into,
    );
    if directory.is_dir() {
        return Some(directory);
    }
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "CI must have the shared data");
    eprintln!("skipped: no shared data (set OSLER_SHARED_DATA)");
    None
}
