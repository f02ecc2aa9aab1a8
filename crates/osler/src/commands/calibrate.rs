//! `osler calibrate`: a model whose risks are as high as what happened at the moments that will be asked about.

use super::REFERENCE_FILE;
use super::moments::{Learned, Moments};
use crate::manifest::{Kind, Manifest, OF_THE_MODEL};
use crate::model_directory::{
    ModelDirectory, READOUTS_FILE, TASK_BASELINES_FILE, UnseenCodes, VOCABULARY_FILE,
};
use crate::output::{OutputDirectory, Provenance};
use crate::progress::{Voice, grouped, seconds};
use crate::records::Records;
use crate::tuning_check::{MomentOf, TuningCheck};
use anyhow::{Context, Result, bail};
use clap::Args;
use events::{Split, Subject, Time};
use model::{Aftermath, Model, RiskLevels};
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::time::Instant;
use timeline::{TokenizedSubject, Vocabulary};

/// Moments answered together.
const CHUNK: usize = 256;

/// Set the level of a model's risks to what happened here, at the moments that will be asked about.
///
/// Training asks at moments all over a record; a clinic asks at some of them, such as an index visit, where the same risks may be
/// too high or too low. Onsets observed and expected are counted for each code between any two horizons, and each hazard
/// is multiplied by their ratio, shrunk to 1 where few were observed. Who ranks above whom stays. Writes a model like
/// the one it was given.
#[derive(Args)]
#[command(after_help = "Examples:
  osler calibrate --model model --out calibrated events
  osler calibrate --model model --at events/labels/index_date --out calibrated events
  osler calibrate --model theirs --split train,tuning,held_out --out ours our-events     # a model from elsewhere")]
pub struct Arguments {
    /// A directory that `osler train` wrote.
    #[arg(long)]
    pub model: PathBuf,
    /// The moments of these MEDS labels; what the labels say is not looked at. Random visits where none are given.
    #[arg(long)]
    pub at: Option<PathBuf>,
    /// Random visits of each subject.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100))]
    pub visits: u64,
    /// Whom to count, with commas. A model that knows its training subjects by heart needs `tuning` alone.
    #[arg(long, default_value = "train,tuning", value_delimiter = ',', value_name = "SPLIT")]
    pub split: Vec<Split>,
    /// Onsets that stand for a ratio of 1 before any is counted, and for an interval's being its code's: how much a ratio of few
    /// is shrunk.
    #[arg(long, default_value_t = 10.0, value_name = "N")]
    pub prior: f64,
    /// What becomes of codes that the model never saw, as those of another hospital, where its risks are counted.
    #[arg(long, value_enum, default_value_t)]
    pub unseen_codes: UnseenCodes,
    /// Seed of the visits.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The directory to write.
    #[arg(long)]
    pub out: PathBuf,
    /// Replace an existing output.
    #[arg(long)]
    pub force: bool,
    /// A directory that `osler ingest` wrote.
    pub events: PathBuf,
}

