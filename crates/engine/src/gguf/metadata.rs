//! The keys and values of a GGUF file, with errors that name the key.

use super::{
    header::Header,
    value::{elements, Value},
};

/// Reads values of a GGUF file's header. A key that is absent is no error unless it is required; a value of another type
/// than the one asked for is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Metadata<'a> {
    bytes: &'a [u8],
    header: &'a Header,
}

impl<'a> Metadata<'a> {
    /// `bytes` are those of the whole file.
    pub(super) fn new(bytes: &'a [u8], header: &'a Header) -> Self {
        Self { bytes, header }
    }

    fn value(&self, key: &str) -> Result<Option<Value<'a>>, String> {
        let Some(placed) = self.header.value(key) else { return Ok(None) };
        placed.value(self.bytes).map(Some).ok_or_else(|| format!("{key} is neither true nor false"))
    }

    fn read<T>(
        &self,
        key: &str,
        wanted: &str,
        read: impl FnOnce(Value<'a>) -> Option<Result<T, String>>,
    ) -> Result<Option<T>, String> {
        let Some(value) = self.value(key)? else { return Ok(None) };
        let found = value.describe();
        match read(value) {
            Some(read) => read.map(Some).map_err(|reason| format!("{key} {reason}")),
            None => Err(format!("{key} has an unexpected type: it is {found}, {wanted} is expected")),
        }
    }

    /// A text.
    pub(crate) fn text(&self, key: &str) -> Result<Option<&'a str>, String> {
        self.read(key, "a text", |value| match value {
            Value::Text(bytes) => Some(as_text(bytes)),
            _ => None,
        })
    }

    /// A text that must be there.
    pub(crate) fn required_text(&self, key: &str) -> Result<&'a str, String> {
        self.text(key)?.ok_or_else(|| missing(key))
    }

    /// A whole number of any type that is not negative and not above `u32::MAX`.
    pub(crate) fn number(&self, key: &str) -> Result<Option<u32>, String> {
        self.read(key, "a whole number", |value| match value {
            Value::Whole(number) => Some(as_number(number)),
            _ => None,
        })
    }

    /// A finite number with a fraction.
    pub(crate) fn float(&self, key: &str) -> Result<Option<f32>, String> {
        self.read(key, "a number with a fraction", |value| match value {
            Value::Float(number) if (number as f32).is_finite() => Some(Ok(number as f32)),
            Value::Float(number) => Some(Err(format!("is {number}, which no 32-bit number can be"))),
            _ => None,
        })
    }

    /// A flag.
    pub(crate) fn flag(&self, key: &str) -> Result<Option<bool>, String> {
        self.read(key, "a flag", |value| match value {
            Value::Flag(flag) => Some(Ok(flag)),
            _ => None,
        })
    }

    /// An array of at most `most` texts.
    pub(crate) fn texts(&self, key: &str, most: usize) -> Result<Option<Vec<&'a str>>, String> {
        self.array(key, "an array of texts", most, |value| match value {
            Value::Text(bytes) => Some(as_text(bytes)),
            _ => None,
        })
    }

    /// An array of at most `most` whole numbers, none negative or above `u32::MAX`.
    pub(crate) fn numbers(&self, key: &str, most: usize) -> Result<Option<Vec<u32>>, String> {
        self.array(key, "an array of whole numbers", most, |value| match value {
            Value::Whole(number) => Some(as_number(number)),
            _ => None,
        })
    }

    fn array<T>(
        &self,
        key: &str,
        wanted: &str,
        most: usize,
        read: impl Fn(Value<'a>) -> Option<Result<T, String>>,
    ) -> Result<Option<Vec<T>>, String> {
        let Some(value) = self.value(key)? else { return Ok(None) };
        let unexpected = |found: &str| format!("{key} has an unexpected type: it is {found}, {wanted} is expected");
        let Value::Array { of, count, bytes } = value else { return Err(unexpected(value.describe())) };
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count > most {
            return Err(format!("{key} has {count} elements, at most {most} are read"));
        }
        // The header has proved that so many elements are in the file.
        let mut values = Vec::with_capacity(count);
        for (index, element) in elements(of, bytes).enumerate() {
            let found = element.describe();
            let value = read(element).ok_or_else(|| unexpected(&format!("an array with {found}")))?;
            values.push(value.map_err(|reason| format!("{key}: element {index} {reason}"))?);
        }
        match values.len() == count {
            true => Ok(Some(values)),
            false => Err(unexpected("an array of arrays or of flags that are none")),
        }
    }
}

fn missing(key: &str) -> String {
    format!("{key} is missing")
}

fn as_text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|_| "is not UTF-8".into())
}

fn as_number(number: i128) -> Result<u32, String> {
    u32::try_from(number).map_err(|_| format!("is {number}, which is not from 0 to {}", u32::MAX))
}
