//! Llama's architecture (Touvron et al. 2023) out of a GGUF file.

use crate::error::{Error, Result};
use crate::gguf::{Encoding, Gguf, Tensor, Value};
use crate::reading::Reading;
use crate::tokenizer::Tokenizer;
use model::stack::{Bits, BlockWeights, Stack, StackConfig, WeightMatrix};
use std::path::Path;

/// An open language model, ready to answer.
#[derive(Debug)]
pub struct LanguageModel {
    file: Gguf,
    tokenizer: Tokenizer,
    pub(crate) shape: StackConfig,
    pub(crate) stack: Stack,
    /// Gives logits from hidden states: `[vocabulary, width]`.
    pub(crate) head: WeightMatrix,
}

const EMBEDDING: &str = "token_embd.weight";
const HEAD: &str = "output.weight";

/// Every tensor of a block.
const OF_BLOCK: [&str; 9] =
    ["attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down"];

impl LanguageModel {
    /// Reads a GGUF file of Llama's architecture. Weights of 4 and 8 bits stay so.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Malformed`], or [`Error::Unsupported`] for another architecture, for tensors that are
    /// missing, unknown, of other shapes or kept in other ways.
    pub fn open(path: &Path) -> Result<Self> {
        Self::of(Gguf::open(path)?)
    }

    /// The model that a file holds.
    ///
    /// # Errors
    /// As [`LanguageModel::open`].
    pub fn of(file: Gguf) -> Result<Self> {
        let shape = shape(&file)?;
        let tokenizer = Tokenizer::of(&file)?;
        let vocabulary = file.texts("tokenizer.ggml.tokens")?.len();
        check_names(&file, shape.layers)?;
        let embedding = tensor(&file, EMBEDDING, (vocabulary, shape.width))?;
        embedding.check_finite()?;
        // Without a head of its own the model has the embedding for it.
        let tied = file.tensor(HEAD)?.is_none();
        let head = if tied { embedding } else { tensor(&file, HEAD, (vocabulary, shape.width))? };
        let head = matrix(&[Part::of(head)?])?;
        let blocks = (0..shape.layers).map(|layer| block(&file, shape, layer)).collect::<Result<Vec<_>>>()?;
        let final_norm = norm(&file, "output_norm.weight", shape.width)?;
        let stack = Stack::new(shape, blocks, final_norm)?;
        Ok(LanguageModel { file, tokenizer, shape, stack, head })
    }

    /// What turns text into the model's tokens.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Tokens in the vocabulary.
    pub fn vocabulary_size(&self) -> usize {
        self.head.rows()
    }

    /// Most tokens of a text, answer included.
    pub fn context(&self) -> usize {
        self.shape.context
    }

    /// Begins a text.
    pub fn start(&self) -> Reading<'_> {
        Reading::new(self)
    }

    /// The vector of a token of the vocabulary.
    pub(crate) fn embed(&self, token: u32, into: &mut [f32]) -> Result<()> {
        let embedding = tensor(&self.file, EMBEDDING, (self.vocabulary_size(), self.shape.width))?;
        embedding.row(token as usize, into);
        Ok(())
    }
}

/// The shape, and nothing that a stack doesn't do.
fn shape(file: &Gguf) -> Result<StackConfig> {
    let architecture = file.text("general.architecture")?;
    if architecture != "llama" {
        return Err(Error::Unsupported(format!(
            "the file's architecture is {architecture}; llama alone is read here"
        )));
    }
    let size = |name: &str| file.size(&format!("llama.{name}"));
    let heads = size("attention.head_count")?;
    // Without this value every head has keys and values of its own.
    let of_keys = "llama.attention.head_count_kv";
    let shape = StackConfig {
        width: size("embedding_length")?,
        layers: size("block_count")?,
        heads,
        key_value_heads: if file.value(of_keys).is_some() { file.size(of_keys)? } else { heads },
        feed_forward: size("feed_forward_length")?,
        context: size("context_length")?,
        rotary_base: match file.value("llama.rope.freq_base") {
            Some(_) => file.number("llama.rope.freq_base")?,
            None => 10_000.0,
        },
        norm_epsilon: file.number("llama.attention.layer_norm_rms_epsilon")?,
    };
    // Bounds before anything is multiplied, divided or reserved by them; `Stack::new` has the narrower ones.
    if [shape.width, shape.layers, shape.heads, shape.key_value_heads].iter().any(|n| *n == 0 || *n > 1 << 24)
        || shape.feed_forward > 1 << 24
        || !shape.width.is_multiple_of(shape.heads)
    {
        return Err(Error::Unsupported("the file describes a shape that no llama has".into()));
    }
    let head_width = shape.width / shape.heads;
    for name in ["rope.dimension_count", "attention.key_length", "attention.value_length"] {
        let name = format!("llama.{name}");
        if file.value(&name).is_some() && file.size(&name)? != head_width {
            return Err(Error::Unsupported(format!(
                "{name} is not embedding_length / head_count, {head_width}"
            )));
        }
    }
    let scaling =
        ["llama.rope.scaling.type", "llama.rope.scale_linear"].into_iter().find_map(|n| file.value(n));
    match scaling {
        None => {}
        Some(Value::Text(kind)) if kind == "none" => {}
        Some(_) => {
            return Err(Error::Unsupported(
                "the file scales its rotary positions, which is not done here".into(),
            ));
        }
    }
    if file.value("llama.expert_count").is_some_and(|experts| *experts != Value::Integer(0)) {
        return Err(Error::Unsupported("the file has experts, which are not run here".into()));
    }
    Ok(shape)
}

