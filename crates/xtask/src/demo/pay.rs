//! What the work was paid: from escrow, by vouchers, to the miners' stashes.

use anyhow::{ensure, Context};
use cuckoo_chain_client::Cai;
use cuckoo_primitives::Balance;
use cuckoo_testkit::keys::account;

use super::{requests::Served, stage::Stage};

/// Of a coordinator's escrow and its miners' balances at one time, in planck.
pub(super) struct Funds {
    escrow: Balance,
    miners: Vec<Balance>,
}

impl Funds {
    /// As of the last final block.
    pub(super) async fn of(stage: &Stage) -> anyhow::Result<Self> {
        let chain = stage.market().chain();
        let escrow = chain.solvency(&stage.coordinator()?).await?.escrow;
        let mut miners = Vec::new();
        for stash in stage.stashes()? {
            miners.push(chain.free_balance(&stash).await?);
        }
        Ok(Self { escrow, miners })
    }
}

/// Prints each miner's wallet, has all redeem what they hold, and prints what that moved since `before`.
pub(super) async fn show(stage: &Stage, served: &Served, before: &Funds) -> anyhow::Result<()> {
    for miner in stage.workers() {
        println!("  wallet of {}:", miner.operator());
        said(miner.wallet(&["show"]).await?)?.lines().for_each(|line| println!("    {line}"));
    }
    for miner in stage.workers() {
        said(miner.wallet(&["redeem"]).await?)?;
    }
    let after = Funds::of(stage).await?;
    println!("\n  {:<10} {:>11} {:>15}   its balance grew by", "miner", "tokens read", "tokens produced");
    let mut received: Balance = 0;
    for ((miner, before), after) in stage.workers().iter().zip(&before.miners).zip(&after.miners) {
        let earned = after.checked_sub(*before).context("a miner has less than before")?;
        let tokens = served.by(&account(miner.operator())?.to_string());
        println!("  {:<10} {:>11} {:>15}   {}", miner.operator(), tokens.prompt, tokens.completion, Cai(earned));
        received += earned;
    }
    let paid = before.escrow.checked_sub(after.escrow).context("escrow grew")?;
    ensure!(received > 0 && received < paid, "{received} planck of {paid} reached the miners");
    let fee = paid - received;
    println!("\n  escrow {} before, {} after: {} paid", Cai(before.escrow), Cai(after.escrow), Cai(paid));
    println!("  protocol's fee {}: half of it burned, half for the treasury\n", Cai(fee));
    Ok(())
}

/// What a program printed, if it ended well.
fn said(output: std::process::Output) -> anyhow::Result<String> {
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`miner-worker wallet` failed: {errors}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
