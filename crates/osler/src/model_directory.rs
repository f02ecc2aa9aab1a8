//! A model on disk: weights, vocabulary, the age-and-sex reference, and the baselines of its tasks.

use crate::code_features::{self, CodeFeatures};
use crate::commands::REFERENCE_FILE;
use crate::manifest::{Kind, Manifest};
use crate::settings_file;
use crate::tuning_check::TuningCheck;
use anyhow::{Context, Result};
use evaluate::baseline::{AgeSexIncidence, AgeSexLogistic};
use events::meds::CodeMetadata;
use model::{Config, DirectEffects, Model, Precision, Readout, SexCodes};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use timeline::{EntryKind, Sequence, Tokenizer, Unseen, Vocabulary};

/// The vocabulary's file name in a timeline and in a model.
pub const VOCABULARY_FILE: &str = "vocabulary.json";
/// A model's shape.
pub const CONFIG_FILE: &str = "config.json";
/// Age-and-sex baselines of supervised tasks, by task.
pub const TASK_BASELINES_FILE: &str = "task_baselines.json";
/// Read-outs of supervised tasks, by task.
pub const READOUTS_FILE: &str = "readouts.json";

/// What becomes of codes that a model never saw, where they stand in a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum UnseenCodes {
    /// The nearest broader code that the model knows.
    #[default]
    Parent,
    /// A vector made of their broader codes and the words of their descriptions (what the events say of them).
    Describe,
    /// One and the same unknown code.
    Unknown,
    /// Left out of the record.
    Ignore,
}

impl UnseenCodes {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            UnseenCodes::Parent => "parent",
            UnseenCodes::Describe => "describe",
            UnseenCodes::Unknown => "unknown",
            UnseenCodes::Ignore => "ignore",
        }
    }
}

/// A verified model, ready to answer.
pub struct ModelDirectory {
    /// Its manifest.
    pub manifest: Manifest,
    /// The weights.
    pub model: Model,
    /// Turns subjects into what the model reads.
    pub tokenizer: Tokenizer,
    /// What age and sex alone say of each code.
    pub reference: AgeSexIncidence,
    /// What age and sex alone say of each supervised task.
    pub task_baselines: BTreeMap<String, AgeSexLogistic>,
    /// Read-outs of supervised tasks; they come before the model's own heads.
    pub readouts: BTreeMap<String, Readout>,
    /// How its risks stood to what happened to its tuning people.
    pub tuning_check: Option<TuningCheck>,
}

impl ModelDirectory {
    /// Opens a directory that `osler train` wrote, after checking every digest. `codes` is what is known of the
    /// codes of the records at hand, so that rare ones back off to the same parents as in training.
    pub fn open(dir: &Path, codes: &[CodeMetadata]) -> Result<Self> {
        let manifest = Manifest::verify(dir, Kind::Model)?;
        let vocabulary = Vocabulary::load(&dir.join(VOCABULARY_FILE))?;
        let baselines = dir.join(TASK_BASELINES_FILE);
        let model = Model::load(dir)?;
        let readouts = dir.join(READOUTS_FILE);
        Ok(ModelDirectory {
            manifest,
            readouts: if readouts.exists() { Readout::load(&readouts, &model)? } else { BTreeMap::new() },
            model,
            tokenizer: Tokenizer::new(vocabulary).with_code_metadata(codes),
            reference: read_json(&dir.join(REFERENCE_FILE))?,
            task_baselines: if baselines.exists() { read_json(&baselines)? } else { BTreeMap::new() },
            tuning_check: TuningCheck::read(dir)?,
        })
    }

    /// The same model, which does this with codes that it never saw; `codes` is what the records at hand say of them.
    pub fn with_unseen(mut self, unseen: UnseenCodes, codes: &[CodeMetadata]) -> Result<Self> {
        let by = |tokenizer: Tokenizer, unseen| tokenizer.with_unseen(unseen);
        self.tokenizer = match unseen {
            UnseenCodes::Parent => self.tokenizer,
            UnseenCodes::Unknown => by(self.tokenizer, Unseen::Unknown),
            UnseenCodes::Ignore => by(self.tokenizer, Unseen::Ignored),
            UnseenCodes::Describe => {
                match code_features::described(&self.model, self.tokenizer.clone(), codes)? {
                    Some((model, tokenizer, _)) => {
                        self.model = model;
                        tokenizer
                    }
                    None => self.tokenizer,
                }
            }
        };
        Ok(self)
    }

