//! Incident onset: will this subject, free of a condition now, have it within a horizon? And recurrence: will it, who had it, have
//! it again?

use super::codes::{Broader, CodeSet, NothingBroader};
use super::landmark::{Landmark, prediction_times};
use crate::error::{Error, Result};
use crate::metrics::censoring::FollowUp;
use events::{Code, Prediction, Sex, Subject, Time};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// How long one recurrence is thought to take before any is seen.
const THOUGHT_DAYS: f64 = 365.25;

/// What follows a code in the name of a task that asks for it again.
const AGAIN: &str = " (again)";

/// What the task that asks for a code again is called.
pub fn recurring_name(code: &str) -> SmolStr {
    format!("{code}{AGAIN}").into()
}

/// The question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OnsetTask {
    /// Its name in predictions and reports; for one code, that code, or its [`recurring_name`].
    pub name: SmolStr,
    /// The codes whose first occurrence, or next, is the outcome.
    pub codes: CodeSet,
    /// Asks those who have had it before, when it comes the next time, instead of those who haven't.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
    /// Length of the outcome window in days.
    pub horizon_days: f64,
    /// Days between prediction and the start of the outcome window. Who has the outcome, dies or is lost
    /// within them isn't at risk when the window opens and has no label.
    #[serde(default)]
    pub gap_days: f64,
    /// How far back an earlier occurrence counts: it makes the condition prevalent, or is what `again` asks for. All of the record
    /// when absent.
    #[serde(default)]
    pub lookback_days: Option<f64>,
    /// When predictions are made.
    pub landmark: Landmark,
}

impl OnsetTask {
    /// Days from prediction to the end of the outcome window: gap and horizon. This is what
    /// [`Prediction::horizon_days`] holds, so that observed times compare with it.
    pub fn end_days(&self) -> f64 {
        self.gap_days + self.horizon_days
    }

    /// Checks the settings.
    pub fn validate(&self) -> Result<()> {
        let length = |setting, value: f64, positive: bool| {
            if value.is_finite() && (value > 0.0 || (!positive && value == 0.0)) {
                Ok(())
            } else {
                Err(Error::Setting {
                    setting,
                    wanted: if positive { "a positive number of days" } else { "0 or more days" },
                })
            }
        };
        length("a task's horizon_days", self.horizon_days, true)?;
        length("a task's gap_days", self.gap_days, false)?;
        length("a task's lookback_days", self.lookback_days.unwrap_or(1.0), true)
    }
}

/// A subject at a time, and what came true of one task from there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelledTime {
    /// The subject.
    pub subject_id: i64,
    /// The last moment whose facts may be used.
    pub prediction_time: Time,
    /// Onset within the window? `None` when observation ended before the window did, without onset or death.
    pub boolean_value: Option<bool>,
    /// Days from `prediction_time` to onset, else to death, else to the end of observation.
    pub observed_days: f64,
    /// Death came first, within the window: no onset by then, and none possible after.
    pub death_before_onset: bool,
    /// Age at `prediction_time` in years, when birth is recorded.
    pub age_years: Option<f32>,
    /// Administrative sex.
    pub sex: Sex,
}

impl LabelledTime {
    /// What is known by the end of the window, for shares and weights that allow for censoring.
    pub fn follow_up(&self) -> FollowUp {
        FollowUp { outcome: self.boolean_value, observed_days: self.observed_days }
    }

    /// The row of a prediction table for this label.
    pub fn predicted(self, task: &OnsetTask, probability: f64, baseline: Option<f64>) -> Prediction {
        Prediction {
            subject_id: self.subject_id,
            prediction_time: self.prediction_time,
            task: task.name.clone(),
            horizon_days: task.end_days() as f32,
            boolean_value: self.boolean_value,
            observed_days: Some(self.observed_days as f32),
            predicted_boolean_probability: probability,
            baseline_probability: baseline,
            age_years: self.age_years,
            sex: self.sex,
        }
    }
}

/// One subject's record indexed by code, so that labels of thousands of codes at one time cost little each.
pub struct SubjectTimeline<'a> {
    subject: &'a Subject,
    occurrences: FxHashMap<&'a str, Vec<Time>>,
    /// Of codes that are broader than one in the record, the narrower ones' times.
    narrower: FxHashMap<SmolStr, Vec<Time>>,
    birth: Option<Time>,
    death: Option<Time>,
    end: Option<Time>,
    sex: Sex,
}

