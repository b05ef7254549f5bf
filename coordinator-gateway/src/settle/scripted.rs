//! A chain of one coordinator and one channel that does as tests say.

use std::collections::{BTreeMap, VecDeque};

use cuckoo_chain_client::{ChainError, Keypair};
use cuckoo_primitives::{
    settlement::{ChannelId, Debt, Settled, Solvency},
    AccountId, Balance, BlockNumber, EraIndex,
};
use futures::future::{pending, ready, BoxFuture};
use parking_lot::{Mutex, MutexGuard};

use super::{
    at::At,
    channel::ChannelKey,
    source::{SettledChannels, SettlementSource},
};

/// The chain.
#[derive(Default)]
pub(super) struct Script(Mutex<Books>);

/// What is so on it, and what was asked.
#[derive(Default)]
pub(super) struct Books {
    /// Height of the last final block.
    pub(super) block: BlockNumber,
    pub(super) solvency: Solvency,
    /// Of every miner.
    pub(super) cover: Balance,
    /// Of the one channel.
    pub(super) settled: Balance,
    /// Redeemed right after the channels are read the next time.
    pub(super) redeems: Balance,
    pub(super) debts: BTreeMap<AccountId, Balance>,
    /// What becomes of the next transactions; those that are not named here work.
    pub(super) fates: VecDeque<Fate>,
    /// Whether nothing is answered.
    pub(super) is_unreachable: bool,
    /// Miners whose cover cannot be read, and how.
    pub(super) unreadable: BTreeMap<AccountId, Unreadable>,
    pub(super) channels_read: u32,
    /// Of whom the cover was asked for.
    pub(super) covers_read: Vec<AccountId>,
    /// Transactions in blocks, whatever became of their calls.
    pub(super) nonce: u64,
    /// What was deposited.
    pub(super) deposits: Vec<Balance>,
    /// Whose debts were to be collected, whatever came of it.
    pub(super) collected: Vec<AccountId>,
}

/// How something cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// With an error.
    Fails,
    /// There is never an answer.
    IsSilent,
}

/// What becomes of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is in a block and its call failed.
    Failed,
    /// The pool does not take it.
    Rejected,
    /// Nobody saw it again, and it never came.
    Lost,
    /// Nobody saw it again, and it is in a block.
    LostButDone,
}

/// Of this miner.
pub(super) fn miner(byte: u8) -> AccountId {
    AccountId::from([byte; 32])
}

/// The one channel.
pub(super) fn channel() -> ChannelKey {
    ChannelKey { miner: miner(1), channel: [2; 16] }
}

impl Script {
    pub(super) fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock()
    }

    fn answer<'a, T: Send + 'a>(&self, read: impl FnOnce(&mut Books) -> T) -> BoxFuture<'a, Result<T, ChainError>> {
        let mut books = self.books();
        let answer = if books.is_unreachable { Err(ChainError::Disconnected) } else { Ok(read(&mut books)) };
        Box::pin(ready(answer))
    }

    fn transact<'a>(&self, act: impl FnOnce(&mut Books)) -> BoxFuture<'a, Result<(), ChainError>> {
        let mut books = self.books();
        let fate = books.fates.pop_front();
        if matches!(fate, None | Some(Fate::LostButDone)) {
            act(&mut books);
        }
        if matches!(fate, None | Some(Fate::LostButDone | Fate::Failed)) {
            books.nonce += 1;
        }
        Box::pin(ready(match fate {
            None => Ok(()),
            Some(Fate::Failed) => {
                let (pallet, error) = ("Settlement".into(), "MinerCannotReceive".into());
                Err(ChainError::Dispatch { pallet, error, docs: String::new() })
            }
            Some(Fate::Rejected) => Err(ChainError::Rejected { reason: "no fee".into() }),
            Some(Fate::Lost | Fate::LostButDone) => Err(ChainError::Lost { reason: "as the script says".into() }),
        }))
    }
}

impl Books {
    /// The chain owes so much to the miner from now on.
    pub(super) fn owe(&mut self, miner: AccountId, amount: Balance) {
        self.debts.insert(miner, amount);
        self.solvency.owed += amount;
    }

    fn pay(&mut self, miner: &AccountId) {
        let open = self.debts.remove(miner).unwrap_or_default();
        let paid = open.min(self.solvency.escrow);
        self.solvency.owed -= paid;
        self.solvency.escrow -= paid;
        if open > paid {
            self.debts.insert(miner.clone(), open - paid);
        }
    }
}

impl SettlementSource for Script {
    fn solvency<'a>(&'a self, _: &'a AccountId) -> BoxFuture<'a, Result<At<Solvency>, ChainError>> {
        self.answer(|books| At { block: books.block, value: books.solvency })
    }

    fn cover<'a>(&'a self, _: &'a AccountId, miner: &'a AccountId) -> BoxFuture<'a, Result<At<Balance>, ChainError>> {
        let unreadable = self.books().unreadable.get(miner).copied();
        let cover = self.answer(|books| {
            books.covers_read.push(miner.clone());
            At { block: books.block, value: books.cover }
        });
        match unreadable {
            None => cover,
            Some(Unreadable::Fails) => Box::pin(ready(Err(ChainError::Disconnected))),
            Some(Unreadable::IsSilent) => Box::pin(pending()),
        }
    }

    fn settled<'a>(
        &'a self,
        _: &'a AccountId,
        _: &'a AccountId,
        _: &'a ChannelId,
    ) -> BoxFuture<'a, Result<Settled, ChainError>> {
        self.answer(|books| Settled { amount: books.settled, tasks: 1 })
    }

    fn channels<'a>(&'a self, _: &'a AccountId) -> BoxFuture<'a, Result<SettledChannels, ChainError>> {
        self.answer(|books| {
            books.channels_read += 1;
            let settled = Settled { amount: books.settled, tasks: 1 };
            let redeems = std::mem::take(&mut books.redeems);
            books.settled += redeems;
            books.solvency.escrow -= redeems;
            vec![((channel().miner, channel().channel), settled)]
        })
    }

    fn debts<'a>(&'a self, _: &'a AccountId) -> BoxFuture<'a, Result<Vec<(AccountId, Debt)>, ChainError>> {
        let debt = |open: &Balance, since: EraIndex| Debt { open: *open, since, ..Default::default() };
        self.answer(|books| books.debts.iter().map(|(miner, open)| (miner.clone(), debt(open, 1))).collect())
    }

    fn nonce<'a>(&'a self, _: &'a AccountId) -> BoxFuture<'a, Result<At<u64>, ChainError>> {
        self.answer(|books| At { block: books.block, value: books.nonce })
    }

    fn deposit<'a>(
        &'a self,
        _: &'a Keypair,
        _: &'a AccountId,
        amount: Balance,
    ) -> BoxFuture<'a, Result<(), ChainError>> {
        self.transact(|books| {
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
        self.books().collected.push(miner.clone());
        self.transact(|books| books.pay(miner))
    }
}
