//! Supervised tasks: labels, placed in the records of a timeline by subject and time.

use super::Arguments;
use crate::commands::moments::labels_by_subject;
use crate::manifest::{FileDigest, Manifest};
use crate::records::Records;
use crate::withheld::Withheld;
use ::evaluate::baseline::{AgeSexLogistic, AgeSexRow};
use anyhow::{Context, Result, bail};
use events::Split;
use model::TaskLabel;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use timeline::{Timeline, Tokenizer, Vocabulary};

/// Supervised tasks and their labels.
#[derive(Default)]
pub(in crate::commands) struct Tasks {
    pub(in crate::commands) names: Vec<String>,
    pub(in crate::commands) labels: HashMap<i64, Vec<TaskLabel>>,
    pub(in crate::commands) baselines: BTreeMap<String, AgeSexLogistic>,
    pub(in crate::commands) digests: Vec<FileDigest>,
}

impl Arguments {
    /// Labels, placed in the records that the timeline was made from.
    pub(super) fn tasks(&self, source: &Manifest, timeline: &Timeline) -> Result<Tasks> {
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
                    for label in labels {
                        let known = tokenizer.tokenize_until(&subject, label.prediction_time);
                        let sequence = known.as_sequence();
                        // A closing TIME is not in the whole record; the label stands at the last event before it.
                        let last = sequence.code.iter().rposition(|&code| code != Vocabulary::TIME);
                        let Some(position) = last else { continue };
                        tasks.labels.entry(subject.id).or_default().push(TaskLabel {
                            task: index,
                            position,
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
            if rows.is_empty() {
                bail!("{}: no label is about a training subject of {}", path.display(), events.display());
            }
            tasks.baselines.insert(name.clone(), AgeSexLogistic::fit(&rows)?);
            let (bytes, blake3) = label_digest(path)?;
            tasks.digests.push(FileDigest { path: name.clone(), bytes, blake3 });
            tasks.names.push(name);
        }
        Ok(tasks)
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
