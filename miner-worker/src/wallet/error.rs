//! Why a wallet cannot be used.

use std::{io, path::PathBuf};

use cuckoo_primitives::Hash;

/// Why a wallet cannot be used, and how to mend it.
#[derive(Debug, thiserror::Error)]
pub enum WalletError {
    /// The system refuses.
    #[error("cannot use the wallet {}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something that was written is not what it was.
    #[error(
        "the wallet {} is damaged at record {record}; to mend it, check the disk and run `miner-worker wallet repair`, \
         which sets this file aside and keeps all that is whole", .path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Counted from 0; each has 256 bytes.
        record: u64,
    },
    /// Another version of this program wrote it.
    #[error("the wallet {} was written by a newer miner-worker (record {record}); update this one", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Counted from 0.
        record: u64,
    },
    /// It does not begin as a wallet does.
    #[error("{} is no wallet: it does not begin with a wallet's first record; move it out of the way", .path.display())]
    NoWallet {
        /// The file.
        path: PathBuf,
    },
    /// Its vouchers count elsewhere.
    #[error(
        "the wallet {} is of the chain with genesis {found:?}, not {expected:?}; a new chain needs a new --data-dir",
        .path.display()
    )]
    OtherChain {
        /// The file.
        path: PathBuf,
        /// The wallet's chain.
        found: Hash,
        /// The chain that this program follows.
        expected: Hash,
    },
    /// No wallet is that large.
    #[error("the wallet {} has {bytes} bytes, more than a wallet can; move it out of the way", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
    },
    /// There is none.
    #[error("there is no wallet in {}; `miner-worker run` makes one, --data-dir names another folder", .0.display())]
    NotThere(PathBuf),
    /// There are several.
    #[error("{} has wallets of several chains; name a node of one of them with --chain-url", .0.display())]
    Several(PathBuf),
    /// The system gives no random bytes for a new wallet.
    #[error("the system gives no random bytes: {0}")]
    Randomness(String),
    /// The thread that writes cannot be started.
    #[error("the system gives no thread to write the wallet with: {0}")]
    Thread(io::Error),
}
