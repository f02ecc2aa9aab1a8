//! Matrices kept in few bits a number, multiplied with as they are kept.
//!
//! A number is `scale · code + minimum`, with one scale and one minimum for [`BLOCK`] neighbours of a row (the
//! arrangement of llama.cpp's `Q4_0`, `Q4_1` and `Q8_0`, all of which it holds without loss). One token's product
//! is bound by reading the weights, so the codes are what is read: `y = Σ scale · (Σ code · x) + minimum · Σ x`,
//! in full precision, without ever writing the weights out. For many tokens at once a panel is written out and
//! serves them all.

use crate::panels::{Line, PANEL};
use crate::real::vectorised;
use pulp::Simd;

/// Neighbours in a row that share a scale and a minimum.
pub const BLOCK: usize = 32;

/// [`BLOCK`] neighbours in a row: `scale · code + minimum`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuantisedBlock {
    /// An IEEE binary16 number, by its bits.
    pub scale: u16,
    /// An IEEE binary16 number, by its bits.
    pub minimum: u16,
    /// Below 16 for four bits.
    pub codes: [u8; BLOCK],
}

/// The blocks of [`PANEL`] rows at the same place, interleaved: lane `l` of word `w` has the codes of row `l` at
/// `w · 32 / BITS` and after, lowest bits first. There are `BITS` words, because `BLOCK` is as many as a word has bits.
#[derive(Clone)]
#[repr(C, align(64))]
struct Tile<const BITS: usize> {
    words: [[u32; PANEL]; BITS],
    scales: [u16; PANEL],
    minimums: [u16; PANEL],
}

/// A matrix of `rows · inner` numbers of `BITS` bits.
#[derive(Clone)]
pub(super) struct Quantised<const BITS: usize> {
    /// For every [`PANEL`] rows their tiles from left to right.
    tiles: Vec<Tile<BITS>>,
    inner: usize,
}

impl<const BITS: usize> Quantised<BITS> {
    /// Numbers in a word.
    const IN_WORD: usize = BLOCK / BITS;

    /// Lays out what `block` tells of each row's each block. `inner` is a multiple of [`BLOCK`].
    pub(super) fn new(
        rows: usize,
        inner: usize,
        mut block: impl FnMut(usize, usize) -> QuantisedBlock,
    ) -> Self {
        let across = inner / BLOCK;
        let empty = Tile { words: [[0; PANEL]; BITS], scales: [0; PANEL], minimums: [0; PANEL] };
        let mut tiles = vec![empty; rows.div_ceil(PANEL) * across];
        for row in 0..rows {
            let (panel, lane) = (row / PANEL, row % PANEL);
            for (place, tile) in tiles[panel * across..][..across].iter_mut().enumerate() {
                let QuantisedBlock { scale, minimum, codes } = block(row, place);
                (tile.scales[lane], tile.minimums[lane]) = (scale, minimum);
                for (word, codes) in tile.words.iter_mut().zip(codes.chunks_exact(Self::IN_WORD)) {
                    let parts = codes.iter().enumerate();
                    word[lane] = parts.fold(0, |word, (k, code)| word | u32::from(*code) << (k * BITS));
                }
            }
        }
        Quantised { tiles, inner }
    }

    /// Writes out one panel: line `p` has column `p` of its [`PANEL`] rows.
    pub(super) fn lines(&self, panel: usize, lines: &mut [Line<f32>]) {
        let across = self.inner / BLOCK;
        vectorised(
            #[inline(always)]
            || {
                let tiles = &self.tiles[panel * across..][..across];
                for (tile, lines) in tiles.iter().zip(lines.chunks_exact_mut(BLOCK)) {
                    let (scales, minimums) = (tile.scales.map(from_half), tile.minimums.map(from_half));
                    for (word, lines) in tile.words.iter().zip(lines.chunks_exact_mut(Self::IN_WORD)) {
                        for (k, line) in lines.iter_mut().enumerate() {
                            let codes = codes::<BITS>(word, k);
                            for lane in 0..PANEL {
                                line.0[lane] = codes[lane] * scales[lane] + minimums[lane];
                            }
                        }
                    }
                }
            },
        );
    }

    /// The products of one token with the rows from panel `first` on, as many as `y` has.
    pub(super) fn one_token(&self, x: &Token, first: usize, y: &mut [f32]) {
        struct Product<'a, const BITS: usize>(&'a [Tile<BITS>], &'a Token, &'a mut [f32]);
        impl<const BITS: usize> pulp::WithSimd for Product<'_, BITS> {
            type Output = ();
            #[inline(always)]
            fn with_simd<S: Simd>(self, simd: S) {
                let Product(tiles, x, y) = self;
                match S::F32_LANES {
                    16 => one_token::<S, 1, BITS>(simd, tiles, x, y),
                    8 => one_token::<S, 2, BITS>(simd, tiles, x, y),
                    4 => one_token::<S, 4, BITS>(simd, tiles, x, y),
                    _ => one_token::<S, PANEL, BITS>(simd, tiles, x, y),
                }
            }
        }
        let tiles = &self.tiles[first * (self.inner / BLOCK)..];
        pulp::Arch::new().dispatch(Product(tiles, x, y));
    }
}

/// One token's input as [`Quantised::one_token`] wants it: with the sum of each block.
#[derive(Clone, Default)]
pub(super) struct Token {
    blocks: Vec<([f32; BLOCK], f32)>,
}

impl Token {
    pub(super) fn set(&mut self, x: &[f32]) {
        self.blocks.clear();
        self.blocks.extend(x.as_chunks::<BLOCK>().0.iter().map(|x| (*x, x.iter().sum())));
    }
}

