//! Being paid: what this miner asks, for whom it works on what promise, and the redemption of what it was promised.
//!
//! A [`Settlement`] is what all links share about pay: the wallet, an [`account`] for each coordinator, and the
//! [`Source`] that says what stands behind their promises. [`keeper`] watches the chain and redeems.

mod account;
mod bucket;
mod decide;
mod era_clock;
mod errand;
#[cfg(test)]
mod fixture;
mod keeper;
#[cfg(test)]
mod keeper_tests;
mod look;
mod observed;
mod outcomes;
mod purse;
mod redeem;
mod refusals;
mod report;
mod source;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod trouble_tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use cuckoo_chain_client::ChainError;
use cuckoo_primitives::{settlement::Settled, AccountId};
use futures::StreamExt;
use parking_lot::Mutex;
use tokio::time::timeout;

pub(crate) use account::{Account, Behind, OpenLink, Reservation};
pub(crate) use bucket::WrittenOff;
pub(crate) use keeper::{keep, mend};
pub(crate) use redeem::{redeem_all, Paid};
pub use report::{CoordinatorReport, PayReport};
pub use source::{OnChain, Source};

use crate::{
    asks::Asks,
    wallet::{now_unix_s, ChannelKey, Held, Wallet},
};
use account::Covered;
use bucket::Bucket;
use look::Look;

const DAY: Duration = Duration::from_secs(86_400);

/// How much trust a miner extends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trust {
    /// Workers of this operator that run at once; each lets a coordinator owe it its part of what covers the miner.
    pub workers: u32,
    /// In this time one step of unpaid work is forgiven, whatever is paid. The shorter it is, the more can be had for
    /// nothing by never paying for long answers.
    pub forgive: Duration,
    /// A link on which more than one step stays unpaid for this long is closed.
    pub unpaid_limit: Duration,
}

impl Default for Trust {
    fn default() -> Self {
        Self { workers: 1, forgive: DAY, unpaid_limit: Duration::from_secs(10) }
    }
}

/// What all links of a miner share about pay.
pub struct Settlement {
    wallet: Arc<Wallet>,
    source: Arc<dyn Source>,
    asks: Asks,
    trust: Trust,
    accounts: Mutex<BTreeMap<AccountId, Arc<Account>>>,
    /// How far each channel of the wallet was settled when it was read last.
    settled: Mutex<BTreeMap<ChannelKey, Settled>>,
    notes: Mutex<report::Notes>,
}

impl Settlement {
    /// Pay goes into `wallet` and is redeemed through `source`.
    pub fn new(wallet: Arc<Wallet>, source: Arc<dyn Source>, asks: Asks, trust: Trust) -> Self {
        Self {
            wallet,
            source,
            asks,
            trust,
            accounts: Mutex::default(),
            settled: Mutex::default(),
            notes: Mutex::default(),
        }
    }

    /// What was promised.
    pub fn wallet(&self) -> &Wallet {
        &self.wallet
    }

    /// What is asked.
    pub fn asks(&self) -> &Asks {
        &self.asks
    }

    /// How much trust is extended.
    pub fn trust(&self) -> Trust {
        self.trust
    }

    pub(crate) fn source(&self) -> &dyn Source {
        &*self.source
    }

    /// The account of the coordinator with this stash.
    pub(crate) fn account(&self, coordinator: &AccountId) -> Arc<Account> {
        let mut accounts = self.accounts.lock();
        let open = || {
            let unpaid = self.wallet.unpaid(coordinator);
            // The time of day is asked this once only: it may jump.
            let idle = Duration::from_secs(now_unix_s().saturating_sub(unpaid.at_s));
            let held = WrittenOff { amount: unpaid.amount, permille: unpaid.permille };
            let bucket = Bucket::new(held, idle, Instant::now(), self.trust.forgive);
            Arc::new(Account::new(coordinator.clone(), self.trust.workers, bucket))
        };
        accounts.entry(coordinator.clone()).or_insert_with(open).clone()
    }

    /// The accounts that there are.
    pub(crate) fn accounts(&self) -> Vec<Arc<Account>> {
        self.accounts.lock().values().cloned().collect()
    }

    /// Makes a change to this account, and keeps what has become of unpaid work by it before anybody else's change.
    pub(crate) fn keep_written_off<T>(&self, account: &Account, change: impl FnOnce() -> (T, Option<WrittenOff>)) -> T {
        account.in_turn(|| {
            let (made, written_off) = change();
            if let Some(WrittenOff { amount, permille }) = written_off {
                self.wallet.write_off(account.coordinator(), amount, permille);
            }
            made
        })
    }

    /// Reads what the chain says of this coordinator, as far as it concerns the miner with this stash, and judges by it
    /// from now on. The channels take `limit` at most: what was not read of them by then is read the next time, so that
    /// nobody makes himself unreadable by having many.
    pub(crate) async fn look(
        &self,
        coordinator: &AccountId,
        miner: Option<&AccountId>,
        limit: Duration,
    ) -> Result<Look, ChainError> {
        let vouchers = self.wallet.holdings();
        let mut look = look::look(self.source(), vouchers.vouchers(), coordinator, miner).await?;
        // What is not read of the channels yet counts as not settled.
        self.judge_by(&look, coordinator, miner);
        let read = self.read_channels(vouchers.vouchers(), coordinator, &mut look.channels);
        look.trouble = match timeout(limit, read).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("not all of its channels could be read in {limit:?}")),
        };
        self.judge_by(&look, coordinator, miner);
        Ok(look)
    }

    /// Reads how far the open channels of this coordinator are settled. Whatever has been `read` is kept, however this
    /// ends.
    async fn read_channels(
        &self,
        vouchers: &BTreeMap<ChannelKey, Held>,
        coordinator: &AccountId,
        read: &mut BTreeSet<ChannelKey>,
    ) -> Result<(), ChainError> {
        let channels = look::open_channels(vouchers, &self.settled.lock(), coordinator);
        let mut reads = pin!(look::settled_of(self.source(), channels));
        while let Some((key, settled)) = reads.next().await.transpose()? {
            self.note_settled(&key, settled);
            read.insert(key);
        }
        Ok(())
    }

    /// What is settled stays settled: a lower figure is only an older one, read at the same time by somebody else.
    fn note_settled(&self, key: &ChannelKey, settled: Settled) {
        let mut known = self.settled.lock();
        let highest = known.entry(key.clone()).or_insert(settled);
        if settled.amount > highest.amount {
            *highest = settled;
        }
    }

    fn judge_by(&self, look: &Look, coordinator: &AccountId, miner: Option<&AccountId>) {
        if miner.is_some() {
            let covered = Covered {
                escrow: look.solvency.escrow.saturating_sub(look.solvency.withdrawing),
                cover: look.cover,
                owes: look.solvency.owed,
                unsettled: self.unsettled(coordinator, miner),
            };
            self.account(coordinator).cover(covered);
        }
        if let Some(rating) = look.rating {
            self.note_rating(coordinator, rating);
        }
    }

    /// What this coordinator has promised that miner and the chain has not settled, as far as it was read.
    fn unsettled(&self, coordinator: &AccountId, miner: Option<&AccountId>) -> u128 {
        let holdings = self.wallet.holdings();
        let settled = self.settled.lock();
        let of_pair =
            holdings.vouchers().iter().filter(|(key, _)| key.coordinator == *coordinator && Some(&key.miner) == miner);
        let dues = of_pair.map(|(key, held)| held.amount().saturating_sub(settled.get(key).map_or(0, |s| s.amount)));
        dues.fold(0, u128::saturating_add)
    }
}
