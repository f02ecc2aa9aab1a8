//! What a file says of itself: typed values under names.

use super::cursor::Cursor;
use crate::error::Result;
use std::ops::Range;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// An integer of any width.
    Integer(i128),
    /// A number of either width.
    Number(f64),
    /// Yes or no.
    Flag(bool),
    /// Text.
    Text(String),
    /// Several values of one kind.
    List(List),
}

/// Several values of one kind, checked, and left in the file's bytes: a list of a million bytes stays one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    kind: Kind,
    count: usize,
    bytes: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Unsigned(usize),
    Signed(usize),
    Single,
    Double,
    Flag,
    Text,
    List,
}

/// Lists may hold lists; deeper than this they are refused.
const DEEPEST: usize = 4;

impl Kind {
    fn read(cursor: &mut Cursor<'_>) -> Result<Self> {
        Ok(match cursor.u32()? {
            0 => Kind::Unsigned(1),
            1 => Kind::Signed(1),
            2 => Kind::Unsigned(2),
            3 => Kind::Signed(2),
            4 => Kind::Unsigned(4),
            5 => Kind::Signed(4),
            6 => Kind::Single,
            7 => Kind::Flag,
            8 => Kind::Text,
            9 => Kind::List,
            10 => Kind::Unsigned(8),
            11 => Kind::Signed(8),
            12 => Kind::Double,
            other => return Err(cursor.malformed(format!("{other} is no kind of value"))),
        })
    }

    /// Fewest bytes of a value.
    fn least_bytes(self) -> usize {
        match self {
            Kind::Unsigned(bytes) | Kind::Signed(bytes) => bytes,
            Kind::Flag => 1,
            Kind::Single => 4,
            Kind::Double | Kind::Text => 8,
            Kind::List => 12,
        }
    }

    fn value(self, cursor: &mut Cursor<'_>, deep: usize) -> Result<Value> {
        let integer = |bytes: &[u8]| bytes.iter().rev().fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
        Ok(match self {
            Kind::Unsigned(width) => Value::Integer(i128::from(integer(cursor.take(width)?))),
            Kind::Signed(width) => {
                let unused = 64 - 8 * width as u32;
                Value::Integer(i128::from((integer(cursor.take(width)?) << unused) as i64 >> unused))
            }
            Kind::Single => Value::Number(f64::from(f32::from_bits(cursor.u32()?))),
            Kind::Double => Value::Number(f64::from_bits(cursor.u64()?)),
            Kind::Flag => match cursor.take(1)?[0] {
                0 => Value::Flag(false),
                1 => Value::Flag(true),
                other => return Err(cursor.malformed(format!("{other} is neither yes nor no"))),
            },
            Kind::Text => Value::Text(cursor.text()?.to_owned()),
            Kind::List => Value::List(List::read(cursor, deep + 1)?),
        })
    }
}

impl Value {
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Self> {
        Kind::read(cursor)?.value(cursor, 0)
    }
}

impl List {
    fn read(cursor: &mut Cursor<'_>, deep: usize) -> Result<Self> {
        if deep > DEEPEST {
            return Err(cursor.malformed("lists within lists within lists are too deep"));
        }
        let kind = Kind::read(cursor)?;
        let count = cursor.count("values", kind.least_bytes())?;
        let begin = cursor.place();
        match kind {
            Kind::Unsigned(_) | Kind::Signed(_) | Kind::Single | Kind::Double => {
                cursor.take(count * kind.least_bytes())?;
            }
            Kind::Text => (0..count).try_for_each(|_| cursor.text().map(drop))?,
            Kind::Flag | Kind::List => {
                (0..count).try_for_each(|_| kind.value(cursor, deep).map(drop))?;
            }
        }
        Ok(List { kind, count, bytes: begin..cursor.place() })
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The texts of a list of texts; nothing for another list. `file` is the whole file's bytes.
    pub(super) fn texts<'a>(&self, file: &'a [u8]) -> Option<Vec<&'a str>> {
        let mut cursor = Cursor::new(&file[self.bytes.clone()]);
        (self.kind == Kind::Text).then(|| (0..self.count).map_while(|_| cursor.text().ok()).collect())
    }

    /// The integers of a list of integers; nothing for another list.
    pub(super) fn integers(&self, file: &[u8]) -> Option<Vec<i128>> {
        let mut cursor = Cursor::new(&file[self.bytes.clone()]);
        let value = |_| match self.kind.value(&mut cursor, 0) {
            Ok(Value::Integer(value)) => Some(value),
            _ => None,
        };
        matches!(self.kind, Kind::Unsigned(_) | Kind::Signed(_))
            .then(|| (0..self.count).map_while(value).collect())
    }
}
