//! What a site says of its model: a small TOML file, one key a field.

use crate::settings_file;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Largest file, in bytes: it is prose about a model, and no place for data.
const LARGEST: usize = 64 * 1024;

/// The fields: key, section, and name. The names are those of CHAI's Applied Model Card (schema 0.1) where it has the field, else of
/// Mitchell et al. 2019.
const FIELDS: [(&str, &str, &str); 31] = [
    ("name", "details", "Model name"),
    ("developer", "details", "Model developer"),
    ("contact", "details", "Developer contact"),
    ("version", "details", "Release version"),
    ("release_date", "details", "Release date"),
    ("availability", "details", "Global availability"),
    ("regulatory_status", "details", "Regulatory approval"),
    ("summary", "details", "Summary"),
    ("licence", "details", "Licence"),
    ("citation", "details", "Citation"),
    ("intended_use", "use", "Intended use and workflow"),
    ("users", "use", "Primary intended users"),
    ("how_to_use", "use", "How to use"),
    ("population", "use", "Targeted patient population"),
    ("out_of_scope", "use", "Cautioned out-of-scope settings and use cases"),
    ("setting", "factors", "Instrumentation and environment"),
    ("thresholds", "metrics", "Decision thresholds, and why"),
    ("data_source", "training", "Input data source"),
    ("data_characterization", "training", "Development data characterization"),
    ("risks", "ethics", "Known risks and limitations"),
    ("biases", "ethics", "Known biases or ethical considerations"),
    ("clinical_risk", "ethics", "Clinical risk level"),
    ("bias_mitigation", "ethics", "Bias mitigation approaches"),
    ("consent", "ethics", "Patient consent or disclosure"),
    ("stakeholders", "ethics", "Stakeholders consulted"),
    ("funding", "ethics", "Funding source"),
    ("maintenance", "caveats", "Ongoing maintenance"),
    ("security", "caveats", "Security and compliance environment practices"),
    ("third_parties", "caveats", "Third-party information"),
    ("publications", "caveats", "Peer-reviewed publications, trials, evaluation references"),
    ("recommendations", "caveats", "Recommendations"),
];

/// Text, or several lines of it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    One(String),
    Several(Vec<String>),
}

/// What the site wrote.
#[derive(Clone, Debug, Default)]
pub struct About {
    fields: BTreeMap<String, String>,
}

impl About {
    /// Reads the file's text.
    ///
    /// # Errors
    /// When it isn't TOML of known keys and texts, or is too large.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > LARGEST {
            bail!("it is larger than {} KiB", LARGEST / 1024);
        }
        let read: BTreeMap<String, Text> = settings_file::parse(text)
            .context("each line must be a known key and a text, or a list of texts")?;
        let mut fields = BTreeMap::new();
        for (key, text) in read {
            if !FIELDS.iter().any(|(known, ..)| *known == key) {
                let known: Vec<&str> = FIELDS.iter().map(|(key, ..)| *key).collect();
                let named = if events::is_field_name(&key) { format!(" `{key}`") } else { String::new() };
                bail!("unknown key{named}; known are {}", known.join(", "));
            }
            let text = match text {
                Text::One(text) => text,
                Text::Several(lines) => lines.join("; "),
            };
            // An empty field says nothing, and is listed with what isn't stated.
            if !text.trim().is_empty() {
                fields.insert(key, text.split_whitespace().collect::<Vec<_>>().join(" "));
            }
        }
        Ok(About { fields })
    }

    /// One field.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.fields.get(key).map(String::as_str)
    }

    /// The fields of a section: names, and what was said.
    pub fn of(&self, section: &str) -> impl Iterator<Item = (&'static str, &'static str, Option<&str>)> {
        let of_section = FIELDS.iter().filter(move |(_, of, _)| *of == section);
        of_section.map(|(key, _, name)| (*key, *name, self.get(key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_keys_are_taken_and_others_are_named() {
        let about = About::parse("users = \"nurses\"\nrisks = [\"alarm fatigue\", \"  drift \"]\nname = ' '")
            .unwrap();
        assert_eq!(about.get("users"), Some("nurses"));
        assert_eq!(about.get("risks"), Some("alarm fatigue; drift"));
        assert_eq!(about.get("name"), None, "an empty text states nothing");
        let refused = |text: &str| format!("{:#}", About::parse(text).unwrap_err());
        assert!(refused("user = \"nurses\"").contains("unknown key `user`; known are name, developer"));
        for text in
            ["c0ffee11c0ffee11\n", "mrn,name\n4711,canary\n", "\"canary smith\" = 'x'", "users = [4711]"]
        {
            let said = refused(text);
            assert!(!["c0ffee", "canary", "4711"].iter().any(|held| said.contains(held)), "{said}");
        }
        assert!(refused("users = 3").contains("a known key and a text"));
        assert!(refused(&format!("users = \"{}\"", "x".repeat(LARGEST))).contains("64 KiB"));
    }
}
