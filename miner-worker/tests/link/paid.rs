//! Work that is paid, and work that is not.

use std::time::Duration;

use codec::DecodeAll;
use cuckoo_primitives::{settlement::Price, task::Receipt, Balance, CandidateStatus, CAI};
use cuckoo_wire::{
    charge::most,
    limits::MAX_MESSAGE_BYTES,
    link::{coordinator_message::Message as ToMiner, FailureCode, Refusal, RefusalCode, Task, Voucher, Welcome},
    money::{price_from_wire, price_to_wire},
};
use miner_worker::{settle::Trust, wallet::Wallet};
use subxt_signer::sr25519::dev;

use crate::{
    coordinator::{completion, FakeCoordinator, Peer},
    engine::CONTEXT_TOKENS,
    linked_in,
    market::{Market, COORDINATOR},
    ready_in,
    receipts::cost,
    serving, LIMIT,
};

pub(crate) fn price() -> Price {
    Price::new(CAI / 10, CAI / 5, 0, 0).unwrap()
}

/// A market whose miner asks that price.
pub(crate) fn asking(slots: u32, trust: Trust) -> Market {
    Market::asking(price(), slots, trust)
}

pub(crate) fn with_one_slot() -> Market {
    asking(1, Trust::default())
}

pub(crate) fn paid_task(number: u8) -> Task {
    paid(completion(number, "say one two"))
}

/// The same task for that price.
pub(crate) fn paid(task: Task) -> Task {
    Task { price: Some(price_to_wire(&price())), ..task }
}

/// Gives a task, and returns what its result costs.
pub(crate) async fn result_of(peer: &mut Peer, task: Task) -> Balance {
    peer.give(task.clone()).await;
    let (outputs, result) = peer.answer().await;
    cost(&price(), &task, &outputs, &Receipt::decode_all(&mut &result.receipt[..]).unwrap())
}

pub(crate) async fn refusal_of(peer: &mut Peer, task: Task) -> (FailureCode, String) {
    peer.give(task).await;
    let failure = peer.failure().await;
    (failure.code(), failure.reason)
}

/// Has work done three times and cuts the link after each, which is as often as the miner bears.
pub(crate) async fn cut_links(
    market: &Market,
    coordinator: &mut FakeCoordinator,
    mut peer: Peer,
    mut work: impl AsyncFnMut(&mut Peer, u8),
) {
    for number in 1..=3 {
        work(&mut peer, number).await;
        drop(peer);
        peer = coordinator.welcome(&dev::alice()).await;
        if number < 3 {
            peer.offer().await;
        }
    }
    peer.until_ended().await;
    market.until_link(coordinator, "left too much unpaid").await;
}

#[tokio::test]
async fn a_result_is_followed_by_a_voucher_that_outlives_the_program() {
    let (market, _coordinator, mut peer) = ready_in(with_one_slot()).await;
    let mut owed = 0;
    for number in 1..=5 {
        owed += result_of(&mut peer, paid_task(number)).await;
        peer.promise(owed).await;
        market.until_paid(&peer.key(), owed).await;
    }
    assert!(owed > 0);
    // What is on the disk now is all that is left after a crash.
    let dir = tempfile::tempdir().unwrap();
    let file = market.miner().settlement().wallet().path().to_owned();
    std::fs::copy(&file, dir.path().join(file.file_name().unwrap())).unwrap();
    let wallet = Wallet::open(dir.path(), &market.genesis()).unwrap();
    let newest = wallet.newest(&peer.key()).unwrap();
    assert_eq!(newest.voucher.amount, owed);
    assert!(newest.is_signed(&market.genesis()) && newest.operator == COORDINATOR.account());
    assert_eq!(wallet.channel(&COORDINATOR.stash()), peer.key().channel);
    assert_eq!(wallet.holdings().earned().values().map(|earned| earned.amount).sum::<Balance>(), owed);
}

#[tokio::test]
async fn the_offer_says_what_is_asked() {
    let (_market, _coordinator, mut peer) = linked_in(with_one_slot()).await;
    let offer = peer.offer().await;
    assert!(offer.models.iter().all(|model| price_from_wire(model.ask.as_ref()) == Ok(price())));
}

