//! How well records fit a model: what its events were read as, and why there may be no prediction.

use super::{Arguments, Job};
use crate::progress::grouped;
use serde_json::{Value, json};
use timeline::TokenizationCounts;

/// Below this share of events that are read as what they are, records are hardly those that a model is for.
const HALF: f64 = 0.5;

/// Counts by what events were read as, for the manifest.
pub(super) fn counted(counts: TokenizationCounts) -> Value {
    json!({
        "events": counts.events,
        "as_themselves": counts.events.saturating_sub(counts.backed_off + counts.unknown),
        "as_a_broader_code": counts.backed_off,
        "unknown": counts.unknown,
    })
}

/// The same in a line, with a warning where the records are hardly those that the model is for.
pub(super) fn told(counted: &Value) -> Option<String> {
    let count = |name: &str| counted[name].as_f64().unwrap_or(0.0);
    let events = count("events");
    if events == 0.0 {
        return None;
    }
    let share = |name: &str| 100.0 * count(name) / events;
    let fits = count("as_themselves") >= HALF * events;
    let line = format!(
        "of {} events that were read the model knows {:.1} % as what they are, {:.1} % by a broader code, {:.1} % not at all",
        grouped(events as u64),
        share("as_themselves"),
        share("as_a_broader_code"),
        share("unknown"),
    );
    let warning = "warning: the model hardly knows these records, and its answers may mean little; was it trained on others? \
                   `osler adopt` tells it what another site's codes are";
    Some(if fits { line } else { format!("{line}\n{warning}") })
}

impl Job<'_> {
    /// Why nothing was predicted, as far as can be told.
    pub(super) fn why_none(&self, counts: &Value) -> String {
        let Arguments { labels, at, again, split, horizons, min_history_days, events, .. } = self.arguments;
        let events = events.display();
        let why = if self.total() == 0 {
            format!("{events} has nobody in the split {split}; --split all asks about everybody")
        } else if let Some(labels) = labels.as_ref().or(at.as_ref()) {
            format!(
                "no label in {} is of somebody in the split {split} of {events} who has a record by then, or {} what is asked about; \
                 --split all asks about everybody",
                labels.display(),
                if *again { "none has" } else { "all have" }
            )
        } else if counts["subjects"] == 0 {
            format!(
                "nobody in the split {split} of {events} has a visit at least {min_history_days} days after the first event and {} before \
                 the end of the records; try shorter --horizons",
                horizons.join(" or ")
            )
        } else {
            let have = if *again { "nobody who could be asked has" } else { "whoever was asked about has" };
            format!("{have} the codes already, or nothing is known of them afterwards")
        };
        format!("warning: no predictions: {why}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_hardly_knows_the_records_is_warned_of() {
        let counts = |backed_off, unknown| TokenizationCounts {
            events: 1000,
            backed_off,
            unknown,
            ..TokenizationCounts::default()
        };
        let line = told(&counted(counts(200, 100))).unwrap();
        assert_eq!(
            line,
            "of 1,000 events that were read the model knows 70.0 % as what they are, 20.0 % by a broader code, 10.0 % not at all"
        );
        let line = told(&counted(counts(900, 51))).unwrap();
        assert!(
            line.contains("warning")
                && line.contains("4.9 % as what they are")
                && line.contains("osler adopt"),
            "{line}"
        );
        assert!(told(&counted(TokenizationCounts::default())).is_none());
    }
}
