//! A task in a file: ACES's language, or Osler's own for the onset of a condition.
//!
//! ```yaml
//! onset:
//!   prefixes: [ICD10CM//E11]      # beginnings of codes; `codes` lists whole ones
//!   horizon_days: 365
//!   gap_days: 30                  # optional
//!   lookback_days: 730            # optional; all of the record when absent
//!   again: true                   # optional; asks those who have had it, when it comes again
//!   prediction_times: { every_years: 1, minimum_history_days: 180 }
//! ```

use super::codes::CodeSet;
use super::document::{Document, Node};
use super::landmark::{Landmark, StudyWindow};
use super::{AcesTask, OnsetTask};
use crate::error::Result;
use events::Time;
use smol_str::SmolStr;

/// What a file asks.
#[derive(Clone, Debug)]
pub enum TaskFile {
    /// A task in ACES's language.
    Aces(AcesTask),
    /// Incident onset of a group of codes.
    Onset(OnsetFile),
}

/// An onset task whose prediction times may still need the data set's end.
#[derive(Clone, Debug, PartialEq)]
pub struct OnsetFile {
    task: OnsetTask,
    /// Is the landmark a random visit, whose `study_end` only the data can tell?
    needs_study_end: bool,
}

impl OnsetFile {
    /// Must the data set's window be known?
    pub fn needs_study_window(&self) -> bool {
        self.needs_study_end
    }

    /// The task, with the end of the study where it needs one.
    pub fn resolve(mut self, name: &str, window: Option<StudyWindow>) -> OnsetTask {
        if let (Landmark::RandomVisit { study_end, .. }, Some(window)) = (&mut self.task.landmark, window) {
            *study_end = window.end;
        }
        self.task.name = SmolStr::new(name);
        self.task
    }
}

impl TaskFile {
    /// Reads a task. A file with a part `onset` is Osler's own; any other is ACES's, whose predicates `predicates`
    /// replaces where given.
    ///
    /// # Errors
    /// [`crate::Error::Task`] with the line and what to do.
    pub fn parse(text: &str, predicates: Option<&str>) -> Result<Self> {
        let document = Document::parse("task file", text)?;
        let entries = document.root().entries("a task")?;
        let Some((_, onset)) = entries.iter().find(|(key, _)| *key == "onset") else {
            return AcesTask::parse(text, predicates).map(TaskFile::Aces);
        };
        if let Some((key, node)) =
            entries.iter().find(|(key, _)| !["onset", "description", "metadata"].contains(key))
        {
            return Err(node.refuse(format!("beside `onset` stand description and metadata, not `{key}`")));
        }
        if predicates.is_some() {
            return Err(onset.refuse("an onset task has no predicates; leave the predicates file out"));
        }
        self::onset(onset).map(TaskFile::Onset)
    }
}

fn onset(node: &Node) -> Result<OnsetFile> {
    let (mut codes, mut again, mut horizon, mut gap, mut lookback, mut times) =
        (CodeSet::default(), false, None, 0.0, None, None);
    let list = |value: &Node, what: &str| -> Result<Vec<SmolStr>> {
        Ok(value.texts(what)?.into_iter().map(SmolStr::new).collect())
    };
    for (key, value) in node.entries("onset")? {
        match key {
            "codes" => codes.codes = list(&value, "codes")?,
            "prefixes" => codes.prefixes = list(&value, "prefixes")?,
            "again" => again = value.boolean("again")?,
            "horizon_days" => horizon = Some(value.number("horizon_days")?),
            "gap_days" => gap = value.number("gap_days")?,
            "lookback_days" => lookback = value.number_or_null("lookback_days")?,
            "prediction_times" => times = Some(landmark(&value)?),
            other => {
                return Err(value.refuse(format!(
                    "onset has no setting `{other}`: known are codes, prefixes, again, horizon_days, gap_days, lookback_days and \
                     prediction_times"
                )));
            }
        }
    }
    if codes.codes.is_empty() && codes.prefixes.is_empty() {
        return Err(node.refuse("onset needs codes or prefixes"));
    }
    let horizon_days = horizon.ok_or_else(|| node.refuse("onset needs horizon_days"))?;
    let landmark = times.ok_or_else(|| node.refuse("onset needs prediction_times"))?;
    let needs_study_end = matches!(landmark, Landmark::RandomVisit { .. });
    let task = OnsetTask {
        name: SmolStr::default(),
        codes,
        again,
        horizon_days,
        gap_days: gap,
        lookback_days: lookback,
        landmark,
    };
    task.validate().map_err(|e| node.refuse(e.to_string()))?;
    Ok(OnsetFile { task, needs_study_end })
}

