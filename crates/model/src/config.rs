//! The shape of a model: one `config.json`.

use crate::error::{Error, Result};
use crate::layers::basis;
use crate::weights::Layout;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The ends of the horizon intervals in days: 1, 7, 30, 90 and 180 days, 1, 2, 5 and 10 years.
pub const HORIZON_DAYS: [f64; HORIZONS] = [1.0, 7.0, 30.0, 90.0, 180.0, 365.25, 730.5, 1826.25, 3652.5];
/// How many horizons there are.
pub const HORIZONS: usize = 9;
/// How many broader codes a code may have.
const MOST_BROADER: usize = 64;

/// Everything that fixes the names and shapes of the weights and how they are used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Codes in the vocabulary; tokens are below it.
    pub vocabulary_size: usize,
    /// The code of the `TIME` token.
    pub time_code: u32,
    /// The code of death, if the vocabulary has it.
    pub death_code: Option<u32>,
    /// What is known of each code besides its identity.
    #[serde(default)]
    pub features: EmbeddingFeatures,
    /// Width of the hidden state.
    pub width: usize,
    /// Decoder blocks.
    pub layers: usize,
    /// Query heads; `width / heads` is a head's width and even.
    pub heads: usize,
    /// Key and value heads, each shared by `heads / key_value_heads` query heads.
    pub key_value_heads: usize,
    /// Width inside the feed-forward part.
    pub feed_forward: usize,
    /// How many tokens the model sees at once, static ones included.
    pub context: usize,
    /// How positions enter attention.
    pub rotary: Rotary,
    /// Whether queries, keys and values have biases.
    #[serde(default)]
    pub attention_bias: bool,
    /// Whether the next-event head shares the code embeddings.
    pub tied_head: bool,
    /// Added to the mean square before its root in every norm.
    pub norm_epsilon: f64,
    /// Values in and out.
    pub value: ValueConfig,
    /// Inner edges of the waiting-time intervals in days, increasing; the last interval is open.
    pub waiting_time_edges_days: Vec<f64>,
    /// The horizon-risk head.
    pub risk: RiskConfig,
    /// Names of the supervised tasks, each with a head of its own.
    #[serde(default)]
    pub tasks: Vec<String>,
}

/// Feature indices per code: parents, words of the description, whatever else lets a rare or unseen code land
/// near its meaning. A code's vector is its own plus the mean-scaled sum of its features' vectors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbeddingFeatures {
    /// Number of distinct features.
    pub count: usize,
    /// For each code the indices (below `count`) of its features; empty when there are no features at all.
    pub by_code: Vec<Vec<u32>>,
}

/// How positions enter attention.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Rotary {
    /// Rotation by the token's index, as in RoFormer and Llama: pair `i` of `n` turns by `base^(-i/n)` a token.
    Index {
        /// The base of the periods; 10,000 is usual.
        base: f64,
    },
    /// Rotation by age in continuous time on most pairs, and by index on the first `index_pairs`, so that the
    /// order inside data too dense for days is seen too.
    Time {
        /// Pairs per head that turn with the index.
        index_pairs: usize,
        /// The base of the index periods.
        base: f64,
        /// Shortest period of the pairs that turn with time, in days.
        shortest_period_days: f64,
        /// Longest such period; the others lie between, log-spaced.
        longest_period_days: f64,
    },
}

/// Values: a code-conditioned basis in, a histogram over the rank out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueConfig {
    /// Knots of the piecewise-linear basis over the rank.
    pub knots: usize,
    /// Width of the product between value basis and code.
    pub rank: usize,
    /// Equal bins over the rank in the output distribution.
    pub bins: usize,
}

/// The horizon-risk head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RiskConfig {
    /// Codes with a risk of their own, increasing. Death belongs here when the vocabulary has it.
    pub codes: Vec<u32>,
    /// Of codes that have broader ones, those of the risk codes that are: an occurrence of a code is one of theirs too. Who has
    /// a narrower code has the broader, and its risk is that of the first of any.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub broader: BTreeMap<u32, Vec<u32>>,
    /// Width of the product between state and code.
    pub rank: usize,
    /// What each code's loss counts for in training, above 0; 1 for all if empty. Hundreds of codes share what the head
    /// learns from, and what happens every month would drown what happens once in a life.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<f32>,
    /// What a code's loss counts for, beside its weight, where the code has occurred before. A chronic disease has one onset and
    /// is told at every visit after it, and what tells who falls ill isn't what tells who comes again.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub repeat_weight: f32,
    /// Whether codes that have occurred before have risk vectors of their own: what tells who falls ill need not share its
    /// directions with what tells who comes again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeats_apart: bool,
    /// What age and sex alone let expect, as a part of every hazard that isn't trained; without it hazards start from
    /// the same for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<SexCodes>,
    /// What has occurred and what was measured last, added up straight into every hazard beside what the blocks make of the
    /// record; without it the blocks alone speak.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direct: Option<DirectEffects>,
    /// Whether each code has a factor of its own on all that the record says of its onset, as [`crate::Model::recalibrated`] sets.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub scaled: bool,
    /// Whether codes that have occurred have a level of their own in each interval, as [`crate::Model::recalibrated`] sets.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeats_levelled: bool,
}

