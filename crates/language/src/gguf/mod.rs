//! GGUF, llama.cpp's file format: named values, then tensors.
//!
//! Versions 2 and 3, little-endian, as `ggml/docs/gguf.md` describes them. The file is mapped into memory, not read.
//! Every count, length, dimension and offset is held against what the file has before it is used, so a hostile file
//! can neither reach outside its bytes nor make memory be reserved beyond a small multiple of its size.

mod cursor;
mod metadata;
mod tensor;

pub use metadata::{List, Value};
pub use tensor::{Encoding, Tensor};

use crate::error::{Error, Result};
use cursor::Cursor;
use rustc_hash::FxHashMap;
use std::path::Path;
use tensor::Described;

const MAGIC: &[u8; 4] = b"GGUF";
/// Longest names: of values, and of tensors. The format's own bounds are 65,535 and 64.
const LONGEST_KEY: usize = 65_535;
const LONGEST_NAME: usize = 256;
const MOST_DIMENSIONS: u32 = 4;
/// Alignments of tensors: powers of two between these.
const ALIGNMENTS: std::ops::RangeInclusive<u64> = 1..=1 << 20;
const DEFAULT_ALIGNMENT: usize = 32;

/// A GGUF file.
#[derive(Debug)]
pub struct Gguf {
    bytes: Bytes,
    head: Head,
}

#[derive(Debug)]
enum Bytes {
    Mapped(memmap2::Mmap),
    Held(Vec<u8>),
}

impl Bytes {
    fn as_slice(&self) -> &[u8] {
        match self {
            Bytes::Mapped(map) => map,
            Bytes::Held(bytes) => bytes,
        }
    }
}

#[derive(Debug)]
struct Head {
    values: FxHashMap<String, Value>,
    tensors: FxHashMap<String, Described>,
    /// Where the first tensor's bytes begin.
    first_tensor: usize,
}

impl Gguf {
    /// Maps a file and reads its head.
    ///
    /// # Errors
    /// [`Error::File`], or [`Error::Malformed`] for what is no whole GGUF file.
    pub fn open(path: &Path) -> Result<Self> {
        let file = std::fs::File::open(path).map_err(Error::file(path))?;
        if file.metadata().map_err(Error::file(path))?.len() == 0 {
            return Err(Error::Malformed { problem: "it is empty".into(), place: 0 });
        }
        // SAFETY: the mapping is read-only and lives as long as the borrows of it. Nothing of this program writes to
        // model files; a program that alters or cuts the file meanwhile breaks this, as it would for any mapping.
        let map = unsafe { memmap2::Mmap::map(&file) }.map_err(Error::file(path))?;
        Self::checked(Bytes::Mapped(map))
    }

    /// A file from bytes in memory.
    ///
    /// # Errors
    /// [`Error::Malformed`] for what is no whole GGUF file.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self> {
        Self::checked(Bytes::Held(bytes))
    }

    fn checked(bytes: Bytes) -> Result<Self> {
        let head = Head::read(bytes.as_slice())?;
        Ok(Gguf { bytes, head })
    }

    /// The value of a name, if there is one.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.head.values.get(name)
    }

    /// A value that is an integer of at least zero.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if it is missing or something else.
    pub fn size(&self, name: &str) -> Result<usize> {
        let size = match self.value(name) {
            Some(Value::Integer(value)) => usize::try_from(*value).ok(),
            _ => None,
        };
        size.ok_or_else(|| missing(name, "a size"))
    }

    /// A value that is a number.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if it is missing or something else.
    pub fn number(&self, name: &str) -> Result<f64> {
        match self.value(name) {
            Some(Value::Number(value)) => Ok(*value),
            _ => Err(missing(name, "a number")),
        }
    }

    /// A value that is text.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if it is missing or something else.
    pub fn text(&self, name: &str) -> Result<&str> {
        match self.value(name) {
            Some(Value::Text(text)) => Ok(text),
            _ => Err(missing(name, "a text")),
        }
    }

    /// A value that is a list of texts.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if it is missing or something else.
    pub fn texts(&self, name: &str) -> Result<Vec<&str>> {
        match self.value(name) {
            Some(Value::List(list)) => list.texts(self.bytes.as_slice()),
            _ => None,
        }
        .ok_or_else(|| missing(name, "a list of texts"))
    }

    /// A value that is a list of integers.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if it is missing or something else.
    pub fn integers(&self, name: &str) -> Result<Vec<i128>> {
        match self.value(name) {
            Some(Value::List(list)) => list.integers(self.bytes.as_slice()),
            _ => None,
        }
        .ok_or_else(|| missing(name, "a list of integers"))
    }

    /// The names of all tensors, in no order.
    pub fn tensor_names(&self) -> impl Iterator<Item = &str> {
        self.head.tensors.keys().map(String::as_str)
    }

    /// A tensor by its name, if there is one.
    ///
    /// # Errors
    /// [`Error::Malformed`] if its bytes are not all there, [`Error::Unsupported`] if it is kept in a way that is not
    /// read here.
    pub fn tensor(&self, name: &str) -> Result<Option<Tensor<'_>>> {
        let bytes = &self.bytes.as_slice()[self.head.first_tensor..];
        self.head.tensors.get(name).map(|described| described.of(bytes)).transpose()
    }
}

