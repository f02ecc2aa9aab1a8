//! The moments at which a treatment was begun or not, and what came of it.
//!
//! A decision stands at the first record of the condition. Who begins the treatment within the days of grace counts as treated,
//! who doesn't as untreated; follow-up begins when the grace ends, for both, so that nobody is counted as treated
//! because he lived long enough to be (Hernán and Robins, American Journal of Epidemiology 2016). Who had the treatment, the outcome, death or
//! the end of follow-up before then is left out.

use super::case::Case;
use ::evaluate::metrics::censoring::{CensoringCurve, FollowUp};
use ::evaluate::tasks::{CodeSet, Landmark, NothingBroader, OnsetTask, SubjectTimeline};
use ::serve::CodeKind;
use events::{Code, Event, Subject, Time};

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// The condition, by how its codes begin.
    pub condition: String,
    /// The treatment, by how its codes begin.
    pub treatment: String,
    /// The outcome, by how its codes begin.
    pub outcome: String,
    /// Days within which the treatment is begun.
    pub grace_days: f64,
    /// Days of follow-up after that.
    pub horizon_days: f64,
}

/// A decision.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Whether the treatment was begun.
    pub treated: bool,
    /// What came of it.
    pub follow_up: FollowUp,
    /// The record before it: without the drugs of that very moment, which are the decision.
    pub before: Subject,
}

impl Question {
    /// A subject's decision, if it had one.
    pub fn decision(&self, subject: &Subject) -> Option<Decision> {
        let time = first(subject, &self.condition)?;
        let begun = first(subject, &self.treatment);
        if begun.is_some_and(|begun| begun < time) {
            return None;
        }
        let treated = begun.is_some_and(|begun| begun <= time.plus_days(self.grace_days));
        let follow_up = self.follow_up(subject, time)?;
        Some(Decision { treated, follow_up, before: before(subject, time) })
    }

    /// Why somebody whose record this is, as known before the decision, would not be among those compared; none for who would.
    pub fn not_for(&self, record: &Subject) -> Option<&'static str> {
        if first(record, &self.condition).is_none() {
            return Some("this record holds no such condition by then, and the people compared have it");
        }
        if first(record, &self.treatment).is_some() {
            return Some("this record holds the treatment already, and the people compared had not had it");
        }
        if first(record, &self.outcome).is_some() {
            return Some("this record holds the outcome already, and the people compared had not had it");
        }
        None
    }

    /// What came of the outcome after a moment, counted from when the grace ends; none for who isn't at risk then.
    pub fn follow_up(&self, subject: &Subject, time: Time) -> Option<FollowUp> {
        let landmark = Landmark::EventIndex { index: 0 };
        let task = match self.outcome.as_str() {
            Code::DEATH => OnsetTask::death(self.horizon_days, landmark),
            _ => OnsetTask {
                codes: CodeSet::prefix(self.outcome.as_str()),
                ..OnsetTask::code(&self.outcome, self.horizon_days, landmark)
            },
        };
        let task = OnsetTask { gap_days: self.grace_days, ..task };
        let label = SubjectTimeline::new(subject, &NothingBroader).label(time, &task)?;
        Some(FollowUp { outcome: label.boolean_value, observed_days: label.observed_days })
    }
}

/// The first dated event whose code begins so.
pub fn first(subject: &Subject, prefix: &str) -> Option<Time> {
    let own = subject.events().iter().filter(|event| event.code.as_str().starts_with(prefix));
    own.filter_map(|event| event.time).min()
}

/// The record up to a moment, that moment's drugs left out.
pub fn before(subject: &Subject, time: Time) -> Subject {
    let kept = |event: &&Event| match event.time {
        None => true,
        Some(at) if at == time => CodeKind::of(event.code.as_str()) != CodeKind::Medication,
        Some(at) => at < time,
    };
    Subject::new(subject.id, subject.events().iter().filter(kept).cloned().collect())
}

/// The record of a case, as a decision now would see it.
pub fn now(case: &Case<'_>) -> Subject {
    before(&case.subject, case.at)
}

/// What each known outcome counts: the inverse of the chance of its being known, by Kaplan and Meier within each arm.
pub fn weights(decisions: &[&Decision], horizon_days: f64) -> Vec<f64> {
    let curve = |treated: bool| {
        let rows: Vec<FollowUp> =
            decisions.iter().filter(|d| d.treated == treated).map(|d| d.follow_up).collect();
        CensoringCurve::fit(&rows, horizon_days)
    };
    let curves = [curve(false), curve(true)];
    decisions
        .iter()
        .map(|d| {
            let until = match d.follow_up.outcome {
                Some(true) => d.follow_up.observed_days,
                _ => d.follow_up.observed_days.min(horizon_days),
            };
            // The chance of being watched right up to then.
            let watched = curves[usize::from(d.treated)].before(until);
            if watched > 0.02 { 1.0 / watched } else { 50.0 }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_not_about_who_would_not_be_among_those_compared() {
        let question = Question {
            condition: "ICD10CM//E11".to_owned(),
            treatment: "RXNORM//860975".to_owned(),
            outcome: "ICD10CM//I50".to_owned(),
            grace_days: 30.0,
            horizon_days: 365.0,
        };
        let day = |days: f64| Time::from_ymd(2020, 1, 1).unwrap().plus_days(days);
        let record = |codes: &[(f64, &str)]| {
            let event = |(days, code): &(f64, &str)| Event::new(Some(day(*days)), Code::new(code));
            Subject::new(1, codes.iter().map(event).collect())
        };
        let diabetes = (0.0, "ICD10CM//E11.9");
        let said = |codes: &[(f64, &str)]| question.not_for(&before(&record(codes), day(9.0)));
        assert_eq!(said(&[diabetes]), None);
        // What is begun at that very moment is the decision.
        assert_eq!(said(&[diabetes, (9.0, "RXNORM//860975")]), None);
        assert!(said(&[(0.0, "ICD10CM//I10")]).unwrap().contains("no such condition"));
        assert!(said(&[diabetes, (5.0, "RXNORM//860975")]).unwrap().contains("the treatment already"));
        assert!(said(&[diabetes, (5.0, "ICD10CM//I50.9")]).unwrap().contains("the outcome already"));
        // What comes later isn't known.
        assert_eq!(said(&[diabetes, (12.0, "ICD10CM//I50.9")]), None);
    }
}
