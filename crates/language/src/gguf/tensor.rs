//! Tensors: where their numbers are, and how they are kept.

use crate::error::{Error, Result};
use half::{bf16, f16};
use model::stack::{BLOCK, QuantisedBlock};

/// How numbers are kept. llama.cpp's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// 32 bits.
    F32,
    /// 16 bits, IEEE binary16.
    F16,
    /// 16 bits, the upper half of a binary32.
    Bf16,
    /// Blocks of 32: a scale and 4 bits each, of -8 to 7.
    Q4_0,
    /// Blocks of 32: a scale, a minimum, and 4 bits each.
    Q4_1,
    /// Blocks of 32: a scale and 8 bits each, of -128 to 127.
    Q8_0,
}

impl Encoding {
    const ALL: [(u32, Encoding); 6] = [
        (0, Encoding::F32),
        (1, Encoding::F16),
        (2, Encoding::Q4_0),
        (3, Encoding::Q4_1),
        (8, Encoding::Q8_0),
        (30, Encoding::Bf16),
    ];

    fn of(code: u32) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == code).map(|(_, encoding)| *encoding)
    }

    /// Numbers and bytes of a block.
    fn block(self) -> (usize, usize) {
        match self {
            Encoding::F32 => (1, 4),
            Encoding::F16 | Encoding::Bf16 => (1, 2),
            Encoding::Q4_0 => (BLOCK, 18),
            Encoding::Q4_1 => (BLOCK, 20),
            Encoding::Q8_0 => (BLOCK, 34),
        }
    }
}

/// The encodings of GGUF that are known and not read here, for messages.
const OTHERS: [(u32, &str); 26] = [
    (6, "Q5_0"),
    (7, "Q5_1"),
    (9, "Q8_1"),
    (10, "Q2_K"),
    (11, "Q3_K"),
    (12, "Q4_K"),
    (13, "Q5_K"),
    (14, "Q6_K"),
    (15, "Q8_K"),
    (16, "IQ2_XXS"),
    (17, "IQ2_XS"),
    (18, "IQ3_XXS"),
    (19, "IQ1_S"),
    (20, "IQ4_NL"),
    (21, "IQ3_S"),
    (22, "IQ2_S"),
    (23, "IQ4_XS"),
    (24, "I8"),
    (25, "I16"),
    (26, "I32"),
    (27, "I64"),
    (28, "F64"),
    (29, "IQ1_M"),
    (34, "TQ1_0"),
    (35, "TQ2_0"),
    (39, "MXFP4"),
];

/// A tensor as the file's head describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Described {
    pub(super) name: String,
    /// The nearest neighbours' dimension first.
    pub(super) shape: Vec<usize>,
    pub(super) code: u32,
    /// From the first tensor's bytes.
    pub(super) offset: usize,
}

impl Described {
    /// The tensor's numbers among `bytes`, which begin with the first tensor's.
    pub(super) fn of<'a>(&'a self, bytes: &'a [u8]) -> Result<Tensor<'a>> {
        let name = &self.name;
        let encoding = Encoding::of(self.code).ok_or_else(|| {
            let other = OTHERS.iter().find(|(code, _)| *code == self.code);
            let other = other.map_or_else(|| format!("encoding {}", self.code), |(_, other)| (*other).into());
            Error::Unsupported(format!(
                "tensor {name} is kept as {other}, which is not read here; \
                 F32, F16, BF16, Q4_0, Q4_1 and Q8_0 are: use a file with these alone"
            ))
        })?;
        let malformed = |problem: &str| Error::Malformed {
            problem: format!("tensor {name} {problem}"),
            place: self.offset,
        };
        let (inner, rest) = self.shape.split_first().ok_or_else(|| malformed("has no shape"))?;
        let (numbers, size) = encoding.block();
        if !inner.is_multiple_of(numbers) {
            return Err(malformed("has rows that are not whole blocks"));
        }
        let rows = rest.iter().try_fold(1_usize, |rows, n| rows.checked_mul(*n));
        let end = rows
            .and_then(|rows| rows.checked_mul(inner / numbers)?.checked_mul(size)?.checked_add(self.offset))
            .filter(|end| *end <= bytes.len());
        let (Some(rows), Some(end)) = (rows, end) else {
            return Err(malformed("lies beyond the file's end"));
        };
        Ok(Tensor { name, encoding, rows, inner: *inner, bytes: &bytes[self.offset..end] })
    }
}

