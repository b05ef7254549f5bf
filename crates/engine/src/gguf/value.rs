//! Values of a header: where they are, and what they are.

use std::ops::Range;

use super::cursor::Cursor;

/// How deep arrays may lie in arrays.
const MAX_NESTING: u32 = 4;
/// Bytes of a text's length, and so of an empty text.
const LENGTH_BYTES: u64 = 8;
/// Bytes of an empty array.
const EMPTY_ARRAY_BYTES: u64 = 12;

/// Type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Flag,
    Text,
    Array,
    U64,
    I64,
    F64,
}

/// Where a value is in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Placed {
    /// A number, a flag, or a text without its length.
    Single { kind: Kind, at: Range<usize> },
    /// All elements are there.
    Array { of: Kind, count: u64, at: Range<usize> },
}

/// A value, read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    /// Any whole number: all of `u64` and `i64` fit.
    Whole(i128),
    Float(f64),
    Flag(bool),
    /// Not yet known to be UTF-8.
    Text(&'a [u8]),
    Array {
        of: Kind,
        count: u64,
        bytes: &'a [u8],
    },
}

impl Kind {
    /// GGUF's number of this type.
    pub(super) fn from_gguf(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::U8,
            1 => Self::I8,
            2 => Self::U16,
            3 => Self::I16,
            4 => Self::U32,
            5 => Self::I32,
            6 => Self::F32,
            7 => Self::Flag,
            8 => Self::Text,
            9 => Self::Array,
            10 => Self::U64,
            11 => Self::I64,
            12 => Self::F64,
            _ => return None,
        })
    }

    /// Bytes of a value whose length is always the same.
    fn fixed_bytes(self) -> Option<u64> {
        match self {
            Self::U8 | Self::I8 | Self::Flag => Some(1),
            Self::U16 | Self::I16 => Some(2),
            Self::U32 | Self::I32 | Self::F32 => Some(4),
            Self::U64 | Self::I64 | Self::F64 => Some(8),
            Self::Text | Self::Array => None,
        }
    }

    fn least_bytes(self) -> u64 {
        self.fixed_bytes().unwrap_or(if self == Self::Array { EMPTY_ARRAY_BYTES } else { LENGTH_BYTES })
    }

    fn read(cursor: &mut Cursor<'_>, key: &str) -> Result<Self, String> {
        let number = cursor.u32(key)?;
        Self::from_gguf(number).ok_or_else(|| format!("{key} has a value of the unknown type {number}"))
    }
}

impl Placed {
    /// Finds the end of the value of `key`, which the cursor stands before.
    pub(super) fn read(cursor: &mut Cursor<'_>, key: &str) -> Result<Self, String> {
        match Kind::read(cursor, key)? {
            Kind::Array => array(cursor, key, 0),
            kind => single(cursor, kind, key).map(|at| Self::Single { kind, at }),
        }
    }

    /// The value; `bytes` are those of the file.
    pub(super) fn value<'a>(&self, bytes: &'a [u8]) -> Option<Value<'a>> {
        match self {
            Self::Single { kind, at } => Value::decode(*kind, bytes.get(at.clone())?),
            Self::Array { of, count, at } => {
                Some(Value::Array { of: *of, count: *count, bytes: bytes.get(at.clone())? })
            }
        }
    }
}

fn single(cursor: &mut Cursor<'_>, kind: Kind, key: &str) -> Result<Range<usize>, String> {
    match kind.fixed_bytes() {
        Some(length) => cursor.skip(length, key),
        None => {
            let length = cursor.u64(key)?;
            cursor.skip(length, key)
        }
    }
}

fn array(cursor: &mut Cursor<'_>, key: &str, depth: u32) -> Result<Placed, String> {
    if depth >= MAX_NESTING {
        return Err(format!("{key}: arrays lie more than {MAX_NESTING} deep in each other"));
    }
    let of = Kind::read(cursor, key)?;
    let count = cursor.count(key, u64::MAX, of.least_bytes())?;
    let start = cursor.position();
    match of.fixed_bytes() {
        // No overflow: there is room for them.
        Some(length) => {
            cursor.skip(count.saturating_mul(length), key)?;
        }
        None => {
            for _ in 0..count {
                if of == Kind::Array {
                    array(cursor, key, depth + 1)?;
                } else {
                    single(cursor, of, key)?;
                }
            }
        }
    }
    Ok(Placed::Array { of, count, at: start..cursor.position() })
}

impl<'a> Value<'a> {
    /// `None` if the bytes are not one value of this type.
    fn decode(kind: Kind, bytes: &'a [u8]) -> Option<Self> {
        fn fixed<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
            bytes.try_into().ok()
        }
        Some(match kind {
            Kind::U8 => Self::Whole(u8::from_le_bytes(fixed(bytes)?).into()),
            Kind::I8 => Self::Whole(i8::from_le_bytes(fixed(bytes)?).into()),
            Kind::U16 => Self::Whole(u16::from_le_bytes(fixed(bytes)?).into()),
            Kind::I16 => Self::Whole(i16::from_le_bytes(fixed(bytes)?).into()),
            Kind::U32 => Self::Whole(u32::from_le_bytes(fixed(bytes)?).into()),
            Kind::I32 => Self::Whole(i32::from_le_bytes(fixed(bytes)?).into()),
            Kind::U64 => Self::Whole(u64::from_le_bytes(fixed(bytes)?).into()),
            Kind::I64 => Self::Whole(i64::from_le_bytes(fixed(bytes)?).into()),
            Kind::F32 => Self::Float(f32::from_le_bytes(fixed(bytes)?).into()),
            Kind::F64 => Self::Float(f64::from_le_bytes(fixed(bytes)?)),
            Kind::Flag => match bytes {
                [0] => Self::Flag(false),
                [1] => Self::Flag(true),
                _ => return None,
            },
            Kind::Text => Self::Text(bytes),
            Kind::Array => return None,
        })
    }

    /// What it is, for errors.
    pub(super) fn describe(&self) -> &'static str {
        match self {
            Self::Whole(_) => "a whole number",
            Self::Float(_) => "a number with a fraction",
            Self::Flag(_) => "a flag",
            Self::Text(_) => "a text",
            Self::Array { .. } => "an array",
        }
    }
}

/// The elements of an array that has no arrays in it, one after the other. Ends early where one cannot be read.
pub(super) fn elements(of: Kind, bytes: &[u8]) -> impl Iterator<Item = Value<'_>> {
    let mut cursor = Cursor::new(bytes);
    std::iter::from_fn(move || {
        if of == Kind::Array || cursor.left() == 0 {
            return None;
        }
        let at = single(&mut cursor, of, "").ok()?;
        Value::decode(of, bytes.get(at)?)
    })
}
