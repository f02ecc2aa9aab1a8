//! Supervised tasks: labels, placed in the records of a timeline by subject and time.

use super::Arguments;
use crate::commands::moments::labels_by_subject;
use crate::manifest::{FileDigest, Manifest};
use crate::progress::{Voice, grouped};
use crate::records::Records;
use crate::withheld::Withheld;
use ::evaluate::baseline::{AgeSexLogistic, AgeSexRow};
use anyhow::{Context, Result, bail};
use events::Split;
use model::TaskLabel;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use timeline::{Timeline, Tokenizer, Vocabulary};

/// Supervised tasks and their labels.
#[derive(Default)]
pub(in crate::commands) struct Tasks {
    pub(in crate::commands) names: Vec<String>,
    pub(in crate::commands) labels: HashMap<i64, Vec<TaskLabel>>,
    pub(in crate::commands) baselines: BTreeMap<String, AgeSexLogistic>,
    pub(in crate::commands) digests: Vec<FileDigest>,
    /// What became of the labels, by task.
    pub(in crate::commands) placed: BTreeMap<String, Placed>,
}

/// What became of a task's labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(in crate::commands) struct Placed {
    rows: usize,
    /// Learned from.
    training: usize,
    /// Watched.
    tuning: usize,
    /// Left alone, since their subjects are held out.
    held_out: usize,
    /// At moments when nothing of the record was known yet.
    before_the_record: usize,
    /// About people who are not among the events.
    unknown_subjects: usize,
}

impl Arguments {
    /// Labels, placed in the records that the timeline was made from.
    pub(super) fn tasks(&self, source: &Manifest, timeline: &Timeline, voice: Voice) -> Result<Tasks> {
        if !(0.0..=1.0).contains(&self.max_unplaced_labels) {
            bail!("--max-unplaced-labels must be 0 to 1");
        }
        let mut tasks = Tasks::default();
        let Some(events) = &self.events else { return Ok(tasks) };
        let records = Records::open(events)?;
        // A label stands at a place in a record; the same place in another record may lie after what is to be foretold.
        if !source.inputs.iter().any(|input| input.blake3 == records.manifest.output_digest) {
            bail!(
                "{} was made from other events than {}, and labels would stand at wrong places; give the events that it was made from, or \
                 tokenize these",
                self.timeline.display(),
                events.display()
            );
        }
        let withheld = Withheld::of_timeline(&self.timeline, source)?;
        let tokenizer = Tokenizer::new(timeline.vocabulary().clone()).with_code_metadata(&records.codes);
        for (index, path) in self.labels.iter().enumerate() {
            let name = task_name(path)?;
            let by_subject = labels_by_subject(path)?;
            let held_out: HashSet<i64> =
                timeline.split(Split::HeldOut).sequences().map(|sequence| sequence.subject_id).collect();
            let labels_of = |id: &i64| by_subject.get(id).map_or(0, Vec::len);
            let mut placed = Placed {
                rows: by_subject.values().map(Vec::len).sum(),
                held_out: held_out.iter().map(labels_of).sum(),
                ..Placed::default()
            };
            let mut rows = Vec::new();
            for split in [Split::Train, Split::Tuning] {
                for subject in records.subjects(split)? {
                    let subject = subject?;
                    let Some(labels) = by_subject.get(&subject.id) else { continue };
                    let (birth, sex) = (subject.birth(), subject.sex());
                    let subject = match &withheld {
                        Some(withheld) => withheld.left_out_of(subject, &mut BTreeSet::new()),
                        None => subject,
                    };
                    let whole = tokenizer.tokenize(&subject).code.len();
                    for label in labels {
                        let known = tokenizer.tokenize_until(&subject, label.prediction_time);
                        let sequence = known.as_sequence();
                        // A closing TIME is not in the whole record; the label stands at the last event before it.
                        let last = sequence.code.iter().rposition(|&code| code != Vocabulary::TIME);
                        let Some(position) = last.filter(|_| whole > 0) else {
                            placed.before_the_record += 1;
                            continue;
                        };
                        match split {
                            Split::Tuning => placed.tuning += 1,
                            _ => placed.training += 1,
                        }
                        tasks.labels.entry(subject.id).or_default().push(TaskLabel {
                            task: index,
                            // A timeline ends with follow-up; what a source tells later is history to who asks later, but in no timeline.
                            position: position.min(whole - 1),
                            value: label.boolean_value,
                        });
                        if split == Split::Train {
                            rows.push(AgeSexRow {
                                age_years: birth.map(|b| label.prediction_time.days_since(b) / 365.25),
                                sex,
                                outcome: label.boolean_value,
                            });
                        }
                    }
                }
            }
            let found = placed.training + placed.tuning + placed.held_out + placed.before_the_record;
            placed.unknown_subjects = placed.rows - found;
            voice.say(format!("{name}: {}", placed.told()));
            let unplaced = placed.unknown_subjects + placed.before_the_record;
            if unplaced as f64 > self.max_unplaced_labels * placed.rows as f64 {
                bail!(
                    "{}: {} of {} labels have no place in {} ({}), more than --max-unplaced-labels {} allows",
                    path.display(),
                    grouped(unplaced as u64),
                    grouped(placed.rows as u64),
                    events.display(),
                    placed.told(),
                    self.max_unplaced_labels
                );
            }
            if rows.is_empty() {
                bail!("{}: no label is about a training subject of {}", path.display(), events.display());
            }
            tasks.placed.insert(name.clone(), placed);
            tasks.baselines.insert(name.clone(), AgeSexLogistic::fit(&rows)?);
            let (bytes, blake3) = label_digest(path)?;
            tasks.digests.push(FileDigest { path: name.clone(), bytes, blake3 });
            tasks.names.push(name);
        }
        Ok(tasks)
    }
}

impl Tasks {
    /// Is there a label of a tuning person?
    pub(super) fn are_watched(&self) -> bool {
        self.placed.values().any(|placed| placed.tuning > 0)
    }
}

impl Placed {
    fn told(&self) -> String {
        let parts = [
            (self.training, "of training people"),
            (self.tuning, "of tuning people"),
            (self.held_out, "of people held out, who are left alone"),
            (self.before_the_record, "from before anything was on record"),
            (self.unknown_subjects, "of people who are not among the events"),
        ];
        let told =
            parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", grouped(*n as u64)));
        format!("{} labels: {}", grouped(self.rows as u64), told.collect::<Vec<_>>().join(", "))
    }
}

/// The name of a label set: its directory's, or its file's.
pub fn task_name(labels: &Path) -> Result<String> {
    let name = labels.file_stem().and_then(|n| n.to_str()).map(str::to_owned);
    name.with_context(|| format!("{} names no task", labels.display()))
}

fn label_digest(path: &Path) -> Result<(u64, String)> {
    if path.is_dir() {
        let files = crate::manifest::digest_directory(path)?;
        Ok((files.iter().map(|f| f.bytes).sum(), crate::manifest::digest_of(&files)))
    } else {
        crate::manifest::digest_file(path)
    }
}