fn one() -> f32 {
    1.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_one(weight: &f32) -> bool {
    *weight == 1.0
}

impl RiskConfig {
    /// What the loss of a code, by its index among the risk codes, counts for.
    pub fn weight(&self, index: usize) -> f32 {
        self.weights.get(index).copied().unwrap_or(1.0)
    }

    /// Numbers of the risk vectors of all codes, those of codes that have occurred too.
    pub(crate) fn vectors(&self) -> usize {
        (1 + usize::from(self.repeats_apart)) * self.codes.len() * self.rank
    }

    /// The risk codes that are broader than a code.
    pub fn broader_than(&self, code: u32) -> &[u32] {
        self.broader.get(&code).map_or(&[], Vec::as_slice)
    }

    /// The codes narrower than a code, in the order of their numbers.
    pub fn narrower_than(&self, code: u32) -> impl Iterator<Item = u32> + '_ {
        self.broader.iter().filter(move |(_, broader)| broader.contains(&code)).map(|(narrower, _)| *narrower)
    }
}

/// Effects on hazards that pass by the blocks: of each code that has occurred, and of each measurement's last rank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectEffects {
    /// Codes whose last rank has an effect, increasing.
    pub measured: Vec<u32>,
    /// Knots over the intervals between horizons, from the first to the last, between which an effect is linear; with one it is
    /// the same in all. A high blood pressure tells of a diagnosis within the year more than of one in ten.
    #[serde(default = "one_knot", skip_serializing_if = "is_one_knot")]
    pub horizon_knots: usize,
}

impl Default for DirectEffects {
    fn default() -> Self {
        DirectEffects { measured: Vec::new(), horizon_knots: one_knot() }
    }
}

impl DirectEffects {
    /// The two knots that an interval between horizons lies between, and what each counts for there.
    pub fn knots_about(&self, interval: usize) -> [(usize, f64); 2] {
        if self.horizon_knots < 2 {
            return [(0, 1.0), (0, 0.0)];
        }
        let position = interval as f64 / (HORIZONS - 1) as f64;
        let (lower, low, high) = basis::between_knots(position, self.horizon_knots);
        [(lower, low), (lower + 1, high)]
    }
}

fn one_knot() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_one_knot(knots: &usize) -> bool {
    *knots == one_knot()
}

/// The static codes that tell a person's sex, of those that the vocabulary has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SexCodes {
    /// Female.
    pub female: Option<u32>,
    /// Male.
    pub male: Option<u32>,
}

/// Named sizes. Parameter counts are without embeddings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// About 1 million.
    Tiny,
    /// About 10 million.
    Small,
    /// About 100 million.
    Base,
    /// About 1 billion.
    Large,
}

impl Size {
    /// All, from small to large.
    pub const ALL: [Size; 4] = [Size::Tiny, Size::Small, Size::Base, Size::Large];

    /// Of the hidden state.
    const fn width(self) -> usize {
        match self {
            Size::Tiny => 128,
            Size::Small => 320,
            Size::Base => 768,
            Size::Large => 1792,
        }
    }

    /// The size whose width is nearest, by ratio: what suits a model depends on its width.
    pub fn nearest(width: usize) -> Self {
        let apart = |size: &Size| (width.max(1) as f64 / size.width() as f64).ln().abs();
        Self::ALL.into_iter().min_by(|a, b| apart(a).total_cmp(&apart(b))).unwrap_or(Size::Tiny)
    }
}

impl std::str::FromStr for Size {
    type Err = Error;
    fn from_str(name: &str) -> Result<Self> {
        match name {
            "tiny" => Ok(Size::Tiny),
            "small" => Ok(Size::Small),
            "base" => Ok(Size::Base),
            "large" => Ok(Size::Large),
            _ => Err(Error::Configuration("the size must be one of tiny, small, base, large".into())),
        }
    }
}