/// A tensor's numbers.
#[derive(Clone, Copy, Debug)]
pub struct Tensor<'a> {
    /// Its name.
    pub name: &'a str,
    /// How its numbers are kept.
    pub encoding: Encoding,
    /// The product of all dimensions but the first.
    pub rows: usize,
    /// Numbers in a row: GGUF's first dimension, neighbours in memory.
    pub inner: usize,
    bytes: &'a [u8],
}

impl Tensor<'_> {
    fn row_bytes(&self, row: usize) -> &[u8] {
        let (numbers, size) = self.encoding.block();
        let length = self.inner / numbers * size;
        &self.bytes[row * length..(row + 1) * length]
    }

    /// Writes row `row` out, `inner` numbers.
    ///
    /// # Panics
    /// If there is no such row, or `into` is of another length.
    pub fn row(&self, row: usize, into: &mut [f32]) {
        assert_eq!(into.len(), self.inner, "a row is written into a slice of its length");
        let bytes = self.row_bytes(row);
        match self.encoding {
            Encoding::F32 => {
                for (into, bytes) in into.iter_mut().zip(bytes.as_chunks().0) {
                    *into = f32::from_le_bytes(*bytes);
                }
            }
            Encoding::F16 => {
                for (into, bytes) in into.iter_mut().zip(bytes.as_chunks().0) {
                    *into = f16::from_le_bytes(*bytes).to_f32();
                }
            }
            Encoding::Bf16 => {
                for (into, bytes) in into.iter_mut().zip(bytes.as_chunks().0) {
                    *into = bf16::from_le_bytes(*bytes).to_f32();
                }
            }
            Encoding::Q4_0 | Encoding::Q4_1 | Encoding::Q8_0 => {
                for (place, into) in into.chunks_exact_mut(BLOCK).enumerate() {
                    let QuantisedBlock { scale, minimum, codes } = self.block(row, place);
                    let number = |half: u16| f16::from_bits(half).to_f32();
                    let (scale, minimum) = (number(scale), number(minimum));
                    for (into, code) in into.iter_mut().zip(codes) {
                        *into = f32::from(code) * scale + minimum;
                    }
                }
            }
        }
    }

    /// Block `place` of row `row`; of a quantised tensor alone.
    ///
    /// # Panics
    /// If there is no such block, or the tensor is not quantised.
    pub fn block(&self, row: usize, place: usize) -> QuantisedBlock {
        let size = self.encoding.block().1;
        let bytes = &self.row_bytes(row)[place * size..(place + 1) * size];
        let half = |at: usize| f16::from_le_bytes([bytes[at], bytes[at + 1]]);
        // Powers of two, so nothing is lost; `check_finite` has refused scales that would leave the range.
        let times = |half: f16, factor: f32| f16::from_f32(half.to_f32() * factor).to_bits();
        let nibbles =
            |bytes: &[u8]| std::array::from_fn(|i| if i < 16 { bytes[i] & 15 } else { bytes[i - 16] >> 4 });
        let scale = half(0);
        match self.encoding {
            Encoding::Q4_0 => QuantisedBlock {
                scale: scale.to_bits(),
                minimum: times(scale, -8.0),
                codes: nibbles(&bytes[2..]),
            },
            Encoding::Q4_1 => QuantisedBlock {
                scale: scale.to_bits(),
                minimum: half(2).to_bits(),
                codes: nibbles(&bytes[4..]),
            },
            Encoding::Q8_0 => QuantisedBlock {
                scale: scale.to_bits(),
                minimum: times(scale, -128.0),
                codes: std::array::from_fn(|i| bytes[2 + i] ^ 0x80),
            },
            Encoding::F32 | Encoding::F16 | Encoding::Bf16 => panic!("{} has no blocks", self.name),
        }
    }

    /// Refuses numbers that are not finite, and scales so large that their minimum is not.
    ///
    /// # Errors
    /// [`Error::Unsupported`], which names the tensor.
    pub fn check_finite(&self) -> Result<()> {
        let finite = |half: u16| f16::from_bits(half).is_finite();
        let holds = match self.encoding {
            Encoding::F32 | Encoding::F16 | Encoding::Bf16 => {
                let mut values = vec![0.0; self.inner];
                (0..self.rows).all(|row| {
                    self.row(row, &mut values);
                    values.iter().all(|v| v.is_finite())
                })
            }
            Encoding::Q4_0 | Encoding::Q4_1 | Encoding::Q8_0 => (0..self.rows).all(|row| {
                (0..self.inner / BLOCK).all(|place| {
                    let block = self.block(row, place);
                    finite(block.scale) && finite(block.minimum)
                })
            }),
        };
        if holds {
            return Ok(());
        }
        Err(Error::Unsupported(format!("tensor {} has numbers that are not finite", self.name)))
    }
}
