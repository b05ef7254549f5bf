//! What can be checked on chain: connection, finality, registration.

use std::time::Duration;

use cuckoo_chain_client::{account_of, Cai, Call, Chain, ChainError, Keypair};
use cuckoo_primitives::{
    settlement::{SignedVoucher, Voucher},
    AccountId, Balance, Role,
};

use super::check::Check;
use crate::{
    answers::{
        funds::{self, Lack},
        OnChain,
    },
    cli::ChainArgs,
    config::chain_config,
    link::dated::{millis, now_ms, DEADLINE_SLACK},
    standing::Standing,
};

/// Redemptions that the operator's account should be able to pay for.
const MIN_REDEMPTIONS: Balance = 20;
/// The last final block may be older than the last block by so much.
const FINALITY_LAG: Duration = Duration::from_secs(60);
/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Connects to the chain.
pub(super) async fn connect(args: &ChainArgs) -> Result<Chain, ChainError> {
    let timed_out = |_| ChainError::TimedOut { after: CONNECT_TIMEOUT };
    tokio::time::timeout(CONNECT_TIMEOUT, Chain::connect(chain_config(args))).await.map_err(timed_out)?
}

/// Whether a node answers.
pub(super) fn connection(args: &ChainArgs, chain: &Result<Chain, ChainError>) -> Check {
    const NAME: &str = "chain";
    match chain {
        Ok(chain) => {
            let endpoint = chain.endpoint().unwrap_or_default();
            Check::well(NAME, format!("{endpoint} answers, genesis {:?}", chain.genesis()))
        }
        Err(ChainError::TimedOut { after }) => Check::failed(
            NAME,
            format!("no answer from {} in {} s", chain_config(args).shown_endpoints(), after.as_secs()),
            "start a node, or name one with --chain-url",
        ),
        // These say themselves how to mend them.
        Err(error @ (ChainError::NoEndpoint { .. } | ChainError::WrongChain { .. } | ChainError::Conflict { .. })) => {
            Check::failed(NAME, error, "")
        }
        Err(error) => Check::failed(NAME, error, "start a node, or name one with --chain-url"),
    }
}

/// Whether blocks are finalised.
pub(super) async fn finality(chain: &Chain, stale_after_s: u64) -> Check {
    const NAME: &str = "finality";
    let mut views = chain.views();
    let first = views.borrow_and_update().number;
    let newer = async { Some(views.wait_for(|view| view.number > first).await.ok()?.number) };
    match tokio::time::timeout(Duration::from_secs(stale_after_s), newer).await {
        Ok(Some(number)) => Check::well(NAME, format!("block {number} is final")),
        _ => Check::failed(
            NAME,
            format!("no new block after {first} was finalised in {stale_after_s} s"),
            "wait until the node has synchronised, or name another with --chain-url",
        ),
    }
}

/// Whether this machine's clock and the chain's agree.
pub(super) fn clock(chain: &Chain) -> Check {
    compared(chain.view().time_ms, now_ms())
}

/// Of a last block that was made at that time, by its own word.
fn compared(block_ms: u64, now_ms: u64) -> Check {
    const NAME: &str = "clock";
    let gap_s = now_ms.abs_diff(block_ms) / 1_000;
    let side = if block_ms > now_ms { "after" } else { "before" };
    let what = format!("the last final block was made {gap_s} s {side} this machine's time");
    let lag = if block_ms > now_ms { Duration::ZERO } else { FINALITY_LAG };
    match now_ms.abs_diff(block_ms) <= millis(DEADLINE_SLACK + lag) {
        true => Check::well(NAME, what),
        false => Check::failed(
            NAME,
            what,
            "set this machine's clock, best by NTP: by a wrong one tasks are refused, or answers denied that are still \
             being made (if no block becomes final, mend that first)",
        ),
    }
}

