//! Operator keys and the files they lie in.

use std::{io, path::{Path, PathBuf}, str::FromStr};

use cuckoo_primitives::AccountId;
use subxt_signer::{sr25519::Keypair, SecretUri};

/// No sensible key file is longer than this, in bytes.
const MAX_KEY_FILE_LEN: u64 = 1024;

/// Why a key file cannot be used. Never says what is in it.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read.
    #[error("cannot read the key file {}: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others than the owner may read the file.
    #[error("the key file {0} can be read by others (mode {mode:03o}); run `chmod 600 {0}`", .path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file does not hold one line with a key.
    #[error(
        "the key file {} does not hold a key; expected one line: a mnemonic, a 0x-prefixed hex seed, or a URI such as `//Miner1`",
        .0.display()
    )]
    NotAKey(PathBuf),
}

/// Reads the sr25519 key in a file of one line: a mnemonic, a 0x-prefixed hex seed or a development URI, each with
/// optional derivation path.
///
/// # Errors
/// If the file cannot be read, can be read by others than its owner (Unix), or does not hold exactly one key.
pub fn operator_key(path: &Path) -> Result<Keypair, KeyFileError> {
    let text = read_private(path)?;
    parse(&text).ok_or_else(|| KeyFileError::NotAKey(path.into()))
}

/// The account that a key signs for.
pub fn account_of(key: &Keypair) -> AccountId {
    AccountId::from(key.public_key().0)
}
