//! Chains with other founders than the presets have.

use std::path::{Path, PathBuf};

use anyhow::{ensure, Context};
use cuckoo_primitives::Balance;
use serde_json::{json, Value};

use crate::{
    binaries,
    keys::{account, stash_of},
};

/// A chain specification that is being written. Amounts are in planck.
#[derive(Clone, Debug)]
pub struct ChainSpec(Value);

impl ChainSpec {
    /// The `local` chain: Alice, Bob and Charlie validate, sessions take 10 seconds and eras 30.
    pub fn local() -> anyhow::Result<Self> {
        let text = node_says(&["export-chain-spec", "--chain", "local"])?;
        serde_json::from_str(&text).map(Self).context("the exported chain specification is no JSON")
    }

    /// Has the stash of `operator` (`//Dave`) bond `stake` and validate with the session keys that a node started with
    /// `--dave` has.
    pub fn validator(mut self, operator: &str, stake: Balance) -> anyhow::Result<Self> {
        let name = operator.trim_start_matches('/');
        let (stash, operator_account) = (account(&stash_of(operator))?, account(operator)?);
        let keys = json!({ "babe": operator_account, "grandpa": grandpa_key(operator)? });
        self.add("registration", "candidates", json!([stash, operator_account, "validator", name, ""]))?;
        self.add("session", "keys", json!([stash, stash, keys]))?;
        self.bond(operator, stake)?.vote(operator, operator, stake)
    }

    /// Has the stash of `operator` bond `value`.
    pub fn bond(mut self, operator: &str, value: Balance) -> anyhow::Result<Self> {
        self.add("stake", "bonds", json!([account(&stash_of(operator))?, value]))?;
        Ok(self)
    }

    /// Has the stash of `voter` put `amount` of its bond behind that of `candidate`.
    pub fn vote(mut self, voter: &str, candidate: &str, amount: Balance) -> anyhow::Result<Self> {
        let (voter, candidate) = (account(&stash_of(voter))?, account(&stash_of(candidate))?);
        self.add("voting", "votes", json!([voter, candidate, amount]))?;
        Ok(self)
    }

    /// Writes it to a file in `dir`.
    pub fn write(&self, dir: &Path) -> anyhow::Result<PathBuf> {
        let path = dir.join("chain.json");
        std::fs::write(&path, self.0.to_string()).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    fn add(&mut self, pallet: &str, list: &str, entry: Value) -> anyhow::Result<()> {
        let path = format!("/genesis/runtimeGenesis/patch/{pallet}/{list}");
        let entries = self.0.pointer_mut(&path).and_then(Value::as_array_mut);
        entries.with_context(|| format!("the specification has no list {path}"))?.push(entry);
        Ok(())
    }
}

/// The ed25519 public key of a SURI, as an address.
fn grandpa_key(suri: &str) -> anyhow::Result<String> {
    let text = node_says(&["key", "inspect", "--scheme", "ed25519", "--output-type", "json", suri])?;
    let key: Value = serde_json::from_str(&text).context("the inspected key is no JSON")?;
    key["ss58PublicKey"].as_str().map(str::to_owned).with_context(|| format!("no public key in {text}"))
}

/// What a command of the node writes to standard output.
fn node_says(args: &[&str]) -> anyhow::Result<String> {
    let output = std::process::Command::new(binaries::find("cuckoo-node")?).args(args).output()?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cuckoo-node {}: {error}", args.join(" "));
    String::from_utf8(output.stdout).context("cuckoo-node wrote no text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_added_to_the_lists_of_genesis() {
        let patch = json!({ "stake": { "bonds": [] }, "voting": { "votes": [["a", "a", 1]] } });
        let spec = ChainSpec(json!({ "genesis": { "runtimeGenesis": { "patch": patch } } }));
        // More than fits into 64 bits must not become a floating point number.
        let amount = 200_000 * cuckoo_primitives::CAI;
        let spec = spec.bond("//Ferdie", amount).unwrap().vote("//Ferdie", "//Dave", amount).unwrap();
        let patch = &spec.0["genesis"]["runtimeGenesis"]["patch"];
        assert_eq!(patch["stake"]["bonds"][0][1].to_string(), "200000000000000000000000");
        assert_eq!(patch["voting"]["votes"].as_array().unwrap().len(), 2);
        assert_eq!(patch["voting"]["votes"][1][1], json!(account("//Dave//stash").unwrap()));
    }

    #[test]
    fn a_list_that_genesis_does_not_have_is_an_error() {
        let error = ChainSpec(json!({})).bond("//Dave", 1).unwrap_err();
        assert!(error.to_string().contains("stake/bonds"), "{error}");
    }
}
