//! The two passes over the subjects.

use super::anonymity::{Table, anonymity};
use super::block::BlockBuilder;
use super::cells::Cells;
use super::interner::Interner;
use super::uniqueness::{Search, Targets, mix};
use super::{
    About, Classes, Column, Error, Options, QuasiIdentifier, RiskReport, TextContent, linkage, page,
    sensitive,
};
use events::{MICROS_PER_DAY, Subject};
use rustc_hash::FxHashMap;

/// The first pass: one row of quasi-identifiers a subject, and what adversaries may know of some of them.
pub struct Survey {
    options: Options,
    interner: Interner,
    columns: Vec<Building>,
    masks: Vec<u32>,
    sensitive_counts: Vec<u32>,
    carriers: Vec<u32>,
    targets: Targets,
    events: u64,
    text: TextContent,
    sequence: Sequence,
    scratch: Vec<(u32, i32)>,
}

/// A column as it grows.
#[derive(Default)]
struct Building {
    numbers: FxHashMap<String, u32>,
    values: Vec<u32>,
}

/// Which subjects came, in which order.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Sequence {
    subjects: u64,
    digest: u64,
}

impl Sequence {
    fn add(&mut self, subject: &Subject) {
        self.subjects += 1;
        self.digest = mix(self.digest ^ mix(subject.id as u64) ^ subject.events().len() as u64);
    }
}

impl Survey {
    /// A survey with checked settings.
    ///
    /// # Errors
    /// When a setting can't be used.
    pub fn new(options: Options) -> Result<Self, Error> {
        options.validate()?;
        let interner = Interner::new(&options.quasi_identifiers, options.sensitive.clone());
        let columns = options.quasi_identifiers.iter().map(|_| Building::default()).collect();
        let targets = Targets::new(options.adversaries.clone(), options.targets, options.draws, options.seed);
        Ok(Survey {
            interner,
            columns,
            masks: Vec::new(),
            sensitive_counts: Vec::new(),
            carriers: Vec::new(),
            targets,
            events: 0,
            text: TextContent::default(),
            sequence: Sequence::default(),
            scratch: Vec::new(),
            options,
        })
    }

    /// Takes one subject in.
    pub fn add(&mut self, subject: &Subject) {
        let index = self.sequence.subjects as u32;
        self.sequence.add(subject);
        self.events += subject.events().len() as u64;
        let mut parts: Vec<(u16, String)> = Vec::new();
        let mut texts = 0;
        let mut sensitive: Vec<u32> = Vec::new();
        let mut mask = 0;
        for event in subject.events() {
            let code = self.interner.intern(&event.code);
            let role = self.interner.role(code);
            if let Some(column) = role.column {
                parts.push((column, QuasiIdentifier::part(event)));
            }
            if role.groups != 0 {
                mask |= role.groups;
                sensitive.push(code);
            }
            texts += u64::from(event.text_value.is_some());
        }
        self.text.events += texts;
        self.text.subjects += u64::from(texts > 0);
        sensitive.sort_unstable();
        sensitive.dedup();
        self.masks.push(mask);
        self.sensitive_counts.push(sensitive.len() as u32);
        parts.sort_unstable();
        parts.dedup();
        for (i, (asked, column)) in self.options.quasi_identifiers.iter().zip(&mut self.columns).enumerate() {
            let own = parts.iter().filter(|(of, _)| usize::from(*of) == i).map(|(_, part)| part.as_str());
            let value = match asked {
                QuasiIdentifier::System(_) => {
                    let all: Vec<&str> = own.collect();
                    (!all.is_empty()).then(|| all.join(" + "))
                }
                _ => asked.year_of(subject),
            };
            let number = value.map_or(0, |value| {
                let next = column.numbers.len() as u32 + 1;
                *column.numbers.entry(value).or_insert(next)
            });
            column.values.push(number);
        }
        points(subject, &self.interner, &mut self.scratch);
        self.carriers.resize(self.interner.len(), 0);
        for own in self.scratch.chunk_by(|a, b| a.0 == b.0) {
            self.carriers[own[0].0 as usize] += 1;
        }
        self.targets.offer(subject.id, index, &self.scratch);
    }

