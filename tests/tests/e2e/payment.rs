//! Work is paid: vouchers for results, redeemed on the chain, from escrow and, if that is gone, from stake.

use std::time::Duration;

use anyhow::ensure;
use cuckoo_chain_client::Call;
use cuckoo_primitives::{
    settlement::{SignedVoucher, Voucher},
    signing::Statement,
    AccountId, Balance, CandidateStatus, CAI,
};
use cuckoo_testkit::{
    gateway::GatewayBuilder,
    keys::{account, keypair},
    market::{stash_account, Market},
    models::CHAT,
    wait::until,
    Miner, Network,
};

const COORDINATOR: &str = "//Coordinator";
/// For what follows from a final block.
const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn results_are_paid_from_escrow_and_go_on_after_restarts() {
    let mut network = Network::start(&[("//Miner1", 2)]).await.unwrap();
    let market = Market::connect(&network.node).await.unwrap();
    let coordinator = stash_account(COORDINATOR).unwrap();
    let genesis_escrow = market.chain().solvency(&coordinator).await.unwrap().escrow;
    let mut paid_before = 0;

    for restarted in [false, true] {
        if restarted {
            network.gateway.restart().await.unwrap();
            network.miners[0].restart().await.unwrap();
            network.gateway.until_serving(1).await.unwrap();
            network.gateway.until_ready().await.unwrap();
        }
        let free = market.chain().free_balance(&stash_account("//Miner1").unwrap()).await.unwrap();
        for question in ["Say hello.", "Count to three.", "Name a colour."] {
            network.gateway.api().chat(CHAT, question, 8).await.unwrap();
        }
        redeem(&network.miners[0]).await.unwrap();
        // It is final; what is read here follows the chain by itself.
        let paid = until(LIMIT, "the payment", async || {
            let paid = settled(&market, &coordinator, "//Miner1").await?;
            ensure!(paid > paid_before, "{paid} planck are settled, as before");
            Ok(paid)
        })
        .await
        .unwrap();
        println!("settled {paid} planck, {paid_before} before");
        let escrow = market.chain().solvency(&coordinator).await.unwrap().escrow;
        assert_eq!(genesis_escrow - escrow, paid, "what left escrow is what was settled");
        // 5 % are the protocol's, rounded up with each payment.
        let earned = market.chain().free_balance(&stash_account("//Miner1").unwrap()).await.unwrap() - free;
        let gross = paid - paid_before;
        let most = gross * 95 / 100;
        assert!(earned <= most && earned + 64 >= most, "{earned} of {gross}");
        paid_before = paid;
    }
}

#[tokio::test]
async fn a_coordinator_without_escrow_pays_from_its_stake() {
    // So dear that what is owed after one answer is worth a transaction.
    let priced = |gateway: GatewayBuilder| gateway.arg("--default-price").arg("10:20");
    let mut network = Network::start_with(&[("//Miner1", 2), ("//Miner2", 2)], priced).await.unwrap();
    let market = Market::connect(&network.node).await.unwrap();
    let coordinator = stash_account(COORDINATOR).unwrap();
    let bonded = bond(&market, &coordinator).await.unwrap();
    // Both have earned something.
    until(LIMIT * 2, "answers of both miners", async || {
        network.gateway.api().chat(CHAT, "Say hello.", 8).await?;
        for operator in ["//Miner1", "//Miner2"] {
            let served = network.gateway.miner(operator).await?["served"].as_u64().unwrap_or(0);
            ensure!(served > 0, "{operator} has served nothing");
        }
        Ok(())
    })
    .await
    .unwrap();

    // The coordinator gives its escrow to a friend, and goes away.
    network.gateway.kill().await.unwrap();
    let escrow = market.chain().solvency(&coordinator).await.unwrap().escrow;
    let friend = account("//Friend").unwrap();
    let gift = Voucher { coordinator: coordinator.clone(), miner: friend, channel: [9; 16], amount: escrow, tasks: 1 };
    let key = keypair(COORDINATOR).unwrap();
    let signature = key.sign(gift.signing_hash(&market.chain().genesis()).as_bytes()).0;
    let gift = SignedVoucher { voucher: gift, operator: account(COORDINATOR).unwrap(), signature };
    market.submit("//Alice", Call::Redeem { vouchers: vec![gift] }).await.unwrap();
    assert_eq!(market.chain().solvency(&coordinator).await.unwrap().escrow, 0);

    // The miners are paid without a word from it.
    let terms = market.chain().settlement_terms().await.unwrap();
    let limit = market.two_eras() * (terms.grace_eras + terms.redeem_eras + 1);
    let taken = until(limit, "debts to be paid from stake", async || {
        let debts = market.chain().debts(&coordinator).await?;
        ensure!(debts.len() == 2, "{} debts", debts.len());
        ensure!(debts.iter().all(|(_, debt)| debt.open == 0 && debt.taken > 0), "open: {debts:?}");
        for (miner, debt) in &debts {
            ensure!(market.chain().debt(&coordinator, miner).await? == *debt, "read alone it is another");
        }
        Ok(debts.iter().map(|(_, debt)| debt.taken).sum::<Balance>())
    })
    .await
    .unwrap();
    let candidate = market.candidate(COORDINATOR).unwrap();
    assert!(matches!(candidate.status, CandidateStatus::Chilled), "{:?}", candidate.status);
    let left = bond(&market, &coordinator).await.unwrap();
    println!("{taken} planck were taken from a bond of {} CAI", bonded / CAI);
    assert_eq!(bonded - left, taken, "its stake pays what it owed and no more");
}

/// Has the miner redeem all it holds, when the gateway's vouchers have come.
async fn redeem(miner: &Miner) -> anyhow::Result<()> {
    until(LIMIT, "a redemption", async || {
        let output = miner.wallet(&["redeem"]).await?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "`wallet redeem` failed: {said}");
        Ok(())
    })
    .await
}

/// What has been settled with a miner over all its channels.
async fn settled(market: &Market, coordinator: &AccountId, operator: &str) -> anyhow::Result<Balance> {
    let miner = stash_account(operator)?;
    let channels = market.chain().channels(coordinator).await?;
    Ok(channels.iter().filter(|((to, _), _)| *to == miner).map(|(_, settled)| settled.amount).sum())
}

async fn bond(market: &Market, stash: &AccountId) -> anyhow::Result<Balance> {
    let overview = market.chain().stash(stash).await?;
    Ok(overview.map_or(0, |overview| overview.total))
}
