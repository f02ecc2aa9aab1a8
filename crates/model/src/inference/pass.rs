//! The forward pass over the new tokens of some records.

use super::attention::{self, Attend};
use super::blocks::Memory;
use super::int8_panels::Rounded;
use super::kept::{Half, Kept, KeptShape, Whole};
use super::precision::KeptPrecision;
use super::weights::Inference;
use crate::buffer::Buffer;
use crate::config::Config;
use crate::decoder::attention_shape;
use crate::layers::attention::Shape;
use crate::layers::rotary::Angles;
use crate::layers::{embedding, feed_forward, norm};
use crate::pack::Pack;
use crate::real::add_scaled;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// In what the records of one model are kept: the precision, and memory that they share.
pub(crate) struct Keeper {
    shape: KeptShape,
    precision: KeptPrecision,
    memory: Arc<Memory>,
}

impl Keeper {
    pub(crate) fn new(config: &Config, precision: KeptPrecision) -> Self {
        let shape = KeptShape::of(config);
        let memory = match precision {
            KeptPrecision::F32 => shape.memory::<Whole>(),
            KeptPrecision::F16 => shape.memory::<Half>(),
        };
        Keeper { shape, precision, memory }
    }

    /// What is kept of a record that nothing was read of.
    pub(crate) fn nothing(&self) -> AnyKept {
        match self.precision {
            KeptPrecision::F32 => AnyKept::Whole(Kept::new(self.shape, &self.memory)),
            KeptPrecision::F16 => AnyKept::Half(Kept::new(self.shape, &self.memory)),
        }
    }
}

/// The keys and values of one record, in whatever precision.
#[derive(Clone, Debug)]
pub(crate) enum AnyKept {
    Whole(Kept<Whole>),
    Half(Kept<Half>),
}

impl AnyKept {
    /// Tokens kept.
    pub(crate) fn len(&self) -> usize {
        match self {
            AnyKept::Whole(kept) => kept.len(),
            AnyKept::Half(kept) => kept.len(),
        }
    }

    /// Bytes of the blocks, shared or not.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            AnyKept::Whole(kept) => kept.bytes(),
            AnyKept::Half(kept) => kept.bytes(),
        }
    }

    /// Forgets all tokens.
    pub(crate) fn clear(&mut self) {
        match self {
            AnyKept::Whole(kept) => kept.clear(),
            AnyKept::Half(kept) => kept.clear(),
        }
    }

    fn reserve(&mut self, more: usize) {
        match self {
            AnyKept::Whole(kept) => kept.reserve(more),
            AnyKept::Half(kept) => kept.reserve(more),
        }
    }

    fn advance(&mut self, more: usize) {
        match self {
            AnyKept::Whole(kept) => kept.advance(more),
            AnyKept::Half(kept) => kept.advance(more),
        }
    }

    /// Writes what follows the tokens kept, from rows of queries, keys and values.
    fn write(&mut self, shape: Shape, layer: usize, rows: &[f32]) {
        let rows = rows.chunks_exact(shape.row()).map(|row| &row[shape.heads * shape.head_width..]);
        match self {
            AnyKept::Whole(kept) => kept.write_new(layer, rows),
            AnyKept::Half(kept) => kept.write_new(layer, rows),
        }
    }

    /// Appends one layer's keys and values, each as `[key_value_heads, tokens, head_width]`.
    pub(crate) fn copy_rows(&self, layer: usize, keys: &mut Vec<f32>, values: &mut Vec<f32>) {
        match self {
            AnyKept::Whole(kept) => kept.copy_rows(layer, keys, values),
            AnyKept::Half(kept) => kept.copy_rows(layer, keys, values),
        }
    }

    /// Attention of consecutive tokens from place `first` on; `next` is the record whose turn is next.
    fn attend(
        &self,
        next: Option<&AnyKept>,
        (shape, layer, first): (Shape, usize, usize),
        rows: &[f32],
        out: &mut [f32],
        scratch: &mut attention::Scratch,
    ) {
        let arch = pulp::Arch::new();
        match self {
            AnyKept::Whole(kept) => {
                let next =
                    next.and_then(|next| if let AnyKept::Whole(next) = next { Some(next) } else { None });
                arch.dispatch(Attend { shape, kept, next, layer, first, rows, out, scratch });
            }
            AnyKept::Half(kept) => {
                let next =
                    next.and_then(|next| if let AnyKept::Half(next) = next { Some(next) } else { None });
                arch.dispatch(Attend { shape, kept, next, layer, first, rows, out, scratch });
            }
        }
    }
}