/// Whether the operator may work as a miner.
pub(super) async fn registration(chain: &Chain, operator: &AccountId) -> Check {
    const NAME: &str = "registration";
    let candidate = match chain.candidate_of_operator(operator).await {
        Ok(candidate) => candidate,
        Err(error) => return Check::failed(NAME, error, "try again; the node may be overloaded"),
    };
    let standing = Standing::of_candidate(candidate.as_ref(), Role::Miner);
    let Some(candidate) = candidate else {
        return Check::failed(NAME, format!("the operator {operator} is {standing}"), standing.mend());
    };
    let what = format!(
        "{standing}; stash {}, own stake {}, backing {}",
        candidate.stash,
        Cai(candidate.own_stake),
        Cai(candidate.backing)
    );
    match standing.is_active() {
        true => Check::well(NAME, what),
        false => Check::failed(NAME, what, standing.mend()),
    }
}

/// Whether the operator's account can pay the fees of redeeming vouchers.
pub(super) async fn fees(chain: &Chain, key: &Keypair) -> Check {
    const NAME: &str = "fees";
    let operator = account_of(key);
    let call = Call::Redeem { vouchers: vec![some_voucher(&operator)] };
    let (free, fee) = tokio::join!(chain.free_balance(&operator), chain.fee(key, &call));
    let (free, fee) = match free.and_then(|free| Ok((free, fee?))) {
        Ok(read) => read,
        Err(error) => return Check::failed(NAME, error, "try again; the node may be overloaded"),
    };
    let enough = fee.saturating_mul(MIN_REDEMPTIONS);
    let what = format!("the operator's account has {}; redeeming costs about {}", Cai(free), Cai(fee));
    match free >= enough {
        true => Check::well(NAME, what),
        false => {
            let mend = format!(
                "send {} or more to {operator} (balances.transferKeepAlive); what is redeemed goes to the stash",
                Cai(enough)
            );
            Check::failed(NAME, what, mend)
        }
    }
}

/// Whether the operator's account can advance the fees of answering on the chain; without, `run` takes no tasks.
pub(super) async fn answers(chain: &Chain, key: &Keypair) -> Check {
    const NAME: &str = "answers";
    let operator = account_of(key);
    match funds::lack(&OnChain::new(chain.clone(), key.clone()), &operator).await {
        Ok(None) => Check::well(NAME, "the operator's account can advance the fees of answering challenges"),
        Ok(Some(Lack { what, mend })) => {
            Check::failed(NAME, format!("{what}, too little to answer challenges on the chain"), mend)
        }
        Err(error) => Check::failed(NAME, error, "try again; the node may be overloaded"),
    }
}

/// A voucher that is never sent: what its redemption costs does not hang on what it says.
fn some_voucher(account: &AccountId) -> SignedVoucher {
    let voucher =
        Voucher { coordinator: account.clone(), miner: account.clone(), channel: [0; 16], amount: 1, tasks: 1 };
    SignedVoucher { voucher, operator: account.clone(), signature: [0; 64] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_differs_from_the_chains_by_more_than_tasks_may_is_found() {
        const NOW_MS: u64 = 1_800_000_000_000;
        for (gap_ms, is_well) in [(0, true), (90_000, true), (90_001, false)] {
            assert_eq!(compared(NOW_MS - gap_ms, NOW_MS).is_well(), is_well, "{gap_ms} ms before");
        }
        for (gap_ms, is_well) in [(0, true), (30_000, true), (30_001, false)] {
            assert_eq!(compared(NOW_MS + gap_ms, NOW_MS).is_well(), is_well, "{gap_ms} ms after");
        }
        let text = compared(NOW_MS + 3_600_000, NOW_MS).to_string();
        assert!(text.contains("3600 s after") && text.contains("NTP"), "{text}");
    }

    #[test]
    fn access_keys_in_urls_are_not_printed() {
        let url = |host: &str| format!("wss://user:secret@{host}:443/secret?key=secret");
        let args = ChainArgs { chain_urls: vec![url("one.example"), url("two.example")], stale_after: 30 };
        let check = connection(&args, &Err(ChainError::TimedOut { after: CONNECT_TIMEOUT }));
        let text = check.to_string();
        assert!(text.contains("wss://one.example:443, wss://two.example:443"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}
