//! Settings files in TOML. A wrong path may lead to a site's key or to a table of patients, so an error tells the line and never what
//! stands there.

use anyhow::{Context, Result, anyhow};
use serde::de::DeserializeOwned;
use std::path::Path;

/// Reads a file; `otherwise` is what is said of one that can't be taken, such as `is no price list`.
pub fn read<T: DeserializeOwned>(path: &Path, otherwise: &str) -> Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(&text).with_context(|| format!("{} {otherwise}", path.display()))
}

/// Reads a file's text.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T> {
    toml::from_str(text).map_err(|error| anyhow!(events::misread(text, error.span(), error.message())))
}

/// What is said of JSON that can't be taken, without what stands there.
pub fn of_json(error: &serde_json::Error) -> anyhow::Error {
    anyhow!(events::without_values(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use deid::Policy;
    use std::collections::BTreeMap;

    /// A site's key, a table of patients, and both as if they were settings.
    const OTHERS: [&str; 6] = [
        "c0ffee11c0ffee11c0ffee11c0ffee11c0ffee11c0ffee11c0ffee11c0ffee11\n",
        "mrn,name\n4711,canary smith\n",
        "c0ffee11c0ffee11c0ffee11c0ffee11c0ffee11c0ffee11c0ffee11c0ffee11 = 1\n",
        "size = 'canary smith'\nname = 4711\n",
        "\"canary smith\" = 4711\n",
        "[promote.\"canary smith\"]\napprovals = 'canary smith'\n",
    ];

    #[test]
    fn what_stands_in_a_file_is_never_shown() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("settings.toml");
        let mut said = Vec::new();
        for text in OTHERS {
            std::fs::write(&path, text).unwrap();
            let mut say = |what: &str, error: Option<String>| {
                let error = error.unwrap_or_else(|| panic!("{what} takes {text}"));
                assert!(!error.contains("canary") && !error.contains("c0ffee"), "{what}: {error}");
                assert!(!error.contains("4711"), "{what}: {error}");
                said.push(error);
            };
            let told = |error: anyhow::Error| format!("{error:#}");
            say("a policy", crate::policy_file::from_file(&path).err().map(told));
            say("Policy", Policy::from_toml(text).err().map(|e| e.to_string()));
            say("prices", crate::reasoning::Prices::read(Some(&path)).err().map(told));
            say("rules", crate::reasoning::Rules::read(Some(&path)).err().map(told));
            say("stages", govern::lifecycle::Policy::parse(text).err().map(|e| e.to_string()));
            say("criteria", govern::lifecycle::Criteria::parse(text).err().map(|e| e.to_string()));
        }
        assert!(said.iter().any(|said| said.contains("line 1: ")), "{said:?}");
    }

    #[test]
    fn what_was_meant_is_helped() {
        let error = parse::<BTreeMap<String, f64>>("# Costs.\na = 1.0\nb = 'ten'\n").unwrap_err();
        assert_eq!(error.to_string(), "line 3: invalid type: string, expected f64");
    }
}