/// Of which tokens the final hidden state is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Of each segment's last.
    Last,
    All,
}

/// The memory of a pass.
#[derive(Default)]
pub(crate) struct Reader {
    pub(crate) pack: Pack,
    embedding: embedding::Cache<f32>,
    x: Buffer<f32>,
    query_key_value: Buffer<f32>,
    chunks: Vec<Chunk>,
    hidden: Buffer<f32>,
    inverse: Buffer<f32>,
    spare: Vec<AnyKept>,
    logits: Buffer<f32>,
}

/// The memory of the thread that works on some of the rows.
#[derive(Default)]
struct Chunk {
    rows: Range<usize>,
    angles: Angles<f32>,
    normed: Buffer<f32>,
    inverse: Buffer<f32>,
    attention: Buffer<f32>,
    branch: Buffer<f32>,
    gate_up: Buffer<f32>,
    activation: Buffer<f32>,
    /// The last block's input and result, where the last tokens alone are wanted.
    last: Buffer<f32>,
    scores: attention::Scratch,
    rounded: Rounded,
}

/// Fewest rows that are worth a thread of their own.
const FEWEST_ROWS: usize = 24;
/// Rows that go through a block's products together: few enough that what becomes of them stays in the second cache level,
/// beside the block's weights where those are few. A multiple of the height of a product's tile.
const NEAR: usize = 96;
/// Attention takes up to so many rows of a segment together. The last bit depends on which ones, so that chunks part a
/// segment only at multiples of it: then any number of threads gives the same.
const ROWS_TOGETHER: usize = 12;

