//! What a chain without a node says about settlement.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use cuckoo_chain_client::{Call, ChainError};
use cuckoo_primitives::{
    settlement::{Debt, Settled, SettlementTerms, Solvency},
    AccountId, Balance, BlockNumber, Perbill, CAI,
};
use miner_worker::{settle::Source, wallet::ChannelKey};

/// Everybody is solvent unless told otherwise, and every voucher is paid.
#[derive(Clone)]
pub(crate) struct FakeSource(Arc<Mutex<State>>);

struct State {
    solvency: Solvency,
    cover: Balance,
    settled: BTreeMap<ChannelKey, Settled>,
}

impl FakeSource {
    pub(crate) fn new() -> Self {
        let solvency = Solvency { escrow: 1_000 * CAI, stake: 1_000_000 * CAI, ..Solvency::default() };
        Self(Arc::new(Mutex::new(State { solvency, cover: 1_000 * CAI, settled: BTreeMap::new() })))
    }

    /// What coordinators have from now on.
    pub(crate) fn set(&self, escrow: Balance, withdrawing: Balance, cover: Balance) {
        let mut state = self.0.lock().unwrap();
        state.solvency = Solvency { escrow, withdrawing, ..state.solvency };
        state.cover = cover;
    }

    /// How far this channel is settled.
    pub(crate) fn settled_of(&self, key: &ChannelKey) -> Balance {
        self.0.lock().unwrap().settled.get(key).map_or(0, |settled| settled.amount)
    }
}

#[async_trait]
impl Source for FakeSource {
    async fn terms(&self) -> Result<SettlementTerms, ChainError> {
        let fee = Default::default();
        Ok(SettlementTerms { redeem_eras: 2, withdrawal_eras: 3, grace_eras: 1, fee, max_vouchers: 64 })
    }

    async fn solvency(&self, _: &AccountId) -> Result<Solvency, ChainError> {
        Ok(self.0.lock().unwrap().solvency)
    }

    async fn cover(&self, _: &AccountId, _: &AccountId) -> Result<Balance, ChainError> {
        Ok(self.0.lock().unwrap().cover)
    }

    async fn claimable(&self, _: &AccountId, _: &AccountId) -> Result<Balance, ChainError> {
        Ok(self.0.lock().unwrap().cover)
    }

    async fn rating(&self, _: &AccountId, _: &AccountId) -> Result<Perbill, ChainError> {
        Ok(Perbill::one())
    }

    async fn settled(&self, key: &ChannelKey) -> Result<Settled, ChainError> {
        Ok(self.0.lock().unwrap().settled.get(key).copied().unwrap_or_default())
    }

    async fn debt(&self, _: &AccountId, _: &AccountId) -> Result<Debt, ChainError> {
        Ok(Debt::default())
    }

    async fn debtors(&self) -> Result<Vec<AccountId>, ChainError> {
        Ok(Vec::new())
    }

    async fn fee(&self, _: &Call) -> Result<Balance, ChainError> {
        Ok(1)
    }

    async fn submit(&self, call: Call) -> Result<BlockNumber, ChainError> {
        let Call::Redeem { vouchers } = call else { panic!("not a redemption: {call:?}") };
        for signed in vouchers {
            let settled = Settled { amount: signed.voucher.amount, tasks: signed.voucher.tasks };
            self.0.lock().unwrap().settled.insert(ChannelKey::from(&signed.voucher), settled);
        }
        Ok(0)
    }
}
