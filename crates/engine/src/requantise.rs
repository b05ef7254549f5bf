//! A GGUF file in another type of numbers.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use crate::{
    error::LoadError,
    gguf::{rewrite, GgufFile, RewriteError, TensorInfo},
    weights::{dequantise, quantise_q8_0, Stored, StoredType},
};

const BUFFER_BYTES: usize = 1 << 20;

/// Writes the GGUF file `from` again at `to`, which must not exist, with its matrices in `q8_0`. Vectors, such as the
/// weights of normalisations, and matrices whose rows are no multiple of 32 numbers stay as they are, and so do the keys
/// and values. Takes little memory whatever the size; `progress` hears how many bytes of `from` are done since the last
/// time.
///
/// The new file is never better than the old one: what an old type has lost does not come back.
pub fn requantise_to_q8_0(from: &Path, to: &Path, progress: &mut dyn FnMut(u64)) -> Result<(), LoadError> {
    let source = GgufFile::open(from)?;
    let refused = |reason: String| LoadError::File { path: to.to_owned(), reason };
    let failed = |error: std::io::Error| refused(format!("{error}; check permissions and free space"));
    let file = File::create_new(to).map_err(failed)?;
    let mut writer = BufWriter::with_capacity(BUFFER_BYTES, file);
    rewrite(&source, &mut writer, &new_type, &encode, progress).map_err(|error| match error {
        RewriteError::Write(error) => failed(error),
        RewriteError::Tensor(reason) => LoadError::File { path: source.path().to_owned(), reason },
    })?;
    writer.flush().map_err(failed)?;
    writer.get_ref().sync_all().map_err(failed)
}

fn new_type(info: &TensorInfo) -> StoredType {
    let columns = info.dimensions.first().copied().unwrap_or(0);
    let fits = columns.is_multiple_of(StoredType::Q8_0.block_len() as u64);
    match info.dimensions.len() > 1 && fits {
        true => StoredType::Q8_0,
        false => info.dtype,
    }
}

fn encode(rows: Stored<'_>) -> Vec<u8> {
    quantise_q8_0(&dequantise(rows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gguf::fixture::{tokenizer, Parts};

    fn floats(count: u32) -> Vec<u8> {
        (0..count).flat_map(|number| (number as f32 / 7.0 - 3.0).to_le_bytes()).collect()
    }

    fn source() -> Parts {
        tokenizer("smollm").tensor("norm", 0, &[64], &floats(64)).tensor("matrix", 0, &[64, 5], &floats(320)).tensor(
            "narrow",
            0,
            &[6, 2],
            &floats(12),
        )
    }

    #[test]
    fn matrices_change_and_the_rest_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from.gguf"), dir.path().join("to.gguf"));
        std::fs::write(&from, source().bytes()).unwrap();
        let mut done = 0;
        requantise_to_q8_0(&from, &to, &mut |bytes| done += bytes).unwrap();
        assert!(done >= 4 * (64 + 320 + 12), "{done}");
        let (old, new) = (GgufFile::open(&from).unwrap(), GgufFile::open(&to).unwrap());
        let of = |file: &GgufFile, name: &str| {
            let stored: Stored<'_> = file.tensor(name).unwrap().unwrap();
            (stored.dtype, dequantise(stored))
        };
        assert_eq!(of(&new, "norm"), of(&old, "norm"));
        assert_eq!(of(&new, "narrow"), of(&old, "narrow"));
        let ((dtype, new), (_, old)) = (of(&new, "matrix"), of(&old, "matrix"));
        assert_eq!((dtype, new.len()), (StoredType::Q8_0, 320));
        for (new, old) in new.iter().zip(old) {
            assert!((new - old).abs() <= 43.0 / 127.0, "{new} instead of {old}");
        }
    }

    #[test]
    fn nothing_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from.gguf"), dir.path().join("to.gguf"));
        std::fs::write(&from, source().bytes()).unwrap();
        std::fs::write(&to, "mine").unwrap();
        assert!(requantise_to_q8_0(&from, &to, &mut |_| ()).unwrap_err().to_string().contains("to.gguf"));
        assert_eq!(std::fs::read_to_string(&to).unwrap(), "mine");
    }
}
