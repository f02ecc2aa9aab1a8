//! The list of files that a finished export has (Bulk Data Access 2.0, "Response - Complete Status").

use super::{
    limits::ExportLimits,
    request::{is_instant, is_type},
};
use crate::{Error, Step};
use serde::{Deserialize, Serialize};

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Part {
    /// Resources, for ingestion.
    Resources,
    /// What went wrong or should be known, as OperationOutcomes.
    Errors,
    /// What was deleted since the moment that was asked about, as Bundles.
    Deleted,
}

impl Part {
    pub(super) fn directory(self) -> &'static str {
        match self {
            Part::Resources => "resources",
            Part::Errors => "errors",
            Part::Deleted => "deleted",
        }
    }
}

/// One file.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct File {
    pub(super) part: Part,
    /// Its name in the part's directory: type and number, nothing of the server's.
    pub(super) name: String,
    /// Where it lies; gone when it has been fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
    /// How many resources the server says that it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) count: Option<u64>,
    #[serde(flatten)]
    pub(super) whole: Option<Whole>,
}

/// What a file was found to be when it was whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Whole {
    pub(super) bytes: u64,
    pub(super) lines: u64,
    pub(super) blake3: String,
}

/// The list.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The moment for which the export holds; the `_since` of the next one.
    pub(super) transaction_time: String,
    pub(super) requires_access_token: bool,
    pub(super) files: Vec<File>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    transaction_time: String,
    requires_access_token: bool,
    #[serde(default)]
    output: Vec<WireFile>,
    #[serde(default)]
    error: Vec<WireFile>,
    #[serde(default)]
    deleted: Vec<WireFile>,
    #[serde(default)]
    link: Vec<WireLink>,
}

#[derive(Deserialize)]
struct WireFile {
    #[serde(rename = "type")]
    kind: String,
    url: String,
    count: Option<u64>,
}

#[derive(Deserialize)]
struct WireLink {
    #[serde(default)]
    relation: String,
}

impl Manifest {
    /// Reads what the server sent.
    pub(super) fn read(body: &[u8], limits: &ExportLimits) -> Result<Manifest, Error> {
        let wrong = |reason| Error::Answer { step: Step::Status, reason };
        let wire: Wire = serde_json::from_slice(body).map_err(|_| {
            wrong(
                "the list of files isn't as the standard has it: transactionTime, requiresAccessToken, output, error",
            )
        })?;
        if wire.link.iter().any(|link| link.relation == "next") {
            return Err(wrong("the list of files goes on elsewhere, which this client doesn't follow"));
        }
        let parts =
            [(Part::Resources, wire.output), (Part::Errors, wire.error), (Part::Deleted, wire.deleted)];
        if parts.iter().map(|(_, files)| files.len()).sum::<usize>() > limits.files {
            return Err(Error::TooMuch {
                what: "the number of the export's files",
                limit: limits.files.to_string(),
            });
        }
        let mut files = Vec::new();
        for (part, listed) in parts {
            for (at, file) in listed.into_iter().enumerate() {
                if !is_type(&file.kind) {
                    return Err(wrong("the list of files names a type that is none"));
                }
                let name = format!("{}.part-{:05}.ndjson", file.kind, at + 1);
                files.push(File { part, name, url: Some(file.url), count: file.count, whole: None });
            }
        }
        // It is told to the user, so that it must be a moment and nothing else.
        let transaction_time = match is_instant(&wire.transaction_time) {
            true => wire.transaction_time,
            false => "unsaid".to_owned(),
        };
        Ok(Manifest { transaction_time, requires_access_token: wire.requires_access_token, files })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Manifest, Error> {
        Manifest::read(text.as_bytes(), &ExportLimits { files: 3, ..ExportLimits::default() })
    }

    #[test]
    fn files_are_named_by_what_they_hold_and_nothing_of_the_server() {
        let text = r#"{"transactionTime":"2026-01-31T00:00:00Z","request":"x","requiresAccessToken":true,
            "output":[{"type":"Patient","url":"https://e/Ann_Canary.ndjson","count":7},{"type":"Patient","url":"https://e/2"}],
            "error":[{"type":"OperationOutcome","url":"https://e/3"}],"extension":{"x":1}}"#;
        let manifest = read(text).unwrap();
        let names: Vec<_> = manifest.files.iter().map(|file| (file.part, file.name.as_str())).collect();
        assert_eq!(
            names,
            [
                (Part::Resources, "Patient.part-00001.ndjson"),
                (Part::Resources, "Patient.part-00002.ndjson"),
                (Part::Errors, "OperationOutcome.part-00001.ndjson")
            ]
        );
        assert_eq!(manifest.files[0].count, Some(7));
        assert!(manifest.requires_access_token);
    }

    #[test]
    fn a_list_that_is_none_is_refused_without_its_words() {
        let with = |rest: &str| {
            format!(r#"{{"transactionTime":"Ann Canary","requiresAccessToken":false,"error":[],{rest}}}"#)
        };
        let file = r#"{"type":"Patient","url":"https://e/Canary"}"#;
        for text in [
            "Canary".to_owned(),
            "{}".to_owned(),
            r#"{"transactionTime":"x","output":[],"error":[]}"#.to_owned(),
            with(r#""output":[{"type":"../Canary","url":"https://e/1"}]"#),
            with(r#""output":[{"type":"Patient"}]"#),
            with(&format!(r#""output":[{file},{file},{file},{file}]"#)),
            with(r#""output":[],"link":[{"relation":"next","url":"https://e/Canary"}]"#),
        ] {
            let message = read(&text).err().unwrap().to_string();
            assert!(!message.contains("Canary"), "{message}");
        }
        assert_eq!(read(&with(r#""output":[]"#)).unwrap().transaction_time, "unsaid");
    }
}