impl Config {
    /// A configuration of a named size for a vocabulary. `risk_codes` are the codes whose risk is predicted;
    /// death is added if it is missing.
    pub fn of_size(
        size: Size,
        vocabulary_size: usize,
        time_code: u32,
        death_code: Option<u32>,
        risk_codes: &[u32],
    ) -> Self {
        let width = size.width();
        let (layers, heads, key_value_heads, feed_forward, context) = match size {
            Size::Tiny => (4, 4, 4, 384, 1024),
            Size::Small => (8, 5, 5, 896, 2048),
            Size::Base => (12, 12, 4, 2304, 4096),
            Size::Large => (24, 28, 7, 5376, 8192),
        };
        let mut codes: Vec<u32> = risk_codes.iter().copied().chain(death_code).collect();
        codes.sort_unstable();
        codes.dedup();
        Config {
            vocabulary_size,
            time_code,
            death_code,
            features: EmbeddingFeatures::default(),
            width,
            layers,
            heads,
            key_value_heads,
            feed_forward,
            context,
            rotary: Rotary::Time {
                index_pairs: width / heads / 8,
                base: 10_000.0,
                shortest_period_days: 0.25,
                longest_period_days: 60_000.0,
            },
            attention_bias: false,
            tied_head: true,
            norm_epsilon: 1e-6,
            value: ValueConfig { knots: 16, rank: (width / 2).min(256), bins: 16 },
            waiting_time_edges_days: default_waiting_time_edges(),
            risk: RiskConfig {
                codes,
                broader: BTreeMap::new(),
                rank: (3 * width / 4).min(128),
                weights: Vec::new(),
                repeat_weight: 1.0,
                repeats_apart: true,
                reference: Some(SexCodes::default()),
                direct: Some(DirectEffects::default()),
                scaled: false,
                repeats_levelled: false,
            },
            tasks: Vec::new(),
        }
    }

    /// Number of weights, without making any.
    pub fn parameters(&self) -> usize {
        Layout::new(self).len()
    }

    /// The same without the tables that grow with the vocabulary: code and feature vectors, an untied head, and biases
    /// by code. What scaling laws count (Kaplan et al. 2020, §1.3).
    pub fn parameters_without_tables(&self) -> usize {
        let layout = Layout::new(self);
        let tables = [
            layout.code,
            layout.feature,
            layout.head,
            layout.head_bias,
            layout.head_repeat,
            layout.risk_bias,
            layout.risk_repeat,
            layout.risk_reference,
            layout.risk_direct,
            layout.risk_scale,
            layout.risk_repeat_level,
        ];
        layout.len() - tables.iter().map(|slot| slot.range().len()).sum::<usize>()
    }

    /// Width of one head.
    pub fn head_width(&self) -> usize {
        self.width / self.heads
    }

    /// Number of waiting-time intervals.
    pub fn waiting_time_intervals(&self) -> usize {
        self.waiting_time_edges_days.len() + 1
    }

    /// Index of a code among the risk codes.
    pub fn risk_index(&self, code: u32) -> Option<usize> {
        self.risk.codes.binary_search(&code).ok()
    }

    /// Index of death among the risk codes: it competes with all others.
    pub(crate) fn death_index(&self) -> Option<usize> {
        self.death_code.and_then(|code| self.risk_index(code))
    }

