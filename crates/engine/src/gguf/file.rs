//! A GGUF file over a memory map.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use super::{header::Header, metadata::Metadata, tensor::TensorInfo};
use crate::{error::LoadError, mapped::map, weights::Stored};

/// An open file whose header is sound: every value and tensor that it names lies inside the file. It is
/// [mapped](map), not read.
pub(crate) struct GgufFile {
    path: PathBuf,
    contents: Box<dyn AsRef<[u8]> + Send + Sync>,
    header: Header,
}

impl GgufFile {
    /// Opens the file at `path` and checks its header.
    pub(crate) fn open(path: &Path) -> Result<Self, LoadError> {
        let refused = |error: io::Error| LoadError::File { path: path.to_owned(), reason: error.to_string() };
        Self::over(path, Box::new(map(path).map_err(refused)?))
    }

    /// A file that is in memory.
    #[cfg(test)]
    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Result<Self, String> {
        Self::over(Path::new("memory"), Box::new(bytes)).map_err(|error| error.to_string())
    }

    fn over(path: &Path, contents: Box<dyn AsRef<[u8]> + Send + Sync>) -> Result<Self, LoadError> {
        let header =
            Header::read((*contents).as_ref()).map_err(|reason| LoadError::File { path: path.to_owned(), reason })?;
        Ok(Self { path: path.to_owned(), contents, header })
    }

    /// Where it is, for errors.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// All of it.
    pub(super) fn contents(&self) -> &[u8] {
        (*self.contents).as_ref()
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// Its keys and values.
    pub(crate) fn metadata(&self) -> Metadata<'_> {
        Metadata::new(self.contents(), &self.header)
    }

    /// The names of its tensors, in the file's order.
    pub(crate) fn tensors(&self) -> impl Iterator<Item = &str> {
        self.header.tensors.iter().map(|tensor| tensor.name.as_str())
    }

    /// The matrix or vector of this name, none if there is no such tensor. Tensors of more dimensions are refused.
    pub(crate) fn tensor(&self, name: &str) -> Result<Option<Stored<'_>>, LoadError> {
        let Some(tensor) = self.header.tensor(name) else { return Ok(None) };
        if tensor.dimensions.iter().skip(2).any(|dimension| *dimension != 1) {
            let reason =
                format!("tensor {name} has the dimensions {:?}, a matrix or vector is expected", tensor.dimensions);
            return Err(LoadError::File { path: self.path.clone(), reason });
        }
        Ok(Some(tensor.stored(self.contents())))
    }

    /// All tensors, in the file's order.
    pub(super) fn infos(&self) -> &[TensorInfo] {
        &self.header.tensors
    }
}

impl fmt::Debug for GgufFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GgufFile").field("path", &self.path).field("header", &self.header).finish_non_exhaustive()
    }
}
