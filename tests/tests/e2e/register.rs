//! What the programs sign and submit for their operators is what the chain wants.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use anyhow::{ensure, Context};
use cuckoo_chain_client::Call;
use cuckoo_primitives::{CandidateStatus, Role, Signature, CAI};
use cuckoo_testkit::{
    binaries,
    keys::{self, account, stash_of},
    market::{info, stash_account, Market},
    Node,
};
use tokio::process::Command;

const COORDINATOR: &str = "//Coordinator2";
const VALIDATOR: &str = "//Eve";

#[tokio::test]
async fn a_coordinator_and_a_validator_register_with_what_their_programs_sign() {
    let node = Node::dev().start().await.unwrap();
    let market = Market::connect(&node).await.unwrap();
    let dir = tempfile::tempdir().unwrap();

    // A coordinator whose stash's key is at hand.
    let (operator, stash) = (key(dir.path(), COORDINATOR).unwrap(), key(dir.path(), &stash_of(COORDINATOR)).unwrap());
    let mut register = Command::new(binaries::find("coordinator-gateway").unwrap());
    register.args([
        "register",
        "--chain-url",
        &node.rpc_url(),
        "--name",
        "second",
        "--endpoint",
        "http://127.0.0.1:7702",
    ]);
    register.args(["--bond", "2500000", "--self-stake", "2400000"]);
    register.args([OsStr::new("--operator-key"), operator.as_ref(), OsStr::new("--stash-key"), stash.as_ref()]);
    let said = output(&mut register).await.unwrap();
    assert!(said.contains("bonded 2500000 CAI") && said.contains("registered operator"), "{said}");

    // A validator whose stash is elsewhere.
    let operator = key(dir.path(), VALIDATOR).unwrap();
    let era = market.chain().view().era;
    let consent_expires = era.era + era.bonding_eras;
    let mut consent = Command::new(binaries::find("cuckoo-node").unwrap());
    consent.args(["operator-consent", "--chain", "dev", "--expires", &consent_expires.to_string(), "--stash"]);
    consent.arg(stash_account(VALIDATOR).unwrap().to_string()).arg("--operator-key").arg(operator);
    let said = output(&mut consent).await.unwrap();
    let proof = proof_in(&said).unwrap();
    let stash = stash_of(VALIDATOR);
    let self_stake = 120_000 * CAI;
    market.submit(&stash, Call::Bond { value: self_stake }).await.unwrap();
    let register = Call::Register {
        role: Role::Validator,
        operator: account(VALIDATOR).unwrap(),
        consent_expires,
        proof,
        self_stake,
        info: info(VALIDATOR, "").unwrap(),
    };
    market.submit(&stash, register).await.unwrap();

    for (operator, role) in [(COORDINATOR, Role::Coordinator), (VALIDATOR, Role::Validator)] {
        let candidate = market.candidate(operator).unwrap();
        assert_eq!((candidate.role, &candidate.stash), (role, &stash_account(operator).unwrap()));
        let works = matches!(candidate.status, CandidateStatus::Pending | CandidateStatus::Active);
        assert!(works, "{operator} is {:?}", candidate.status);
    }
    assert_eq!(&market.candidate(COORDINATOR).unwrap().info.endpoint[..], b"http://127.0.0.1:7702");
}

/// A key file in a folder of its own.
fn key(dir: &Path, suri: &str) -> anyhow::Result<PathBuf> {
    let dir = dir.join(suri.trim_start_matches('/').replace('/', "-"));
    std::fs::create_dir(&dir)?;
    keys::write_file(&dir, suri)
}

async fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command.kill_on_drop(true).output().await?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {error}");
    String::from_utf8(output.stdout).context("no text")
}

fn proof_in(said: &str) -> anyhow::Result<Signature> {
    let proof = said.lines().find_map(|line| line.strip_prefix("proof    0x"));
    let bytes = hex::decode(proof.with_context(|| format!("no proof in {said}"))?)?;
    bytes.try_into().map_err(|_| anyhow::anyhow!("the proof is no signature: {said}"))
}
