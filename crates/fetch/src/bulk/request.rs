//! What is asked for, and how it is written in a kick-off request (Bulk Data Access 2.0, "Bulk Data Kick-off Request").

use crate::{Base, Error};
use serde::{Deserialize, Serialize};

/// Whose records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// All patients' (`Patient/$export`).
    Patients,
    /// Those of a Group's members (`Group/[id]/$export`).
    Group(String),
    /// All that the server holds, of patients or not (`$export`).
    System,
}

/// What is asked for. Two that are equal ask for the same export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportRequest {
    /// The server's base address.
    pub server: String,
    /// Whose records.
    pub level: Level,
    /// The resource types; all that the server has if empty.
    pub types: Vec<String>,
    /// Only what was changed after this moment (a FHIR instant).
    pub since: Option<String>,
}

impl ExportRequest {
    /// Path and query of the request, where all parts have their shapes.
    pub(super) fn target(&self, server: &Base) -> Result<String, Error> {
        let setting = |name, reason| Error::Setting { name, reason };
        let operation = match &self.level {
            Level::Patients => "Patient/$export".to_owned(),
            Level::System => "$export".to_owned(),
            Level::Group(id) if is_id(id) => format!("Group/{id}/$export"),
            Level::Group(_) => {
                return Err(setting("the group", "must be a FHIR id: 1 to 64 letters, digits, - and ."));
            }
        };
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("_outputFormat", "application/fhir+ndjson");
        if !self.types.iter().all(|name| is_type(name)) {
            return Err(setting("a resource type", "must be a name such as Observation"));
        }
        if !self.types.is_empty() {
            query.append_pair("_type", &self.types.join(","));
        }
        if let Some(since) = &self.since {
            if !is_instant(since) {
                return Err(setting(
                    "the moment since which",
                    "must be a FHIR instant such as 2026-01-31T00:00:00Z",
                ));
            }
            query.append_pair("_since", since);
        }
        Ok(format!("{}/{operation}?{}", server.path(), query.finish()))
    }
}

fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
        // A URL's reader would take these for a path.
        && id != "."
        && id != ".."
}

/// A resource type's name by its shape; also used for what a manifest says, since a file is named after it.
pub(super) fn is_type(name: &str) -> bool {
    (2..=64).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.bytes().all(|b| b.is_ascii_alphabetic())
}

/// `YYYY-MM-DDThh:mm:ss`, perhaps with a fraction, and `Z` or `±hh:mm`.
pub(super) fn is_instant(text: &str) -> bool {
    let shaped = |text: &str, shape: &str| {
        text.len() == shape.len()
            && text
                .bytes()
                .zip(shape.bytes())
                .all(|(b, s)| if s == b'0' { b.is_ascii_digit() } else { b == s })
    };
    let (Some(moment), Some(rest)) = (text.get(..19), text.get(19..)) else { return false };
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if !(1..=9).contains(&(fraction.len() - zone.len())) {
                return false;
            }
            zone
        }
        None => rest,
    };
    shaped(moment, "0000-00-00T00:00:00") && (zone == "Z" || shaped(zone, "+00:00") || shaped(zone, "-00:00"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(level: Level) -> ExportRequest {
        ExportRequest { server: "https://ehr.example/r4".to_owned(), level, types: Vec::new(), since: None }
    }

    #[test]
    fn a_request_is_written_as_the_guide_has_it() {
        let server = Base::parse("https://ehr.example/r4").unwrap();
        let target = |request: &ExportRequest| request.target(&server).unwrap();
        let format = "_outputFormat=application%2Ffhir%2Bndjson";
        assert_eq!(target(&request(Level::Patients)), format!("/r4/Patient/$export?{format}"));
        assert_eq!(target(&request(Level::System)), format!("/r4/$export?{format}"));
        let group = ExportRequest {
            types: vec!["Patient".to_owned(), "Observation".to_owned()],
            since: Some("2026-01-31T08:00:00.5+01:00".to_owned()),
            ..request(Level::Group("icu-7.b".to_owned()))
        };
        assert_eq!(
            target(&group),
            format!(
                "/r4/Group/icu-7.b/$export?{format}&_type=Patient%2CObservation&_since=2026-01-31T08%3A00%3A00.5%2B01%3A00"
            )
        );
    }

    #[test]
    fn what_has_another_shape_is_refused() {
        let server = Base::parse("https://ehr.example/r4").unwrap();
        for id in ["", "..", "a/b", "a?b", "a b", "ü", &"x".repeat(65)] {
            assert!(request(Level::Group(id.to_owned())).target(&server).is_err(), "{id}");
        }
        for name in ["", "patient", "../x", "A", "Patient,Canary", "Patient/1"] {
            let request = ExportRequest { types: vec![name.to_owned()], ..request(Level::System) };
            assert!(request.target(&server).is_err(), "{name}");
        }
        for since in ["", "2026", "2026-01-31", "2026-01-31T00:00:00", "2026-01-31T00:00:00.Z", "yesterday"] {
            assert!(!is_instant(since), "{since}");
        }
        assert!(is_instant("2026-01-31T00:00:00Z") && is_instant("2026-01-31T00:00:00-05:00"));
    }
}
