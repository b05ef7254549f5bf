//! The command `operator-consent`: an operator's signed word that it works for a stash as a validator.
//!
//! It needs neither a running node nor the network, so the key may lie on a machine that has none.

use std::{
    io,
    path::{Path, PathBuf},
};

use cuckoo_primitives::{
    signing::{OperatorConsent, Statement},
    AccountId, EraIndex, Hash, Role, Signature,
};
use sc_chain_spec::{construct_genesis_block, resolve_state_version_from_wasm, ChainSpec};
use sc_executor::WasmExecutor;
use sp_core::{sr25519, Pair};
use sp_runtime::traits::{BlakeTwo256, Block as _, Hash as _};

use crate::block::Block;

/// Arguments of `operator-consent`.
#[derive(Debug, clap::Args)]
pub(crate) struct OperatorConsentCmd {
    /// The chain: `dev`, `local`, `testnet`, or the file of its specification.
    #[arg(long, value_name = "CHAIN")]
    pub(crate) chain: String,
    /// File of one line with the validator's operator key; only its owner may read it (mode 600).
    #[arg(long, value_name = "FILE")]
    operator_key: PathBuf,
    /// The stash that will register this operator.
    #[arg(long, value_name = "ACCOUNT")]
    stash: AccountId,
    /// The first era in which the consent counts no more: after the current one (on chain `stake.position`), and at most
    /// as many eras after it as unbonding takes (`stake.bondingEras`).
    #[arg(long, value_name = "ERA")]
    expires: EraIndex,
}

impl OperatorConsentCmd {
    /// Prints the consent, and what the stash's owner submits.
    pub(crate) fn run(&self, spec: &dyn ChainSpec) -> Result<(), String> {
        let operator = read_key(&self.operator_key)?;
        if AccountId::from(operator.public()) == self.stash {
            return Err(
                "operator and stash are the same account; make another key for the operator, so that the key that \
                        lies on the validator's machine cannot spend the stake"
                    .into(),
            );
        }
        print!("{}", instructions(&operator, &self.stash, self.expires, &genesis_hash(spec)?));
        Ok(())
    }
}

fn instructions(operator: &sr25519::Pair, stash: &AccountId, expires: EraIndex, genesis: &Hash) -> String {
    let account = AccountId::from(operator.public());
    let proof = sp_core::bytes::to_hex(&consent(operator, stash, expires, genesis), false);
    format!(
        "operator {account}\n\
         stash    {stash}\n\
         genesis  {genesis:?}\n\
         expires  {expires}\n\
         proof    {proof}\n\
         \n\
         The proof holds for this operator, stash and chain only, and before era {expires}. From the stash, submit in this\n\
         order (for example in the polkadot.js UI, Developer > Extrinsics):\n\
         1. stake.bond(value): more than 100,000 CAI (18 decimals), unless it has bonded already\n\
         2. session.setKeys(keys, proof): both from the node's RPC author_rotateKeysWithOwner(stash)\n\
         3. registration.register(role: Validator, operator, consentExpires: {expires}, proof, selfStake: more than\n\
         \x20  100,000 CAI, info: name, introduction, no endpoint)\n\
         The validator can be elected from the next era on.\n"
    )
}

fn consent(operator: &sr25519::Pair, stash: &AccountId, expires: EraIndex, genesis: &Hash) -> Signature {
    let consent = OperatorConsent { stash: stash.clone(), role: Role::Validator, expires };
    operator.sign(consent.signing_hash(genesis).as_bytes()).0
}

/// Hash of the chain's first block.
fn genesis_hash(spec: &dyn ChainSpec) -> Result<Hash, String> {
    let storage = spec.as_storage_builder().build_storage()?;
    let executor: WasmExecutor = WasmExecutor::builder().build();
    let version = resolve_state_version_from_wasm::<_, BlakeTwo256>(&storage, &executor).map_err(|e| e.to_string())?;
    let state = BlakeTwo256::trie_root(storage.top.into_iter().collect(), version);
    Ok(construct_genesis_block::<Block>(state, version).hash())
}

/// The key in a file of one line, which only its owner may read: the same files as the other programs take.
fn read_key(path: &Path) -> Result<sr25519::Pair, String> {
    let file = path.display();
    let unreadable = |error: io::Error| {
        match error.kind() {
        io::ErrorKind::NotFound => format!(
            "there is no key file {file}; name another, or make one: `(umask 077; echo 0x$(openssl rand -hex 32) >{file})`"
        ),
        _ => format!("cannot read the key file {file}: {error}"),
    }
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path).map_err(unreadable)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(format!("the key file {file} can be read by others (mode {mode:03o}); run `chmod 600 {file}`"));
        }
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let line = text.trim();
    let key = match line.lines().count() {
        1 => sr25519::Pair::from_string(line, None).ok(),
        _ => None,
    };
    key.ok_or_else(|| {
        format!(
            "the key file {file} does not hold a key; expected one line: a mnemonic, a 0x-prefixed hex seed, or a URI such as \
             `//Validator`"
        )
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};

    fn key_file(dir: &Path, content: &str, mode: u32) -> PathBuf {
        let path = dir.join("operator.key");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn the_printed_proof_is_the_operators_consent_as_a_validator() {
        let operator = sr25519::Pair::from_string("//Validator", None).unwrap();
        let (genesis, stash) = (Hash::repeat_byte(1), AccountId::from([2; 32]));
        let text = instructions(&operator, &stash, 7, &genesis);
        let proof = text.lines().find_map(|line| line.strip_prefix("proof    ")).unwrap();
        let proof: Signature = sp_core::bytes::from_hex(proof).unwrap().try_into().unwrap();
        for (role, holds) in [(Role::Validator, true), (Role::Coordinator, false), (Role::Miner, false)] {
            let consent = OperatorConsent { stash: stash.clone(), role, expires: 7 };
            assert_eq!(consent.is_signed_by(&genesis, &operator.public().into(), &proof), holds, "{role:?}");
        }
        assert!(text.contains("consentExpires: 7"));
    }

    #[test]
    fn keys_are_read_as_the_other_programs_read_them() {
        let dir = tempfile::tempdir().unwrap();
        let alice = sr25519::Pair::from_string("//Alice", None).unwrap().public();
        for text in ["//Alice\n", "0xe5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a"] {
            assert_eq!(read_key(&key_file(dir.path(), text, 0o600)).unwrap().public(), alice);
        }
    }

    #[test]
    fn a_key_that_cannot_be_used_says_how_to_get_one_that_can() {
        let dir = tempfile::tempdir().unwrap();
        let said = |path: &Path| read_key(path).err().unwrap();
        assert!(said(&dir.path().join("none")).contains("make one: "));
        assert!(said(&key_file(dir.path(), "//Alice", 0o644)).contains("chmod 600"));
        for text in ["", "topsecret topsecret", "//Alice\n//Bob"] {
            let said = said(&key_file(dir.path(), text, 0o600));
            assert!(said.contains("expected one line") && !said.contains("topsecret"), "{said}");
        }
    }
}
