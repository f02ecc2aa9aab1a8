//! Keys and values of the tokens that a record holds, in blocks of sixteen tokens that copies of a record share.
//!
//! A block has all layers; a layer's part begins with its keys, transposed so that one query meets sixteen keys at a
//! time without sums across a register, then its values in lines of sixteen columns: the panels that a product reads
//! from front to back. Copies of a record share their blocks until one of them writes; it copies the last block then.

use super::blocks::{Block, Memory};
use crate::config::Config;
use crate::panels::PANEL;
use std::sync::Arc;

/// Tokens per block.
pub(crate) const BLOCK: usize = PANEL;

/// Sixteen numbers as they are kept. Any bits must be a line's.
pub(crate) trait Line: Copy + Default + Send + Sync + std::fmt::Debug + 'static {
    fn of(values: [f32; PANEL]) -> Self;
    fn widen(&self) -> [f32; PANEL];
    fn set(&mut self, lane: usize, value: f32);
}

/// Sixteen numbers as they are.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Whole([f32; PANEL]);

impl Line for Whole {
    #[inline(always)]
    fn of(values: [f32; PANEL]) -> Self {
        Whole(values)
    }
    #[inline(always)]
    fn widen(&self) -> [f32; PANEL] {
        self.0
    }
    #[inline(always)]
    fn set(&mut self, lane: usize, value: f32) {
        self.0[lane] = value;
    }
}

/// Sixteen numbers of 16 bits, IEEE 754's binary16: eleven significant bits, magnitudes to 65,504.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(32))]
pub(crate) struct Half([u16; PANEL]);

/// What multiplies the bits of a 16-bit number's exponent and mantissa, moved into place, to its value: the difference
/// of the exponents' biases.
const REBIAS: f32 = f32::from_bits((127 + 127 - 15) << 23);

impl Line for Half {
    #[inline(always)]
    fn of(values: [f32; PANEL]) -> Self {
        Half(values.map(narrow))
    }
    #[inline(always)]
    fn widen(&self) -> [f32; PANEL] {
        std::array::from_fn(
            #[inline(always)]
            |i| {
                let bits = u32::from(self.0[i]);
                let magnitude = f32::from_bits((bits & 0x7fff) << 13) * REBIAS;
                f32::from_bits(magnitude.to_bits() | (bits & 0x8000) << 16)
            },
        )
    }
    #[inline(always)]
    fn set(&mut self, lane: usize, value: f32) {
        self.0[lane] = narrow(value);
    }
}

/// The nearest 16-bit number, ties to even; what is too large becomes the largest, so that no infinity is kept.
fn narrow(value: f32) -> u16 {
    let sign = (value.to_bits() >> 16) & 0x8000;
    let magnitude = value.abs().min(65_504.0);
    // A sum whose last bit is that of the smallest 16-bit number rounds to a multiple of it.
    let small = (magnitude + 0.5).to_bits() - 0.5_f32.to_bits();
    let bits = magnitude.to_bits();
    let large = (bits + 0xfff + ((bits >> 13) & 1)).wrapping_sub((127 - 15) << 23) >> 13;
    (sign | if magnitude < 6.103_515_6e-5 { small } else { large }) as u16
}

/// How large the parts of a block are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeptShape {
    pub(crate) layers: usize,
    pub(crate) heads: usize,
    pub(crate) head_width: usize,
}

impl KeptShape {
    pub(crate) fn of(config: &Config) -> Self {
        KeptShape { layers: config.layers, heads: config.key_value_heads, head_width: config.head_width() }
    }

    /// Lines that a head's values take a token.
    pub(crate) fn value_lines(self) -> usize {
        self.head_width.div_ceil(PANEL)
    }

    /// Lines of a layer's keys: `[heads, head_width]`.
    fn keys(self) -> usize {
        self.heads * self.head_width
    }

    /// Lines of a layer's values: `[heads, value_lines, BLOCK]`.
    fn values(self) -> usize {
        self.heads * self.value_lines() * BLOCK
    }

    fn layer(self) -> usize {
        self.keys() + self.values()
    }

    /// Memory for blocks of lines `L`.
    pub(crate) fn memory<L: Line>(self) -> Arc<Memory> {
        Memory::new((self.layers * self.layer() * size_of::<L>()).next_multiple_of(64))
    }
}

/// The keys and values of one record.
#[derive(Clone, Debug)]
pub(crate) struct Kept<L> {
    shape: KeptShape,
    memory: Arc<Memory>,
    blocks: Vec<Arc<Block<L>>>,
    tokens: usize,
}

impl<L: Line> Kept<L> {
    /// Blocks will be of [`KeptShape::memory`].
    pub(crate) fn new(shape: KeptShape, memory: &Arc<Memory>) -> Self {
        Kept { shape, memory: Arc::clone(memory), blocks: Vec::new(), tokens: 0 }
    }

