//! JSON as Python writes it, which is what models were trained on.

use std::io;

use minijinja::{value::Kwargs, Error, ErrorKind, Value};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

/// A filter: `value` in one line with spaces behind commas and colons, or with `indent` spaces for each depth. Letters
/// stay as they are, also those that mean something in HTML.
pub(super) fn to_json(value: &Value, options: Kwargs) -> Result<Value, Error> {
    let indent: Option<usize> = options.get("indent")?;
    // What Python can be told besides; all of it is what is done here anyway.
    let _: (Option<bool>, Option<Value>, Option<bool>) =
        (options.get("ensure_ascii")?, options.get("separators")?, options.get("sort_keys")?);
    options.assert_all_used()?;
    match indent {
        Some(width) if width > MAX_INDENT => {
            Err(Error::new(ErrorKind::InvalidOperation, format!("indent must be at most {MAX_INDENT}")))
        }
        Some(width) => write(value, PrettyFormatter::with_indent(&[b' '; MAX_INDENT][..width])),
        None => write(value, Spaced),
    }
}

const MAX_INDENT: usize = 16;

fn write(value: &Value, formatter: impl Formatter) -> Result<Value, Error> {
    let mut bytes = Vec::new();
    value
        .serialize(&mut Serializer::with_formatter(&mut bytes, formatter))
        .map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))?;
    Ok(Value::from_safe_string(text))
}

/// One line, a space behind each comma and colon.
struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: io::Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W: io::Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}
