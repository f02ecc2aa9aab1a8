//! The list of files that a finished export has (Bulk Data Access 2.0, "Response - Complete Status"), which may come in pages (3.0.0,
//! "partial manifests": a `link` with the relation `next`).

use super::{
    limits::ExportLimits,
    request::{is_instant, is_type},
};
use crate::{Error, Step, link::MAX_LINK_BYTES};
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
    /// Where the list goes on; gone when all of it is here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
    /// Pages that were read.
    #[serde(default)]
    pub(super) pages: u32,
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
    #[serde(default)]
    url: String,
}

impl Manifest {
    /// Reads the list, or its first page.
    pub(super) fn read(body: &[u8], limits: &ExportLimits) -> Result<Manifest, Error> {
        let none = Manifest {
            transaction_time: String::new(),
            requires_access_token: false,
            files: Vec::new(),
            next: None,
            pages: 0,
        };
        none.with_page(body, limits)
    }

    /// The list with its next page, whose files are counted on from those that are here.
    pub(super) fn with_page(mut self, body: &[u8], limits: &ExportLimits) -> Result<Manifest, Error> {
        let wrong = |reason| Error::Answer { step: Step::Status, reason };
        let too_much = |what, limit: String| Err(Error::TooMuch { what, limit });
        let wire: Wire = serde_json::from_slice(body).map_err(|_| {
            wrong(
                "the list of files isn't as the standard has it: transactionTime, requiresAccessToken, output, error",
            )
        })?;
        // It is told to the user, so that it must be a moment and nothing else.
        let transaction_time = match is_instant(&wire.transaction_time) {
            true => wire.transaction_time,
            false => "unsaid".to_owned(),
        };
        let is_another = transaction_time != self.transaction_time
            || wire.requires_access_token != self.requires_access_token;
        match self.pages {
            0 => {
                (self.transaction_time, self.requires_access_token) =
                    (transaction_time, wire.requires_access_token)
            }
            _ if is_another => return Err(wrong("a page of the list of files is of another export")),
            _ => {}
        }
        self.pages += 1;
        let parts =
            [(Part::Resources, wire.output), (Part::Errors, wire.error), (Part::Deleted, wire.deleted)];
        if self.files.len() + parts.iter().map(|(_, files)| files.len()).sum::<usize>() > limits.files {
            return too_much("the number of the export's files", limits.files.to_string());
        }
        for (part, listed) in parts {
            let before = self.files.iter().filter(|file| file.part == part).count();
            for (at, file) in listed.into_iter().enumerate() {
                if !is_type(&file.kind) {
                    return Err(wrong("the list of files names a type that is none"));
                }
                // It can't be followed; and many pages of them would be much to keep.
                if file.url.len() > MAX_LINK_BYTES {
                    return Err(wrong("the list of files holds a link that is too long"));
                }
                let name = format!("{}.part-{:05}.ndjson", file.kind, before + at + 1);
                self.files.push(File { part, name, url: Some(file.url), count: file.count, whole: None });
            }
        }
        let mut next = wire.link.into_iter().filter(|link| link.relation == "next");
        self.next = next.next().map(|link| link.url);
        if next.next().is_some() {
            return Err(wrong("the list of files goes on at two places"));
        }
        if self.next.as_ref().is_some_and(|next| next.len() > MAX_LINK_BYTES) {
            return Err(wrong("the list of files holds a link that is too long"));
        }
        if self.next.is_some() && self.pages >= limits.manifest_pages {
            return too_much("the number of pages of the list of files", limits.manifest_pages.to_string());
        }
        Ok(self)
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
            with(
                r#""output":[],"link":[{"relation":"next","url":"https://e/Canary"},{"relation":"next","url":"https://e/2"}]"#,
            ),
            with(&format!(
                r#""output":[],"link":[{{"relation":"next","url":"https://e/{}"}}]"#,
                "Canary".repeat(2_000)
            )),
            with(&format!(r#""output":[{{"type":"Patient","url":"https://e/{}"}}]"#, "Canary".repeat(2_000))),
        ] {
            let message = read(&text).err().unwrap().to_string();
            assert!(!message.contains("Canary"), "{message}");
        }
        assert_eq!(read(&with(r#""output":[]"#)).unwrap().transaction_time, "unsaid");
    }

    #[test]
    fn pages_are_of_one_export_and_counted_on() {
        let page = |time: &str, token: bool, rest: &str| {
            format!(r#"{{"transactionTime":"{time}","requiresAccessToken":{token},{rest}}}"#)
        };
        let next = r#""link":[{"relation":"self","url":"x"},{"relation":"next","url":"https://e/2"}]"#;
        let file = |kind: &str| format!(r#"{{"type":"{kind}","url":"https://e/{kind}"}}"#);
        let moment = "2026-01-31T00:00:00Z";
        let first =
            format!(r#""output":[{}],"error":[{}],{next}"#, file("Patient"), file("OperationOutcome"));
        let first = read(&page(moment, true, &first)).unwrap();
        assert_eq!((first.next.as_deref(), first.pages), (Some("https://e/2"), 1));
        let limits = ExportLimits { files: 3, manifest_pages: 2, ..ExportLimits::default() };
        let more = |text: String| first.clone().with_page(text.as_bytes(), &limits);
        let second = more(page(moment, true, &format!(r#""output":[{}]"#, file("Condition")))).unwrap();
        let names: Vec<_> = second.files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "Patient.part-00001.ndjson",
                "OperationOutcome.part-00001.ndjson",
                "Condition.part-00002.ndjson"
            ]
        );
        assert_eq!((second.next, second.pages), (None, 2));
        let two = format!(r#""output":[{},{}]"#, file("Condition"), file("Condition"));
        for (text, words) in [
            (page("2026-01-31T00:00:01Z", true, r#""output":[]"#), "of another export"),
            (page(moment, false, r#""output":[]"#), "of another export"),
            (page(moment, true, &two), "the number of the export's files"),
            (page(moment, true, next), "the number of pages"),
        ] {
            let message = more(text).err().unwrap().to_string();
            assert!(message.contains(words), "{message}");
        }
    }
}
