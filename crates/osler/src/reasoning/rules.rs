//! What speaks against a treatment in a record, and what guidelines take first: rules that a site writes.

use super::case::{Case, day};
use crate::settings_file;
use anyhow::Result;
use events::{Event, Time};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A site's rules: TOML with `[[contraindication]]` and `[[first_choice]]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// What speaks against treatments.
    #[serde(default)]
    pub contraindication: Vec<Contraindication>,
    /// What is taken first.
    #[serde(default)]
    pub first_choice: Vec<FirstChoice>,
}

/// A code in the record, or the last value of a measurement, that speaks against a treatment.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contraindication {
    /// The treatment, by how its codes begin.
    pub treatment: String,
    /// The code that speaks against it, by how it begins.
    pub code: String,
    /// Only if its last value lies below this.
    pub below: Option<f32>,
    /// Only if its last value lies above this.
    pub above: Option<f32>,
    /// The unit of those limits, as the record writes it (UCUM); without it values are compared whatever their unit.
    pub unit: Option<String>,
    /// Only if it was recorded within so many days.
    pub within_days: Option<f64>,
    /// In words, with its source.
    pub because: String,
}

/// What a guideline takes first.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FirstChoice {
    /// The condition, by how its codes begin.
    pub condition: String,
    /// The treatment, by how its codes begin.
    pub treatment: String,
    /// Which guideline.
    pub source: String,
}

/// What was found in a record against a treatment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Against {
    /// The rule's words.
    pub because: String,
    /// The code found.
    pub code: String,
    /// Its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f32>,
    /// In which unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The value is in another unit than the rule's, so that whether it lies beyond the limit isn't known.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub in_another_unit: bool,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<String>,
}

impl Rules {
    /// Reads them.
    pub fn read(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else { return Ok(Rules::default()) };
        settings_file::read(path, "holds no rules")
    }

    /// What speaks against a treatment in a record, as known by now.
    pub fn against(&self, case: &Case<'_>, treatment: &str) -> Vec<Against> {
        let rules =
            self.contraindication.iter().filter(|rule| treatment.starts_with(rule.treatment.as_str()));
        rules.filter_map(|rule| rule.found(case.subject.events(), case.at)).collect()
    }

    /// The guideline that takes a treatment of a condition first.
    pub fn first(&self, condition: &str, treatment: &str) -> Option<&str> {
        let rule = self.first_choice.iter().find(|rule| {
            condition.starts_with(rule.condition.as_str()) && treatment.starts_with(rule.treatment.as_str())
        });
        rule.map(|rule| rule.source.as_str())
    }
}

impl Contraindication {
    /// What an event that holds the rule's code says; of several of the last moment, any that speaks against the treatment.
    fn found(&self, events: &[Event], now: Time) -> Option<Against> {
        let asks_value = self.below.is_some() || self.above.is_some();
        let own = events.iter().filter(|event| {
            let age = event.time.map(|time| now.days_since(time));
            event.code.as_str().starts_with(self.code.as_str())
                && age.is_none_or(|age| age >= 0.0)
                && self.within_days.is_none_or(|days| age.is_some_and(|age| age <= days))
                && (!asks_value || event.numeric_value.is_some())
        });
        let last = own.clone().map(|event| event.time).max()?;
        let of_last = own.filter(|event| event.time == last);
        let in_another_unit = |event: &Event| {
            asks_value && self.unit.is_some() && event.unit.as_deref() != self.unit.as_deref()
        };
        let holds = |event: &Event| {
            let beyond = |value: f32| {
                self.below.is_none_or(|below| value < below) && self.above.is_none_or(|above| value > above)
            };
            !asks_value || (!in_another_unit(event) && event.numeric_value.is_some_and(beyond))
        };
        // A limit that can't be held to the value is said rather than passed over.
        let found =
            of_last.clone().find(|e| holds(e)).or_else(|| of_last.clone().find(|e| in_another_unit(e)))?;
        Some(Against {
            because: self.because.clone(),
            code: found.code.to_string(),
            value: found.numeric_value,
            unit: found.unit.as_ref().map(ToString::to_string),
            in_another_unit: in_another_unit(found),
            day: found.time.map(day),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Code;

    fn potassium(limits: &str) -> Contraindication {
        let rule = format!(
            "[[contraindication]]\ntreatment = \"RXNORM//\"\ncode = \"LOINC//2823-3\"\n{limits}\nbecause = \"potassium\"\n"
        );
        toml::from_str::<Rules>(&rule).unwrap().contraindication.remove(0)
    }

    fn at(days: f64) -> Time {
        Time::from_ymd(2024, 1, 1).unwrap().plus_days(days)
    }

    fn measured(days: f64, value: f32, unit: &str) -> Event {
        Event::new(Some(at(days)), Code::new("LOINC//2823-3")).with_value(value).with_unit(unit)
    }

    #[test]
    fn the_last_value_counts_and_of_one_moment_any() {
        let rule = potassium("above = 5.5");
        let said = |events: &[Event]| rule.found(events, at(10.0)).and_then(|against| against.value);
        assert_eq!(said(&[measured(1.0, 6.5, "mmol/L"), measured(2.0, 4.5, "mmol/L")]), None);
        assert_eq!(said(&[measured(1.0, 4.5, "mmol/L"), measured(2.0, 6.5, "mmol/L")]), Some(6.5));
        assert_eq!(said(&[measured(2.0, 6.5, "mmol/L"), measured(2.0, 4.5, "mmol/L")]), Some(6.5));
        // What comes later isn't known yet.
        assert_eq!(said(&[measured(11.0, 6.5, "mmol/L")]), None);
        assert!(
            potassium("above = 5.5\nwithin_days = 5").found(&[measured(1.0, 6.5, "")], at(10.0)).is_none()
        );
    }

    #[test]
    fn a_value_in_another_unit_is_told_and_not_compared() {
        let rule = potassium("above = 5.5\nunit = \"mmol/L\"");
        let same = rule.found(&[measured(1.0, 6.5, "mmol/L")], at(2.0)).unwrap();
        assert!(!same.in_another_unit && same.unit.as_deref() == Some("mmol/L"));
        assert!(rule.found(&[measured(1.0, 4.5, "mmol/L")], at(2.0)).is_none());
        let other = rule.found(&[measured(1.0, 18.0, "mg/dL")], at(2.0)).unwrap();
        assert!(other.in_another_unit && other.value == Some(18.0), "{other:?}");
    }
}
