//! A batch on the device.

use burn::{Device, Int, Tensor, TensorData};
use model::Config;
use model::engine::Batch;

/// What every layer needs of a batch.
pub(crate) struct Tokens {
    pub(crate) tokens: usize,
    /// `[tokens]`.
    pub(crate) code: Tensor<1, Int>,
    /// `[tokens, 16]`.
    pub(crate) age: Tensor<2>,
    /// `[tokens, 24]`.
    pub(crate) gap: Tensor<2>,
    /// `[tokens, 2 · knots + 1]`.
    pub(crate) value: Tensor<2>,
    /// `[tokens, 1, pairs]`.
    pub(crate) cosine: Tensor<3>,
    /// `[tokens, 1, pairs]`.
    pub(crate) sine: Tensor<3>,
    /// The first row of each token's segment.
    pub(crate) begin: Vec<usize>,
    /// `[tokens, 1]`, the same.
    pub(crate) begin_column: Tensor<2, Int>,
    /// `[1, tokens]`, each token's row.
    pub(crate) row: Tensor<2, Int>,
    /// `[tokens, width]` by place, if there is dropout.
    masks: Vec<Option<(Tensor<1, Int>, f32)>>,
    width: usize,
    device: Device,
}

impl Tokens {
    pub(crate) fn new(config: &Config, batch: &Batch<'_>, with_dropout: bool, device: &Device) -> Self {
        let tokens = batch.tokens;
        let mut begin = vec![0; tokens];
        for segment in &batch.segments {
            begin[segment.clone()].fill(segment.start);
        }
        let pairs = config.head_width() / 2;
        let places = if with_dropout { Batch::dropout_places(config) } else { 0 };
        let masks = (0..places).map(|place| {
            let (words, scale) = batch.dropout(config, place)?;
            Some((integers(words.iter().map(|word| word.cast_signed()), device), scale))
        });
        Tokens {
            tokens,
            code: integers(batch.code.iter().map(|c| c.cast_signed()), device),
            age: matrix(&batch.age, tokens, device),
            gap: matrix(&batch.gap, tokens, device),
            value: matrix(&batch.value, tokens, device),
            cosine: matrix(&batch.cosine, tokens, device).reshape([tokens, 1, pairs]),
            sine: matrix(&batch.sine, tokens, device).reshape([tokens, 1, pairs]),
            begin_column: rows(&begin, device).reshape([tokens, 1]),
            row: integers(0..tokens as i32, device).reshape([1, tokens]),
            begin,
            masks: masks.collect(),
            width: config.width,
            device: device.clone(),
        }
    }

    /// Drops what dropout drops at a place.
    pub(crate) fn dropout(&self, place: usize, x: Tensor<2>) -> Tensor<2> {
        let Some(Some((words, scale))) = self.masks.get(place) else { return x };
        let n = words.dims()[0];
        let shift = integers(0..32, &self.device).reshape([1, 32]).expand([n, 32]);
        let bits = words.clone().reshape([n, 1]).expand([n, 32]).bitwise_right_shift(shift);
        let bits = bits.bitwise_and_scalar(1).float().reshape([n * 32]);
        let mask = bits.slice([0..self.tokens * self.width]).mul_scalar(*scale);
        x * mask.reshape([self.tokens, self.width])
    }
}

/// `rows` rows of numbers.
pub(crate) fn matrix(values: &[f32], rows: usize, device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values.to_vec(), [rows, values.len() / rows.max(1)]), device)
}

pub(crate) fn integers(values: impl Iterator<Item = i32>, device: &Device) -> Tensor<1, Int> {
    let values: Vec<i32> = values.collect();
    let n = values.len();
    Tensor::from_data(TensorData::new(values, [n]), device)
}

pub(crate) fn rows(values: &[usize], device: &Device) -> Tensor<1, Int> {
    integers(values.iter().map(|row| *row as i32), device)
}