fn missing(name: &str, kind: &str) -> Error {
    Error::Unsupported(format!("the file does not say {name}, which must be {kind}"))
}

impl Head {
    fn read(bytes: &[u8]) -> Result<Self> {
        let mut cursor = Cursor::new(bytes);
        if cursor.take(MAGIC.len())? != MAGIC {
            return Err(Error::Malformed { problem: "it does not begin with GGUF".into(), place: 0 });
        }
        match cursor.u32()? {
            2 | 3 => {}
            1 => return Err(unsupported("GGUF version 1 is not read here; versions 2 and 3 are")),
            version if (1..=3).contains(&version.swap_bytes()) => {
                return Err(unsupported("big-endian GGUF is not read here; use a little-endian file"));
            }
            version => {
                return Err(unsupported(&format!("GGUF version {version} is not read here; 2 and 3 are")));
            }
        }
        // A tensor takes at least a name's length, a number of dimensions, an encoding and an offset; a value at least
        // a name's length, a kind and one byte.
        let tensors = cursor.count("tensors", 24)?;
        let values = cursor.count("values", 13)?;
        let mut head = Head { values: FxHashMap::default(), tensors: FxHashMap::default(), first_tensor: 0 };
        for _ in 0..values {
            let name = name(&mut cursor, LONGEST_KEY)?;
            let value = Value::read(&mut cursor)?;
            if head.values.insert(name.clone(), value).is_some() {
                return Err(cursor.malformed(format!("it says {name} twice")));
            }
        }
        for _ in 0..tensors {
            let described = described(&mut cursor)?;
            let name = described.name.clone();
            if head.tensors.insert(name.clone(), described).is_some() {
                return Err(cursor.malformed(format!("tensor {name} is there twice")));
            }
        }
        let alignment = match head.values.get("general.alignment") {
            None => DEFAULT_ALIGNMENT,
            Some(Value::Integer(value)) => u64::try_from(*value)
                .ok()
                .filter(|alignment| alignment.is_power_of_two() && ALIGNMENTS.contains(alignment))
                .ok_or_else(|| cursor.malformed("general.alignment is no power of two up to 1,048,576"))?
                as usize,
            Some(_) => return Err(cursor.malformed("general.alignment is no integer")),
        };
        if let Some(tensor) = head.tensors.values().find(|tensor| tensor.offset % alignment != 0) {
            return Err(cursor.malformed(format!("tensor {} is not aligned", tensor.name)));
        }
        head.first_tensor = cursor.place().next_multiple_of(alignment).min(bytes.len());
        Ok(head)
    }
}

fn unsupported(problem: &str) -> Error {
    Error::Unsupported(problem.to_owned())
}

fn name(cursor: &mut Cursor<'_>, longest: usize) -> Result<String> {
    let name = cursor.text()?;
    if name.is_empty() || name.len() > longest {
        return Err(cursor.malformed(format!("a name has {} bytes, it must have 1 to {longest}", name.len())));
    }
    Ok(name.to_owned())
}

fn described(cursor: &mut Cursor<'_>) -> Result<Described> {
    let name = name(cursor, LONGEST_NAME)?;
    let dimensions = cursor.u32()?;
    if !(1..=MOST_DIMENSIONS).contains(&dimensions) {
        return Err(cursor.malformed(format!("tensor {name} has {dimensions} dimensions, 1 to 4 can be")));
    }
    let mut shape = Vec::with_capacity(dimensions as usize);
    for _ in 0..dimensions {
        let size = usize::try_from(cursor.u64()?).ok().filter(|size| *size > 0);
        shape.push(size.ok_or_else(|| cursor.malformed(format!("tensor {name} has an impossible size")))?);
    }
    let code = cursor.u32()?;
    let offset = usize::try_from(cursor.u64()?);
    let offset = offset.map_err(|_| cursor.malformed(format!("tensor {name} lies impossibly far away")))?;
    Ok(Described { name, shape, code, offset })
}

#[cfg(test)]
pub(crate) mod tests;