    /// Ends the first pass.
    pub fn finish(self) -> Matching {
        let mut table = Table { names: Vec::new(), labels: Vec::new(), values: Vec::new() };
        let mut absent = Vec::new();
        for (asked, column) in self.options.quasi_identifiers.iter().zip(self.columns) {
            if column.numbers.is_empty() {
                absent.push(asked.to_string());
                continue;
            }
            let mut labels = vec![String::new(); column.numbers.len()];
            for (label, number) in column.numbers {
                labels[number as usize - 1] = label;
            }
            table.names.push(asked.to_string());
            table.labels.push(labels);
            table.values.push(column.values);
        }
        let crossed: Vec<(String, usize)> = table
            .names
            .iter()
            .zip(&table.labels)
            .map(|(name, labels)| (name.clone(), labels.len()))
            .collect();
        let cells = Cells::new(&crossed, self.carriers, self.options.threshold);
        Matching {
            cells,
            search: self.targets.into_search(),
            block: BlockBuilder::default(),
            options: self.options,
            interner: self.interner,
            table,
            absent,
            masks: self.masks,
            sensitive_counts: self.sensitive_counts,
            events: self.events,
            text: self.text,
            first: self.sequence,
            second: Sequence::default(),
            scratch: Vec::new(),
        }
    }
}

/// The second pass, over the same subjects in the same order: who else fits what is known.
pub struct Matching {
    options: Options,
    interner: Interner,
    table: Table,
    absent: Vec<String>,
    masks: Vec<u32>,
    sensitive_counts: Vec<u32>,
    cells: Cells,
    search: Search,
    block: BlockBuilder,
    events: u64,
    text: TextContent,
    first: Sequence,
    second: Sequence,
    scratch: Vec<(u32, i32)>,
}

impl Matching {
    /// The quasi-identifiers that were asked for and that no subject has.
    pub fn absent(&self) -> &[String] {
        &self.absent
    }

    /// Those that somebody has.
    pub fn present(&self) -> &[String] {
        &self.table.names
    }

    /// Takes one subject in.
    pub fn add(&mut self, subject: &Subject) {
        let index = self.second.subjects as u32;
        self.second.add(subject);
        if u64::from(index) >= self.first.subjects {
            return;
        }
        points(subject, &self.interner, &mut self.scratch);
        if self.block.len() + self.scratch.len() > self.options.block_points.max(1) {
            self.look();
        }
        self.block.add(index, &self.scratch);
        let mut codes: Vec<u32> = self.scratch.iter().map(|(code, _)| *code).collect();
        codes.dedup();
        self.cells.add(&codes, |column| self.table.values[column][index as usize]);
    }

    fn look(&mut self) {
        let block = self.block.index(self.interner.len());
        self.search.look_in(&block);
        self.block.reuse(block);
    }

    /// Ends the second pass and computes the report.
    ///
    /// # Errors
    /// When the two passes saw different subjects, or none.
    pub fn finish(mut self, about: About) -> Result<RiskReport, Error> {
        if self.first != self.second {
            return Err(Error::Changed { first: self.first.subjects, second: self.second.subjects });
        }
        if self.first.subjects == 0 {
            return Err(Error::Empty);
        }
        self.look();
        let subjects = self.first.subjects;
        let classes = Classes::new(subjects as usize, self.table.values.iter().map(Vec::as_slice));
        let columns = self.table.names.iter().zip(&self.table.labels).zip(&self.table.values);
        let quasi_identifiers = columns
            .map(|((name, labels), values)| Column {
                name: name.clone(),
                values: labels.len() as u64,
                missing: values.iter().filter(|v| **v == 0).count() as f64 / subjects as f64,
            })
            .collect();
        let threshold = self.options.threshold;
        let mut report = RiskReport {
            answer: Vec::new(),
            about,
            subjects,
            events: self.events,
            quasi_identifiers,
            absent: self.absent,
            classes: anonymity(&self.table, &classes, threshold),
            linkage: linkage(&classes, self.options.sampling_fraction),
            uniqueness: self.search.finish(),
            sensitive: sensitive::attributes(
                self.interner.groups(),
                &classes,
                &self.masks,
                &self.sensitive_counts,
                threshold,
            ),
            cells: self.cells.finish(),
            text: self.text,
            seed: self.options.seed,
            threshold,
        };
        report.answer = page::answer(&report);
        Ok(report)
    }

    /// For tests: the queries' answers, once every block was looked at.
    #[cfg(test)]
    pub(super) fn into_search(mut self) -> (Search, Interner) {
        self.look();
        (self.search, self.interner)
    }
}

/// A subject's sorted distinct (code, day) pairs, of what can be seen to happen: not the outline of the record (birth,
/// end of follow-up), nor quasi-identifiers, nor what has no time.
fn points(subject: &Subject, interner: &Interner, into: &mut Vec<(u32, i32)>) {
    into.clear();
    for event in subject.events() {
        let Some(time) = event.time else { continue };
        // Both passes are of the same subjects, so the first one has seen every code.
        let Some(code) = interner.get(&event.code) else { continue };
        if interner.role(code).point {
            into.push((code, time.micros().div_euclid(MICROS_PER_DAY) as i32));
        }
    }
    into.sort_unstable();
    into.dedup();
}