    /// Tokens kept in every layer.
    pub(crate) fn len(&self) -> usize {
        self.tokens
    }

    pub(crate) fn shape(&self) -> KeptShape {
        self.shape
    }

    /// Bytes of the blocks, shared or not.
    pub(crate) fn bytes(&self) -> usize {
        self.blocks.iter().map(|block| size_of_val::<[L]>(&***block)).sum()
    }

    /// Forgets all tokens. What memory is nobody else's stays for those to come.
    pub(crate) fn clear(&mut self) {
        self.tokens = 0;
    }

    /// Forgets all but the first `tokens`.
    pub(crate) fn truncate(&mut self, tokens: usize) {
        self.tokens = self.tokens.min(tokens);
        self.blocks.truncate(self.tokens.div_ceil(BLOCK));
    }

    /// Makes room for `more` tokens after those kept, to be written layer by layer and then [`Kept::advance`]d over.
    pub(crate) fn reserve(&mut self, more: usize) {
        let (first, needed) = (self.tokens / BLOCK, (self.tokens + more).div_ceil(BLOCK));
        for block in self.blocks.iter_mut().take(needed).skip(first) {
            Arc::make_mut(block);
        }
        while self.blocks.len() < needed {
            self.blocks.push(Arc::new(Block::stale(&self.memory)));
        }
    }

    /// Writes the key and the value (`[heads · head_width]` each) of token `place` in one layer.
    fn write(&mut self, layer: usize, place: usize, key: &[f32], value: &[f32]) {
        let (shape, lane) = (self.shape, place % BLOCK);
        let (keys, values) = self.own(layer, place / BLOCK);
        for (line, key) in keys.iter_mut().zip(key) {
            line.set(lane, *key);
        }
        let heads = values.chunks_exact_mut(shape.value_lines() * BLOCK);
        for (lines, value) in heads.zip(value.chunks_exact(shape.head_width)) {
            for (lines, value) in lines.chunks_exact_mut(BLOCK).zip(value.chunks(PANEL)) {
                value.iter().enumerate().for_each(|(i, value)| lines[lane].set(i, *value));
            }
        }
    }