impl Reader {
    /// The final hidden state (`[tokens or segments, width]`) of the reader's pack, whose segments begin where `kept`
    /// ends; their keys and values are kept too. With `threads` above one, rows go to several.
    pub(crate) fn read(
        &mut self,
        inference: Inference<'_>,
        kept: &mut [&mut AnyKept],
        wanted: Wanted,
        threads: usize,
    ) -> &[f32] {
        let p = inference.parameters;
        let (config, tokens) = (p.config, self.pack.tokens());
        let (d, shape) = (config.width, attention_shape(config));
        let x = self.x.stale(tokens * d);
        let weights = (p.weights, p.tables.code_table.as_slice());
        embedding::forward((config, p.layout), weights, &self.pack, x, &mut self.embedding);
        for (kept, rows) in kept.iter_mut().zip(&self.pack.segments) {
            kept.reserve(rows.len());
        }
        let qkv = self.query_key_value.stale(tokens * shape.row());
        let per_chunk = match threads {
            0 | 1 => tokens,
            _ => tokens.div_ceil(2 * threads).max(FEWEST_ROWS),
        }
        .max(1);
        let parts = parted(&self.pack.segments, tokens, per_chunk);
        let count = parts.len();
        if self.chunks.len() < count {
            self.chunks.resize_with(count, Chunk::default);
        }
        for (rows, chunk) in parts.into_iter().zip(&mut self.chunks) {
            chunk.begin(config, &self.pack, rows);
        }
        for layer in 0..=config.layers {
            let step = Step { inference, pack: &self.pack, wanted, layer };
            if count == 1 {
                self.chunks[0].run(step, Records::Own(kept), x, qkv);
                continue;
            }
            let (mut rest_x, mut rest_qkv) = (&mut *x, &mut *qkv);
            let parts = self.chunks[..count].iter_mut().map(|chunk| {
                let n = chunk.rows.len();
                let (x, qkv);
                (x, rest_x) = std::mem::take(&mut rest_x).split_at_mut(n * d);
                (qkv, rest_qkv) = std::mem::take(&mut rest_qkv).split_at_mut(n * shape.row());
                (chunk, (x, qkv))
            });
            // Later rows have more to attend to: the first and the last are a pair.
            let mut parts: Vec<_> = parts.map(Some).collect();
            let pairs = (0..count).map(|i| if i % 2 == 0 { i / 2 } else { count - 1 - i / 2 });
            let parts: Vec<_> = pairs.filter_map(|i| parts[i].take()).collect();
            let written = &*kept;
            let run = |(chunk, (x, qkv)): (&mut Chunk, _)| chunk.run(step, Records::Written(written), x, qkv);
            parts.into_par_iter().with_max_len(1).for_each(run);
            if layer < config.layers {
                for (kept, rows) in kept.iter_mut().zip(&self.pack.segments) {
                    kept.write(shape, layer, &qkv[rows.start * shape.row()..rows.end * shape.row()]);
                }
            }
        }
        for (kept, rows) in kept.iter_mut().zip(&self.pack.segments) {
            kept.advance(rows.len());
        }
        let weight = p.layout.final_norm.of(p.weights);
        match wanted {
            Wanted::All => {
                let (hidden, inverse) = (self.hidden.stale(tokens * d), self.inverse.stale(tokens));
                norm::forward(x, weight, config.norm_epsilon, hidden, inverse);
                hidden
            }
            Wanted::Last => {
                let segments = self.pack.segments.len();
                let (hidden, inverse) = (self.hidden.stale(segments * d), self.inverse.stale(segments));
                let mut rest = &mut *hidden;
                for chunk in &self.chunks[..count] {
                    let n = chunk.ends(&self.pack).count();
                    let (now, later) = rest.split_at_mut(n * d);
                    norm::forward(
                        chunk.last.filled(n * d),
                        weight,
                        config.norm_epsilon,
                        now,
                        &mut inverse[..n],
                    );
                    rest = later;
                }
                hidden
            }
        }
    }

    /// Room for logits.
    pub(crate) fn logits(&mut self, len: usize) -> &mut [f32] {
        self.logits.stale(len)
    }

    /// [`Reader::read`] of a pack of whole windows, of which nothing is kept; the pack too is given back.
    pub(crate) fn hidden(
        &mut self,
        inference: Inference<'_>,
        keeper: &Keeper,
        wanted: Wanted,
        threads: usize,
    ) -> (&Pack, &[f32]) {
        let mut spare = std::mem::take(&mut self.spare);
        let config = inference.parameters.config;
        while spare.len() < self.pack.segments.len() {
            spare.push(keeper.nothing());
        }
        spare.iter_mut().for_each(AnyKept::clear);
        let mut kept: Vec<&mut AnyKept> = spare.iter_mut().take(self.pack.segments.len()).collect();
        self.read(inference, &mut kept, wanted, threads);
        self.spare = spare;
        let rows = match wanted {
            Wanted::All => self.pack.tokens(),
            Wanted::Last => self.pack.segments.len(),
        };
        (&self.pack, self.hidden.filled(rows * config.width))
    }
}

/// The rows of each chunk, about `per_chunk`.
fn parted(segments: &[Range<usize>], tokens: usize, per_chunk: usize) -> Vec<Range<usize>> {
    let mut ends: Vec<usize> = (per_chunk..tokens)
        .step_by(per_chunk)
        .map(|row| {
            let segment = segments.partition_point(|segment| segment.end <= row);
            let start = segments[segment].start;
            start + (row - start) / ROWS_TOGETHER * ROWS_TOGETHER
        })
        .chain([tokens])
        .collect();
    ends.dedup();
    let starts = std::iter::once(0).chain(ends.clone());
    starts.zip(ends).map(|(start, end)| start..end).filter(|rows| !rows.is_empty()).collect()
}

