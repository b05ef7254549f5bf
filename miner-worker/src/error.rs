//! What can keep a command from doing its work.

use std::{io, net::SocketAddr, path::PathBuf};

use cuckoo_chain_client::{ChainError, KeyFileError, RegistrationError};
use cuckoo_engine::{EngineError, LoadError, ModelDirError};

use crate::{
    data_dir::DataDirError,
    kept::KeptError,
    models::ModelsError,
    wallet::{ExchangeError, WalletError},
};

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
    /// No price.
    #[error(
        "{text:?} is no price: {reason}; expected is CAI for 1,000 prompt and 1,000 completion tokens, for example \
         0.001:0.002, or with an image and a second of audio as well, 0.001:0.002:0.1:0.01"
    )]
    Price {
        /// The beginning of it.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A model that is not served has a price.
    #[error("--ask names the model {model:?}, which is not served; `miner-worker models list` shows what is there")]
    AskForUnknown {
        /// The beginning of its name.
        model: String,
    },
    /// Nobody says whose wallet is meant.
    #[error("{} holds wallets of {found} operators; name one with --operator-key", .base.display())]
    WhoseWallet {
        /// The folder of what miners keep.
        base: PathBuf,
        /// How many.
        found: usize,
    },
    /// A chain is named by something else than a hash.
    #[error("--genesis {0:?} is no hash; it has 64 hexadecimal digits")]
    Genesis(String),
    /// Nobody pays the fee.
    #[error("name the key that signs, and whose account pays the fee, with --key or --operator-key")]
    NoSigner,
    /// The key for the local server cannot be used.
    #[error("--openai-key-file {}: {reason}", .path.display())]
    OpenAiKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
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
    /// What this miner may be asked for cannot be kept.
    #[error("cannot keep how tokens are drawn in {}: {source}; see to that folder, or name another --data-dir", .folder.display())]
    Kept {
        /// Where.
        folder: PathBuf,
        /// Why.
        source: KeptError,
    },
    /// Nobody answers any more what is asked on the chain.
    #[error("answering what is asked on the chain has ended ({0}), and who does not answer loses stake; start again")]
    Answering(String),
    /// The wallet cannot be used.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// A file of vouchers cannot be used.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// A file of vouchers cannot be read or written.
    #[error("cannot use {}: {source}", .path.display())]
    VoucherFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Vouchers could not be redeemed.
    #[error("cannot redeem ({done} settled before): {source}{mend}")]
    Redeem {
        /// What was settled before, for people.
        done: String,
        /// Why.
        source: ChainError,
        /// How to mend it.
        mend: String,
    },
    /// The wallet could not be written in time.
    #[error("the wallet could not be written: {0}; free space on its disk and try again")]
    NotWritten(String),
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
    #[error(
        "no models in {}; `miner-worker models pull` fetches some, `models add FILE.gguf` takes one of your own, and a \
         server's are offered with --openai-url", .0.display()
    )]
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