#[tokio::test]
async fn a_voucher_that_is_not_what_it_should_be_ends_the_link() {
    type Spoil = fn(&Peer) -> Voucher;
    let spoilt: [(Spoil, &str); 5] = [
        (|peer| peer.voucher_of(&dev::alice(), peer.key(), 9), "after"),
        (|peer| peer.voucher_of(&dev::eve(), peer.key(), 20), "not the operator that is linked"),
        (
            |peer| {
                let by_other = peer.voucher_of(&dev::eve(), peer.key(), 20);
                Voucher { operator: peer.voucher_of(&dev::alice(), peer.key(), 20).operator, ..by_other }
            },
            "signature does not hold",
        ),
        (
            |peer| {
                let mut key = peer.key();
                key.channel = [9; 16];
                peer.voucher_of(&dev::alice(), key, 20)
            },
            "signature does not hold",
        ),
        (|peer| Voucher { amount: vec![1; 15].into(), ..peer.voucher_of(&dev::alice(), peer.key(), 20) }, "voucher"),
    ];
    let links = spoilt.map(|(spoil, said)| async move {
        let (market, coordinator, mut peer) = ready_in(with_one_slot()).await;
        peer.promise(10).await;
        market.until_paid(&peer.key(), 10).await;
        peer.send(ToMiner::Voucher(spoil(&peer))).await;
        peer.until_ended().await;
        market.until_link(&coordinator, said).await;
        assert_eq!(market.miner().settlement().wallet().paid(&peer.key()), 10);
    });
    futures::future::join_all(links).await;
}

#[tokio::test]
async fn without_a_voucher_the_miner_stops_after_one_step() {
    let trust = Trust { unpaid_limit: Duration::from_secs(1), ..Trust::default() };
    let (market, coordinator, mut peer) = ready_in(asking(1, trust)).await;
    // One result is the step, and another may be owed while the first one's voucher is on its way.
    for number in 1..=2 {
        result_of(&mut peer, paid_task(number)).await;
    }
    let (code, reason) = refusal_of(&mut peer, paid_task(3)).await;
    assert_eq!(code, FailureCode::Uncovered, "{reason}");
    peer.closing().await;
    market.until_link(&coordinator, "stay unpaid").await;
}

#[tokio::test]
async fn a_voucher_that_comes_late_lets_the_miner_go_on() {
    let (market, _coordinator, mut peer) = ready_in(with_one_slot()).await;
    let mut owed = 0;
    for number in 1..=2 {
        owed += result_of(&mut peer, paid_task(number)).await;
    }
    assert_eq!(refusal_of(&mut peer, paid_task(3)).await.0, FailureCode::Uncovered);
    peer.promise(owed).await;
    market.until_paid(&peer.key(), owed).await;
    result_of(&mut peer, paid_task(4)).await;
}

#[tokio::test]
async fn nobody_works_for_more_than_stands_behind_the_pay() {
    let ceiling = price().cost(&most(&paid_task(1), CONTEXT_TOKENS));
    for (escrow, withdrawing, cover) in
        [(ceiling - 1, 0, CAI * 1_000), (ceiling, 1, CAI * 1_000), (CAI * 1_000, 0, 2 * ceiling - 1), (0, 0, 0)]
    {
        let market = with_one_slot();
        market.source().set(escrow, withdrawing, cover);
        let (_market, _coordinator, mut peer) = ready_in(market).await;
        let (code, reason) = refusal_of(&mut peer, paid_task(1)).await;
        assert_eq!(code, FailureCode::Uncovered);
        assert!(reason.contains("escrow and cover"), "{reason}");
    }
    let market = with_one_slot();
    market.source().set(ceiling, 0, 2 * ceiling);
    let (_market, _coordinator, mut peer) = ready_in(market).await;
    result_of(&mut peer, paid_task(1)).await;
}

#[tokio::test]
async fn free_work_needs_no_cover() {
    let market = Market::new();
    market.source().set(0, 0, 0);
    let (_market, _coordinator, mut peer) = ready_in(market).await;
    for number in 1..10 {
        peer.give(completion(number, "say x")).await;
        peer.result().await;
    }
}

#[tokio::test]
async fn a_price_below_the_ask_is_refused() {
    let (_market, _coordinator, mut peer) = ready_in(with_one_slot()).await;
    for at in 0..2 {
        let mut figures = price().figures();
        figures[at] -= 1;
        let [prompt, completion, image, audio] = figures;
        let low = Price::new(prompt, completion, image, audio).unwrap();
        let task = Task { price: Some(price_to_wire(&low)), ..paid_task(at as u8) };
        assert_eq!(refusal_of(&mut peer, task).await.0, FailureCode::Price);
    }
    assert_eq!(refusal_of(&mut peer, Task { price: None, ..paid_task(7) }).await.0, FailureCode::Price);
    result_of(&mut peer, paid_task(8)).await;
}

