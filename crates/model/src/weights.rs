//! Names, shapes and places of the weights in one flat arena.
//!
//! Gradients and optimiser moments are further arenas of the same layout, so that reductions and updates are
//! single passes over memory. Matrices that are used together (queries, keys and values; gate and up) lie next
//! to each other and are multiplied as one.

use crate::config::{Config, HORIZONS};
use crate::heads::task::VIEWS;
use crate::heads::{moment, reference};
use crate::layers::embedding::AGE_FEATURES;
use crate::layers::embedding::GAP_KNOTS;
use crate::random::{self, Purpose};
use crate::real::Real;

/// Standard deviation of a fresh code vector.
pub(crate) const EMBEDDING_DEVIATION: f64 = 0.02;

/// Sum of the standard deviations of a fresh code's entries among the directions of risk.
const RISK_VECTOR_LENGTH: f64 = 9.6;

/// A piece of an arena.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slot {
    start: usize,
    len: usize,
}

impl Slot {
    pub(crate) fn of<T>(self, arena: &[T]) -> &[T] {
        &arena[self.start..self.start + self.len]
    }
    pub(crate) fn of_mut<T>(self, arena: &mut [T]) -> &mut [T] {
        &mut arena[self.start..self.start + self.len]
    }
    pub(crate) fn is_empty(self) -> bool {
        self.len == 0
    }
    /// Where in an arena.
    pub(crate) fn range(self) -> std::ops::Range<usize> {
        self.start..self.start + self.len
    }
    /// Two neighbouring slots as one.
    fn with(self, next: Slot) -> Slot {
        debug_assert_eq!(self.start + self.len, next.start);
        Slot { start: self.start, len: self.len + next.len }
    }
}

/// One named weight.
#[derive(Clone, Debug)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) slot: Slot,
    /// Whether weight decay applies: matrices yes, norms, scales and biases no.
    pub(crate) decays: bool,
    initial: Initial,
}

impl Tensor {
    /// Whether it is a matrix from hidden state to hidden state, within a block.
    pub(crate) fn is_block_matrix(&self) -> bool {
        self.name.starts_with("blocks.") && self.shape.len() == 2
    }
}

#[derive(Clone, Copy, Debug)]
enum Initial {
    Normal(f64),
    Zero,
    One,
}

/// The slots of one block.
#[derive(Clone, Debug, Default)]
pub(crate) struct BlockSlots {
    pub(crate) attention_norm: Slot,
    /// `[width + 2 · key_value_heads · head_width, width]`.
    pub(crate) query_key_value: Slot,
    pub(crate) query_key_value_bias: Slot,
    /// `[width, width]`.
    pub(crate) attention_out: Slot,
    pub(crate) feed_forward_norm: Slot,
    /// `[2 · feed_forward, width]`.
    pub(crate) gate_up: Slot,
    /// `[width, feed_forward]`.
    pub(crate) down: Slot,
}

/// All slots. Fields of absent parts are empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    pub(crate) tensors: Vec<Tensor>,
    len: usize,
    pub(crate) code: Slot,
    pub(crate) feature: Slot,
    pub(crate) age: Slot,
    pub(crate) gap: Slot,
    pub(crate) value_basis: Slot,
    pub(crate) value_gate: Slot,
    pub(crate) value_out: Slot,
    pub(crate) blocks: Vec<BlockSlots>,
    pub(crate) final_norm: Slot,
    pub(crate) head: Slot,
    pub(crate) head_bias: Slot,
    /// `[vocabulary + 1]`: added where the code has occurred, by code and for all.
    pub(crate) head_repeat: Slot,
    pub(crate) waiting: Slot,
    pub(crate) waiting_bias: Slot,
    pub(crate) value_state: Slot,
    pub(crate) value_code: Slot,
    pub(crate) value_previous: Slot,
    pub(crate) value_hidden_bias: Slot,
    pub(crate) value_histogram: Slot,
    pub(crate) value_histogram_bias: Slot,
    /// `[rank, width]`: what takes a code's vector to its risk vector, and for codes that have occurred; the second is empty if they
    /// have none of their own.
    pub(crate) risk_code: Slot,
    pub(crate) risk_repeat_code: Slot,
    pub(crate) risk_state: Slot,
    pub(crate) risk_bias: Slot,
    /// `[codes + HORIZONS]`: added where the code has occurred, by code and by interval.
    pub(crate) risk_repeat: Slot,
    /// `[reference::ROWS, codes]`: log-rates a day by sex and age, not trained; empty without a reference.
    pub(crate) risk_reference: Slot,
    /// `[moment::feature_rows, horizon_knots · rank]`: what codes that have occurred and last ranks add to a state's projections
    /// at each knot; empty without direct effects.
    pub(crate) risk_direct: Slot,
    /// `[codes]`: what each code's risk vector is multiplied by, before it has occurred; empty where it is taken as it is.
    pub(crate) risk_scale: Slot,
    /// `[HORIZONS, codes]`: added where the code has occurred; empty where nothing was set there.
    pub(crate) risk_repeat_level: Slot,
    pub(crate) task_query: Slot,
    pub(crate) task_weight: Slot,
    pub(crate) task_bias: Slot,
}