    /// The same, its model answering in this precision; refused where the processor can't.
    pub fn with_precision(self, precision: Precision) -> Result<Self> {
        Ok(ModelDirectory { model: self.model.with_precision(precision)?, ..self })
    }

    /// The supervised tasks that can be asked about.
    pub fn tasks(&self) -> Vec<&str> {
        let heads = self.model.config().tasks.iter().filter(|name| !self.readouts.contains_key(*name));
        self.readouts.keys().chain(heads).map(String::as_str).collect()
    }

    /// The probability of a supervised task right after token `position` of each sequence.
    pub fn task_probability(&self, spots: &[(Sequence<'_>, usize)], task: &str) -> Result<Vec<f32>> {
        Ok(match self.readouts.get(task) {
            Some(readout) => readout.probability(&self.model, spots)?,
            None => self.model.task_probability(spots, task)?,
        })
    }

    /// The same, computing on a device.
    pub fn on(mut self, device: gpu::Device) -> Result<Self> {
        if let Some(engine) = device.open(&self.model)? {
            self.model = self.model.on(engine)?;
        }
        Ok(self)
    }

    /// Names the weights, vocabulary and settings together.
    pub fn digest(&self) -> &str {
        &self.manifest.output_digest
    }
}

/// Reads JSON that Osler wrote.
pub fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| settings_file::of_json(&error))
        .with_context(|| format!("{} is damaged", path.display()))
}

/// Measurements whose last values act on risk directly, at most; the commonest.
const MOST_MEASURED: usize = 2000;
/// Horizons between which what acts on risk directly may act differently: the first day, half a year, ten years.
const HORIZON_KNOTS: usize = 3;

/// What the loss of a code that has occurred before counts for beside its onset's.
const AGAIN: f32 = 0.05;
/// Share of people from which a code is so common that its loss counts for less, by the root of how much more common.
const COMMON: f32 = 0.1;

/// What a new model is told of its vocabulary's codes.
pub fn describe_codes(config: &mut Config, vocabulary: &Vocabulary) {
    config.features = CodeFeatures::new(vocabulary).embedding();
    config.risk.reference =
        Some(SexCodes { female: vocabulary.index_of("GENDER//F"), male: vocabulary.index_of("GENDER//M") });
    let everybody = vocabulary.training_subjects().max(1) as f32;
    config.risk.weights = config
        .risk
        .codes
        .iter()
        .map(|code| vocabulary.entry(*code).map_or(0.0, |entry| entry.subjects as f32 / everybody))
        .map(|often| (COMMON / often.max(COMMON)).sqrt())
        .collect();
    config.risk.repeat_weight = AGAIN;
    config.risk.broader = (0..vocabulary.len() as u32)
        .map(|code| (code, vocabulary.broader(code).filter(|b| config.risk_index(*b).is_some()).collect()))
        .filter(|(_, broader): &(u32, Vec<u32>)| !broader.is_empty())
        .collect();
    let mut measured: Vec<(u64, u32)> = (0..vocabulary.len() as u32)
        .filter_map(|code| Some((vocabulary.entry(code)?, code)))
        .filter(|(entry, _)| !entry.values.is_empty())
        .map(|(entry, code)| (entry.events, code))
        .collect();
    measured.sort_unstable_by_key(|(events, code)| (std::cmp::Reverse(*events), *code));
    let mut measured: Vec<u32> = measured.into_iter().take(MOST_MEASURED).map(|(_, code)| code).collect();
    measured.sort_unstable();
    config.risk.direct = Some(DirectEffects { measured, horizon_knots: HORIZON_KNOTS });
}

/// Codes whose risk is predicted: everything that happens, and the broader codes of it, systems aside.
pub fn risk_codes(vocabulary: &Vocabulary) -> Vec<u32> {
    let happens =
        |index: u32| vocabulary.entry(index).is_some_and(|e| e.kind == EntryKind::Event && e.events > 0);
    let told = |index: u32| vocabulary.entry(index).is_some_and(|e| e.kind == EntryKind::Group);
    let mut codes: BTreeSet<u32> = (0..vocabulary.len() as u32).filter(|i| happens(*i)).collect();
    let groups = (0..vocabulary.len() as u32).filter(|i| told(*i) && !vocabulary.is_system(*i));
    codes.extend(groups);
    codes.into_iter().collect()
}
