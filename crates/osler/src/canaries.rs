//! Canaries: random sequences of codes, nobody's, that are planted in training so that it can be measured afterwards
//! whether they are remembered.

use anyhow::{Context, Result, bail};
use events::Code;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::path::Path;
use timeline::{EntryKind, Sequence, Vocabulary};

/// The file's name in a model.
pub const FILE: &str = "canaries.json";
/// How often canaries are planted.
pub const REPEATS: [u32; 3] = [1, 4, 16];
/// Codes of a canary; the first is given, the others are its secret.
const CODES: usize = 9;
/// Days between two of its codes.
const DAYS_APART: f64 = 30.0;
/// The age at its first, in days.
const FIRST_AGE_DAYS: f64 = 14_610.0;

/// What was planted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Canaries {
    /// Says what it is wherever it is opened.
    note: String,
    /// Seed of the codes.
    seed: u64,
    /// The sequences.
    pub planted: Vec<Canary>,
}

/// A sequence and how often it was planted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Canary {
    /// How many times it stands in the training data.
    pub repeats: u32,
    /// Its codes, in order.
    pub codes: Vec<Code>,
}

/// A canary in tokens: one code a moment, without values.
#[derive(Clone, Debug)]
pub struct CanaryTokens {
    id: i64,
    code: Vec<u32>,
    age_days: Vec<f64>,
    value: Vec<f32>,
}

impl Canaries {
    /// `each` sequences for every number of repeats, codes drawn evenly from the vocabulary's.
    pub fn draw(each: usize, seed: u64, vocabulary: &Vocabulary) -> Result<Self> {
        if each == 0 {
            bail!("--canaries must be at least 1, or a file");
        }
        let mut sequences = Drawn::new(vocabulary, seed, "planted")?;
        let mut planted = Vec::new();
        for repeats in REPEATS {
            for _ in 0..each {
                let codes = sequences.next_sequence().into_iter().filter_map(|i| vocabulary.entry(i));
                planted.push(Canary { repeats, codes: codes.map(|entry| entry.code.clone()).collect() });
            }
        }
        let note = "Synthetic: random sequences of codes, nobody's record, planted to measure what a model remembers.";
        Ok(Canaries { note: note.to_owned(), seed, planted })
    }

    /// Those of a file that [`Canaries::write`] made.
    pub fn read(path: &Path) -> Result<Self> {
        let canaries: Canaries = crate::model_directory::read_json(path)?;
        if canaries.planted.is_empty() || canaries.planted.iter().any(|c| c.codes.len() != CODES) {
            bail!("{} holds no canaries of {CODES} codes; take canaries.json of a model", path.display());
        }
        Ok(canaries)
    }

    /// What `--canaries N|FILE` asks for.
    pub fn of_argument(argument: &str, seed: u64, vocabulary: &Vocabulary) -> Result<Self> {
        match argument.parse::<usize>() {
            Ok(each) => Self::draw(each, seed, vocabulary),
            Err(_) => Self::read(Path::new(argument)),
        }
    }

    /// Writes them beside a model.
    pub fn write(&self, dir: &Path) -> Result<()> {
        let path = dir.join(FILE);
        std::fs::write(&path, serde_json::to_vec_pretty(self)?)
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// What a manifest says of them.
    pub fn settings(&self, training_tokens: u64) -> serde_json::Value {
        let planted: u64 = self.planted.iter().map(|c| u64::from(c.repeats)).sum();
        let tokens = planted * (2 * CODES as u64 - 1);
        serde_json::json!({
            "sequences": self.planted.len(),
            "repeats": REPEATS,
            "planted": planted,
            "share_of_training_tokens": tokens as f64 / (tokens + training_tokens).max(1) as f64,
        })
    }

    /// Every copy that training is to see.
    pub fn copies(&self, vocabulary: &Vocabulary) -> Result<Vec<CanaryTokens>> {
        let mut copies = Vec::new();
        for canary in &self.planted {
            for _ in 0..canary.repeats {
                let number = copies.len() as i64;
                copies.push(canary.tokens(vocabulary, i64::MIN + number)?);
            }
        }
        Ok(copies)
    }

    /// Sequences of the same shape that are not planted.
    pub fn references(&self, many: usize, vocabulary: &Vocabulary) -> Result<Vec<CanaryTokens>> {
        let mut sequences = Drawn::new(vocabulary, self.seed, "reference")?;
        let planted: HashSet<Vec<u32>> = self.planted.iter().filter_map(|c| c.indices(vocabulary)).collect();
        let drawn = std::iter::repeat_with(|| sequences.next_sequence()).filter(|s| !planted.contains(s));
        Ok(drawn.take(many).map(|codes| CanaryTokens::new(0, codes)).collect())
    }
}

impl Canary {
    fn indices(&self, vocabulary: &Vocabulary) -> Option<Vec<u32>> {
        self.codes.iter().map(|code| vocabulary.index_of(code.as_str())).collect()
    }

    /// In tokens.
    pub fn tokens(&self, vocabulary: &Vocabulary, id: i64) -> Result<CanaryTokens> {
        let indices = self.indices(vocabulary).context(
            "a canary has a code that this vocabulary has not; plant and measure canaries of the same vocabulary",
        )?;
        Ok(CanaryTokens::new(id, indices))
    }
}

impl CanaryTokens {
    fn new(id: i64, codes: Vec<u32>) -> Self {
        let mut tokens = CanaryTokens { id, code: vec![], age_days: vec![], value: vec![] };
        for (i, code) in codes.into_iter().enumerate() {
            let age = FIRST_AGE_DAYS + i as f64 * DAYS_APART;
            if i > 0 {
                tokens.push(Vocabulary::TIME, age, DAYS_APART as f32);
            }
            tokens.push(code, age, f32::NAN);
        }
        tokens
    }

    fn push(&mut self, code: u32, age_days: f64, value: f32) {
        self.code.push(code);
        self.age_days.push(age_days);
        self.value.push(value);
    }

    /// As a model reads it.
    pub fn as_sequence(&self) -> Sequence<'_> {
        Sequence {
            subject_id: self.id,
            code: &self.code,
            age_days: &self.age_days,
            value: &self.value,
            static_len: 0,
            followup_end_age_days: FIRST_AGE_DAYS + CODES as f64 * DAYS_APART,
            died: false,
            birth_known: true,
        }
    }
}

/// Random sequences of codes.
struct Drawn {
    codes: Vec<u32>,
    random: blake3::OutputReader,
}

impl Drawn {
    fn new(vocabulary: &Vocabulary, seed: u64, purpose: &str) -> Result<Self> {
        let happens = |i: &u32| {
            *i > Vocabulary::DEATH
                && vocabulary.entry(*i).is_some_and(|e| e.kind == EntryKind::Event && e.events > 0)
        };
        let codes: Vec<u32> = (0..vocabulary.len() as u32).filter(happens).collect();
        if codes.len() < 2 {
            bail!("the vocabulary has too few codes to make canaries of");
        }
        let mut hasher = blake3::Hasher::new_derive_key("osler canaries");
        hasher.update(&seed.to_le_bytes()).update(purpose.as_bytes());
        Ok(Drawn { codes, random: hasher.finalize_xof() })
    }

    fn next_sequence(&mut self) -> Vec<u32> {
        let mut bytes = [0; 8];
        let mut one = || {
            self.random.fill(&mut bytes);
            // 64 bits to a vocabulary's few: the unevenness is far below what can be measured.
            self.codes[(u64::from_le_bytes(bytes) % self.codes.len() as u64) as usize]
        };
        (0..CODES).map(|_| one()).collect()
    }
}
