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
    before(case.subject, case.at)
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
