//! A model on disk: weights, vocabulary, the age-and-sex reference, and the baselines of its tasks.

use crate::commands::REFERENCE_FILE;
use crate::manifest::{Kind, Manifest};
use anyhow::{Context, Result};
use evaluate::baseline::{AgeSexIncidence, AgeSexLogistic};
use events::meds::CodeMetadata;
use model::{EmbeddingFeatures, Model};
use std::collections::BTreeMap;
use std::path::Path;
use timeline::{EntryKind, Tokenizer, Vocabulary};

/// The vocabulary's file name in a timeline and in a model.
pub const VOCABULARY_FILE: &str = "vocabulary.json";
/// Age-and-sex baselines of supervised tasks, by task.
pub const TASK_BASELINES_FILE: &str = "task_baselines.json";

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
}

impl ModelDirectory {
    /// Opens a directory that `osler train` wrote, after checking every digest. `codes` is what is known of the
    /// codes of the records at hand, so that rare ones back off to the same parents as in training.
    pub fn open(dir: &Path, codes: &[CodeMetadata]) -> Result<Self> {
        let manifest = Manifest::verify(dir, Kind::Model)?;
        let vocabulary = Vocabulary::load(&dir.join(VOCABULARY_FILE))?;
        let baselines = dir.join(TASK_BASELINES_FILE);
        Ok(ModelDirectory {
            manifest,
            model: Model::load(dir)?,
            tokenizer: Tokenizer::new(vocabulary).with_code_metadata(codes),
            reference: read_json(&dir.join(REFERENCE_FILE))?,
            task_baselines: if baselines.exists() { read_json(&baselines)? } else { BTreeMap::new() },
        })
    }

    /// Names the weights, vocabulary and settings together.
    pub fn digest(&self) -> &str {
        &self.manifest.output_digest
    }
}

/// Reads JSON that Osler wrote.
pub fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged", path.display()))
}

/// Codes whose risk is predicted: everything that happens.
pub fn risk_codes(vocabulary: &Vocabulary) -> Vec<u32> {
    (0..vocabulary.len() as u32)
        .filter(|&i| vocabulary.entry(i).is_some_and(|e| e.kind == EntryKind::Event && e.events > 0))
        .collect()
}

/// What is known of each code besides its identity: broader codes, and the words of its description that other
/// codes have too.
pub fn embedding_features(vocabulary: &Vocabulary) -> EmbeddingFeatures {
    let words_of = |index: u32| -> Vec<String> {
        let description = vocabulary.entry(index).and_then(|e| e.description.as_deref()).unwrap_or_default();
        let mut words: Vec<String> = description
            .split(|c: char| !c.is_alphanumeric())
            .filter(|w| w.len() > 2)
            .map(str::to_lowercase)
            .collect();
        words.sort_unstable();
        words.dedup();
        words
    };
    let mut uses: BTreeMap<String, u32> = BTreeMap::new();
    for index in 0..vocabulary.len() as u32 {
        for word in words_of(index) {
            *uses.entry(word).or_default() += 1;
        }
    }
    let shared: BTreeMap<&str, u32> =
        uses.iter().filter(|(_, n)| **n > 1).zip(0..).map(|((word, _), i)| (word.as_str(), i)).collect();
    let words = shared.len() as u32;
    let by_code = (0..vocabulary.len() as u32)
        .map(|index| {
            let words_here = words_of(index).into_iter().filter_map(|w| shared.get(w.as_str()).copied());
            words_here.chain(vocabulary.ancestors(index).map(|parent| words + parent)).collect()
        })
        .collect();
    EmbeddingFeatures { count: (words as usize) + vocabulary.len(), by_code }
}
