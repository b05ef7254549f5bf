//! The metadata of a GGUF file, with errors that name the key.

use std::{fs, io::Cursor, path::Path};

use candle_core::quantized::{
    gguf_file::{Content, Value},
    GgmlDType,
};

use crate::{
    error::LoadError,
    weights::{Stored, StoredType},
};

/// A GGUF file in memory.
pub(crate) struct GgufFile {
    content: Content,
    bytes: Vec<u8>,
}

impl GgufFile {
    pub(crate) fn open(path: &Path) -> Result<Self, LoadError> {
        let refused = |reason: String| LoadError::File { path: path.to_owned(), reason };
        let bytes = fs::read(path).map_err(|error| refused(error.to_string()))?;
        let content = Content::read(&mut Cursor::new(&bytes)).map_err(|error| refused(error.to_string()))?;
        Ok(Self { content, bytes })
    }

    pub(crate) fn content(&self) -> &Content {
        &self.content
    }

    pub(crate) fn metadata(&self) -> Metadata<'_> {
        Metadata::new(&self.content)
    }

    pub(crate) fn tensors(&self) -> impl Iterator<Item = &str> {
        self.content.tensor_infos.keys().map(String::as_str)
    }

    pub(crate) fn tensor(&self, name: &str) -> Result<Option<Stored<'_>>, LoadError> {
        let Some((name, info)) = self.content.tensor_infos.get_key_value(name) else { return Ok(None) };
        let number = match info.ggml_dtype {
            GgmlDType::F32 => 0,
            GgmlDType::F16 => 1,
            GgmlDType::Q4_0 => 2,
            GgmlDType::Q4_1 => 3,
            GgmlDType::Q5_0 => 6,
            GgmlDType::Q5_1 => 7,
            GgmlDType::Q8_0 => 8,
            GgmlDType::Q4K => 12,
            GgmlDType::Q5K => 13,
            GgmlDType::Q6K => 14,
            GgmlDType::BF16 => 30,
            _ => u32::MAX,
        };
        let dtype = StoredType::from_gguf(number).ok_or_else(|| LoadError::Device("unknown type".into()))?;
        let (rows, columns) = match info.shape.dims() {
            [rows, columns] => (*rows, *columns),
            other => (1, other.iter().product()),
        };
        let start = (self.content.tensor_data_offset + info.offset) as usize;
        let bytes = &self.bytes[start..start + rows * columns / dtype.block_len() * dtype.block_bytes()];
        Ok(Some(Stored { name, dtype, rows, columns, bytes }))
    }
}

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

    pub(crate) fn float(&self, key: &str) -> Result<Option<f32>, String> {
        self.get(key, |value| match value {
            Value::F32(number) => Some(*number),
            Value::F64(number) => Some(*number as f32),
            _ => None,
        })
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
