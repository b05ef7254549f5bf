//! What can keep a command from doing its work.

use std::{io, net::SocketAddr, path::PathBuf};

use cuckoo_chain_client::{ChainError, KeyFileError, RegistrationError};
use cuckoo_engine::{EngineError, LoadError, ModelDirError};

use crate::{data_dir::DataDirError, models::ModelsError};

/// An argument that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// No URL of a gateway.
    #[error("{url:?} is no coordinator's URL: {reason}; expected is something like http://127.0.0.1:7701")]
    CoordinatorUrl {
        /// The beginning of it.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No default for the folder of models.
    #[error("the folder of models is unknown because HOME is not set; name it with --models-dir")]
    NoModelsDir,
}

/// What can keep a command from doing its work. Says how to mend it where that is not obvious.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An argument makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The operator's or stash's key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The folder for this miner's data cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The chain cannot be read or refused a transaction.
    #[error("chain: {0}")]
    Chain(#[from] ChainError),
    /// A model's folder cannot be used.
    #[error(transparent)]
    ModelDir(#[from] ModelDirError),
    /// Models could not be listed, fetched or verified.
    #[error(transparent)]
    Models(#[from] ModelsError),
    /// There is nothing to serve with.
    #[error("no models in {}; `miner-worker models pull` fetches them", .0.display())]
    NoModels(PathBuf),
    /// The device that was chosen is not there.
    #[error("--device: {0}")]
    Device(LoadError),
    /// The engine could not be built.
    #[error("cannot load the models: {0}")]
    Load(#[from] LoadError),
    /// The engine failed.
    #[error("the engine failed: {0}")]
    Engine(#[from] EngineError),
    /// The address for metrics cannot be used.
    #[error("cannot listen on {address} for metrics: {source}; choose another --metrics-listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Metrics cannot be recorded.
    #[error("cannot record metrics: {0}")]
    Metrics(String),
    /// A new key cannot be written.
    #[error("cannot write the key file {}: {source}{}", .path.display(), exists_hint(.source))]
    WriteKey {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system has no randomness, signals or threads for us.
    #[error("the system refused {what}: {reason}")]
    System {
        /// What was asked for.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// The miner was not registered.
    #[error(transparent)]
    Register(#[from] RegistrationError),
}

fn exists_hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::AlreadyExists => "; a key is never overwritten, choose another name",
        _ => "",
    }
}
