//! A keeper before a chain that settles as told.

use std::{sync::Arc, time::Duration};

use cuckoo_chain_client::{account_of, Call, MarketView};
use cuckoo_primitives::{
    settlement::{Debt, SignedVoucher},
    AccountId, Balance, Candidate, EraProgress, Hash, Role,
};
use subxt_signer::sr25519::dev;

use super::{
    errand::Errand,
    fixture::{FakeSource, UNIT},
    keeper::Keeper,
    PayReport, Settlement, Source, Trust,
};
use crate::{
    asks::Asks,
    link::shares_fixture::coordinator,
    wallet::{
        fixture::{account, voucher, GENESIS},
        ChannelKey, Wallet,
    },
};

/// Its candidate has the stash 101, and the key that signs the vouchers.
pub(super) const COORDINATOR: u8 = 101;
/// The operator. Its stash is that of the vouchers.
pub(super) const MINER: u8 = 5;
/// Between the first blocks of two eras; an era should have 100.
pub(super) const BLOCKS: u32 = 1_000;

/// Amounts are in units that are worth a channel.
pub(super) struct Stage {
    pub(super) source: Arc<FakeSource>,
    pub(super) settlement: Arc<Settlement>,
    pub(super) keeper: Keeper,
    _folder: tempfile::TempDir,
}

fn candidates() -> [Candidate; 2] {
    let payer = Candidate { operator: account_of(&dev::alice()), ..coordinator(1, 3) };
    let payee = Candidate { stash: account(200), role: Role::Miner, ..coordinator(MINER, 1) };
    [payer, payee]
}

pub(super) fn view(number: u32, era: u32) -> MarketView {
    view_of(number, era, &candidates())
}

/// The same after the coordinator has deregistered.
pub(super) fn view_without_coordinator(number: u32, era: u32) -> MarketView {
    let [_, payee] = candidates();
    view_of(number, era, &[payee])
}

fn view_of(number: u32, era: u32, candidates: &[Candidate]) -> MarketView {
    let era = EraProgress {
        era,
        sessions_done: 0,
        sessions_per_era: 1,
        session_blocks: 100,
        slot_ms: 1_000,
        bonding_eras: 2,
    };
    MarketView::from_candidates(number, Hash::zero(), era, candidates.iter().cloned())
}

/// The view when so much of that era is over.
pub(super) fn view_at(era: u32, permille: u32) -> MarketView {
    view(era * BLOCKS + permille / 10, era)
}

pub(super) fn key(channel: u8) -> ChannelKey {
    ChannelKey::from(&voucher(COORDINATOR, channel, 0).voucher)
}

/// The coordinator's debt to the miner with this stash.
pub(super) fn debt(creditor: u8, open: Balance, since: u32) -> (AccountId, Debt) {
    (account(creditor), Debt { open: open * UNIT, since, taken: 0, taken_in: 0 })
}

impl Stage {
    /// A wallet with these vouchers of channels 1, 2, ...
    pub(super) fn new(amounts: &[Balance]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let wallet = Arc::new(Wallet::open(folder.path(), &GENESIS).unwrap());
        let source = Arc::new(FakeSource::default());
        source.change(|state| state.solvency.escrow = 1_000_000 * UNIT);
        let settlement =
            Arc::new(Settlement::new(wallet, source.clone() as Arc<dyn Source>, Asks::default(), Trust::default()));
        let mut keeper = Keeper::new(settlement.clone(), account(MINER), &view_at(7, 0));
        keeper.turn_permille = 500;
        let stage = Self { source, settlement, keeper, _folder: folder };
        (1..).zip(amounts).for_each(|(channel, amount)| stage.promise(channel, *amount));
        stage
    }

    pub(super) fn promise(&self, channel: u8, amount: Balance) {
        self.keep(voucher(COORDINATOR, channel, amount * UNIT));
    }

    pub(super) fn keep(&self, signed: SignedVoucher) {
        self.settlement.wallet().keep(signed, 7);
        assert!(self.settlement.wallet().flush(Duration::from_secs(10)));
    }

    /// Looks at a block so far into that era, and makes the calls that there is reason for, one after the other.
    /// Returns how many vouchers each had.
    pub(super) async fn at(&mut self, era: u32, permille: u32) -> Vec<usize> {
        if permille >= self.keeper.turn_permille {
            let began = view_at(era, 0);
            self.keeper.look(&began).await;
            assert_eq!(self.keeper.next(&began).await, None, "too early");
        }
        self.within(&view_at(era, permille)).await
    }

    /// The same at that block.
    pub(super) async fn within(&mut self, view: &MarketView) -> Vec<usize> {
        self.keeper.look(view).await;
        let mut calls = Vec::new();
        while let Some(errand) = self.keeper.next(view).await {
            assert!(calls.len() < 20, "without end: {errand:?}");
            calls.push(match &errand {
                Errand::Redeem(vouchers) => vouchers.len(),
                Errand::Collect { .. } => 0,
            });
            let outcome = self.source.submit(errand.call()).await;
            self.keeper.ended(&errand, outcome, view).await;
        }
        calls
    }

    pub(super) fn settled(&self, channel: u8) -> Balance {
        self.source.change(|state| state.settled.get(&key(channel)).copied().unwrap_or_default()) / UNIT
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.source.change(|state| state.calls.clone())
    }

    pub(super) fn report(&self) -> PayReport {
        self.settlement.report()
    }

    /// What the chain said to the coordinator's vouchers and debts.
    pub(super) fn refused(&self) -> Vec<String> {
        let coordinators = self.report().coordinators;
        let of_coordinator = coordinators.into_iter().filter(|report| report.coordinator == account(COORDINATOR));
        of_coordinator.flat_map(|report| report.refused).collect()
    }

    /// As if the pause after a failure were over.
    pub(super) fn wait(&mut self) {
        self.keeper.not_before = None;
    }
}
