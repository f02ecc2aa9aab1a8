//! What every kind of prediction needs: models, records, and which codes and horizons are asked for.

use super::{Arguments, HORIZON_NAMES};
use crate::code_kind::code_kind;
use crate::model_directory::ModelDirectory;
use crate::progress::Voice;
use crate::records::Records;
use ::evaluate::tasks::{Alteration, StudyWindow};
use ::serve::CodeKind;
use anyhow::{Context, Result, bail};
use events::{Code, Deidentified, Split, Subject, Time};
use smol_str::SmolStr;
use timeline::{EntryKind, TokenizedSubject, Vocabulary};

/// Subjects predicted together.
pub(super) const CHUNK: usize = 256;

/// What every kind of prediction needs.
#[derive(Clone, Copy)]
pub(in crate::commands) struct Job<'a> {
    pub(in crate::commands) arguments: &'a Arguments,
    pub(in crate::commands) directory: &'a ModelDirectory,
    /// Further models whose answers to a task are averaged with its own.
    pub(in crate::commands) others: &'a [ModelDirectory],
    pub(in crate::commands) records: &'a Records,
    pub(in crate::commands) splits: &'a [Split],
    /// What is taken from histories before they are predicted from.
    pub(in crate::commands) alteration: Option<Alteration>,
    pub(in crate::commands) voice: Voice,
}

impl Job<'_> {
    pub(in crate::commands) fn total(&self) -> u64 {
        self.splits.iter().map(|s| self.records.count(*s)).sum()
    }

    /// Calls `each` with chunks of subjects.
    pub(in crate::commands) fn chunks(
        &self,
        label: &'static str,
        each: &mut dyn FnMut(&[Deidentified<Subject>]) -> Result<()>,
    ) -> Result<()> {
        let bar = self.voice.count(label, self.total());
        let mut chunk = Vec::with_capacity(CHUNK);
        for split in self.splits {
            for subject in self.records.subjects(*split)? {
                chunk.push(subject?);
                if chunk.len() == CHUNK {
                    each(&chunk)?;
                    bar.add(chunk.len() as u64);
                    chunk.clear();
                }
            }
        }
        each(&chunk)
    }

    /// A record as known at a moment, altered if it is to be.
    pub(super) fn tokens(
        &self,
        directory: &ModelDirectory,
        subject: &Subject,
        time: Time,
    ) -> TokenizedSubject {
        match self.alteration {
            None => directory.tokenizer.tokenize_until(subject, time),
            Some(alteration) => {
                let altered = alteration.of(subject, time, self.arguments.seed);
                directory.tokenizer.tokenize_until(&altered, time)
            }
        }
    }

    pub(super) fn directories(&self) -> impl Iterator<Item = &ModelDirectory> {
        std::iter::once(self.directory).chain(self.others)
    }

    /// Codes to predict, by vocabulary index.
    pub(in crate::commands) fn codes(&self, vocabulary: &Vocabulary) -> Result<Vec<(u32, SmolStr)>> {
        let risk_codes = &self.directory.model.config().risk.codes;
        let entry = |index: u32| vocabulary.entry(index).map(|e| (index, SmolStr::new(e.code.as_str()), e));
        let known: Vec<_> = risk_codes.iter().filter_map(|i| entry(*i)).collect();
        // A group stands for narrower codes together, and is there for who asks for it.
        let mut all: Vec<_> = known.iter().filter(|(_, _, e)| e.kind != EntryKind::Group).cloned().collect();
        let mut chosen: Vec<(u32, SmolStr)> = match self.arguments.codes.as_str() {
            "all" => all.into_iter().map(|(i, code, _)| (i, code)).collect(),
            "common" => {
                let death = all.iter().find(|(i, ..)| *i == Vocabulary::DEATH).map(|(i, code, _)| (*i, code.clone()));
                all.retain(|(i, _, e)| *i != Vocabulary::DEATH && code_kind(e) == CodeKind::Condition);
                all.sort_by_key(|(i, _, e)| (std::cmp::Reverse(e.subjects), *i));
                all.truncate(50);
                let mut chosen: Vec<_> = all.into_iter().map(|(i, code, _)| (i, code)).chain(death).collect();
                chosen.sort();
                chosen
            }
            list => list
                .split(',')
                .map(|code| {
                    let found = known.iter().find(|(_, c, _)| c == code.trim());
                    found.map(|(i, c, _)| (*i, c.clone())).with_context(|| {
                        format!("the model gives no risk for `{}`; `osler predict --codes all` gives those it knows", code.trim())
                    })
                })
                .collect::<Result<_>>()?,
        };
        if self.arguments.again {
            let named = !matches!(self.arguments.codes.as_str(), "all" | "common");
            if named && chosen.iter().any(|(index, _)| *index == Vocabulary::DEATH) {
                bail!("nobody dies again; leave {} out of --codes", Code::DEATH);
            }
            chosen.retain(|(index, _)| *index != Vocabulary::DEATH);
        }
        if chosen.is_empty() {
            bail!("no codes to predict; name some with --codes, or take --codes all");
        }
        Ok(chosen)
    }

    pub(in crate::commands) fn horizons(&self) -> Result<Vec<usize>> {
        self.arguments
            .horizons
            .iter()
            .map(|h| {
                let place = HORIZON_NAMES.iter().position(|n| n == h);
                place
                    .with_context(|| format!("unknown horizon {h:?}; known are {}", HORIZON_NAMES.join(", ")))
            })
            .collect()
    }

    /// The last moment at which anybody is under observation.
    pub(in crate::commands) fn study_end(&self) -> Result<Time> {
        let mut end: Option<Time> = None;
        for split in self.splits {
            for subject in self.records.subjects(*split)? {
                let subject = subject?;
                end = end.max(StudyWindow::of([&*subject]).map(|w| w.end));
            }
        }
        end.with_context(|| format!("{} holds no dated event in that split", self.arguments.events.display()))
    }
}