impl<'a> SubjectTimeline<'a> {
    /// Indexes the dated events, each under its code and those broader than it. Undated ones are properties of the subject, not
    /// something that sets on.
    pub fn new(subject: &'a Subject, broader: &dyn Broader) -> Self {
        let mut occurrences: FxHashMap<&str, Vec<Time>> = FxHashMap::default();
        for event in subject.events() {
            if let Some(time) = event.time {
                occurrences.entry(event.code.as_str()).or_default().push(time);
            }
        }
        let mut narrower: FxHashMap<SmolStr, Vec<Time>> = FxHashMap::default();
        for (code, times) in &occurrences {
            for broader in broader.broader(code).iter() {
                narrower.entry(broader.clone()).or_default().extend_from_slice(times);
            }
        }
        narrower.values_mut().for_each(|times| times.sort_unstable());
        SubjectTimeline {
            occurrences,
            narrower,
            birth: subject.birth(),
            death: subject.death(),
            end: subject.followup_end(),
            sex: subject.sex(),
            subject,
        }
    }

    /// The subject.
    pub fn subject(&self) -> &Subject {
        self.subject
    }

    /// The codes that this record holds with a date.
    pub fn codes(&self) -> impl Iterator<Item = &'a str> {
        self.occurrences.keys().copied()
    }

    /// Occurrences of the set, as the last at or before `time` and the first after it.
    fn around(&self, codes: &CodeSet, time: Time) -> (Option<Time>, Option<Time>) {
        let (mut before, mut after): (Option<Time>, Option<Time>) = (None, None);
        self.each_times(codes, &mut |times| {
            let split = times.partition_point(|&t| t <= time);
            if let Some(&t) = times[..split].last() {
                before = before.max(Some(t));
            }
            if let Some(&t) = times.get(split) {
                after = Some(after.map_or(t, |a| a.min(t)));
            }
        });
        (before, after)
    }

    /// The times, ascending, of each code that belongs to the set.
    fn each_times(&self, codes: &CodeSet, look: &mut dyn FnMut(&[Time])) {
        for code in &codes.codes {
            let narrower = self.narrower.get(code).map(Vec::as_slice);
            let own = self.occurrences.get(code.as_str()).map(Vec::as_slice);
            own.into_iter().chain(narrower).for_each(&mut *look);
        }
        if !codes.prefixes.is_empty() {
            for (code, times) in &self.occurrences {
                if codes.prefixes.iter().any(|p| code.starts_with(p.as_str())) {
                    look(times);
                }
            }
        }
    }

    /// The risk of a recurrence by the subject's own rate so far, with no model: `1 − ((T + A)/(T + A + H))^n` for `n` days with an
    /// occurrence, `T` days since the first of them and a window of `H` days. That is the predictive chance of a Poisson process which
    /// before the first occurrence, by which the subject came to be asked, was thought to have one in `A`, a year (a gamma of shape 1).
    /// The look-back decides who is asked, not what is counted. `None` for an onset, and for whom it hasn't occurred to.
    pub fn own_rate(&self, time: Time, task: &OnsetTask) -> Option<f64> {
        if !task.again {
            return None;
        }
        let mut on: Vec<Time> = Vec::new();
        self.each_times(&task.codes, &mut |times| on.extend(times.iter().filter(|t| **t <= time)));
        let days = time.days_since(*on.iter().min()?) + THOUGHT_DAYS;
        on.iter_mut().for_each(|t| *t = t.end_of_day());
        on.sort_unstable();
        on.dedup();
        Some(1.0 - (days / (days + task.horizon_days)).powf(on.len() as f64))
    }

    /// The label at a time; `None` when the subject isn't at risk: the condition is prevalent (recorded at or
    /// before `time`, within the look-back) or, for a recurrence, isn't, the subject has died, or something ended the risk within
    /// the gap.
    pub fn label(&self, time: Time, task: &OnsetTask) -> Option<LabelledTime> {
        let (before, onset) = self.around(&task.codes, time);
        let lookback_start = task.lookback_days.map(|days| time.plus_days(-days));
        if before.is_some_and(|b| lookback_start.is_none_or(|start| b > start)) != task.again {
            return None;
        }
        let end = self.end?;
        if end < time || self.death.is_some_and(|death| death <= time) {
            return None;
        }
        // Facts recorded after death (bills, autopsies) are no onset in life; on the day of death they count. And what came after
        // the end of observation, death too, counts for nobody, or who happened to be recorded later would be known to have had
        // it, and who wasn't, be lost.
        let onset = onset.filter(|&onset| onset <= end);
        let death = self.death.filter(|&death| death <= end);
        let opens = time.plus_days(task.gap_days);
        let closes = time.plus_days(task.end_days());
        let stop = onset.or(death).unwrap_or(end);
        if task.gap_days > 0.0 && stop <= opens {
            return None;
        }
        let death_before_onset = onset.is_none() && death.is_some_and(|death| death <= closes);
        let boolean_value = match onset {
            Some(onset) => Some(onset <= closes),
            None if death_before_onset || end >= closes => Some(false),
            None => None,
        };
        Some(LabelledTime {
            subject_id: self.subject.id,
            prediction_time: time,
            boolean_value,
            observed_days: stop.days_since(time).max(0.0),
            death_before_onset,
            age_years: self.birth.map(|birth| (time.days_since(birth) / 365.25) as f32),
            sex: self.sex,
        })
    }
}

