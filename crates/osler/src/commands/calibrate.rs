//! `osler calibrate`: a model whose risks are as high, and as far apart, as what happened at the moments that will be asked about.

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
use model::{Aftermath, Model, Recalibration, RiskCounts};
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::time::Instant;
use timeline::{TokenizedSubject, Vocabulary};

/// Moments answered together.
const CHUNK: usize = 256;

/// Set the level and the spread of a model's risks to what happened here, at the moments that will be asked about.
///
/// Training asks at moments all over a record; a clinic asks at some of them, such as an index visit, where the same risks may be
/// too high or too low, too far apart or too near each other. Onsets observed and expected are counted for each code between any two
/// horizons, and each hazard is multiplied by their ratio; and what the record says of each code, beside age and sex, counts
/// for as much more or less as fits best. Recurrences among those who have a code are counted apart and have levels of their own. All are shrunk to 1 where few were observed. Writes a model like the one it was
/// given.
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
    /// Whom to count, with commas. How sure the model may be of people whom it wasn't trained on is told by those among them who
    /// aren't in `train`.
    #[arg(long, default_value = "train,tuning", value_delimiter = ',', value_name = "SPLIT")]
    pub split: Vec<Split>,
    /// Onsets that stand for a ratio of 1 before any is counted, and for an interval's being its code's: how much what few say is
    /// shrunk.
    #[arg(long, default_value_t = 10.0, value_name = "N")]
    pub prior: f64,
    /// Set levels alone: what a record says of a risk counts for as much as before.
    #[arg(long)]
    pub levels_alone: bool,
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
        let model = Model::load(&self.model)?;
        let tokenizer = directory.tokenizer.clone();
        let directory = directory.with_unseen(self.unseen_codes, &records.codes)?;
        let output = OutputDirectory::create(&self.out, Kind::Model, self.force)?;
        let nobody = HashSet::new();
        let of = |splits| Learned { records: &records, splits, but: &nobody };
        let everybody = of(&self.split);
        let moments = Moments::new(&everybody, self.at.as_ref(), (self.visits, self.seed), 1.0)?;
        // The model may know training people by heart, and says nothing with the same right of others.
        let mut learned = RiskCounts::new(&directory.model);
        let mut aside = RiskCounts::new(&directory.model);
        let (mut asked, mut subjects) = (0u64, 0u64);
        let bar = voice.count("counting", everybody.count());
        for split in &self.split {
            let counts = if *split == Split::Train { &mut learned } else { &mut aside };
            let mut waiting: Vec<(TokenizedSubject, Aftermath)> = Vec::with_capacity(CHUNK);
            of(std::slice::from_ref(split)).each(&mut |subject| {
                let before = asked;
                let whole = directory.tokenizer.tokenize(subject);
                for (time, _) in moments.of(subject) {
                    let tokens = directory.tokenizer.tokenize_until(subject, time);
                    let Some(after) = aftermath(time, &whole) else {
                        continue;
                    };
                    if tokens.as_sequence().is_empty() {
                        continue;
                    }
                    asked += 1;
                    waiting.push((tokens, after));
                    if waiting.len() == CHUNK {
                        count(counts, &directory, &mut waiting)?;
                    }
                }
                subjects += u64::from(asked > before);
                bar.add(1);
                Ok(())
            })?;
            count(counts, &directory, &mut waiting)?;
        }
        drop(bar);
        if self.split.contains(&Split::HeldOut) {
            voice.say("held-out people were counted: predictions for them are no test of this model's calibration any more");
        }
        if asked == 0 {
            bail!("{} holds no moment of these splits to count at", self.events.display());
        }
        let settings = Recalibration { prior: self.prior, slopes: !self.levels_alone };
        let recalibrated = model.recalibrated(&learned, &aside, settings)?;
        let told =
            told([&learned, &aside], (&model, &recalibrated), (tokenizer.vocabulary(), self.levels_alone));
        let again: BTreeMap<&str, (f64, f64)> = (model.config().risk.codes.iter())
            .filter_map(|code| {
                let [(observed, expected), (more, more_expected)] =
                    [&learned, &aside].map(|counts| counts.of_recurrences(&model, *code).unwrap_or_default());
                let entry = tokenizer.vocabulary().entry(*code)?;
                (observed + more >= 10.0)
                    .then_some((entry.code.as_str(), (observed + more, expected + more_expected)))
            })
            .collect();
        let model = recalibrated;
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
        for Told { code, observed, expected, factor } in told.iter().take(5) {
            let factor = factor.map(|f| format!("; what the record says of it counts {f:.2} times as much"));
            let factor = factor.unwrap_or_default();
            voice.say(format!("{code}: {observed:.0} onsets observed, {expected:.0} expected{factor}"));
        }
        let manifest = output.finish(Provenance {
            dataset: directory.manifest.dataset.clone(),
            synthetic: directory.manifest.synthetic || records.manifest.synthetic,
            settings: serde_json::json!({
                "calibrated_from": directory.manifest.output_digest, "events": records.manifest.output_digest,
                "at": self.at.is_some(), "visits": self.visits, "splits": self.split.iter().map(|s| s.name()).collect::<Vec<_>>(),
                "unseen_codes": self.unseen_codes.name(), "prior": self.prior, "levels_alone": self.levels_alone, "seed": self.seed, OF_THE_MODEL: directory.manifest.settings,
            }),
            inputs: vec![directory.manifest.as_input(), records.manifest.as_input()],
            counts: serde_json::json!({
                "moments": asked, "subjects": subjects,
                "observed_and_expected": told.iter().map(|t| (&t.code, (t.observed, t.expected))).collect::<BTreeMap<_, _>>(),
                "recurrences_observed_and_expected": again,
                "factors": told.iter().filter_map(|t| Some((&t.code, t.factor?))).collect::<BTreeMap<_, _>>(),
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
}

/// What was found of a code.
struct Told {
    code: String,
    observed: f64,
    expected: f64,
    /// What the record says of it counts so many times as much as before; none where levels alone were set.
    factor: Option<f64>,
}

/// By code, the most observed first; those with fewer than ten onsets are not told.
fn told(
    counts: [&RiskCounts; 2],
    (before, after): (&Model, &Model),
    (vocabulary, levels_alone): (&Vocabulary, bool),
) -> Vec<Told> {
    let of_code = |code: &u32| {
        let [learned, aside] = counts.map(|counts| counts.of(before, *code));
        let ((observed, expected), (more, more_expected)) = (learned?, aside?);
        let factor = after.risk_scale(*code)? / before.risk_scale(*code)?;
        let told = Told {
            code: vocabulary.entry(*code)?.code.as_str().to_owned(),
            observed: observed + more,
            expected: expected + more_expected,
            factor: (!levels_alone).then_some(f64::from(factor)),
        };
        (told.observed >= 10.0).then_some(told)
    };
    let mut told: Vec<Told> = before.config().risk.codes.iter().filter_map(of_code).collect();
    told.sort_by(|a, b| b.observed.total_cmp(&a.observed).then_with(|| a.code.cmp(&b.code)));
    told
}

fn count(
    counts: &mut RiskCounts,
    directory: &ModelDirectory,
    waiting: &mut Vec<(TokenizedSubject, Aftermath)>,
) -> Result<()> {
    let sequences: Vec<_> = waiting.iter().map(|(tokens, _)| tokens.as_sequence()).collect();
    let after: Vec<Aftermath> = waiting.iter().map(|(_, after)| after.clone()).collect();
    counts.add(&directory.model, &sequences, &after)?;
    waiting.clear();
    Ok(())
}

/// What followed a moment, in the words of the model: rare codes stand as what they back off to. None for who was not under
/// observation after it.
fn aftermath(time: Time, whole: &TokenizedSubject) -> Option<Aftermath> {
    // All by age, as tokens have it: reckoned in two ways, a death and the end that it is need not be equal.
    let age = time.days_since(whole.origin?);
    let followup_days = whole.followup_end_age_days - age;
    if followup_days <= 0.0 {
        return None;
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use events::{Code, Deidentified, Event};
    use timeline::{Tokenizer, VocabularyBuilder, VocabularyOptions};

    #[test]
    fn a_death_at_any_time_of_day_is_one() {
        const DAY: i64 = 86_400_000_000;
        let lives: Vec<Subject> = (0..300)
            .map(|id| {
                let at = |days: i64, step: i64| Some(Time::from_micros(days * DAY + id * step));
                let visit = |time| Event::new(time, Code::new("VISIT//AMB"));
                let death = Event::new(at(9000, 212_345_671), Code::death());
                let birth = Event::new(at(0, 7_654_321), Code::birth());
                Subject::new(id, vec![birth, visit(at(7000, 31_234_567)), visit(at(8000, 1_234_567)), death])
            })
            .collect();
        let options = VocabularyOptions { minimum_subjects: 1, ..VocabularyOptions::default() };
        let mut builder = VocabularyBuilder::new(options, &[]).unwrap();
        for life in &lives {
            #[expect(clippy::disallowed_methods, reason = "made up here")]
            builder.push(&Deidentified::vouch(life.clone()));
        }
        let tokenizer = Tokenizer::new(builder.finish().unwrap());
        for life in &lives {
            let whole = tokenizer.tokenize(life);
            let [_, visit, again, death] = [0, 1, 2, 3].map(|event| life.events()[event].time.unwrap());
            let found = aftermath(visit, &whole).unwrap();
            assert!((found.followup_days - death.days_since(visit)).abs() < 1e-6);
            let [(death_code, died), (_, came_again)] = found.occurrences[..] else {
                panic!("{:?}", found.occurrences)
            };
            assert_eq!((death_code, died), (Vocabulary::DEATH, found.followup_days));
            assert!((came_again - again.days_since(visit)).abs() < 1e-6);
            assert!(aftermath(death, &whole).is_none());
        }
    }
}
