//! What the keeper does with a chain that settles as told.

use std::sync::Arc;

use cuckoo_chain_client::{account_of, Call, ChainError, MarketView};
use cuckoo_primitives::{settlement::Debt, AccountId, Balance, Candidate, EraProgress, Hash, Role};
use subxt_signer::sr25519::dev;

use super::{errand::Errand, fixture::FakeSource, keeper::Keeper, Settlement, Source, Trust};
use crate::{
    asks::Asks,
    link::shares_fixture::coordinator,
    wallet::{
        fixture::{account, voucher, GENESIS},
        ChannelKey, Wallet,
    },
};

/// Its candidate has the stash 101, and the key that signs the vouchers.
const COORDINATOR: u8 = 101;
const MINER: u8 = 5;
/// Between the first blocks of two eras; an era should have 100.
const BLOCKS: u32 = 1_000;

struct Stage {
    source: Arc<FakeSource>,
    settlement: Arc<Settlement>,
    keeper: Keeper,
    _folder: tempfile::TempDir,
}

fn candidates() -> [Candidate; 2] {
    let payer = Candidate { operator: account_of(&dev::alice()), ..coordinator(1, 3) };
    let payee = Candidate { stash: account(200), role: Role::Miner, ..coordinator(MINER, 1) };
    [payer, payee]
}

fn view(number: u32, era: u32) -> MarketView {
    let era = EraProgress {
        era,
        sessions_done: 0,
        sessions_per_era: 1,
        session_blocks: 100,
        slot_ms: 1_000,
        bonding_eras: 2,
    };
    MarketView::from_candidates(number, Hash::zero(), era, candidates())
}

fn key(channel: u8) -> ChannelKey {
    ChannelKey::from(&voucher(COORDINATOR, channel, 0).voucher)
}

impl Stage {
    /// A wallet with these vouchers of channels 1, 2, ...
    fn new(amounts: &[Balance]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let wallet = Arc::new(Wallet::open(folder.path(), &GENESIS).unwrap());
        let source = Arc::new(FakeSource::default());
        source.change(|state| state.solvency.escrow = 1_000_000);
        let settlement =
            Arc::new(Settlement::new(wallet, source.clone() as Arc<dyn Source>, Asks::default(), Trust::default()));
        let mut keeper = Keeper::new(settlement.clone(), account(MINER), &view(7 * BLOCKS, 7));
        keeper.turn_permille = 500;
        let stage = Self { source, settlement, keeper, _folder: folder };
        (1..).zip(amounts).for_each(|(channel, amount)| stage.promise(channel, *amount));
        stage
    }

    fn promise(&self, channel: u8, amount: Balance) {
        self.settlement.wallet().keep(voucher(COORDINATOR, channel, amount), 7);
        assert!(self.settlement.wallet().flush(std::time::Duration::from_secs(10)));
    }

    /// Looks at a block so far into that era, and makes the calls that there is reason for, one after the other.
    /// Returns how many vouchers each had.
    async fn at(&mut self, era: u32, permille: u32) -> Vec<usize> {
        if permille > 0 {
            let began = view(era * BLOCKS, era);
            self.keeper.look(&began).await;
            assert_eq!(self.keeper.next(&began).await, None, "too early");
        }
        let view = view(era * BLOCKS + permille / 10, era);
        self.keeper.look(&view).await;
        let mut calls = Vec::new();
        while let Some(errand) = self.keeper.next(&view).await {
            assert!(calls.len() < 20, "without end: {errand:?}");
            calls.push(match &errand {
                Errand::Redeem(vouchers) => vouchers.len(),
                Errand::Collect { .. } => 0,
            });
            let outcome = self.source.submit(errand.call()).await;
            self.keeper.ended(&errand, outcome, &view).await;
        }
        calls
    }

    fn settled(&self, channel: u8) -> Balance {
        self.source.change(|state| state.settled.get(&key(channel)).copied().unwrap_or_default())
    }

    /// As if the pause after a failure were over.
    fn wait(&mut self) {
        self.keeper.not_before = None;
    }
}

#[tokio::test]
async fn vouchers_are_redeemed_once_in_an_era_when_it_is_their_turn() {
    let mut stage = Stage::new(&[100, 50]);
    assert!(stage.at(7, 400).await.is_empty());
    assert_eq!(stage.at(7, 600).await, [2]);
    assert_eq!((stage.settled(1), stage.settled(2)), (100, 50));
    stage.promise(1, 300);
    assert!(stage.at(7, 900).await.is_empty(), "once in an era");
    assert_eq!(stage.at(8, 600).await, [1]);
    assert_eq!(stage.settled(1), 300);
}