    /// Indices among the risk codes of what happens when a code occurs: its own, and those of broader ones.
    pub fn risk_indices(&self, code: u32) -> impl Iterator<Item = usize> + '_ {
        let broader = self.risk.broader_than(code).iter().copied();
        std::iter::once(code).chain(broader).filter_map(|code| self.risk_index(code))
    }

    /// Refuses what no model can have. Also guards against hostile files: every size is bounded.
    pub fn validate(&self) -> Result<()> {
        let bounds = [
            ("vocabulary_size", self.vocabulary_size, 2, 10_000_000),
            ("width", self.width, 2, 65_536),
            ("layers", self.layers, 1, 1_000),
            ("heads", self.heads, 1, 1_024),
            ("key_value_heads", self.key_value_heads, 1, 1_024),
            ("feed_forward", self.feed_forward, 1, 262_144),
            ("context", self.context, 4, 1_048_576),
            ("value.knots", self.value.knots, 2, 256),
            ("value.rank", self.value.rank, 1, 4_096),
            ("value.bins", self.value.bins, 2, 1_024),
            ("risk.rank", self.risk.rank, 1, 4_096),
            ("waiting_time_edges_days (its length)", self.waiting_time_edges_days.len(), 1, 256),
        ];
        for (name, value, low, high) in bounds {
            check(value >= low && value <= high, || {
                format!("{name} is {value}, it must be {low} to {high}")
            })?;
        }
        check(self.width.is_multiple_of(self.heads), || "width must be a multiple of heads".into())?;
        check(self.head_width().is_multiple_of(2), || "width / heads must be even".into())?;
        check(self.heads.is_multiple_of(self.key_value_heads), || {
            "heads must be a multiple of key_value_heads".into()
        })?;
        check(self.norm_epsilon > 0.0 && self.norm_epsilon < 1.0, || {
            "norm_epsilon must lie between 0 and 1".into()
        })?;
        let inside = |code: u32| (code as usize) < self.vocabulary_size;
        check(inside(self.time_code), || "time_code lies outside the vocabulary".into())?;
        check(self.death_code.is_none_or(inside), || "death_code lies outside the vocabulary".into())?;
        let sexes = self.risk.reference.unwrap_or_default();
        check(sexes.female.into_iter().chain(sexes.male).all(inside), || {
            "risk.reference has a code outside the vocabulary".into()
        })?;
        let measured = self.risk.direct.as_ref().map_or(&[][..], |direct| &direct.measured);
        check(measured.iter().all(|c| inside(*c)) && measured.is_sorted_by(|a, b| a < b), || {
            "risk.direct.measured must increase and lie inside the vocabulary".into()
        })?;
        let knots = self.risk.direct.as_ref().map_or(1, |direct| direct.horizon_knots);
        check((1..=HORIZONS).contains(&knots), || {
            format!("risk.direct.horizon_knots must be 1 to {HORIZONS}")
        })?;
        check(self.risk.codes.iter().all(|c| inside(*c)), || {
            "risk.codes has a code outside the vocabulary".into()
        })?;
        let weights = &self.risk.weights;
        check(weights.is_empty() || weights.len() == self.risk.codes.len(), || {
            "risk.weights must be empty or have one weight per risk code".into()
        })?;
        check(weights.iter().chain([&self.risk.repeat_weight]).all(|w| w.is_finite() && *w > 0.0), || {
            "risk.weights and risk.repeat_weight must be above 0".into()
        })?;
        check(self.risk.codes.is_sorted_by(|a, b| a < b), || "risk.codes must increase".into())?;
        for (code, broader) in &self.risk.broader {
            let known = broader.iter().all(|b| b != code && self.risk_index(*b).is_some());
            let once = broader.iter().enumerate().all(|(i, b)| !broader[..i].contains(b));
            check(inside(*code) && broader.len() <= MOST_BROADER && known && once, || {
                format!(
                    "risk.broader must give other risk codes for a code, each once and {MOST_BROADER} at most"
                )
            })?;
        }
        check(!self.risk.codes.contains(&self.time_code), || "risk.codes must not hold time_code".into())?;
        if let Some(death) = self.death_code {
            check(self.risk.codes.is_empty() || self.risk_index(death).is_some(), || {
                "risk.codes must hold death_code, for death competes with every risk".into()
            })?;
        }
        let edges = &self.waiting_time_edges_days;
        check(edges.iter().all(|e| e.is_finite() && *e > 0.0) && edges.is_sorted_by(|a, b| a < b), || {
            "waiting_time_edges_days must be positive and increase".into()
        })?;
        let features = &self.features;
        check(features.by_code.is_empty() || features.by_code.len() == self.vocabulary_size, || {
            "features.by_code must be empty or have one list per code".into()
        })?;
        check(features.by_code.iter().flatten().all(|f| (*f as usize) < features.count), || {
            "features.by_code has a feature at or above features.count".into()
        })?;
        check(features.count <= 10_000_000, || "features.count is above 10,000,000".into())?;
        match self.rotary {
            Rotary::Index { base } => {
                check(base > 1.0 && base.is_finite(), || "rotary.base must exceed 1".into())?
            }
            Rotary::Time { index_pairs, base, shortest_period_days, longest_period_days } => {
                check(index_pairs <= self.head_width() / 2, || {
                    "rotary.index_pairs exceeds the pairs of a head".into()
                })?;
                check(
                    base > 1.0
                        && base.is_finite()
                        && shortest_period_days > 0.0
                        && longest_period_days >= shortest_period_days
                        && longest_period_days.is_finite(),
                    || "rotary needs base > 1 and 0 < shortest_period_days ≤ longest_period_days".into(),
                )?;
            }
        }
        let distinct: std::collections::BTreeSet<&String> = self.tasks.iter().collect();
        check(distinct.len() == self.tasks.len(), || "tasks must have distinct names".into())
    }
}

