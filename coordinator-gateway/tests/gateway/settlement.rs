//! What the chain says of settlement, as tests wish.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use coordinator_gateway::{At, SettlementSource};
use cuckoo_chain_client::{ChainError, Keypair};
use cuckoo_primitives::{
    settlement::{ChannelId, Debt, Settled, Solvency},
    AccountId, Balance, BlockNumber,
};
use futures::future::BoxFuture;

#[derive(Default)]
pub(crate) struct Settlement(Mutex<Books>);

/// Of one coordinator.
#[derive(Default)]
pub(crate) struct Books {
    pub(crate) solvency: Solvency,
    pub(crate) covers: HashMap<AccountId, Balance>,
    pub(crate) settled: HashMap<(AccountId, ChannelId), Settled>,
    pub(crate) debts: HashMap<AccountId, Balance>,
    /// What was deposited, one after the other.
    pub(crate) deposits: Vec<Balance>,
    /// Whether nothing is answered.
    pub(crate) is_lost: bool,
    /// How long each answer is under way.
    pub(crate) delay: Duration,
    /// As many as questions: each is answered as of a block of its own.
    block: BlockNumber,
}

impl Settlement {
    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap()
    }

    fn answer<'a, T: Send + 'a>(&self, read: impl FnOnce(&mut Books) -> T) -> BoxFuture<'a, Result<T, ChainError>> {
        let mut books = self.books();
        books.block += 1;
        let answer = if books.is_lost { Err(ChainError::Disconnected) } else { Ok(read(&mut books)) };
        let delay = books.delay;
        Box::pin(async move {
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            answer
        })
    }
}

impl SettlementSource for Settlement {
    fn solvency<'a>(&'a self, _: &'a AccountId) -> BoxFuture<'a, Result<At<Solvency>, ChainError>> {
        self.answer(|books| At { block: books.block, value: books.solvency })
    }

    fn cover<'a>(&'a self, _: &'a AccountId, miner: &'a AccountId) -> BoxFuture<'a, Result<At<Balance>, ChainError>> {
        self.answer(|books| {
            let cover = books.covers.get(miner).copied().unwrap_or_default();
            At { block: books.block, value: cover }
        })
    }

    fn settled<'a>(
        &'a self,
        _: &'a AccountId,
        miner: &'a AccountId,
        channel: &'a ChannelId,
    ) -> BoxFuture<'a, Result<Settled, ChainError>> {
        self.answer(|books| books.settled.get(&(miner.clone(), *channel)).copied().unwrap_or_default())
    }

    fn channels<'a>(
        &'a self,
        _: &'a AccountId,
    ) -> BoxFuture<'a, Result<Vec<((AccountId, ChannelId), Settled)>, ChainError>> {
        self.answer(|books| books.settled.iter().map(|(key, settled)| (key.clone(), *settled)).collect())
    }

    fn debts<'a>(&'a self, _: &'a AccountId) -> BoxFuture<'a, Result<Vec<(AccountId, Debt)>, ChainError>> {
        let debt = |open: &Balance| Debt { open: *open, ..Default::default() };
        self.answer(|books| books.debts.iter().map(|(miner, open)| (miner.clone(), debt(open))).collect())
    }

    fn nonce<'a>(&'a self, _: &'a AccountId) -> BoxFuture<'a, Result<At<u64>, ChainError>> {
        self.answer(|books| At { block: books.block, value: books.deposits.len() as u64 })
    }

    fn deposit<'a>(
        &'a self,
        _: &'a Keypair,
        _: &'a AccountId,
        amount: Balance,
    ) -> BoxFuture<'a, Result<(), ChainError>> {
        self.answer(|books| {
            books.deposits.push(amount);
            books.solvency.escrow += amount;
        })
    }

    fn collect<'a>(
        &'a self,
        _: &'a Keypair,
        _: &'a AccountId,
        miner: &'a AccountId,
    ) -> BoxFuture<'a, Result<(), ChainError>> {
        self.answer(|books| {
            let open = books.debts.remove(miner).unwrap_or_default();
            books.solvency.owed -= open;
            books.solvency.escrow -= open;
        })
    }
}