/// Labels of a task for all subjects at all prediction times, in the order of the subjects.
///
/// `seed` decides the random prediction times, by subject.
pub fn onset_labels<'a>(
    subjects: impl IntoIterator<Item = &'a Subject>,
    task: &OnsetTask,
    seed: u64,
) -> Result<Vec<LabelledTime>> {
    task.validate()?;
    let mut labels = Vec::new();
    for subject in subjects {
        let timeline = SubjectTimeline::new(subject, &NothingBroader);
        labels.extend(
            prediction_times(subject, &task.landmark, seed)
                .into_iter()
                .filter_map(|t| timeline.label(t, task)),
        );
    }
    Ok(labels)
}

/// Death itself as the outcome, for which nothing competes.
impl OnsetTask {
    /// All-cause death within the horizon.
    pub fn death(horizon_days: f64, landmark: Landmark) -> Self {
        OnsetTask {
            name: SmolStr::new_static(Code::DEATH),
            codes: CodeSet::one(Code::DEATH),
            again: false,
            horizon_days,
            gap_days: 0.0,
            lookback_days: None,
            landmark,
        }
    }

    /// First occurrence of one code within the horizon.
    pub fn code(code: &str, horizon_days: f64, landmark: Landmark) -> Self {
        OnsetTask {
            name: SmolStr::new(code),
            codes: CodeSet::one(code),
            ..Self::death(horizon_days, landmark)
        }
    }

    /// The same asked of those who have had it: when it comes again.
    #[must_use]
    pub fn recurring(self) -> Self {
        OnsetTask { name: recurring_name(&self.name), again: true, ..self }
    }

