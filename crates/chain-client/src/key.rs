//! Operator keys and the files they lie in.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    str::FromStr,
};

use cuckoo_primitives::AccountId;
use subxt_signer::{sr25519::Keypair, SecretUri};

/// No sensible key file is longer than this, in bytes.
const MAX_KEY_FILE_LEN: u64 = 1024;

/// Why a key file cannot be used. Never says what is in it.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// There is no such file.
    #[error(
        "there is no key file {path}; name another, or make one: \
         `(umask 077; echo 0x$(openssl rand -hex 32) >{path})`, or `miner-worker keys new --out {path}`",
        path = .0.display()
    )]
    Missing(PathBuf),
    /// The file cannot be read.
    #[error("cannot read the key file {}: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others than the owner may read the file.
    #[error("the key file {} can be read by others (mode {mode:03o}); run `chmod 600 {}`", .path.display(), .path.display())]
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

#[cfg(unix)]
fn check_mode(path: &Path, metadata: &std::fs::Metadata) -> Result<(), KeyFileError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode() & 0o777;
    match mode & 0o077 {
        0 => Ok(()),
        _ => Err(KeyFileError::Exposed { path: path.into(), mode }),
    }
}

#[cfg(not(unix))]
fn check_mode(_: &Path, _: &std::fs::Metadata) -> Result<(), KeyFileError> {
    Ok(())
}

/// The content of a file that only its owner may read.
fn read_private(path: &Path) -> Result<String, KeyFileError> {
    let unreadable = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => KeyFileError::Missing(path.into()),
        _ => KeyFileError::Unreadable { path: path.into(), source },
    };
    let file = File::open(path).map_err(unreadable)?;
    check_mode(path, &file.metadata().map_err(unreadable)?)?;
    let mut bytes = Vec::new();
    file.take(MAX_KEY_FILE_LEN + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    let not_a_key = || KeyFileError::NotAKey(path.into());
    match bytes.len() as u64 > MAX_KEY_FILE_LEN {
        true => Err(not_a_key()),
        // The error holds the bytes, so it is not passed on.
        false => String::from_utf8(bytes).map_err(|_| not_a_key()),
    }
}

fn parse(text: &str) -> Option<Keypair> {
    let line = text.trim();
    if line.is_empty() || line.lines().count() != 1 {
        return None;
    }
    Keypair::from_uri(&SecretUri::from_str(line).ok()?).ok()
}

/// The account that a key signs for.
pub fn account_of(key: &Keypair) -> AccountId {
    AccountId::from(key.public_key().0)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};

    fn key_file(content: impl AsRef<[u8]>, mode: u32) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("operator.key");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (dir, path)
    }

    #[test]
    fn a_private_file_of_one_line_is_a_key() {
        let alice = subxt_signer::sr25519::dev::alice();
        for mode in [0o600, 0o400] {
            let (_dir, path) = key_file("//Alice\n", mode);
            assert_eq!(account_of(&operator_key(&path).unwrap()), account_of(&alice));
        }
    }

    #[test]
    fn a_hex_seed_and_a_mnemonic_are_keys() {
        let seed = "0xe5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a";
        let mnemonic = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
        let accounts = [seed, mnemonic].map(|text| {
            let (_dir, path) = key_file(text, 0o600);
            account_of(&operator_key(&path).unwrap())
        });
        // This seed is that of Alice, this mnemonic the one that development keys are derived from.
        assert_eq!(accounts[0], account_of(&subxt_signer::sr25519::dev::alice()));
        assert_ne!(accounts[0], accounts[1]);
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        for mode in [0o644, 0o640, 0o604, 0o660] {
            let (_dir, path) = key_file("//Alice", mode);
            let error = operator_key(&path).unwrap_err();
            assert!(matches!(error, KeyFileError::Exposed { mode: found, .. } if found == mode));
            assert!(error.to_string().contains(&format!("chmod 600 {}", path.display())));
        }
    }

    #[test]
    fn errors_never_show_the_content() {
        for content in ["", "\n", "topsecret", "topsecret topsecret", "//Alice\n//Bob\n", "0xtopsecret"] {
            let (_dir, path) = key_file(content, 0o600);
            let error = operator_key(&path).unwrap_err();
            assert!(matches!(error, KeyFileError::NotAKey(_)), "{content:?}");
            assert!(!format!("{error} {error:?}").contains("topsecret"));
        }
        let (_dir, path) = key_file(vec![b'a'; MAX_KEY_FILE_LEN as usize + 1], 0o600);
        assert!(matches!(operator_key(&path), Err(KeyFileError::NotAKey(_))));
        let (_dir, path) = key_file([0xff, 0xfe], 0o600);
        assert!(matches!(operator_key(&path), Err(KeyFileError::NotAKey(_))));
    }

    #[test]
    fn a_missing_file_is_named_with_a_way_to_make_it() {
        let error = operator_key(Path::new("no/such/file")).unwrap_err();
        assert!(matches!(error, KeyFileError::Missing(_)));
        assert!(error.to_string().contains("keys new --out no/such/file"), "{error}");
    }

    #[test]
    fn the_key_that_the_shell_makes_can_be_used() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("operator.key");
        let line = format!("umask 077; echo 0x$(printf 'ab%.0s' $(seq 32)) >{}", path.display());
        assert!(std::process::Command::new("sh").args(["-c", &line]).status().unwrap().success());
        operator_key(&path).unwrap();
    }
}