/// A tensor that nobody reads would be a part of the model that is silently left out.
fn check_names(file: &Gguf, layers: usize) -> Result<()> {
    let known = |name: &str| {
        let of_block = |rest: &str| {
            let (layer, part) = rest.split_once('.')?;
            let inside = layer.parse::<usize>().is_ok_and(|l| l < layers && l.to_string() == layer);
            Some(inside && part.strip_suffix(".weight").is_some_and(|part| OF_BLOCK.contains(&part)))
        };
        [EMBEDDING, HEAD, "output_norm.weight"].contains(&name)
            || name.strip_prefix("blk.").and_then(of_block).unwrap_or(false)
    };
    match file.tensor_names().find(|name| !known(name)) {
        Some(name) => Err(Error::Unsupported(format!("tensor {name} is no part of a llama as run here"))),
        None => Ok(()),
    }
}

fn block(file: &Gguf, shape: StackConfig, layer: usize) -> Result<BlockWeights> {
    let width = shape.width;
    let head_width = width / shape.heads;
    let keys = shape.key_value_heads * head_width;
    let name = |part: &str| format!("blk.{layer}.{part}.weight");
    let part = |name: &str, size| Part::of(tensor(file, name, size)?);
    let turned =
        |name: &str, size| Ok::<_, Error>(Part { head_width: Some(head_width), ..part(name, size)? });
    Ok(BlockWeights {
        attention_norm: norm(file, &name("attn_norm"), width)?,
        query_key_value: matrix(&[
            turned(&name("attn_q"), (width, width))?,
            turned(&name("attn_k"), (keys, width))?,
            part(&name("attn_v"), (keys, width))?,
        ])?,
        attention_out: matrix(&[part(&name("attn_output"), (width, width))?])?,
        feed_forward_norm: norm(file, &name("ffn_norm"), width)?,
        gate_up: matrix(&[
            part(&name("ffn_gate"), (shape.feed_forward, width))?,
            part(&name("ffn_up"), (shape.feed_forward, width))?,
        ])?,
        down: matrix(&[part(&name("ffn_down"), (width, shape.feed_forward))?])?,
    })
}

fn tensor<'a>(file: &'a Gguf, name: &str, (rows, inner): (usize, usize)) -> Result<Tensor<'a>> {
    let tensor =
        file.tensor(name)?.ok_or_else(|| Error::Unsupported(format!("the file lacks tensor {name}")))?;
    if (tensor.rows, tensor.inner) != (rows, inner) {
        let found = format!("{} × {}", tensor.rows, tensor.inner);
        return Err(Error::Unsupported(format!("tensor {name} is {found}, it must be {rows} × {inner}")));
    }
    Ok(tensor)
}

fn norm(file: &Gguf, name: &str, width: usize) -> Result<Vec<f32>> {
    let tensor = tensor(file, name, (1, width))?;
    tensor.check_finite()?;
    let mut values = vec![0.0; width];
    tensor.row(0, &mut values);
    Ok(values)
}

/// Some rows of a matrix.
struct Part<'a> {
    tensor: Tensor<'a>,
    /// For rows that rotary positions turn: GGUF has the rows of a head that turn together next to each other, the
    /// stack has them half a head apart.
    head_width: Option<usize>,
}

impl<'a> Part<'a> {
    fn of(tensor: Tensor<'a>) -> Result<Self> {
        tensor.check_finite()?;
        Ok(Part { tensor, head_width: None })
    }

    /// Where the file has the row that the stack wants at `row`.
    fn in_file(&self, row: usize) -> usize {
        let Some(width) = self.head_width else { return row };
        let (head, place) = (row / width, row % width);
        head * width + place % (width / 2) * 2 + place / (width / 2)
    }
}

/// Parts one below the other. If they are all kept in the same few bits, so is the matrix.
fn matrix(parts: &[Part<'_>]) -> Result<WeightMatrix> {
    let inner = parts[0].tensor.inner;
    let rows = parts.iter().map(|part| part.tensor.rows).sum();
    let find = |mut row: usize| {
        for part in parts {
            if row < part.tensor.rows {
                return (&part.tensor, part.in_file(row));
            }
            row -= part.tensor.rows;
        }
        unreachable!("a matrix is asked for its own rows");
    };
    let bits = |part: &Part<'_>| match part.tensor.encoding {
        Encoding::Q4_0 | Encoding::Q4_1 => Some(Bits::Four),
        Encoding::Q8_0 => Some(Bits::Eight),
        Encoding::F32 | Encoding::F16 | Encoding::Bf16 => None,
    };
    let most = parts
        .iter()
        .map(bits)
        .try_fold(Bits::Four, |most, bits| bits.map(|bits| if bits == Bits::Eight { bits } else { most }));
    let matrix = match most {
        Some(bits) => WeightMatrix::quantised(bits, rows, inner, |row, place| {
            let (tensor, row) = find(row);
            tensor.block(row, place)
        }),
        None => WeightMatrix::full(rows, inner, |row, into| {
            let (tensor, row) = find(row);
            tensor.row(row, into);
        }),
    };
    Ok(matrix?)
}

#[cfg(test)]
mod tests;