    /// Writes what follows the tokens kept: each row is a key, then a value, as [`Kept::write`] has them. Sixteen tokens that
    /// make a whole block are turned a line at a time.
    pub(crate) fn write_new<'a>(&mut self, layer: usize, mut rows: impl Iterator<Item = &'a [f32]>) {
        let (shape, mut place) = (self.shape, self.tokens);
        let width = shape.heads * shape.head_width;
        loop {
            let mut together = [[].as_slice(); BLOCK];
            let most = if place.is_multiple_of(BLOCK) { BLOCK } else { 1 };
            let mut n = 0;
            while n < most
                && let Some(row) = rows.next()
            {
                (together[n], n) = (&row[..2 * width], n + 1);
            }
            if n < BLOCK {
                for (i, row) in together[..n].iter().enumerate() {
                    let (key, value) = row.split_at(width);
                    self.write(layer, place + i, key, value);
                }
            } else {
                self.write_block(layer, place / BLOCK, &together);
            }
            place += n;
            if n < most {
                break;
            }
        }
    }

    /// Writes a whole block of one layer.
    fn write_block(&mut self, layer: usize, block: usize, rows: &[&[f32]; BLOCK]) {
        let (shape, width) = (self.shape, self.shape.heads * self.shape.head_width);
        let (keys, values) = self.own(layer, block);
        let rows = rows.map(|row| row.split_at(width));
        for (i, line) in keys.iter_mut().enumerate() {
            *line = L::of(std::array::from_fn(|lane| rows[lane].0[i]));
        }
        let heads = values.chunks_exact_mut(shape.value_lines() * BLOCK).enumerate();
        for (head, lines) in heads {
            for (lane, (_, value)) in rows.iter().enumerate() {
                let value = &value[head * shape.head_width..][..shape.head_width];
                for (lines, value) in lines.chunks_exact_mut(BLOCK).zip(value.chunks(PANEL)) {
                    let mut line = [0.0; PANEL];
                    line[..value.len()].copy_from_slice(value);
                    lines[lane] = L::of(line);
                }
            }
        }
    }

    /// A block's keys and values in one layer, to be written.
    fn own(&mut self, layer: usize, block: usize) -> (&mut [L], &mut [L]) {
        let shape = self.shape;
        let Some(block) = Arc::get_mut(&mut self.blocks[block]) else {
            unreachable!("a block is nobody else's once it was reserved")
        };
        block[layer * shape.layer()..][..shape.layer()].split_at_mut(shape.keys())
    }

    /// Takes `more` written tokens into account.
    pub(crate) fn advance(&mut self, more: usize) {
        self.tokens += more;
    }

    /// Appends one layer's keys and values, each as `[heads, tokens, head_width]`.
    pub(crate) fn copy_rows(&self, layer: usize, keys: &mut Vec<f32>, values: &mut Vec<f32>) {
        let (d, lines, tokens) = (self.shape.head_width, self.shape.value_lines(), self.tokens);
        let room = |rows: &mut Vec<f32>| {
            let begin = rows.len();
            rows.resize(begin + self.shape.heads * tokens * d, 0.0);
            begin
        };
        let (keys_begin, values_begin) = (room(keys), room(values));
        for head in 0..self.shape.heads {
            for first in (0..tokens).step_by(BLOCK) {
                let places = BLOCK.min(tokens - first);
                let (of_keys, of_values) = self.block(layer, first / BLOCK);
                let from = (head * tokens + first) * d;
                let rows = &mut keys[keys_begin + from..][..places * d];
                for (i, line) in of_keys[head * d..(head + 1) * d].iter().enumerate() {
                    let line = line.widen();
                    rows.chunks_exact_mut(d).zip(line).for_each(|(row, key)| row[i] = key);
                }
                let of_head = &of_values[head * lines * BLOCK..(head + 1) * lines * BLOCK];
                let rows = values[values_begin + from..][..places * d].chunks_exact_mut(d);
                for (place, row) in rows.enumerate() {
                    let lines = of_head.iter().skip(place).step_by(BLOCK);
                    for (row, line) in row.chunks_mut(PANEL).zip(lines) {
                        row.copy_from_slice(&line.widen()[..row.len()]);
                    }
                }
            }
        }
    }

    /// One layer's keys in the block that the next token goes to, if there is one.
    #[inline(always)]
    pub(crate) fn keys_to_write(&self, layer: usize) -> Option<&[L]> {
        let block = self.tokens / BLOCK;
        (block < self.blocks.len()).then(|| self.block(layer, block).0)
    }

    /// One layer's keys (`[heads, head_width]` lines) and values (`[heads, value_lines, BLOCK]` lines) in block `block`.
    #[inline(always)]
    pub(crate) fn block(&self, layer: usize, block: usize) -> (&[L], &[L]) {
        let shape = self.shape;
        self.blocks[block][layer * shape.layer()..][..shape.layer()].split_at(shape.keys())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_16_bit_number_survives_and_others_go_to_the_nearest() {
        let value = |bits: u16| Half([bits; PANEL]).widen()[0];
        for bits in (0..0x7c00).flat_map(|bits| [bits, bits | 0x8000]) {
            assert_eq!(narrow(value(bits)), bits);
        }
        assert_eq!((value(0x3c00), value(0x0001), value(0x7bff)), (1.0, 2_f32.powi(-24), 65_504.0));
        for bits in 0..0x7bff_u16 {
            let (low, high) = (value(bits), value(bits + 1));
            let middle = low + (high - low) / 2.0;
            assert_eq!(narrow(middle), bits + bits % 2, "ties go to even");
            assert_eq!(narrow(f32::from_bits(middle.to_bits() - 1)), bits);
            assert_eq!(narrow(f32::from_bits(middle.to_bits() + 1)), bits + 1);
        }
        assert_eq!((narrow(1e9), narrow(f32::NEG_INFINITY)), (0x7bff, 0xfbff));
    }

    #[test]
    fn copies_share_what_neither_writes() {
        let shape = KeptShape { layers: 2, heads: 1, head_width: 2 };
        let mut first = Kept::<Whole>::new(shape, &shape.memory::<Whole>());
        let write = |kept: &mut Kept<Whole>, tokens: usize, value: f32| {
            kept.reserve(tokens);
            for layer in 0..2 {
                let row = [value, value, -value, -value];
                kept.write_new(layer, (0..tokens).map(|_| row.as_slice()));
            }
            kept.advance(tokens);
        };
        write(&mut first, BLOCK + 3, 1.0);
        let mut second = first.clone();
        write(&mut second, 1, 2.0);
        assert!(Arc::ptr_eq(&first.blocks[0], &second.blocks[0]));
        assert!(!Arc::ptr_eq(&first.blocks[1], &second.blocks[1]));
        let key = |kept: &Kept<Whole>, lane: usize| kept.block(1, 1).0[0].widen()[lane];
        assert_eq!((key(&second, 2), key(&second, 3), key(&first, 3)), (1.0, 2.0, 0.0));
        assert_eq!(second.block(1, 1).1[3].widen()[..3], [-2.0, -2.0, 0.0]);
    }
}
