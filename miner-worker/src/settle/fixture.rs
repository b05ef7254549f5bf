//! A chain that settles as a test says.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use async_trait::async_trait;
use cuckoo_chain_client::{Call, ChainError};
use cuckoo_primitives::{
    currency::EXISTENTIAL_DEPOSIT,
    settlement::{Debt, Settled, SettlementTerms, Solvency},
    AccountId, Balance, BlockNumber, Perbill,
};
use parking_lot::Mutex;

use super::source::Source;
use crate::wallet::ChannelKey;

/// The least that a channel is opened for.
pub(super) const UNIT: Balance = EXISTENTIAL_DEPOSIT;
pub(super) const FEE: Balance = 19 * UNIT;
pub(super) const MAX_VOUCHERS: u32 = 4;

/// The rules. The protocol keeps 5 %.
pub(super) fn terms() -> SettlementTerms {
    let fee = codec::Decode::decode(&mut &50_000_000_u32.to_le_bytes()[..]).unwrap();
    SettlementTerms { redeem_eras: 2, withdrawal_eras: 3, grace_eras: 2, fee, max_vouchers: MAX_VOUCHERS }
}

/// Pays every voucher that it does not refuse.
#[derive(Default)]
pub(super) struct FakeSource(Mutex<State>);

pub(super) struct State {
    pub(super) solvency: Solvency,
    pub(super) cover: Balance,
    pub(super) rating: Perbill,
    pub(super) settled: BTreeMap<ChannelKey, Balance>,
    /// Vouchers of these channels are passed over.
    pub(super) refused: BTreeSet<ChannelKey>,
    /// Why, if a call has nothing else.
    pub(super) refusal: &'static str,
    pub(super) debts: Vec<(AccountId, Debt)>,
    /// Who is listed as owing something, unless nobody can be listed; and how often that was asked.
    pub(super) debtors: Vec<AccountId>,
    pub(super) hides_debtors: bool,
    pub(super) debtors_asked: usize,
    pub(super) calls: Vec<Call>,
    /// The block that calls are included in.
    pub(super) block: BlockNumber,
    /// What is said of the next call, whatever becomes of it.
    pub(super) said: Option<ChainError>,
    /// Nothing becomes of calls.
    pub(super) is_down: bool,
    /// Nothing becomes of the next calls, the last of them first.
    pub(super) failures: Vec<ChainError>,
    /// Why debts are not paid.
    pub(super) refuses_debts: Option<&'static str>,
    /// What is read does not show yet what became of calls.
    pub(super) lags: bool,
    /// No block is made: calls wait in the pool.
    pub(super) stands_still: bool,
    pub(super) pool: Vec<Call>,
    /// Of these coordinators nothing can be read, and whoever asks gets no answer.
    pub(super) unreadable: BTreeSet<AccountId>,
    pub(super) silent: BTreeSet<AccountId>,
    /// How long it takes to read one channel, and which are never read to the end.
    pub(super) channel_takes: Duration,
    pub(super) silent_channels: BTreeSet<ChannelKey>,
    /// How many channels were asked for.
    pub(super) channels_asked: usize,
}

impl Default for State {
    fn default() -> Self {
        Self {
            solvency: Solvency::default(),
            cover: 2_000_000 * UNIT,
            rating: Perbill::one(),
            settled: BTreeMap::new(),
            refused: BTreeSet::new(),
            refusal: "Uncovered",
            debts: Vec::new(),
            debtors: Vec::new(),
            hides_debtors: false,
            debtors_asked: 0,
            calls: Vec::new(),
            block: 0,
            said: None,
            is_down: false,
            failures: Vec::new(),
            refuses_debts: None,
            lags: false,
            stands_still: false,
            pool: Vec::new(),
            unreadable: BTreeSet::new(),
            silent: BTreeSet::new(),
            channel_takes: Duration::ZERO,
            silent_channels: BTreeSet::new(),
            channels_asked: 0,
        }
    }
}

impl FakeSource {
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock())
    }

    /// Blocks are made, and read, with all that is in the pool.
    pub(super) fn go_on(&self) {
        let mut state = self.0.lock();
        (state.stands_still, state.lags) = (false, false);
        for call in std::mem::take(&mut state.pool) {
            state.apply(call);
        }
    }

    async fn reachable(&self, coordinator: &AccountId) -> Result<(), ChainError> {
        let (is_unreadable, is_silent) =
            self.change(|state| (state.unreadable.contains(coordinator), state.silent.contains(coordinator)));
        if is_silent {
            std::future::pending::<()>().await;
        }
        match is_unreadable {
            true => Err(ChainError::Node("it cannot be read".into())),
            false => Ok(()),
        }
    }
}