#[tokio::test]
async fn what_was_promised_meanwhile_comes_with_the_welcome() {
    let (market, mut coordinator, mut peer) = ready_in(with_one_slot()).await;
    let cost = result_of(&mut peer, paid_task(1)).await;
    let key = peer.key();
    drop(peer);
    // The voucher was lost with the link. The next begins with it.
    let mut again = coordinator.next().await;
    let proof = again.proven(&dev::alice()).await;
    assert_eq!((proof.channel.to_vec(), proof.newest), (key.channel.to_vec(), None));
    let newest = Some(again.voucher_of(&dev::alice(), key.clone(), cost));
    again.send(ToMiner::Welcome(Welcome { max_message_bytes: MAX_MESSAGE_BYTES as u32, newest })).await;
    again.offer().await;
    market.until_paid(&key, cost).await;
    drop(again);
    // And is shown from then on.
    let mut third = coordinator.next().await;
    let shown = third.proven(&dev::alice()).await.newest.unwrap();
    assert_eq!(shown.amount.to_vec(), cost.to_be_bytes());
}

#[tokio::test]
async fn nobody_works_for_a_coordinator_that_has_forgotten_its_promise() {
    let (market, mut coordinator, peer) = ready_in(with_one_slot()).await;
    let key = peer.key();
    peer.promise(10).await;
    market.until_paid(&key, 10).await;
    drop(peer);
    let mut again = coordinator.next().await;
    again.proven(&dev::alice()).await;
    let newest = Some(again.voucher_of(&dev::alice(), key, 9));
    again.send(ToMiner::Welcome(Welcome { max_message_bytes: MAX_MESSAGE_BYTES as u32, newest })).await;
    again.until_ended().await;
    market.until_link(&coordinator, "shows only").await;
}

#[tokio::test]
async fn a_channel_that_is_refused_is_left_for_the_next() {
    let (market, mut coordinator) = serving(with_one_slot()).await;
    let mut channels = Vec::new();
    for _ in 0..3 {
        let mut peer = coordinator.next().await;
        channels.push(peer.proven(&dev::alice()).await.channel);
        let refusal = Refusal { code: RefusalCode::Channel.into(), reason: "another key signed it".into() };
        peer.send(ToMiner::Refusal(refusal)).await;
        peer.until_ended().await;
    }
    let mut peer = coordinator.welcome(&dev::alice()).await;
    peer.offer().await;
    channels.push(peer.key().channel.to_vec().into());
    channels.sort();
    channels.dedup();
    assert_eq!(channels.len(), 4);
    peer.promise(5).await;
    market.until_paid(&peer.key(), 5).await;
}

#[tokio::test]
async fn channels_in_which_nothing_was_promised_are_not_left_without_end() {
    let (market, mut coordinator) = serving(with_one_slot()).await;
    let refused = async {
        loop {
            let mut peer = coordinator.next().await;
            peer.proven(&dev::alice()).await;
            let refusal = Refusal { code: RefusalCode::Channel.into(), reason: "another key signed it".into() };
            peer.send(ToMiner::Refusal(refusal)).await;
            peer.until_ended().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
            if market.report(&coordinator).reason.is_some_and(|reason| reason.contains("gets no other")) {
                return;
            }
        }
    };
    tokio::time::timeout(LIMIT, refused).await.expect("it gets one channel after the other");
}

#[tokio::test]
async fn cutting_links_pays_for_three_steps_only() {
    // So slowly that nothing is forgiven meanwhile.
    let trust = Trust { forgive: Duration::from_secs(604_800), ..Trust::default() };
    let (market, mut coordinator, peer) = ready_in(asking(1, trust)).await;
    let mut cost = 0;
    let work = async |peer: &mut Peer, number| cost += result_of(peer, paid_task(number)).await;
    cut_links(&market, &mut coordinator, peer, work).await;
    let pay = market.miner().settlement().report();
    assert_eq!(pay.coordinators[0].written_off, cost.to_string());
}

#[tokio::test]
async fn vouchers_are_redeemed_before_escrow_leaves() {
    let (market, _coordinator, peer) = ready_in(with_one_slot()).await;
    let key = peer.key();
    peer.promise(CAI / 10).await;
    market.until_paid(&key, CAI / 10).await;
    market.source().set(CAI, CAI / 2, CAI);
    market.set(&[(COORDINATOR, 1, CandidateStatus::Active)]);
    let redeemed = async {
        while market.source().settled_of(&key) < CAI / 10 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LIMIT, redeemed).await.expect("nothing is redeemed");
}