impl Arguments {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        let manifest = self.calibrate(voice)?;
        if voice.json {
            println!("{}", serde_json::to_string_pretty(&manifest)?);
        }
        Ok(())
    }

    fn calibrate(&self, voice: Voice) -> Result<Manifest> {
        let started = Instant::now();
        if !(self.prior > 0.0 && self.prior.is_finite()) {
            bail!("--prior must be a number above 0");
        }
        let records = Records::open(&self.events)?;
        let directory = ModelDirectory::open(&self.model, &records.codes)?;
        // What is written knows the codes that the model was trained with, and no others.
        let mut model = Model::load(&self.model)?;
        let tokenizer = directory.tokenizer.clone();
        let directory = directory.with_unseen(self.unseen_codes, &records.codes)?;
        let output = OutputDirectory::create(&self.out, Kind::Model, self.force)?;
        let nobody = HashSet::new();
        let learned = Learned { records: &records, splits: &self.split, but: &nobody };
        let moments = Moments::new(&learned, self.at.as_ref(), (self.visits, self.seed), 1.0)?;
        let mut levels = RiskLevels::new(&directory.model);
        let (mut asked, mut subjects) = (0u64, 0u64);
        let mut waiting: Vec<(TokenizedSubject, Aftermath)> = Vec::with_capacity(CHUNK);
        let bar = voice.count("counting", learned.count());
        learned.each(&mut |subject| {
            let before = asked;
            let whole = directory.tokenizer.tokenize(subject);
            for (time, _) in moments.of(subject) {
                let tokens = directory.tokenizer.tokenize_until(subject, time);
                let Some(after) = aftermath(subject, time, &whole) else {
                    continue;
                };
                if tokens.as_sequence().is_empty() {
                    continue;
                }
                asked += 1;
                waiting.push((tokens, after));
                if waiting.len() == CHUNK {
                    count(&mut levels, &directory, &mut waiting)?;
                }
            }
            subjects += u64::from(asked > before);
            bar.add(1);
            Ok(())
        })?;
        count(&mut levels, &directory, &mut waiting)?;
        drop(bar);
        if self.split.contains(&Split::HeldOut) {
            voice.say("held-out people were counted: predictions for them are no test of this model's calibration any more");
        }
        if asked == 0 {
            bail!("{} holds no moment of these splits to count at", self.events.display());
        }
        let told = self.told(&levels, &directory);
        model.set_risk_levels(&levels, self.prior)?;
        model.save(output.path())?;
        let canaries = crate::canaries::FILE;
        for name in [VOCABULARY_FILE, REFERENCE_FILE, TASK_BASELINES_FILE, READOUTS_FILE, canaries] {
            let from = self.model.join(name);
            if from.exists() {
                std::fs::copy(&from, output.path().join(name))
                    .with_context(|| format!("cannot copy {name} to {}", output.path().display()))?;
            }
        }
        // That of the model before is of other levels.
        let first = |subject: &Subject| moments.of(subject).first().map(|(time, _)| *time);
        let at = self.at.as_ref().map(|_| &first as MomentOf<'_>);
        let check = TuningCheck::of_records(&model, &records, &tokenizer, &directory.reference, at)?;
        TuningCheck { levels_set_by_them: self.split.contains(&Split::Tuning), ..check }
            .write(output.path())?;
        for (code, (observed, expected)) in told.iter().take(5) {
            voice.say(format!("{code}: {observed:.0} onsets observed, {expected:.0} expected"));
        }
        let manifest = output.finish(Provenance {
            dataset: directory.manifest.dataset.clone(),
            synthetic: directory.manifest.synthetic || records.manifest.synthetic,
            settings: serde_json::json!({
                "calibrated_from": directory.manifest.output_digest, "events": records.manifest.output_digest,
                "at": self.at.is_some(), "visits": self.visits, "splits": self.split.iter().map(|s| s.name()).collect::<Vec<_>>(),
                "unseen_codes": self.unseen_codes.name(), "prior": self.prior, "seed": self.seed, OF_THE_MODEL: directory.manifest.settings,
            }),
            inputs: vec![directory.manifest.as_input(), records.manifest.as_input()],
            counts: serde_json::json!({
                "moments": asked, "subjects": subjects,
                "observed_and_expected": told.into_iter().collect::<BTreeMap<_, _>>(),
            }),
            deidentification: None,
        })?;
        voice.say(format!(
            "risks set by {} moments of {} subjects in {} → {}",
            grouped(asked),
            grouped(subjects),
            seconds(started.elapsed()),
            self.out.display()
        ));
        Ok(manifest)
    }

    /// Onsets by code, the most observed first; those with fewer than ten are not told.
    fn told(&self, levels: &RiskLevels, directory: &ModelDirectory) -> Vec<(String, (f64, f64))> {
        let vocabulary = directory.tokenizer.vocabulary();
        let codes = &directory.model.config().risk.codes;
        let mut told: Vec<(String, (f64, f64))> = codes
            .iter()
            .filter_map(|code| {
                let of = levels.of(&directory.model, *code).filter(|(observed, _)| *observed >= 10.0)?;
                Some((vocabulary.entry(*code)?.code.as_str().to_owned(), of))
            })
            .collect();
        told.sort_by(|a, b| b.1.0.total_cmp(&a.1.0).then_with(|| a.0.cmp(&b.0)));
        told
    }
}

fn count(
    levels: &mut RiskLevels,
    directory: &ModelDirectory,
    waiting: &mut Vec<(TokenizedSubject, Aftermath)>,
) -> Result<()> {
    let sequences: Vec<_> = waiting.iter().map(|(tokens, _)| tokens.as_sequence()).collect();
    let after: Vec<Aftermath> = waiting.iter().map(|(_, after)| after.clone()).collect();
    levels.add(&directory.model, &sequences, &after)?;
    waiting.clear();
    Ok(())
}

/// What followed a moment, in the words of the model: rare codes stand as what they back off to. None for who was not under
/// observation after it.
fn aftermath(subject: &Subject, time: Time, whole: &TokenizedSubject) -> Option<Aftermath> {
    let end = subject.followup_end()?;
    let followup_days = end.days_since(time);
    if followup_days <= 0.0 {
        return None;
    }
    let age = time.days_since(whole.origin?);
    let tokens = whole.as_sequence();
    let mut first: BTreeMap<u32, f64> = BTreeMap::new();
    for place in tokens.static_len..tokens.len() {
        let (code, days) = (tokens.code[place], tokens.age_days[place] - age);
        if code != Vocabulary::TIME && days > 0.0 && days <= followup_days {
            // Tokens are in order of time.
            first.entry(code).or_insert(days);
        }
    }
    Some(Aftermath { followup_days, occurrences: first.into_iter().collect() })
}