fn landmark(node: &Node) -> Result<Landmark> {
    let (mut history, mut leave, mut kind) = (0.0, 0.0, None);
    let not_negative = |value: &Node, what: &str| match value.number(what)? {
        number if number >= 0.0 => Ok(number),
        _ => Err(value.refuse(format!("{what} must be 0 or more"))),
    };
    for (key, value) in node.entries("prediction_times")? {
        let rule = match key {
            "minimum_history_days" => {
                history = not_negative(&value, key)?;
                continue;
            }
            "leave_days" => {
                leave = not_negative(&value, key)?;
                continue;
            }
            "event" => {
                let index = not_negative(&value, key)?;
                if index.fract() != 0.0 {
                    return Err(value.refuse("event must be a whole number, counting from 0"));
                }
                Landmark::EventIndex { index: index as usize }
            }
            "ages" => {
                let years = value
                    .items("ages")?
                    .iter()
                    .map(|age| not_negative(age, "an age"))
                    .collect::<Result<_>>()?;
                Landmark::Ages { years }
            }
            "date" => Landmark::Calendar { time: date(&value)? },
            "every_years" => match value.number(key)? {
                years if years > 0.0 => Landmark::Every { years, minimum_history_days: 0.0 },
                _ => return Err(value.refuse("every_years must be more than 0")),
            },
            "random_visit" if value.boolean(key)? => {
                Landmark::RandomVisit { study_end: Time::MAX, leave_days: 0.0, minimum_history_days: 0.0 }
            }
            other => {
                return Err(value.refuse(format!(
                    "prediction_times has no setting `{other}`: state one of event, ages, date, every_years and \
                     random_visit: true, with minimum_history_days and (for random_visit) leave_days"
                )));
            }
        };
        if kind.replace(rule).is_some() {
            return Err(value.refuse("prediction_times holds two rules; state one"));
        }
    }
    let mut kind = kind.ok_or_else(|| node.refuse("prediction_times states no rule"))?;
    match &mut kind {
        Landmark::Every { minimum_history_days, .. } if leave == 0.0 => *minimum_history_days = history,
        Landmark::RandomVisit { minimum_history_days, leave_days, .. } => {
            (*minimum_history_days, *leave_days) = (history, leave);
        }
        _ if history > 0.0 || leave > 0.0 => {
            return Err(node.refuse(
                "minimum_history_days goes with every_years and random_visit, leave_days with random_visit alone",
            ));
        }
        _ => {}
    }
    Ok(kind)
}

/// A civil date as `YYYY-MM-DD`.
fn date(node: &Node) -> Result<Time> {
    let text = node.text("date")?;
    let mut parts = text.splitn(3, '-').map(str::parse::<u32>);
    match (parts.next(), parts.next(), parts.next()) {
        (Some(Ok(year)), Some(Ok(month)), Some(Ok(day))) => Time::from_ymd(year as i32, month, day),
        _ => None,
    }
    .ok_or_else(|| node.refuse("date must be a day as YYYY-MM-DD"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        TaskFile::parse(text, None).unwrap_err().to_string()
    }

    #[test]
    fn an_onset_task_is_read() {
        let text = "onset:\n  prefixes: [ICD10CM//E11]\n  horizon_days: 365\n  gap_days: 30\n  \
                    prediction_times: {random_visit: true, leave_days: 90, minimum_history_days: 10}\n";
        let TaskFile::Onset(file) = TaskFile::parse(text, None).unwrap() else { panic!("not an onset task") };
        assert!(file.needs_study_window());
        let end = Time::from_ymd(2020, 1, 1).unwrap();
        let task = file.resolve("diabetes", Some(StudyWindow { start: end, end }));
        assert_eq!((task.name.as_str(), task.gap_days, task.lookback_days), ("diabetes", 30.0, None));
        assert!(!task.again);
        let TaskFile::Onset(file) = TaskFile::parse(&format!("{text}  again: true\n"), None).unwrap() else {
            panic!("not an onset task")
        };
        assert!(file.resolve("diabetes", Some(StudyWindow { start: end, end })).again);
        let landmark = Landmark::RandomVisit { study_end: end, leave_days: 90.0, minimum_history_days: 10.0 };
        assert_eq!(task.landmark, landmark);
    }

    #[test]
    fn what_is_not_understood_is_refused_with_its_line() {
        let base = "onset:\n  codes: [A]\n  horizon_days: 365\n  prediction_times: {event: 0}\n";
        assert!(TaskFile::parse(base, None).is_ok());
        for (change, line, words) in [
            (("horizon_days", "horizon_dais"), 3, "no setting `horizon_dais`"),
            (("365", "-1"), 1, "positive number of days"),
            (("event: 0", "event: 0, ages: [40]"), 4, "two rules"),
            (("event: 0", "date: 2020-13-01"), 4, "YYYY-MM-DD"),
            (("event: 0", "event: 0, leave_days: 3"), 4, "leave_days with random_visit alone"),
            (("[A]", "[]"), 1, "codes or prefixes"),
        ] {
            let said = refusal(&base.replace(change.0, change.1));
            assert!(said.contains(words) && said.starts_with(&format!("line {line} ")), "{said}");
        }
        assert!(refusal("onset: {codes: [A]}\ntrigger: x\n").contains("not `trigger`"));
    }
}
