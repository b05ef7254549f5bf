//! What a header says of a tensor.

use std::ops::Range;

use super::cursor::Cursor;
use crate::weights::{Stored, StoredType};

/// Most bytes of a tensor's name; GGML itself has 64.
const MAX_NAME_BYTES: u64 = 256;
const MAX_DIMENSIONS: u32 = 4;

/// A tensor of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TensorInfo {
    pub(crate) name: String,
    pub(crate) dtype: StoredType,
    /// 1 to 4 of them, none 0, the length of a row first, as in the file.
    pub(crate) dimensions: Vec<u64>,
    /// Where its numbers are in the file.
    pub(super) at: Range<usize>,
}

/// A tensor before it is known where the data begins.
pub(super) struct Unplaced {
    pub(super) name: String,
    dtype: StoredType,
    dimensions: Vec<u64>,
    bytes: u64,
    /// From the beginning of the data.
    offset: u64,
}

impl TensorInfo {
    /// The tensor's numbers as a matrix whose rows are the tensor's rows; `contents` are the file's bytes.
    pub(crate) fn stored<'a>(&'a self, contents: &'a [u8]) -> Stored<'a> {
        let columns = self.dimensions.first().copied().unwrap_or(0);
        // No overflow: the whole tensor lies in memory that can be addressed.
        let rows = self.dimensions.iter().skip(1).fold(1u64, |rows, dimension| rows.saturating_mul(*dimension));
        Stored {
            name: &self.name,
            dtype: self.dtype,
            rows: rows as usize,
            columns: columns as usize,
            bytes: contents.get(self.at.clone()).unwrap_or_default(),
        }
    }
}

impl Unplaced {
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Self, String> {
        let name = cursor.name("a tensor's name", MAX_NAME_BYTES)?;
        let refused = |reason: String| format!("tensor {name}: {reason}");
        let count = cursor.u32(name)?;
        if !(1..=MAX_DIMENSIONS).contains(&count) {
            return Err(refused(format!("{count} dimensions, 1 to {MAX_DIMENSIONS} are expected")));
        }
        let dimensions = (0..count).map(|_| cursor.u64(name)).collect::<Result<Vec<_>, _>>()?;
        let number = cursor.u32(name)?;
        let dtype = StoredType::from_gguf(number)
            .ok_or_else(|| refused(format!("its type {} ({number}) is not supported", gguf_type_name(number))))?;
        let offset = cursor.u64(name)?;
        let bytes = tensor_bytes(dtype, &dimensions).map_err(refused)?;
        Ok(Self { name: name.to_owned(), dtype, dimensions, bytes, offset })
    }

    /// Finds the tensor in a file of `file_bytes`, whose data begins at `data_start`.
    pub(super) fn place(self, data_start: u64, file_bytes: u64, alignment: u64) -> Result<TensorInfo, String> {
        let Self { name, dtype, dimensions, bytes, offset } = self;
        if !offset.is_multiple_of(alignment) {
            return Err(format!("tensor {name}: its offset {offset} is no multiple of the alignment {alignment}"));
        }
        let start = data_start.checked_add(offset);
        let end = start.and_then(|start| start.checked_add(bytes)).filter(|end| *end <= file_bytes);
        let at = start.zip(end).and_then(|(start, end)| Some(usize::try_from(start).ok()?..usize::try_from(end).ok()?));
        match at {
            Some(at) => Ok(TensorInfo { name, dtype, dimensions, at }),
            None => Err(format!(
                "tensor {name}: its {bytes} bytes at offset {offset} of the data, which begins at byte {data_start}, lie \
                 behind the file's end at byte {file_bytes}: is the file cut off?"
            )),
        }
    }
}

/// Bytes that the numbers of a tensor take.
pub(super) fn tensor_bytes(dtype: StoredType, dimensions: &[u64]) -> Result<u64, String> {
    let (block_len, block_bytes) = (dtype.block_len() as u64, dtype.block_bytes() as u64);
    let columns = dimensions.first().copied().unwrap_or(0);
    if dimensions.contains(&0) {
        return Err("a dimension is 0".into());
    }
    if !columns.is_multiple_of(block_len) {
        return Err(format!("rows of {columns} numbers are no multiple of {block_len}, the block of {}", dtype.name()));
    }
    dimensions
        .iter()
        .try_fold(1u64, |numbers, dimension| numbers.checked_mul(*dimension))
        .and_then(|numbers| numbers.checked_div(block_len))
        .and_then(|blocks| blocks.checked_mul(block_bytes))
        .ok_or_else(|| format!("the dimensions {dimensions:?} are absurd"))
}

/// GGUF's number of a type, the inverse of [`StoredType::from_gguf`].
pub(super) fn gguf_number(dtype: StoredType) -> u32 {
    // All numbers are small, and every type has one.
    (0..=u32::from(u8::MAX)).find(|number| StoredType::from_gguf(*number) == Some(dtype)).unwrap_or(u32::MAX)
}

/// GGML's name of a type that this crate has no code for.
fn gguf_type_name(number: u32) -> &'static str {
    match number {
        9 => "q8_1",
        10 => "q2_k",
        11 => "q3_k",
        15 => "q8_k",
        16 => "iq2_xxs",
        17 => "iq2_xs",
        18 => "iq3_xxs",
        19 => "iq1_s",
        20 => "iq4_nl",
        21 => "iq3_s",
        22 => "iq2_s",
        23 => "iq4_xs",
        24 => "i8",
        25 => "i16",
        26 => "i32",
        27 => "i64",
        28 => "f64",
        29 => "iq1_m",
        34 => "tq1_0",
        35 => "tq2_0",
        39 => "mxfp4",
        _ => "unknown",
    }
}