impl State {
    /// Does what the call says. Returns why it is refused, if nothing comes of it.
    fn apply(&mut self, call: Call) -> Option<&'static str> {
        let mut refusal = None;
        let mut is_paid = false;
        match call {
            Call::Redeem { vouchers } => {
                for signed in vouchers {
                    let (key, amount) = (ChannelKey::from(&signed.voucher), signed.voucher.amount);
                    let is_due = self.settled.get(&key).is_none_or(|settled| amount > *settled);
                    if !is_due {
                        refusal = refusal.or(Some("NothingDue"));
                    } else if self.refused.contains(&key) {
                        refusal = refusal.or(Some(self.refusal));
                    } else {
                        self.settled.insert(key, amount);
                        is_paid = true;
                    }
                }
            }
            Call::Collect { miner, .. } => {
                let before = self.debts.len();
                if self.refuses_debts.is_none() {
                    self.debts.retain(|(creditor, _)| *creditor != miner);
                }
                self.solvency.owed = self.debts.iter().map(|(_, debt)| debt.open).sum();
                is_paid = self.debts.len() < before;
                refusal = self.refuses_debts.or(Some("NoDebt"));
            }
            other => panic!("nobody asked for {other:?}"),
        }
        refusal.filter(|_| !is_paid)
    }
}

#[async_trait]
impl Source for FakeSource {
    async fn terms(&self) -> Result<SettlementTerms, ChainError> {
        Ok(terms())
    }

    async fn solvency(&self, coordinator: &AccountId) -> Result<Solvency, ChainError> {
        self.reachable(coordinator).await?;
        Ok(self.change(|state| state.solvency))
    }

    async fn cover(&self, _: &AccountId, _: &AccountId) -> Result<Balance, ChainError> {
        Ok(self.change(|state| state.cover))
    }

    async fn claimable(&self, _: &AccountId, _: &AccountId) -> Result<Balance, ChainError> {
        Ok(self.change(|state| state.cover))
    }

    async fn rating(&self, _: &AccountId, _: &AccountId) -> Result<Perbill, ChainError> {
        Ok(self.change(|state| state.rating))
    }

    async fn settled(&self, key: &ChannelKey) -> Result<Settled, ChainError> {
        let (takes, is_silent) = self.change(|state| {
            state.channels_asked += 1;
            (state.channel_takes, state.silent_channels.contains(key))
        });
        if is_silent {
            std::future::pending::<()>().await;
        }
        if takes > Duration::ZERO {
            tokio::time::sleep(takes).await;
        }
        let amount = self.change(|state| state.settled.get(key).copied().unwrap_or_default());
        Ok(Settled { amount, tasks: 0 })
    }

    async fn debt(&self, _: &AccountId, miner: &AccountId) -> Result<Debt, ChainError> {
        let debt = self.change(|state| state.debts.iter().find(|(creditor, _)| creditor == miner).cloned());
        Ok(debt.map(|(_, debt)| debt).unwrap_or_default())
    }

    async fn debtors(&self) -> Result<Vec<AccountId>, ChainError> {
        self.change(|state| {
            state.debtors_asked += 1;
            match state.hides_debtors {
                true => Err(ChainError::Node("it lists nobody".into())),
                false => Ok(state.debtors.clone()),
            }
        })
    }

    async fn fee(&self, _: &Call) -> Result<Balance, ChainError> {
        Ok(FEE)
    }

    async fn submit(&self, call: Call) -> Result<BlockNumber, ChainError> {
        let stands_still = self.change(|state| {
            state.calls.push(call.clone());
            if state.stands_still {
                state.pool.push(call.clone());
            }
            state.stands_still
        });
        if stands_still {
            return Err(ChainError::TimedOut { after: Duration::from_secs(60) });
        }
        self.change(|state| {
            if state.is_down {
                return Err(ChainError::Disconnected);
            }
            if let Some(error) = state.failures.pop() {
                return Err(error);
            }
            if state.lags {
                state.pool.push(call);
                return Ok(state.block);
            }
            let refusal = state.apply(call);
            match (state.said.take(), refusal) {
                (Some(error), _) => Err(error),
                (None, None) => Ok(state.block),
                (None, Some(error)) => {
                    let (pallet, error) = ("Settlement".into(), error.into());
                    Err(ChainError::Dispatch { pallet, error, docs: "so it is".into() })
                }
            }
        })
    }
}
