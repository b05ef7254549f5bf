//! Weights in a safetensors file, mapped into memory.

use std::path::{Path, PathBuf};

use memmap2::Mmap;
use safetensors::{tensor::TensorView, Dtype, SafeTensors};

use crate::{
    error::LoadError,
    mapped::map,
    models::tensors::Tensors,
    weights::{Stored, StoredType},
};

/// The bytes of a file.
pub(crate) struct MappedFile {
    path: PathBuf,
    bytes: Mmap,
}

/// The tensors of a file whose names begin with a prefix.
pub(crate) struct SafetensorsFile<'a> {
    path: &'a Path,
    tensors: SafeTensors<'a>,
    prefix: &'static str,
}

impl MappedFile {
    pub(crate) fn open(path: &Path) -> Result<Self, LoadError> {
        let refused = |error: std::io::Error| LoadError::File { path: path.to_owned(), reason: error.to_string() };
        Ok(Self { path: path.to_owned(), bytes: map(path).map_err(refused)? })
    }

    /// The tensors. Names may begin with one of `prefixes`; the first under which `probe` is found counts.
    pub(crate) fn safetensors(&self, prefixes: &[&'static str], probe: &str) -> Result<SafetensorsFile<'_>, LoadError> {
        let refused = |reason: String| LoadError::File { path: self.path.clone(), reason };
        let tensors = SafeTensors::deserialize(&self.bytes).map_err(|error| refused(error.to_string()))?;
        let has = |prefix: &&&str| tensors.tensor(&format!("{prefix}{probe}")).is_ok();
        let prefix = prefixes.iter().find(has).ok_or_else(|| refused(format!("tensor {probe} is missing")))?;
        Ok(SafetensorsFile { path: &self.path, prefix, tensors })
    }
}

impl SafetensorsFile<'_> {
    fn stored<'a>(&self, name: &'a str, view: &TensorView<'a>) -> Result<Stored<'a>, LoadError> {
        let dtype = match view.dtype() {
            Dtype::F32 => StoredType::F32,
            Dtype::F16 => StoredType::F16,
            Dtype::BF16 => StoredType::Bf16,
            other => return Err(self.refused(format!("{name} is stored as {other:?}, which is not supported"))),
        };
        match *view.shape() {
            [columns] => Ok(Stored { name, dtype, rows: 1, columns, bytes: view.data() }),
            [rows, columns] => Ok(Stored { name, dtype, rows, columns, bytes: view.data() }),
            ref other => {
                Err(self.refused(format!("{name} has the shape {other:?}, it should be a vector or a matrix")))
            }
        }
    }
}

impl Tensors for SafetensorsFile<'_> {
    fn tensor(&self, name: &str) -> Result<Option<Stored<'_>>, LoadError> {
        let is_it = |full: &str| full.strip_prefix(self.prefix) == Some(name);
        let found = self.tensors.iter().find(|(full, _)| is_it(full));
        found.map(|(full, view)| self.stored(full, &view)).transpose()
    }

    fn names(&self) -> Vec<&str> {
        self.tensors.iter().filter_map(|(full, _)| full.strip_prefix(self.prefix)).collect()
    }

    fn refused(&self, reason: String) -> LoadError {
        LoadError::File { path: self.path.to_owned(), reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = r#"{"bert.a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"bert.b":{"dtype":"I32","shape":[1],"data_offsets":[8,12]}}"#;

    fn mapped(header: &str, length: u64, data: &[u8]) -> (tempfile::NamedTempFile, MappedFile) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let bytes = [&length.to_le_bytes(), header.as_bytes(), data].concat();
        std::fs::write(file.path(), bytes).unwrap();
        let mapped = MappedFile::open(file.path()).unwrap();
        (file, mapped)
    }

    fn refusal(header: &str, length: u64, data: &[u8]) -> String {
        let (_file, mapped) = mapped(header, length, data);
        mapped.safetensors(&["", "bert."], "a").err().expect("refused").to_string()
    }

    #[test]
    fn tensors_are_found_under_their_prefix() {
        let (_file, mapped) = mapped(HEADER, HEADER.len() as u64, &[0; 12]);
        let file = mapped.safetensors(&["", "bert."], "a").unwrap();
        let stored = file.tensor("a").unwrap().unwrap();
        assert_eq!((stored.name, stored.dtype, stored.rows, stored.columns), ("bert.a", StoredType::F32, 1, 2));
        assert_eq!(stored.bytes.len(), 8);
        assert!(file.tensor("c").unwrap().is_none());
        assert!(file.tensor("b").unwrap_err().to_string().contains("bert.b is stored as"));
        let mut names = file.names();
        names.sort_unstable();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn broken_files_are_refused() {
        refusal("", 0, &[]);
        refusal(HEADER, HEADER.len() as u64, &[0; 11]);
        refusal(HEADER, u64::MAX, &[0; 12]);
        refusal(HEADER, 1 << 40, &[0; 12]);
        refusal(&HEADER.replace("[2]", "[4611686018427387904]"), HEADER.len() as u64 + 18, &[0; 12]);
        assert!(refusal(&HEADER.replace("bert", "gert"), HEADER.len() as u64, &[0; 12]).contains("a is missing"));
    }
}