fn check(holds: bool, message: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::Configuration(message())) }
}

/// One minute to forty years in 27 edges, about 2.5 a decade of time below a day and denser where clinical
/// intervals live.
fn default_waiting_time_edges() -> Vec<f64> {
    let minutes = [1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 240.0, 480.0, 720.0].map(|m| m / 1440.0);
    let days = [
        1.0, 2.0, 4.0, 7.0, 14.0, 30.0, 60.0, 90.0, 180.0, 365.25, 548.0, 730.5, 1095.75, 1826.25, 2922.0,
        3652.5, 5478.75, 7305.0,
    ];
    minutes.into_iter().chain(days).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_sizes_are_valid_and_near_their_names() {
        for (size, low, high) in [
            (Size::Tiny, 0.8e6, 1.2e6),
            (Size::Small, 9e6, 12e6),
            (Size::Base, 80e6, 120e6),
            (Size::Large, 0.85e9, 1.2e9),
        ] {
            let config = Config::of_size(size, 100, 0, Some(1), &[5, 7]);
            config.validate().unwrap();
            assert_eq!([config.width, config.width - 20].map(Size::nearest), [size; 2]);
            let parameters = config.parameters() as f64;
            assert!((low..high).contains(&parameters), "{size:?} {parameters}");
            let more = Config { vocabulary_size: 50_000, ..config.clone() };
            assert_eq!(more.parameters_without_tables(), config.parameters_without_tables());
        }
    }

    #[test]
    fn direct_effects_lie_between_knots_and_were_the_same_at_all_horizons_before() {
        let earlier: DirectEffects = serde_json::from_str(r#"{"measured":[3]}"#).unwrap();
        assert_eq!(earlier, DirectEffects { measured: vec![3], horizon_knots: 1 });
        assert!((0..HORIZONS).all(|k| earlier.knots_about(k) == [(0, 1.0), (0, 0.0)]));
        for horizon_knots in 2..=HORIZONS {
            let effects = DirectEffects { measured: vec![3], horizon_knots };
            let json = serde_json::to_string(&effects).unwrap();
            assert_eq!(serde_json::from_str::<DirectEffects>(&json).unwrap(), effects);
            for k in 0..HORIZONS {
                let shares = effects.knots_about(k);
                assert!(
                    shares.iter().all(|(knot, share)| *knot < horizon_knots && (0.0..=1.0).contains(share))
                );
                let place: f64 = shares.iter().map(|(knot, share)| *knot as f64 * share).sum();
                let expected = k as f64 * (horizon_knots - 1) as f64 / (HORIZONS - 1) as f64;
                assert!((place - expected).abs() < 1e-12, "{horizon_knots} {k}");
            }
        }
    }

    #[test]
    fn configurations_survive_json_and_bad_ones_are_refused() {
        let config = Config::of_size(Size::Tiny, 100, 0, Some(1), &[5, 7]);
        let json = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<Config>(&json).unwrap(), config);
        let spoil: [fn(&mut Config); 13] = [
            |c| c.risk.direct = Some(DirectEffects { horizon_knots: 0, ..DirectEffects::default() }),
            |c| c.risk.direct = Some(DirectEffects { horizon_knots: 10, ..DirectEffects::default() }),
            |c| c.risk.broader = BTreeMap::from([(100, vec![5])]),
            |c| c.risk.broader = BTreeMap::from([(8, vec![6])]),
            |c| c.risk.broader = BTreeMap::from([(5, vec![7, 5])]),
            |c| c.width = 0,
            |c| c.heads = 3,
            |c| c.time_code = 100,
            |c| c.risk.codes = vec![7, 5],
            |c| c.risk.codes = vec![5],
            |c| c.waiting_time_edges_days = vec![1.0, f64::NAN],
            |c| c.features.by_code = vec![vec![0]],
            |c| c.norm_epsilon = f64::NAN,
        ];
        for spoil in spoil {
            let mut bad = config.clone();
            spoil(&mut bad);
            assert!(bad.validate().is_err(), "{bad:?}");
        }
    }
}