#[inline(always)]
fn one_token<S: Simd, const V: usize, const BITS: usize>(
    simd: S,
    tiles: &[Tile<BITS>],
    x: &Token,
    y: &mut [f32],
) {
    for (y, tiles) in y.chunks_mut(PANEL).zip(tiles.chunks_exact(x.blocks.len().max(1))) {
        let mut total = [simd.splat_f32s(0.0); V];
        for (tile, (x, sum)) in tiles.iter().zip(&x.blocks) {
            let mut sums = [[simd.splat_f32s(0.0); V]; 2];
            for (word, x) in tile.words.iter().zip(x.chunks_exact(BLOCK / BITS)) {
                for (k, x) in x.iter().enumerate() {
                    let codes = vectors::<S, V>(&codes::<BITS>(word, k));
                    let x = simd.splat_f32s(*x);
                    for v in 0..V {
                        sums[k % 2][v] = simd.mul_add_e_f32s(codes[v], x, sums[k % 2][v]);
                    }
                }
            }
            let scales = vectors::<S, V>(&tile.scales.map(from_half));
            let minimums = vectors::<S, V>(&tile.minimums.map(from_half));
            let sum = simd.splat_f32s(*sum);
            for v in 0..V {
                let products = simd.add_f32s(sums[0][v], sums[1][v]);
                total[v] = simd.mul_add_e_f32s(products, scales[v], total[v]);
                total[v] = simd.mul_add_e_f32s(sum, minimums[v], total[v]);
            }
        }
        let mut line = [0.0; PANEL];
        for (target, total) in S::as_mut_simd_f32s(&mut line).0.iter_mut().zip(total) {
            *target = total;
        }
        y.copy_from_slice(&line[..y.len()]);
    }
}

/// The codes at place `k` of the words.
#[inline(always)]
fn codes<const BITS: usize>(word: &[u32; PANEL], k: usize) -> [f32; PANEL] {
    let mask = (1_u32 << BITS) - 1;
    std::array::from_fn(
        #[inline(always)]
        |lane| ((word[lane] >> (k * BITS)) & mask) as i32 as f32,
    )
}

#[inline(always)]
fn vectors<S: Simd, const V: usize>(line: &[f32; PANEL]) -> [S::f32s; V] {
    let (vectors, _) = S::as_simd_f32s(line);
    std::array::from_fn(
        #[inline(always)]
        |v| vectors[v],
    )
}

/// The number of a finite IEEE binary16. Written so that loops over it vectorise: the exponent is put right by a
/// multiplication, which is exact, for subnormal numbers too.
#[inline(always)]
fn from_half(bits: u16) -> f32 {
    const EXPONENT: f32 = f32::from_bits((127 + 127 - 15) << 23);
    let bits = u32::from(bits);
    let magnitude = f32::from_bits((bits & 0x7fff) << 13) * EXPONENT;
    f32::from_bits(magnitude.to_bits() | (bits & 0x8000) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_read_exactly() {
        for bits in 0..=u16::MAX {
            let exponent = i32::from(bits >> 10 & 31);
            if exponent == 31 {
                continue;
            }
            let fraction = f64::from(bits & 1023) / 1024.0;
            let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
            let expected = match exponent {
                0 => fraction * 2_f64.powi(-14),
                _ => (1.0 + fraction) * 2_f64.powi(exponent - 15),
            };
            assert_eq!(f64::from(from_half(bits)), sign * expected);
        }
    }

    fn block<const BITS: usize>(row: usize, place: usize) -> QuantisedBlock {
        let seed = (row * 977 + place * 31) as u32;
        QuantisedBlock {
            scale: 0x2000 + (seed % 5000) as u16,
            minimum: 0xa000 + (seed % 7000) as u16,
            codes: std::array::from_fn(|i| {
                ((seed + i as u32).wrapping_mul(2_654_435_761) >> 20) as u8 & ((1_u32 << BITS) - 1) as u8
            }),
        }
    }

    fn is_its_definition<const BITS: usize>() {
        let (rows, inner) = (3 * PANEL + 5, 5 * BLOCK);
        let matrix = Quantised::<BITS>::new(rows, inner, block::<BITS>);
        let x: Vec<f32> = (0..inner).map(|i| (i as f32 * 0.37).sin()).collect();
        let number = |row: usize, i: usize| {
            let QuantisedBlock { scale, minimum, codes } = block::<BITS>(row, i / BLOCK);
            f64::from(from_half(scale)) * f64::from(codes[i % BLOCK]) + f64::from(from_half(minimum))
        };
        let mut scaled = Token::default();
        scaled.set(&x);
        let mut y = vec![f32::NAN; rows - PANEL];
        matrix.one_token(&scaled, 1, &mut y);
        for (row, y) in (PANEL..rows).zip(&y) {
            let expected: f64 = (0..inner).map(|i| number(row, i) * f64::from(x[i])).sum();
            assert!((f64::from(*y) - expected).abs() < 2e-6 * f64::from(1_u32 << BITS), "{y} for {expected}");
        }
        let mut lines = vec![Line([f32::NAN; PANEL]); inner];
        for panel in 0..rows.div_ceil(PANEL) {
            matrix.lines(panel, &mut lines);
            for (i, line) in lines.iter().enumerate() {
                for (lane, found) in line.0.iter().enumerate().take(rows - (panel * PANEL).min(rows)) {
                    assert_eq!(*found, number(panel * PANEL + lane, i) as f32);
                }
            }
        }
    }

    #[test]
    fn products_and_panels_are_their_definition() {
        is_its_definition::<4>();
        is_its_definition::<8>();
    }
}
