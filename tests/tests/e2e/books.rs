//! What was promised, as each of the three tells who know of it: the gateway's journal, the miners' wallets, the chain.

use std::{collections::BTreeMap, path::Path, process::Command};

use anyhow::{anyhow, ensure, Context};
use cuckoo_primitives::{settlement::ChannelId, AccountId, Balance};
use cuckoo_testkit::{
    keys::account,
    market::{stash_account, Market},
    setup, Gateway, Miner,
};
use serde_json::Value;

/// Amounts in planck of the channels that have any, each named by its miner's stash and its id.
type Amounts = BTreeMap<(AccountId, ChannelId), Balance>;

/// A gateway's journal.
pub(crate) struct Journal {
    /// How many receipts each task has.
    pub(crate) tasks: BTreeMap<String, u64>,
    /// What all of them cost, in planck.
    pub(crate) cost: Balance,
    /// The same by the miners' operators, as far as it is anything.
    costs: BTreeMap<AccountId, Balance>,
    /// What the keys of applications used, in planck.
    used: Balance,
    promised: Amounts,
}

impl Journal {
    /// Read with another program's SQLite.
    pub(crate) fn read(data_dir: &Path) -> anyhow::Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("journal/read.py");
        let output = Command::new(setup::python()?).arg(script).arg(data_dir.join("gateway.sqlite")).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said: Value = serde_json::from_slice(&output.stdout)?;
        let mut tasks = BTreeMap::new();
        for (task, receipts) in said["tasks"].as_object().context("no tasks")? {
            tasks.insert(task.clone(), receipts.as_u64().context("no count")?);
        }
        let mut costs = BTreeMap::new();
        for entry in said["costs"].as_array().context("no costs")? {
            costs.insert(AccountId::from(bytes::<32>(&entry["miner"])?), planck(&entry["cost"])?);
        }
        costs.retain(|_, cost| *cost > 0);
        let mut promised = Amounts::new();
        for entry in said["promised"].as_array().context("no promises")? {
            let miner = AccountId::from(bytes::<32>(&entry["miner"])?);
            note(&mut promised, miner, bytes(&entry["channel"])?, planck(&entry["amount"])?);
        }
        Ok(Self { tasks, cost: costs.values().sum(), costs, used: planck(&said["used"])?, promised })
    }
}

/// The journal, if it promised each miner what the receipts of that miner cost, and counted as much as used, and if
/// wallets and chain agree with it on every channel.
pub(crate) async fn agreed(
    market: &Market,
    coordinator: &str,
    gateway: &Gateway,
    miners: &[Miner],
) -> anyhow::Result<Journal> {
    let journal = Journal::read(&gateway.data_dir())?;
    let promised: Balance = journal.promised.values().sum();
    ensure!(promised == journal.cost, "receipts cost {}, {promised} is promised", journal.cost);
    ensure!(journal.used == journal.cost, "receipts cost {}, {} is used", journal.cost, journal.used);
    // A receipt names the operator, a channel the stash.
    let mut costs = BTreeMap::new();
    for miner in miners {
        let stash = stash_account(miner.operator())?;
        let of_miner = journal.promised.iter().filter(|((to, _), _)| *to == stash);
        costs.insert(account(miner.operator())?, of_miner.map(|(_, amount)| amount).sum::<Balance>());
    }
    costs.retain(|_, cost| *cost > 0);
    ensure!(costs == journal.costs, "promised to the miners: {costs:?}, but receipts cost {:?}", journal.costs);
    let coordinator = stash_account(coordinator)?;
    let mut held = Amounts::new();
    for miner in miners {
        held.extend(newest(miner, &coordinator).await?);
    }
    ensure!(held == journal.promised, "promised: {:?}, but the wallets hold {held:?}", journal.promised);
    let mut settled = Amounts::new();
    for ((miner, channel), far) in market.chain().channels(&coordinator).await? {
        note(&mut settled, miner, channel, far.amount);
    }
    ensure!(settled == journal.promised, "promised: {:?}, but settled is {settled:?}", journal.promised);
    Ok(journal)
}

/// The newest vouchers of the coordinator with this stash in a miner's wallet.
async fn newest(miner: &Miner, coordinator: &AccountId) -> anyhow::Result<Amounts> {
    let output = miner.wallet(&["show", "--json"]).await?;
    ensure!(output.status.success(), "`wallet show` failed: {}", String::from_utf8_lossy(&output.stderr));
    let said: Value = serde_json::from_slice(&output.stdout)?;
    let mut newest = Amounts::new();
    for channel in said["channels"].as_array().context("no channels")? {
        if channel["coordinator"] == coordinator.to_string().as_str() {
            let miner = channel["miner"].as_str().context("no miner")?.parse::<AccountId>();
            let miner = miner.map_err(|_| anyhow!("{} is no account", channel["miner"]))?;
            note(&mut newest, miner, bytes(&channel["channel"])?, planck(&channel["newest"])?);
        }
    }
    Ok(newest)
}

fn note(amounts: &mut Amounts, miner: AccountId, channel: ChannelId, amount: Balance) {
    if amount > 0 {
        amounts.insert((miner, channel), amount);
    }
}

fn planck(value: &Value) -> anyhow::Result<Balance> {
    Ok(value.as_str().with_context(|| format!("{value} is no amount"))?.parse()?)
}

fn bytes<const N: usize>(value: &Value) -> anyhow::Result<[u8; N]> {
    let digits = value.as_str().with_context(|| format!("{value} is no hex"))?;
    let bytes = hex::decode(digits.trim_start_matches("0x"))?;
    bytes.try_into().map_err(|_| anyhow!("{value} has not {N} bytes"))
}
