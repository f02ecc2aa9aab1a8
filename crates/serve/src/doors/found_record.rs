//! The record that stands in a text, whatever stands around it.

use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Probe {
    #[serde(rename = "resourceType", default)]
    resource_type: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    events: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    omop: Option<serde::de::IgnoredAny>,
}

/// How many places in a text are looked at: text that is mostly brackets is nobody's record.
const MAX_PLACES: usize = 64;

/// The first JSON object within a text that looks like a record, whatever stands around it.
pub(super) fn record_in(text: &str) -> Option<Box<RawValue>> {
    records_in(text).next()
}

/// All of them, in the order of the text.
pub(super) fn records_in(text: &str) -> impl Iterator<Item = Box<RawValue>> {
    let (mut from, mut places) = (0, 0);
    std::iter::from_fn(move || {
        while places < MAX_PLACES {
            places += 1;
            let start = from + text.get(from..)?.find('{')?;
            let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter::<&RawValue>();
            match values.next() {
                Some(Ok(value)) => {
                    from = start + values.byte_offset();
                    if let Ok(Probe { resource_type, events, omop }) = serde_json::from_str(value.get())
                        && (resource_type.is_some() || events.is_some() || omop.is_some())
                    {
                        return Some(value.to_owned());
                    }
                }
                _ => from = start + 1,
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_records_of_a_text_are_found() {
        let text = r#"{"resourceType":"Bundle","id":"1"} and {"x":1} {"resourceType":"Bundle","id":"2"}"#;
        let found: Vec<_> = records_in(text).map(|record| record.get().len()).collect();
        assert_eq!(found, [34, 34]);
    }

    #[test]
    fn a_record_is_found_within_words_and_fences() {
        let record = r#"{"events":[{"code":"MEDS_BIRTH","time":"1950-01-01"}]}"#;
        for text in [
            record.to_owned(),
            format!("What is this patient's risk?\n```json\n{record}\n```\nThank you {{really}}"),
            format!(r#"{{"question": 1}} {record}"#),
        ] {
            assert_eq!(record_in(&text).unwrap().get(), record, "{text}");
        }
        for text in ["", "hello", "{", "{}", r#"{"events"#, &"{".repeat(100_000)] {
            assert!(record_in(text).is_none());
        }
    }
}
