//! The page on which a person reads de-identified texts and says what is left in them.

use super::words::escape;
use super::{STYLE, synthetic_banner};
use crate::risk::ReviewSample;
use crate::risk::review::KINDS;

const TEMPLATE: &str = include_str!("review.html");
const SCRIPT: &str = include_str!("review.js");

pub(in crate::risk) fn review(sample: &ReviewSample, dataset: &str, synthetic: bool) -> String {
    #[derive(serde::Serialize)]
    struct Shown<'a> {
        // As text: a browser's numbers hold 53 bits, pseudonyms 63.
        subject_id: String,
        code: &'a str,
        text: &'a str,
    }
    #[derive(serde::Serialize)]
    struct Data<'a> {
        sample: &'a str,
        dataset: &'a str,
        synthetic: bool,
        population: u64,
        kinds: [&'static str; KINDS.len()],
        passages: Vec<Shown<'a>>,
    }
    let data = Data {
        sample: &sample.digest,
        dataset,
        synthetic,
        population: sample.population,
        kinds: KINDS,
        passages: sample
            .passages
            .iter()
            .map(|p| Shown { subject_id: p.subject_id.to_string(), code: &p.code, text: &p.text })
            .collect(),
    };
    // Inside a script element only `<` could end it early.
    let json = match serde_json::to_string(&data) {
        Ok(json) => json.replace('<', "\\u003c"),
        Err(error) => unreachable!("strings and numbers are always JSON: {error}"),
    };
    // Data last: what a text holds is never taken for a mark of the template.
    TEMPLATE
        .replace("{style}", STYLE)
        .replace("{script}", SCRIPT)
        .replace("{banner}", synthetic_banner(synthetic))
        .replace("{dataset}", &escape(dataset))
        .replace("{data}", &json)
}
