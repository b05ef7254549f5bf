//! A chain that settles as a test says.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use cuckoo_chain_client::{Call, ChainError};
use cuckoo_primitives::{
    settlement::{Debt, Settled, SettlementTerms, Solvency},
    AccountId, Balance,
};
use parking_lot::Mutex;

use super::source::Source;
use crate::wallet::ChannelKey;

pub(super) const FEE: Balance = 10;
pub(super) const MAX_VOUCHERS: u32 = 4;

/// Pays every voucher that it does not refuse.
#[derive(Default)]
pub(super) struct FakeSource(Mutex<State>);

#[derive(Default)]
pub(super) struct State {
    pub(super) solvency: Solvency,
    pub(super) settled: BTreeMap<ChannelKey, Balance>,
    /// Vouchers of these channels are passed over.
    pub(super) refused: BTreeSet<ChannelKey>,
    pub(super) debts: Vec<(AccountId, Debt)>,
    pub(super) calls: Vec<Call>,
    /// What is said of the next call, whatever becomes of it.
    pub(super) said: Option<ChainError>,
    /// Nothing becomes of it.
    pub(super) is_down: bool,
}

impl FakeSource {
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock())
    }
}

#[async_trait]
impl Source for FakeSource {
    async fn terms(&self) -> Result<SettlementTerms, ChainError> {
        Ok(SettlementTerms {
            redeem_eras: 2,
            withdrawal_eras: 3,
            grace_eras: 2,
            fee: Default::default(),
            max_vouchers: MAX_VOUCHERS,
        })
    }

    async fn solvency(&self, _: &AccountId) -> Result<Solvency, ChainError> {
        Ok(self.0.lock().solvency)
    }

    async fn cover(&self, _: &AccountId, _: &AccountId) -> Result<Balance, ChainError> {
        Ok(2_000_000)
    }

    async fn settled(&self, key: &ChannelKey) -> Result<Settled, ChainError> {
        let amount = self.0.lock().settled.get(key).copied().unwrap_or_default();
        Ok(Settled { amount, tasks: 0 })
    }

    async fn debts(&self, _: &AccountId) -> Result<Vec<(AccountId, Debt)>, ChainError> {
        Ok(self.0.lock().debts.clone())
    }

    async fn fee(&self, _: &Call) -> Result<Balance, ChainError> {
        Ok(FEE)
    }

    async fn submit(&self, call: Call) -> Result<(), ChainError> {
        let mut state = self.0.lock();
        state.calls.push(call.clone());
        if state.is_down {
            return Err(ChainError::Disconnected);
        }
        let mut is_paid = false;
        match call {
            Call::Redeem { vouchers } => {
                for signed in vouchers {
                    let key = ChannelKey::from(&signed.voucher);
                    if !state.refused.contains(&key) {
                        state.settled.insert(key, signed.voucher.amount);
                        is_paid = true;
                    }
                }
            }
            Call::Collect { miner, .. } => {
                let before = state.debts.len();
                state.debts.retain(|(creditor, _)| *creditor != miner);
                state.solvency.owed = 0;
                is_paid = state.debts.len() < before;
            }
            other => panic!("nobody asked for {other:?}"),
        }
        match (state.said.take(), is_paid) {
            (Some(error), _) => Err(error),
            (None, true) => Ok(()),
            (None, false) => {
                let (pallet, error) = ("Settlement".into(), "Uncovered".into());
                Err(ChainError::Dispatch { pallet, error, docs: "nothing is left".into() })
            }
        }
    }
}
