//! Tasks in the language of ACES (Xu et al., "ACES: Automatic Cohort Extraction System for Event-Stream Datasets",
//! ICLR 2025; package `es-aces`), so that a MEDS-DEV task runs unchanged.
//!
//! A task names predicates, a trigger, and windows around each trigger; a trigger around which every window is found
//! and every count is within its range gives one label. What this reader does not know is refused with its line.
//! Where ACES itself would drop a condition silently (a window without length) or exchange two ends
//! (`index_timestamp` in a window set back from its end), the task is refused too.

mod boundary;
mod duration;
mod extract;
mod predicates;
mod windows;

use super::document::Document;
use crate::error::{Error, Result};
use events::{Label, Subject};
use predicates::Predicates;
use windows::Tree;

/// A task that was read and understood.
///
/// ```
/// use evaluate::tasks::AcesTask;
/// use events::{Code, Event, Subject, Time};
///
/// let task = AcesTask::parse(
///     "
/// predicates:
///   admission: { code: VISIT//IP }
///   death: { code: MEDS_DEATH }
/// trigger: admission
/// windows:
///   input: { start: null, end: trigger + 24h, start_inclusive: true, end_inclusive: true, index_timestamp: end }
///   target: { start: input.end, end: start + 30d, start_inclusive: false, end_inclusive: true, label: death }
/// ",
///     None,
/// )?;
/// let admitted = Time::from_ymd(2020, 3, 1).unwrap();
/// let events = [("VISIT//IP", 0.0), ("MEDS_DEATH", 9.0)]
///     .map(|(code, days)| Event::new(Some(admitted.plus_days(days)), Code::new(code)));
/// let labels = task.labels(&Subject::new(1, events.to_vec()));
/// assert_eq!((labels[0].prediction_time, labels[0].boolean_value), (admitted.plus_days(1.0), true));
/// # Ok::<(), evaluate::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct AcesTask {
    predicates: Predicates,
    trigger: usize,
    tree: Tree,
}

impl AcesTask {
    /// Reads a task, and the predicates of a data set that replace its own where given.
    ///
    /// # Errors
    /// [`Error::Task`] with the line and what to do, for whatever isn't understood.
    pub fn parse(task: &str, predicates: Option<&str>) -> Result<Self> {
        let document = Document::parse("task file", task)?;
        let overriding = predicates.map(|text| Document::parse("predicates file", text)).transpose()?;
        let (mut trigger_at, mut windows_at) = (None, None);
        for (key, node) in document.root().entries("a task")? {
            match key {
                "trigger" => trigger_at = Some(node),
                "windows" => windows_at = Some(node),
                "predicates" | "patient_demographics" | "description" | "metadata" => {}
                other => {
                    return Err(node.refuse(format!(
                        "a task has no part `{other}`: known are predicates, patient_demographics, trigger, windows, \
                         description and metadata"
                    )));
                }
            }
        }
        for (key, node) in overriding
            .as_ref()
            .map(|o| o.root().entries("a predicates file"))
            .transpose()?
            .unwrap_or_default()
        {
            if !["predicates", "patient_demographics", "description", "metadata"].contains(&key) {
                return Err(node.refuse(format!("a predicates file has no part `{key}`")));
            }
        }
        let missing = |what: &str| Error::Task {
            file: "task file",
            line: 1,
            problem: format!("the task has no `{what}`"),
        };
        let trigger_at = trigger_at.ok_or_else(|| missing("trigger"))?;
        let windows_at = windows_at.ok_or_else(|| missing("windows"))?;
        let definitions = predicates::definitions(&document, overriding.as_ref())?;
        let mut predicates = Predicates::default();
        let trigger = predicates.need(trigger_at.text("the trigger")?, &trigger_at, &definitions)?;
        if predicates.is_static[trigger] {
            return Err(trigger_at.refuse("the trigger is static: it has no moment"));
        }
        let tree = Tree::read(&windows_at, &mut predicates, &definitions)?;
        predicates.need_demographics(&definitions)?;
        predicates::check_unused(&document, &predicates, &definitions)?;
        Ok(AcesTask { predicates, trigger, tree })
    }

    /// The labels of one subject, in the order of the triggers. Two triggers may lead to the same prediction time.
    pub fn labels(&self, subject: &Subject) -> Vec<Label> {
        extract::labels(self, subject)
    }
}

#[cfg(test)]
mod tests;
