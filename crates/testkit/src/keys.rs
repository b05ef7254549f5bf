//! Keys of the well-known development accounts.

use std::{
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::Context;
use cuckoo_primitives::AccountId;
use subxt_signer::{sr25519::Keypair, SecretUri};

/// The key pair of a SURI such as `//Miner1`.
pub fn keypair(suri: &str) -> anyhow::Result<Keypair> {
    let uri = SecretUri::from_str(suri).with_context(|| format!("{suri:?} is no secret URI"))?;
    Keypair::from_uri(&uri).with_context(|| format!("{suri:?} makes no key"))
}

/// The account of a SURI.
pub fn account(suri: &str) -> anyhow::Result<AccountId> {
    Ok(AccountId::from(keypair(suri)?.public_key().0))
}

/// The SURI of the stash behind a development operator: `//Miner1` works for `//Miner1//stash`.
pub fn stash_of(operator: &str) -> String {
    format!("{operator}//stash")
}

/// Writes an operator key file as the programs want it: one line, readable by its owner only.
pub fn write_file(dir: &Path, suri: &str) -> anyhow::Result<PathBuf> {
    let path = dir.join("operator.key");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    writeln!(file, "{suri}")?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_file_is_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = write_file(dir.path(), "//Miner1").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "//Miner1\n");
    }

    #[test]
    fn operator_and_stash_are_different_accounts() {
        assert_ne!(account("//Miner1").unwrap(), account(&stash_of("//Miner1")).unwrap());
        assert!(keypair("no such phrase").is_err());
    }
}