/// What all chunks do at the same time: the rest of block `layer − 1` after its keys and values are written, and block
/// `layer` up to there.
#[derive(Clone, Copy)]
struct Step<'a> {
    inference: Inference<'a>,
    pack: &'a Pack,
    wanted: Wanted,
    layer: usize,
}

/// The records of a pass. Chunks that share them find the new tokens' keys and values written; who has them alone writes a
/// record's just before they are read.
enum Records<'a, 'b> {
    Written(&'a [&'b mut AnyKept]),
    Own(&'a mut [&'b mut AnyKept]),
}

impl Records<'_, '_> {
    /// Sees to it that the new keys and values of record `i` are written: those of `rows`, which are all its new tokens where
    /// the records are the chunk's own.
    fn see_written(&mut self, i: usize, shape: Shape, layer: usize, rows: &[f32]) {
        if let Records::Own(records) = self {
            records[i].write(shape, layer, rows);
        }
    }

    fn get(&self, i: usize) -> Option<&AnyKept> {
        let records = match self {
            Records::Written(records) => records,
            Records::Own(records) => &**records,
        };
        records.get(i).map(|record| &**record)
    }
}

impl Chunk {
    fn begin(&mut self, config: &Config, pack: &Pack, rows: Range<usize>) {
        let places = pack.index[rows.clone()].iter().zip(&pack.since_start_days[rows.clone()]);
        self.angles.set(config, places.map(|(index, days)| (*index, *days)));
        self.rows = rows;
    }

