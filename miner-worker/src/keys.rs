//! New operator keys.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::Path,
};

use cuckoo_chain_client::{account_of, Keypair};
use cuckoo_primitives::AccountId;
use rand::TryRngCore;

use crate::{cli::KeysCommand, error::Error};

/// Runs `keys`.
pub fn execute(command: KeysCommand) -> Result<(), Error> {
    match command {
        KeysCommand::New { out } => {
            let account = new_key(&out)?;
            println!("{account}");
            eprintln!(
                "wrote a new operator key to {out}; keep a copy of it in a safe place. Its account is printed above. To \
                 register it, `miner-worker register --operator-key {out} --stash ACCOUNT` prints what the stash submits; \
                 with --stash-key FILE --bond CAI --self-stake CAI --name NAME in the place of --stash it submits that.",
                out = out.display()
            );
            Ok(())
        }
    }
}

/// Writes a random key to a new file that only its owner can read, and returns its account.
pub fn new_key(path: &Path) -> Result<AccountId, Error> {
    let mut seed = [0; 32];
    rand::rngs::OsRng
        .try_fill_bytes(&mut seed)
        .map_err(|error| Error::System { what: "randomness", reason: error.to_string() })?;
    let key = Keypair::from_secret_key(seed)
        .map_err(|error| Error::System { what: "a key from random bytes", reason: error.to_string() })?;
    write_private(path, &format!("0x{}\n", hex::encode(seed)))
        .map_err(|source| Error::WriteKey { path: path.into(), source })?;
    Ok(account_of(&key))
}

fn write_private(path: &Path, content: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cuckoo_chain_client::operator_key;

    #[test]
    fn a_new_key_can_be_used_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("operator.key");
        let account = new_key(&path).unwrap();
        assert_eq!(account_of(&operator_key(&path).unwrap()), account);
    }

    #[test]
    fn a_key_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("operator.key");
        let first = new_key(&path).unwrap();
        let error = new_key(&path).unwrap_err().to_string();
        assert!(error.contains("never overwritten"), "{error}");
        assert_eq!(account_of(&operator_key(&path).unwrap()), first);
    }
}
