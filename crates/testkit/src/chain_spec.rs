//! Chains with other founders than the presets have.

use std::path::{Path, PathBuf};

use anyhow::{ensure, Context};
use cuckoo_primitives::{AccountId, Balance, Role};
use serde_json::{json, Value};

use crate::{
    binaries,
    keys::{account, stash_of},
};

/// A chain specification that is being written. Amounts are in planck.
#[derive(Clone, Debug)]
pub struct ChainSpec(Value);

/// Someone who is registered from the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Founder {
    /// Bonds.
    pub stash: AccountId,
    /// Whose key runs it.
    pub operator: AccountId,
    /// What it offers.
    pub role: Role,
    /// What it bonds and puts behind itself.
    pub stake: Balance,
    /// How it is called.
    pub name: String,
    /// Where miners reach it, if it is a coordinator; otherwise empty.
    pub endpoint: String,
}

impl Founder {
    /// The development operator `//Name` with its stash.
    pub fn of_operator(suri: &str, role: Role, stake: Balance) -> anyhow::Result<Self> {
        let endpoint = if role == Role::Coordinator { "http://127.0.0.1:7701" } else { "" };
        Ok(Self {
            stash: account(&stash_of(suri))?,
            operator: account(suri)?,
            role,
            stake,
            name: suri.trim_start_matches('/').into(),
            endpoint: endpoint.into(),
        })
    }
}

impl ChainSpec {
    /// The `dev` chain: Alice validates, sessions take 10 seconds and eras 30; one coordinator, two miners.
    pub fn dev() -> anyhow::Result<Self> {
        Self::preset("dev")
    }

    /// The `local` chain: Alice, Bob and Charlie validate, sessions take 10 seconds and eras 30.
    pub fn local() -> anyhow::Result<Self> {
        Self::preset("local")
    }

    fn preset(name: &str) -> anyhow::Result<Self> {
        let text = node_says(&["export-chain-spec", "--chain", name])?;
        serde_json::from_str(&text).map(Self).context("the exported chain specification is no JSON")
    }

    /// Gives slots this length; a session has ten of them.
    pub fn slot_ms(mut self, slot_ms: u64) -> anyhow::Result<Self> {
        *self.genesis("stake", "slotMs")? = json!(slot_ms);
        Ok(self)
    }

    /// Has eras last so many sessions.
    pub fn sessions_per_era(mut self, sessions: u32) -> anyhow::Result<Self> {
        *self.genesis("stake", "sessionsPerEra")? = json!(sessions);
        Ok(self)
    }

    /// Gives `account` this balance, what it bonds and puts into escrow included, instead of any that it had.
    pub fn funds(mut self, account: &AccountId, balance: Balance) -> anyhow::Result<Self> {
        let account = json!(account);
        let balances = self.list("balances", "balances")?;
        balances.retain(|entry| entry[0] != account);
        balances.push(json!([account, balance]));
        Ok(self)
    }

    /// Registers, bonds and backs `founder`, whose stash has the funds.
    pub fn founder(mut self, founder: &Founder) -> anyhow::Result<Self> {
        let Founder { stash, operator, role, stake, name, endpoint } = founder;
        self.list("registration", "candidates")?.push(json!([stash, operator, role, name, endpoint]));
        self.list("stake", "bonds")?.push(json!([stash, stake]));
        self.list("voting", "votes")?.push(json!([stash, stash, stake]));
        Ok(self)
    }

    /// Has a coordinator begin with so much escrow, out of the balance of its stash.
    pub fn escrow(mut self, coordinator: &AccountId, amount: Balance) -> anyhow::Result<Self> {
        self.list("settlement", "escrows")?.push(json!([coordinator, amount]));
        Ok(self)
    }

    /// Has the stash of `operator` (`//Dave`) bond `stake` and validate with the session keys that a node started with
    /// `--dave` has.
    pub fn validator(self, operator: &str, stake: Balance) -> anyhow::Result<Self> {
        let founder = Founder::of_operator(operator, Role::Validator, stake)?;
        let mut spec = self.founder(&founder)?;
        let keys = json!({ "babe": founder.operator, "grandpa": grandpa_key(operator)? });
        spec.list("session", "keys")?.push(json!([founder.stash, founder.stash, keys]));
        Ok(spec)
    }

    /// Has the stash of `operator` bond `value`.
    pub fn bond(mut self, operator: &str, value: Balance) -> anyhow::Result<Self> {
        self.list("stake", "bonds")?.push(json!([account(&stash_of(operator))?, value]));
        Ok(self)
    }

