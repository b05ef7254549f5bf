//! The metadata of a GGUF file, with errors that name the key.

use candle_core::quantized::{
    gguf_file::{Content, Value},
    GgmlDType,
};

/// Reads values of a GGUF file's header.
pub(crate) struct Metadata<'a> {
    content: &'a Content,
}

impl<'a> Metadata<'a> {
    pub(crate) fn new(content: &'a Content) -> Self {
        Self { content }
    }

    fn get<T>(&self, key: &str, read: impl FnOnce(&'a Value) -> Option<T>) -> Result<Option<T>, String> {
        match self.content.metadata.get(key) {
            None => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| format!("{key} has an unexpected type")),
        }
    }

    pub(crate) fn text(&self, key: &str) -> Result<Option<&'a str>, String> {
        self.get(key, as_text)
    }

    pub(crate) fn required_text(&self, key: &str) -> Result<&'a str, String> {
        self.text(key)?.ok_or_else(|| format!("{key} is missing"))
    }

    pub(crate) fn number(&self, key: &str) -> Result<Option<u32>, String> {
        self.get(key, as_number)
    }

    pub(crate) fn required_number(&self, key: &str) -> Result<u32, String> {
        self.number(key)?.ok_or_else(|| format!("{key} is missing"))
    }

    pub(crate) fn flag(&self, key: &str) -> Result<Option<bool>, String> {
        self.get(key, |value| match value {
            Value::Bool(flag) => Some(*flag),
            _ => None,
        })
    }

    pub(crate) fn texts(&self, key: &str) -> Result<Option<Vec<&'a str>>, String> {
        self.get(key, |value| as_array(value)?.iter().map(as_text).collect())
    }

    pub(crate) fn numbers(&self, key: &str) -> Result<Option<Vec<u32>>, String> {
        self.get(key, |value| as_array(value)?.iter().map(as_number).collect())
    }

    pub(crate) fn has_tensor(&self, name: &str) -> bool {
        self.content.tensor_infos.contains_key(name)
    }

    /// Types and (rows, columns) of all matrices.
    pub(crate) fn matrices(&self) -> impl Iterator<Item = (GgmlDType, usize, usize)> + 'a {
        self.content.tensor_infos.values().filter_map(|info| match info.shape.dims() {
            [rows, columns] => Some((info.ggml_dtype, *rows, *columns)),
            _ => None,
        })
    }
}

fn as_text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn as_array(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Array(values) => Some(values),
        _ => None,
    }
}

fn as_number(value: &Value) -> Option<u32> {
    match value {
        Value::U8(number) => Some(u32::from(*number)),
        Value::U16(number) => Some(u32::from(*number)),
        Value::U32(number) => Some(*number),
        Value::U64(number) => u32::try_from(*number).ok(),
        Value::I8(number) => u32::try_from(*number).ok(),
        Value::I16(number) => u32::try_from(*number).ok(),
        Value::I32(number) => u32::try_from(*number).ok(),
        Value::I64(number) => u32::try_from(*number).ok(),
        _ => None,
    }
}