    /// The chunk's rows that are the last of a segment, with the segment's number.
    fn ends<'a>(&self, pack: &'a Pack) -> impl Iterator<Item = (usize, usize)> + use<'a> {
        let rows = self.rows.clone();
        let ends = pack.segments.iter().enumerate().map(|(i, segment)| (i, segment.end - 1));
        ends.filter(move |(_, row)| rows.contains(row))
    }

    /// `x` and `query_key_value` are the chunk's rows of them.
    fn run(
        &mut self,
        step: Step<'_>,
        mut records: Records<'_, '_>,
        x: &mut [f32],
        query_key_value: &mut [f32],
    ) {
        let Step { inference, layer, .. } = step;
        let p = inference.parameters;
        if layer > 0 {
            let only_last = layer == p.config.layers && step.wanted == Wanted::Last;
            if only_last {
                self.attend_last(step, &mut records, x, query_key_value);
                // Taken out, since the rest of the block borrows the chunk.
                let mut last = std::mem::take(&mut self.last);
                let rows = self.ends(step.pack).count();
                self.rest(inference, layer - 1, last.filled_mut(rows * p.config.width));
                self.last = last;
            } else {
                self.attend_all(step, &mut records, query_key_value);
                self.rest(inference, layer - 1, x);
            }
        }
        if layer < p.config.layers {
            let slots = &p.layout.blocks[layer];
            let (shape, d) = (attention_shape(p.config), p.config.width);
            let rows = x.chunks(NEAR * d).zip(query_key_value.chunks_mut(NEAR * shape.row()));
            for (x, query_key_value) in rows {
                let (normed, inverse) = (self.normed.stale(x.len()), self.inverse.stale(x.len() / d));
                norm::forward(x, slots.attention_norm.of(p.weights), p.config.norm_epsilon, normed, inverse);
                inference.block(layer).query_key_value.multiply(query_key_value, normed, &mut self.rounded);
            }
            if !slots.query_key_value_bias.is_empty() {
                let bias = slots.query_key_value_bias.of(p.weights);
                query_key_value.chunks_exact_mut(shape.row()).for_each(|row| add_scaled(row, 1.0, bias));
            }
            let turned = shape.heads + shape.key_value_heads;
            self.angles.rotate(query_key_value, shape.row(), turned, false);
        }
    }

    fn attend_all(&mut self, step: Step<'_>, records: &mut Records<'_, '_>, query_key_value: &[f32]) {
        let config = step.inference.parameters.config;
        let (shape, d) = (attention_shape(config), config.width);
        let out = self.attention.stale(self.rows.len() * d);
        for (i, segment) in step.pack.segments.iter().enumerate() {
            let (begin, end) = (segment.start.max(self.rows.start), segment.end.min(self.rows.end));
            if begin >= end {
                continue;
            }
            let (from, to) = (begin - self.rows.start, end - self.rows.start);
            let rows = &query_key_value[from * shape.row()..to * shape.row()];
            let out = &mut out[from * d..to * d];
            records.see_written(i, shape, step.layer - 1, rows);
            let Some(kept) = records.get(i) else { continue };
            let first = kept.len() + begin - segment.start;
            kept.attend(records.get(i + 1), (shape, step.layer - 1, first), rows, out, &mut self.scores);
        }
    }

    /// Attention of the last tokens of segments; their rows of `x` go to where the rest of the block will find them.
    fn attend_last(
        &mut self,
        step: Step<'_>,
        records: &mut Records<'_, '_>,
        x: &[f32],
        query_key_value: &[f32],
    ) {
        let config = step.inference.parameters.config;
        let (shape, d) = (attention_shape(config), config.width);
        let rows = self.ends(step.pack);
        let n = self.ends(step.pack).count();
        let (out, last) = (self.attention.stale(n * d), self.last.stale(n * d));
        for ((segment, row), (out, last)) in rows.zip(out.chunks_exact_mut(d).zip(last.chunks_exact_mut(d))) {
            let begin = step.pack.segments[segment].start;
            let from = begin.saturating_sub(self.rows.start);
            let row = row - self.rows.start;
            let rows = &query_key_value[from * shape.row()..(row + 1) * shape.row()];
            records.see_written(segment, shape, step.layer - 1, rows);
            let Some(kept) = records.get(segment) else { continue };
            let first = kept.len() + row + self.rows.start - begin;
            let asked = &rows[rows.len() - shape.row()..];
            let next = records.get(segment + 1);
            kept.attend(next, (shape, step.layer - 1, first), asked, out, &mut self.scores);
            last.copy_from_slice(&x[row * d..(row + 1) * d]);
        }
    }

    /// A block after its attention, for rows `x`.
    fn rest(&mut self, inference: Inference<'_>, layer: usize, x: &mut [f32]) {
        let p = inference.parameters;
        let (config, slots, block) = (p.config, &p.layout.blocks[layer], inference.block(layer));
        let (d, inner) = (config.width, config.feed_forward);
        let attention = self.attention.filled(x.len());
        for (x, attention) in x.chunks_mut(NEAR * d).zip(attention.chunks(NEAR * d)) {
            let rows = x.len() / d;
            let branch = self.branch.stale(x.len());
            block.attention_out.multiply(branch, attention, &mut self.rounded);
            add_scaled(x, 1.0, branch);
            let (normed, inverse) = (self.normed.stale(x.len()), self.inverse.stale(rows));
            norm::forward(x, slots.feed_forward_norm.of(p.weights), config.norm_epsilon, normed, inverse);
            let gate_up = self.gate_up.stale(rows * 2 * inner);
            block.gate_up.multiply(gate_up, normed, &mut self.rounded);
            let activation = self.activation.stale(rows * inner);
            feed_forward::forward_in_registers(gate_up, inner, activation);
            block.down.multiply(branch, activation, &mut self.rounded);
            add_scaled(x, 1.0, branch);
        }
    }
}