impl Layout {
    /// What the heads of supervised tasks are made of, a row each.
    pub(crate) fn task_heads(&self) -> [Slot; 3] {
        [self.task_query, self.task_weight, self.task_bias]
    }

    pub(crate) fn new(config: &Config) -> Self {
        let mut layout = Layout::default();
        let d = config.width;
        let (matrix, embedding) = (Initial::Normal(0.02), Initial::Normal(EMBEDDING_DEVIATION));
        let residual = Initial::Normal(0.02 / (2.0 * config.layers as f64).sqrt());
        layout.code = layout.add("embedding.code", &[config.vocabulary_size, d], embedding);
        if !config.features.by_code.is_empty() {
            layout.feature = layout.add("embedding.feature", &[config.features.count, d], embedding);
        }
        layout.age = layout.add("embedding.age", &[AGE_FEATURES, d], Initial::Normal(0.01));
        layout.gap = layout.add("embedding.gap", &[GAP_KNOTS, d], embedding);
        let (knots, rank) = (config.value.knots, config.value.rank);
        layout.value_basis =
            layout.add("embedding.value_basis", &[rank, 2 * knots + 1], Initial::Normal(0.3));
        layout.value_gate = layout.add(
            "embedding.value_gate",
            &[rank, d],
            Initial::Normal(0.5 / EMBEDDING_DEVIATION / (d as f64).sqrt()),
        );
        layout.value_out =
            layout.add("embedding.value_out", &[d, rank], Initial::Normal(0.05 / (rank as f64).sqrt()));
        for l in 0..config.layers {
            let mut b = BlockSlots::default();
            let name = |part: &str| format!("blocks.{l}.{part}");
            let key_value = config.key_value_heads * config.head_width();
            b.attention_norm = layout.add(&name("attention_norm"), &[d], Initial::One);
            let query = layout.add(&name("attention.query"), &[d, d], matrix);
            let key = layout.add(&name("attention.key"), &[key_value, d], matrix);
            let value = layout.add(&name("attention.value"), &[key_value, d], matrix);
            b.query_key_value = query.with(key).with(value);
            if config.attention_bias {
                let query = layout.add(&name("attention.query_bias"), &[d], Initial::Zero);
                let key = layout.add(&name("attention.key_bias"), &[key_value], Initial::Zero);
                let value = layout.add(&name("attention.value_bias"), &[key_value], Initial::Zero);
                b.query_key_value_bias = query.with(key).with(value);
            }
            b.attention_out = layout.add(&name("attention.out"), &[d, d], residual);
            b.feed_forward_norm = layout.add(&name("feed_forward_norm"), &[d], Initial::One);
            let gate = layout.add(&name("feed_forward.gate"), &[config.feed_forward, d], matrix);
            let up = layout.add(&name("feed_forward.up"), &[config.feed_forward, d], matrix);
            b.gate_up = gate.with(up);
            b.down = layout.add(&name("feed_forward.down"), &[d, config.feed_forward], residual);
            layout.blocks.push(b);
        }
        layout.final_norm = layout.add("final_norm", &[d], Initial::One);
        if !config.tied_head {
            layout.head = layout.add("next_event.head", &[config.vocabulary_size, d], embedding);
        }
        layout.head_bias = layout.add("next_event.bias", &[config.vocabulary_size], Initial::Zero);
        layout.head_repeat =
            layout.add("next_event.repeat_bias", &[config.vocabulary_size + 1], Initial::Zero);
        let intervals = config.waiting_time_intervals();
        layout.waiting = layout.add("waiting_time.state", &[intervals, d], Initial::Zero);
        layout.waiting_bias = layout.add("waiting_time.bias", &[intervals], Initial::Zero);
        layout.value_state = layout.add("value.state", &[rank, d], Initial::Normal(1.0 / (d as f64).sqrt()));
        layout.value_code = layout.add(
            "value.code",
            &[rank, d],
            Initial::Normal(1.0 / EMBEDDING_DEVIATION / (d as f64).sqrt()),
        );
        layout.value_previous = layout.add("value.previous", &[rank, knots + 1], Initial::Normal(1.0));
        layout.value_hidden_bias = layout.add("value.hidden_bias", &[rank], Initial::Zero);
        layout.value_histogram = layout.add("value.histogram", &[config.value.bins, rank], Initial::Zero);
        layout.value_histogram_bias = layout.add("value.histogram_bias", &[config.value.bins], Initial::Zero);
        if !config.risk.codes.is_empty() {
            // A step of the optimiser moves a hazard by as much as there are directions, and by as much as a code's vector in
            // them is long: with many, one over the other keeps the pace.
            let entry = (RISK_VECTOR_LENGTH / config.risk.rank as f64).min(0.3);
            let deviation = entry / EMBEDDING_DEVIATION / (d as f64).sqrt();
            layout.risk_code = layout.add("risk.code", &[config.risk.rank, d], Initial::Normal(deviation));
            if config.risk.repeats_apart {
                layout.risk_repeat_code =
                    layout.add("risk.repeat_code", &[config.risk.rank, d], Initial::Normal(deviation));
            }
            layout.risk_state = layout.add("risk.state", &[HORIZONS, config.risk.rank, d], Initial::Zero);
            let codes = config.risk.codes.len();
            layout.risk_bias = layout.add("risk.bias", &[HORIZONS, codes], Initial::Zero);
            layout.risk_repeat = layout.add("risk.repeat_bias", &[codes + HORIZONS], Initial::Zero);
            if config.risk.reference.is_some() {
                layout.risk_reference =
                    layout.add("risk.reference_bias", &[reference::ROWS, codes], Initial::Zero);
            }
            if let Some(direct) = &config.risk.direct {
                let shape = [moment::feature_rows(config), direct.horizon_knots * config.risk.rank];
                layout.risk_direct = layout.add("risk.direct", &shape, Initial::Zero);
            }
            if config.risk.scaled {
                layout.risk_scale = layout.add("risk.scale", &[codes], Initial::One);
            }
            if config.risk.repeats_levelled {
                layout.risk_repeat_level = layout.add("risk.repeat_level", &[HORIZONS, codes], Initial::Zero);
            }
        }
        if !config.tasks.is_empty() {
            layout.task_query = layout.add("task.query", &[config.tasks.len(), d], Initial::Zero);
            layout.task_weight = layout.add("task.weight", &[config.tasks.len(), VIEWS * d], Initial::Zero);
            layout.task_bias = layout.add("task.bias", &[config.tasks.len()], Initial::Zero);
        }
        layout
    }

    fn add(&mut self, name: &str, shape: &[usize], initial: Initial) -> Slot {
        let slot = Slot { start: self.len, len: shape.iter().product() };
        self.len += slot.len;
        let single = ["bias", "norm", "scale"].iter().any(|end| name.ends_with(end));
        self.tensors.push(Tensor {
            name: name.to_owned(),
            shape: shape.to_vec(),
            slot,
            decays: !single,
            initial,
        });
        slot
    }

    /// Number of weights.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Fresh weights.
    pub(crate) fn initialise<T: Real>(&self, seed: u64) -> Vec<T> {
        let mut arena = vec![T::ZERO; self.len];
        for (index, tensor) in self.tensors.iter().enumerate() {
            let key = random::key(seed, Purpose::Initial, &[index as u64]);
            let values = tensor.slot.of_mut(&mut arena);
            match tensor.initial {
                Initial::Zero => {}
                Initial::One => values.fill(T::ONE),
                Initial::Normal(deviation) => {
                    for (i, value) in values.iter_mut().enumerate() {
                        *value = T::of(deviation * random::normal(key, i as u64));
                    }
                }
            }
        }
        arena
    }
}