#[tokio::test]
async fn many_vouchers_go_in_batches_the_largest_first() {
    let mut stage = Stage::new(&[11, 12, 13, 14, 15, 16, 17, 18, 19, 10]);
    assert_eq!(stage.at(7, 600).await, [4, 4, 1]);
    assert_eq!(stage.settled(10), 0, "not worth its fee");
    let Call::Redeem { vouchers } = stage.source.change(|state| state.calls[0].clone()) else {
        panic!("no redemption")
    };
    assert_eq!(vouchers.iter().map(|signed| signed.voucher.amount).collect::<Vec<_>>(), [19, 18, 17, 16]);
}

#[tokio::test]
async fn a_voucher_that_is_passed_over_is_found_out_and_left_alone() {
    let mut stage = Stage::new(&[100, 50, 70]);
    stage.source.change(|state| state.refused.insert(key(3)));
    // With the others, then by itself.
    assert_eq!(stage.at(7, 600).await, [3, 1]);
    assert_eq!((stage.settled(1), stage.settled(2), stage.settled(3)), (100, 50, 0));
    let report = stage.settlement.report();
    assert!(report.coordinators[0].refused[0].contains("Uncovered"), "{report:?}");
    stage.wait();
    assert!(stage.at(8, 600).await.is_empty(), "nothing has changed");
    stage.source.change(|state| {
        state.refused.clear();
        state.solvency.escrow += 1;
    });
    assert_eq!(stage.at(8, 700).await, [1]);
    assert_eq!(stage.settled(3), 70);
}

#[tokio::test]
async fn a_call_that_was_lost_from_sight_is_judged_by_the_chain() {
    let mut stage = Stage::new(&[100]);
    let lost = || Some(ChainError::Lost { reason: "the node was restarted".into() });
    stage.source.change(|state| state.said = lost());
    assert_eq!(stage.at(7, 600).await, [1]);
    stage.wait();
    assert!(stage.at(7, 800).await.is_empty(), "it was final after all");
    assert_eq!(stage.settled(1), 100);
}

#[tokio::test]
async fn a_call_that_fails_is_tried_again_after_a_pause_that_grows() {
    let mut stage = Stage::new(&[100]);
    stage.source.change(|state| state.is_down = true);
    let mut last = std::time::Duration::ZERO;
    for _ in 0..3 {
        assert_eq!(stage.at(7, 600).await, [1]);
        let pause = stage.keeper.not_before.unwrap() - std::time::Instant::now();
        assert!(pause > last + std::time::Duration::from_secs(5), "{pause:?} after {last:?}");
        last = pause;
        assert!(stage.settlement.report().redeeming_trouble.is_some());
        assert!(stage.at(7, 600).await.is_empty(), "before the pause is over");
        stage.wait();
    }
    stage.source.change(|state| state.is_down = false);
    assert_eq!(stage.at(7, 600).await, [1]);
    assert_eq!(stage.settled(1), 100);
    assert_eq!(stage.settlement.report().redeeming_trouble, None);
}

#[tokio::test]
async fn what_is_urgent_is_redeemed_at_once() {
    let mut stage = Stage::new(&[100]);
    stage.source.change(|state| state.solvency.withdrawing = 1);
    assert_eq!(stage.at(7, 0).await, [1]);
}

#[tokio::test]
async fn vouchers_from_before_a_long_absence_are_redeemed_at_once() {
    let mut stage = Stage::new(&[100]);
    assert_eq!(stage.at(9, 0).await, [1]);
    let mut stage = Stage::new(&[100]);
    assert!(stage.at(8, 0).await.is_empty());
}

#[tokio::test]
async fn debts_are_collected_after_the_grace_by_whoever_has_vouchers() {
    let mut stage = Stage::new(&[100]);
    let debt = |creditor: AccountId| (creditor, Debt { open: 40, since: 7, taken: 0, taken_in: 0 });
    stage.source.change(|state| {
        state.settled.insert(key(1), 100);
        state.solvency.escrow = 0;
        state.solvency.owed = 80;
        state.debts = vec![debt(account(200)), debt(account(77))];
    });
    assert!(stage.at(8, 0).await.is_empty());
    assert_eq!(stage.at(9, 0).await, [0]);
    let call = stage.source.change(|state| state.calls.pop());
    assert_eq!(call, Some(Call::Collect { coordinator: account(COORDINATOR), miner: account(200) }));
}