    /// The task on one code of which a table of predictions holds the name ([`OnsetTask::code`], [`OnsetTask::recurring`]).
    pub fn of_name(name: &str, horizon_days: f64, landmark: Landmark) -> Self {
        match name.strip_suffix(AGAIN) {
            Some(code) => Self::code(code, horizon_days, landmark).recurring(),
            None => Self::code(name, horizon_days, landmark),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Event;
    use std::sync::Arc;

    fn day(days: f64) -> Time {
        Time::from_ymd(2010, 1, 1).unwrap().plus_days(days)
    }

    fn subject(events: &[(f64, &str)]) -> Subject {
        Subject::new(1, events.iter().map(|(d, c)| Event::new(Some(day(*d)), Code::new(c))).collect())
    }

    fn label(events: &[(f64, &str)], change: impl Fn(&mut OnsetTask)) -> Option<LabelledTime> {
        let mut task = OnsetTask {
            codes: CodeSet::prefix("ICD10CM//E11"),
            ..OnsetTask::code("diabetes", 365.0, Landmark::EventIndex { index: 0 })
        };
        change(&mut task);
        SubjectTimeline::new(&subject(events), &NothingBroader).label(day(0.0), &task)
    }

    fn outcome(events: &[(f64, &str)]) -> Option<(Option<bool>, f64, bool)> {
        label(events, |_| {}).map(|l| (l.boolean_value, l.observed_days, l.death_before_onset))
    }

    #[test]
    fn every_kind_of_ending() {
        let end = (800.0, Code::FOLLOWUP_END);
        assert_eq!(outcome(&[(0.0, "X"), (100.0, "ICD10CM//E11.9"), end]), Some((Some(true), 100.0, false)));
        assert_eq!(outcome(&[(0.0, "X"), (365.0, "ICD10CM//E11.9"), end]), Some((Some(true), 365.0, false)));
        assert_eq!(outcome(&[(0.0, "X"), (366.0, "ICD10CM//E11.9"), end]), Some((Some(false), 366.0, false)));
        assert_eq!(outcome(&[(0.0, "X"), end]), Some((Some(false), 800.0, false)));
        assert_eq!(outcome(&[(0.0, "X"), (90.0, "X")]), Some((None, 90.0, false)));
        assert_eq!(outcome(&[(0.0, "X"), (90.0, Code::DEATH)]), Some((Some(false), 90.0, true)));
        assert_eq!(outcome(&[(0.0, "X"), (400.0, Code::DEATH)]), Some((Some(false), 400.0, false)));
        // Onset recorded on the moment of death counts; after death it can't.
        let both = [(0.0, "X"), (90.0, "ICD10CM//E11"), (90.0, Code::DEATH)];
        assert_eq!(outcome(&both), Some((Some(true), 90.0, false)));
        let late = [(0.0, "X"), (99.0, "ICD10CM//E11"), (90.0, Code::DEATH)];
        assert_eq!(outcome(&late), Some((Some(false), 90.0, true)));
        // What comes after the end of observation counts for nobody.
        let left = (100.0, Code::FOLLOWUP_END);
        let lost = Some((None, 100.0, false));
        assert_eq!(outcome(&[(0.0, "X"), left]), lost);
        assert_eq!(outcome(&[(0.0, "X"), left, (274.0, "ICD10CM//E11")]), lost);
        assert_eq!(outcome(&[(0.0, "X"), left, (274.0, Code::DEATH)]), lost);
        // A last visit at the prediction time: censored at once, still a row.
        assert_eq!(outcome(&[(0.0, "X")]), Some((None, 0.0, false)));
    }

    #[test]
    fn prevalent_subjects_are_not_at_risk() {
        assert_eq!(outcome(&[(-50.0, "ICD10CM//E11.2"), (0.0, "X"), (100.0, "ICD10CM//E11.9")]), None);
        assert_eq!(outcome(&[(0.0, "ICD10CM//E11.2"), (100.0, "ICD10CM//E11.9")]), None);
        let old = [(-900.0, "ICD10CM//E11.2"), (0.0, "X"), (100.0, "ICD10CM//E11.9")];
        let with_lookback = label(&old, |t| t.lookback_days = Some(730.0)).unwrap();
        assert_eq!(with_lookback.boolean_value, Some(true));
        assert_eq!(outcome(&[(-5.0, "X"), (-1.0, Code::DEATH)]), None);
    }

    #[test]
    fn who_has_a_narrower_code_has_the_broader() {
        struct Categories;
        impl Broader for Categories {
            fn broader(&self, code: &str) -> Arc<[SmolStr]> {
                let category = code.split_once('.').map(|(category, _)| SmolStr::new(category));
                category.into_iter().collect()
            }
        }
        let label = |events: &[(f64, &str)], code: &str| {
            let task = OnsetTask::code(code, 365.0, Landmark::EventIndex { index: 0 });
            SubjectTimeline::new(&subject(events), &Categories).label(day(0.0), &task)
        };
        let end = (800.0, Code::FOLLOWUP_END);
        let later =
            [(0.0, "X"), (200.0, "ICD10CM//E11.9"), (100.0, "ICD10CM//E11.2"), (300.0, "ICD10CM//E11"), end];
        let days = |code: &str| label(&later, code).map(|l| (l.boolean_value, l.observed_days));
        assert_eq!(days("ICD10CM//E11"), Some((Some(true), 100.0)), "the first of any");
        assert_eq!(
            days("ICD10CM//E11.9"),
            Some((Some(true), 200.0)),
            "a broader code is not a narrower one's"
        );
        assert_eq!(days("ICD10CM//E10"), Some((Some(false), 800.0)));
        let before = [(-5.0, "ICD10CM//E11.9"), (0.0, "X"), (100.0, "ICD10CM//E11"), end];
        assert_eq!(label(&before, "ICD10CM//E11"), None, "prevalent by the narrower");
    }

    #[test]
    fn a_recurrence_is_asked_of_those_who_have_had_it() {
        let again = |events: &[(f64, &str)]| {
            label(events, |t| t.again = true).map(|l| (l.boolean_value, l.observed_days))
        };
        let end = (800.0, Code::FOLLOWUP_END);
        assert_eq!(again(&[(0.0, "X"), (100.0, "ICD10CM//E11.9"), end]), None, "an onset");
        let had = [(-50.0, "ICD10CM//E11.2"), (0.0, "X"), (100.0, "ICD10CM//E11.9"), end];
        assert_eq!(again(&had), Some((Some(true), 100.0)));
        assert_eq!(again(&[(0.0, "ICD10CM//E11.2"), end]), Some((Some(false), 800.0)));
        let old = label(&had, |t| (t.again, t.lookback_days) = (true, Some(30.0)));
        assert_eq!(old, None, "too long ago");
        // By name, as a table of predictions has it.
        let task = OnsetTask::code("ICD10CM//E11.9", 30.0, Landmark::EventIndex { index: 0 });
        assert_eq!(OnsetTask::of_name(&task.name, 30.0, task.landmark.clone()), task);
        let again = task.clone().recurring();
        assert_eq!(OnsetTask::of_name(&again.name, 30.0, task.landmark.clone()), again);
        assert!(again.again && again.name != task.name && again.codes == task.codes);
    }

    #[test]
    fn the_own_rate_counts_days_since_the_first() {
        let events = [
            (-900.0, "X"),
            (-100.0, "A"),
            (-60.0, "A"),
            (-59.99, "A"),
            (0.0, "X"),
            (5.0, "A"),
            (800.0, Code::FOLLOWUP_END),
        ];
        let subject = subject(&events);
        let timeline = SubjectTimeline::new(&subject, &NothingBroader);
        let task = OnsetTask::code("A", 25.0, Landmark::EventIndex { index: 0 });
        assert_eq!(timeline.own_rate(day(0.0), &task), None, "no recurrence");
        let again = task.recurring();
        let risk = timeline.own_rate(day(0.0), &again).unwrap();
        assert!((risk - (1.0 - (465.25_f64 / 490.25).powi(2))).abs() < 1e-9, "{risk}");
        let risk = timeline.own_rate(day(-100.0), &again).unwrap();
        assert!((risk - 25.0 / 390.25).abs() < 1e-9, "of the first alone: {risk}");
        assert_eq!(timeline.own_rate(day(-101.0), &again), None, "before the first");
    }

    #[test]
    fn a_gap_asks_about_later_onset_only() {
        let at = |onset: f64| {
            label(&[(0.0, "X"), (onset, "ICD10CM//E11"), (900.0, Code::FOLLOWUP_END)], |t| t.gap_days = 30.0)
        };
        assert_eq!(at(20.0), None);
        assert_eq!(at(31.0).unwrap().boolean_value, Some(true));
        assert_eq!(at(395.0).unwrap().boolean_value, Some(true));
        assert_eq!(at(396.0).unwrap().boolean_value, Some(false));
    }

    #[test]
    fn death_as_the_outcome_has_no_competitor() {
        let dies = subject(&[(0.0, "X"), (90.0, Code::DEATH)]);
        let task = OnsetTask::death(365.0, Landmark::EventIndex { index: 0 });
        let labels = onset_labels([&dies], &task, 0).unwrap();
        assert_eq!((labels[0].boolean_value, labels[0].death_before_onset), (Some(true), false));
        assert!(onset_labels([&dies], &OnsetTask { horizon_days: 0.0, ..task }, 0).is_err());
    }
}
