//! A file with the same keys and values and tensors of other types.

use std::io::{self, Write};

use super::{
    file::GgufFile,
    header::MAGIC,
    tensor::{gguf_number, tensor_bytes, TensorInfo},
};
use crate::weights::{Stored, StoredType};

/// How many numbers are turned at once: little memory whatever a tensor's size.
const CHUNK_NUMBERS: usize = 1 << 20;

/// Why no file could be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RewriteError {
    /// The new file.
    #[error(transparent)]
    Write(#[from] io::Error),
    /// A tensor cannot have the type that was chosen for it.
    #[error("{0}")]
    Tensor(String),
}

/// Writes `from` again, each tensor in the type that `choose` gives for it: in the same order, the keys and values byte by
/// byte. `encode` is given what changes its type, some rows at a time. `progress` hears how many of the old
/// file's bytes are done.
pub(crate) fn rewrite(
    from: &GgufFile,
    to: &mut dyn Write,
    choose: &dyn Fn(&TensorInfo) -> StoredType,
    encode: &dyn Fn(Stored<'_>) -> Vec<u8>,
    progress: &mut dyn FnMut(u64),
) -> Result<(), RewriteError> {
    let alignment = from.header().alignment;
    let new_types: Vec<StoredType> = from.infos().iter().map(choose).collect();
    let mut lengths = Vec::with_capacity(new_types.len());
    for (info, dtype) in from.infos().iter().zip(&new_types) {
        let refused = |reason| RewriteError::Tensor(format!("tensor {}: {reason}", info.name));
        lengths.push(tensor_bytes(*dtype, &info.dimensions).map_err(refused)?);
    }
    let header = header(from, &new_types, &lengths);
    to.write_all(&header)?;
    pad(to, header.len() as u64, alignment)?;
    progress(header.len() as u64);
    for ((info, dtype), length) in from.infos().iter().zip(new_types).zip(lengths) {
        let written = tensor(to, info.stored(from.contents()), dtype, encode, progress)?;
        if written != length {
            return Err(RewriteError::Tensor(format!("tensor {}: {written} bytes instead of {length}", info.name)));
        }
        pad(to, length, alignment)?;
    }
    Ok(())
}

/// All that comes before the tensors' numbers.
fn header(from: &GgufFile, types: &[StoredType], lengths: &[u64]) -> Vec<u8> {
    let old = from.header();
    let mut bytes = MAGIC.to_vec();
    bytes.extend(old.version.to_le_bytes());
    bytes.extend((types.len() as u64).to_le_bytes());
    bytes.extend(old.keys().to_le_bytes());
    bytes.extend_from_slice(from.contents().get(old.values_at.clone()).unwrap_or_default());
    let mut offset = 0u64;
    for ((info, dtype), length) in from.infos().iter().zip(types).zip(lengths) {
        bytes.extend((info.name.len() as u64).to_le_bytes());
        bytes.extend_from_slice(info.name.as_bytes());
        bytes.extend((info.dimensions.len() as u32).to_le_bytes());
        bytes.extend(info.dimensions.iter().flat_map(|dimension| dimension.to_le_bytes()));
        bytes.extend(gguf_number(*dtype).to_le_bytes());
        bytes.extend(offset.to_le_bytes());
        offset = offset.saturating_add(*length).next_multiple_of(old.alignment);
    }
    bytes
}

/// Writes the numbers of one tensor; how many bytes they took.
fn tensor(
    to: &mut dyn Write,
    stored: Stored<'_>,
    dtype: StoredType,
    encode: &dyn Fn(Stored<'_>) -> Vec<u8>,
    progress: &mut dyn FnMut(u64),
) -> Result<u64, RewriteError> {
    let row_bytes = stored.bytes.len().checked_div(stored.rows).unwrap_or(0).max(1);
    let chunk_rows = (CHUNK_NUMBERS / stored.columns.max(1)).max(1);
    let mut written = 0u64;
    for bytes in stored.bytes.chunks(chunk_rows.saturating_mul(row_bytes)) {
        if dtype == stored.dtype {
            to.write_all(bytes)?;
            written += bytes.len() as u64;
        } else {
            let rows = Stored { rows: bytes.len() / row_bytes, bytes, ..stored };
            let encoded = encode(rows);
            to.write_all(&encoded)?;
            written += encoded.len() as u64;
        }
        progress(bytes.len() as u64);
    }
    Ok(written)
}

fn pad(to: &mut dyn Write, written: u64, alignment: u64) -> io::Result<()> {
    let padding = written.next_multiple_of(alignment) - written;
    io::copy(&mut io::Read::take(io::repeat(0), padding), to).map(drop)
}
