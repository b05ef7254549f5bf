//! sha256 of files, and copies that are checked while they are made.

use std::{
    fs::File,
    io::{Read, Write},
    path::Path,
};

use indicatif::ProgressBar;
use sha2::{Digest, Sha256};

use super::error::ModelsError;

const BUFFER_BYTES: usize = 1 << 20;

/// Lower-case hex sha256 of the file at `path`.
pub(super) fn sha256_of(path: &Path, bar: &ProgressBar) -> Result<String, ModelsError> {
    let mut file = File::open(path).map_err(ModelsError::io(path))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = file.read(&mut buffer).map_err(ModelsError::io(path))?;
        let Some(chunk) = buffer.get(..count).filter(|chunk| !chunk.is_empty()) else { break };
        hasher.update(chunk);
        bar.inc(count as u64);
    }
    Ok(hex::encode(hasher.finalize()))
}

/// What a copy must turn out to be.
pub(super) struct Pinned<'a> {
    /// For messages.
    pub(super) what: &'a str,
    /// Size.
    pub(super) bytes: u64,
    /// Lower-case hex.
    pub(super) sha256: &'a str,
}

/// Copies `from` into a new file at `to`. Never writes more bytes than are pinned, and fails if size or hash differ.
pub(super) fn copy_pinned(
    from: &mut dyn Read,
    to: &Path,
    pinned: &Pinned<'_>,
    bar: &ProgressBar,
) -> Result<(), ModelsError> {
    let wrong_size = || ModelsError::WrongSize { what: pinned.what.into(), expected: pinned.bytes };
    let mut file = File::create_new(to).map_err(ModelsError::io(to))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut left = pinned.bytes;
    loop {
        let count = from.read(&mut buffer).map_err(ModelsError::io(to))?;
        let Some(chunk) = buffer.get(..count).filter(|chunk| !chunk.is_empty()) else { break };
        left = left.checked_sub(count as u64).ok_or_else(wrong_size)?;
        hasher.update(chunk);
        file.write_all(chunk).map_err(ModelsError::io(to))?;
        bar.inc(count as u64);
    }
    if left > 0 {
        return Err(wrong_size());
    }
    file.sync_all().map_err(ModelsError::io(to))?;
    let found = hex::encode(hasher.finalize());
    match found == pinned.sha256 {
        true => Ok(()),
        false => Err(ModelsError::WrongHash { what: pinned.what.into(), found, expected: pinned.sha256.into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(content: &[u8], bytes: u64, sha256: &str) -> Result<(), ModelsError> {
        let dir = tempfile::tempdir().unwrap();
        let pinned = Pinned { what: "x", bytes, sha256 };
        copy_pinned(&mut &content[..], &dir.path().join("x"), &pinned, &ProgressBar::hidden())
    }

    #[test]
    fn only_the_pinned_bytes_are_copied() {
        let sha256 = hex::encode(Sha256::digest(b"weights"));
        copy(b"weights", 7, &sha256).unwrap();
        assert!(matches!(copy(b"Weights", 7, &sha256), Err(ModelsError::WrongHash { .. })));
        assert!(matches!(copy(b"weights and more", 7, &sha256), Err(ModelsError::WrongSize { .. })));
        assert!(matches!(copy(b"weight", 7, &sha256), Err(ModelsError::WrongSize { .. })));
    }
}