    /// Has the stash of `voter` put `amount` of its bond behind that of `candidate`.
    pub fn vote(mut self, voter: &str, candidate: &str, amount: Balance) -> anyhow::Result<Self> {
        let (voter, candidate) = (account(&stash_of(voter))?, account(&stash_of(candidate))?);
        self.list("voting", "votes")?.push(json!([voter, candidate, amount]));
        Ok(self)
    }

    /// Writes it to a file in `dir`.
    pub fn write(&self, dir: &Path) -> anyhow::Result<PathBuf> {
        let path = dir.join("chain.json");
        std::fs::write(&path, self.0.to_string()).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// A list of what a pallet begins with.
    fn list(&mut self, pallet: &str, list: &str) -> anyhow::Result<&mut Vec<Value>> {
        let entries = self.genesis(pallet, list)?.as_array_mut();
        entries.with_context(|| format!("{pallet}.{list} of the specification is no list"))
    }

    /// What a pallet begins with.
    fn genesis(&mut self, pallet: &str, field: &str) -> anyhow::Result<&mut Value> {
        let path = format!("/genesis/runtimeGenesis/patch/{pallet}/{field}");
        self.0.pointer_mut(&path).with_context(|| format!("the specification has no {path}"))
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
    use cuckoo_primitives::CAI;

    /// More than fits into 64 bits must not become a floating point number.
    const AMOUNT: Balance = 200_000 * CAI;

    fn spec(patch: Value) -> ChainSpec {
        ChainSpec(json!({ "genesis": { "runtimeGenesis": { "patch": patch } } }))
    }

    fn patch(spec: &ChainSpec) -> &Value {
        &spec.0["genesis"]["runtimeGenesis"]["patch"]
    }

    #[test]
    fn entries_are_added_to_the_lists_of_genesis() {
        let begun = spec(json!({ "stake": { "bonds": [] }, "voting": { "votes": [["a", "a", 1]] } }));
        let spec = begun.bond("//Ferdie", AMOUNT).unwrap().vote("//Ferdie", "//Dave", AMOUNT).unwrap();
        assert_eq!(patch(&spec)["stake"]["bonds"][0][1].to_string(), "200000000000000000000000");
        assert_eq!(patch(&spec)["voting"]["votes"].as_array().unwrap().len(), 2);
        assert_eq!(patch(&spec)["voting"]["votes"][1][1], json!(account("//Dave//stash").unwrap()));
    }

    #[test]
    fn a_founder_is_registered_bonded_and_backed() {
        let founder = Founder::of_operator("//Coordinator2", Role::Coordinator, AMOUNT).unwrap();
        let begun = spec(json!({
            "registration": { "candidates": [] },
            "stake": { "bonds": [] },
            "voting": { "votes": [] },
            "settlement": { "escrows": [] },
        }));
        let spec = begun.founder(&founder).unwrap().escrow(&founder.stash, 7).unwrap();
        let (stash, operator) = (json!(founder.stash), json!(founder.operator));
        let candidate = json!([stash, operator, "coordinator", "Coordinator2", "http://127.0.0.1:7701"]);
        assert_eq!(patch(&spec)["registration"]["candidates"], json!([candidate]));
        assert_eq!(patch(&spec)["stake"]["bonds"], json!([[stash, AMOUNT]]));
        assert_eq!(patch(&spec)["voting"]["votes"], json!([[stash, stash, AMOUNT]]));
        assert_eq!(patch(&spec)["settlement"]["escrows"], json!([[stash, 7]]));
    }

    #[test]
    fn funds_take_the_place_of_those_that_were_there() {
        let (known, other) = (account("//Alice").unwrap(), account("//Bob").unwrap());
        let begun = spec(json!({ "balances": { "balances": [[known, 1], [other, 2]] } }));
        let spec = begun.funds(&known, AMOUNT).unwrap();
        assert_eq!(patch(&spec)["balances"]["balances"], json!([[other, 2], [known, AMOUNT]]));
    }

    #[test]
    fn the_clock_can_be_set() {
        let begun = spec(json!({ "stake": { "slotMs": 1_000, "sessionsPerEra": 3 } }));
        let spec = begun.slot_ms(500).unwrap().sessions_per_era(9).unwrap();
        assert_eq!(patch(&spec)["stake"], json!({ "slotMs": 500, "sessionsPerEra": 9 }));
    }

    #[test]
    fn a_list_that_genesis_does_not_have_is_an_error() {
        let error = ChainSpec(json!({})).bond("//Dave", 1).unwrap_err();
        assert!(error.to_string().contains("stake/bonds"), "{error}");
        let error = spec(json!({ "stake": { "bonds": 1 } })).bond("//Dave", 1).unwrap_err();
        assert!(error.to_string().contains("stake.bonds"), "{error}");
    }
}
