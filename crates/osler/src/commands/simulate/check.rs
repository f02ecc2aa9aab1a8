//! `osler simulate --check`: what was drawn, beside what followed in the records.

use super::Run;
use crate::measures;
use crate::progress::{Voice, grouped};
use ::evaluate::generative::{GenerativeOptions, Pair, Stretch, StretchEvent, compare};
use ::evaluate::{About, Bootstrap};
use anyhow::{Context, Result};
use events::Time;
use model::{Ending, Simulated, Trajectory};
use std::path::Path;
use timeline::{TokenizedSubject, Vocabulary};

/// Subjects compared at most, and trajectories of each: about 24 bytes an event are held.
const SUBJECTS: usize = 20_000;
const TRAJECTORIES: usize = 5;
/// Codes and distributions that fewer subjects have aren't compared.
const FEWEST: usize = 20;
/// Ages that differ by less are one moment (rounding of microseconds, in days).
const SAME_DAYS: f64 = 1e-6;

/// Real and simulated stretches as they come.
#[derive(Default)]
pub(super) struct Check {
    pairs: Vec<Pair>,
    trajectories: u64,
    truncated: u64,
}

/// A subject to be compared.
pub(super) struct Followed<'a> {
    /// The whole record.
    pub(super) whole: &'a TokenizedSubject,
    /// What of it the model saw.
    pub(super) seen: &'a TokenizedSubject,
    /// What it drew.
    pub(super) simulated: &'a Simulated,
    /// Until when anybody is observed.
    pub(super) study_end: Time,
}

impl Check {
    /// Takes in one subject.
    pub(super) fn add(&mut self, of: &Followed<'_>, vocabulary: &Vocabulary, horizon_days: f64) {
        let Some(start) = of.seen.age_days.last().copied() else { return };
        if self.pairs.len() >= SUBJECTS {
            return;
        }
        // Of who died it isn't known how long he would have been observed: until the study's end.
        let left = of.whole.followup_end_age_days - start;
        let until_end = of.whole.origin.map_or(left, |origin| of.study_end.days_since(origin) - start);
        let observed = if of.whole.died { left.max(until_end) } else { left }.min(horizon_days);
        if observed <= 0.0 {
            return;
        }
        let event = |code: u32, age_days: f64, rank: f32| StretchEvent {
            days: age_days - start,
            code,
            value: value(vocabulary, code, rank),
        };
        let real = Stretch {
            events: (0..of.whole.code.len())
                .filter(|i| is_event(of.whole.code[*i]) && of.whole.age_days[*i] > start + SAME_DAYS)
                .map(|i| event(of.whole.code[i], of.whole.age_days[i], of.whole.value[i]))
                .filter(|e| e.days <= observed)
                .collect(),
            died_days: Some(left).filter(|days| of.whole.died && *days <= observed),
            observed_days: observed,
        };
        let draw = |trajectory: &Trajectory| {
            let last = trajectory.tokens.last().map_or(0.0, |t| t.age_days - start);
            let truncated = trajectory.ending == Ending::Truncated && last < observed;
            let observed = if truncated { last } else { observed };
            let tokens = trajectory.tokens.iter().filter(|t| is_event(t.code));
            let events = tokens.map(|t| event(t.code, t.age_days, t.value)).filter(|e| e.days <= observed);
            let died = (trajectory.ending == Ending::Death && last <= observed).then_some(last);
            (Stretch { events: events.collect(), died_days: died, observed_days: observed }, truncated)
        };
        let drawn: Vec<(Stretch, bool)> =
            of.simulated.trajectories.iter().take(TRAJECTORIES).map(draw).collect();
        self.trajectories += drawn.len() as u64;
        self.truncated += drawn.iter().filter(|(_, truncated)| *truncated).count() as u64;
        let mut before: Vec<u32> = of.seen.code.iter().copied().filter(|c| is_event(*c)).collect();
        before.sort_unstable();
        before.dedup();
        self.pairs.push(Pair {
            age_days: of.whole.birth_known.then_some(start),
            before,
            real,
            simulated: drawn.into_iter().map(|(stretch, _)| stretch).collect(),
        });
    }

    /// Compares, and writes report.html, report.json and report.parquet into `dir`.
    pub(super) fn write(
        self,
        dir: &Path,
        run: &Run<'_>,
        settings: &serde_json::Value,
        voice: Voice,
    ) -> Result<()> {
        let directory = run.job.directory;
        let vocabulary = directory.tokenizer.vocabulary();
        let names: Vec<String> = vocabulary.entries().iter().map(|e| e.code.to_string()).collect();
        let manifest = &run.job.records.manifest;
        let said = |key: &str| settings[key].as_str().unwrap_or_default().to_owned();
        let about = About {
            dataset: manifest.dataset.clone(),
            synthetic: manifest.synthetic || directory.manifest.synthetic,
            model: said("model"),
            model_digest: directory.digest().to_owned(),
            split: said("split_text"),
            prediction_times: said("prediction_times"),
            // The time of the model, not of the report: the same input gives the same bytes.
            made: directory.manifest.finished.clone(),
            tool: format!("osler {}", env!("CARGO_PKG_VERSION")),
            ..About::default()
        };
        let options = GenerativeOptions {
            bootstrap: Bootstrap { draws: 500, seed: run.arguments.seed, ..Bootstrap::default() },
            horizon_days: run.options.horizons_days.last().copied().unwrap_or(0.0),
            fewest: FEWEST,
            about,
            truncated_share: self.truncated as f64 / self.trajectories.max(1) as f64,
        };
        voice.say(format!("comparing the futures of {} subjects", grouped(self.pairs.len() as u64)));
        let report = compare(&self.pairs, &names, &options)
            .context("there is nothing to compare: nobody was observed after the prediction time")?;
        std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        for (name, text) in [("report.html", report.to_html()), ("report.json", report.to_json()?)] {
            let path = dir.join(name);
            std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        measures::write(&dir.join(measures::FILE), &report.measures())?;
        report.answer.iter().for_each(|sentence| voice.say(sentence));
        Ok(())
    }
}

/// Not time passing, and not death, which is told by how a stretch ends.
fn is_event(code: u32) -> bool {
    code > Vocabulary::DEATH
}

/// The value at a rank, in the code's commonest unit, so that real and simulated values have one scale.
fn value(vocabulary: &Vocabulary, code: u32, rank: f32) -> Option<f32> {
    let values = vocabulary.entry(code)?.commonest_values()?;
    rank.is_finite().then(|| values.value(rank))
}
