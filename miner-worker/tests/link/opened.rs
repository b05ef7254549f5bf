//! Questions how tokens were drawn.

use codec::DecodeAll;
use cuckoo_primitives::{
    commitment::{hash_of, root, Leaf},
    task::Receipt,
    CandidateStatus, Hash,
};
use cuckoo_wire::{
    limits::MAX_OPENED,
    link::{coordinator_message::Message as ToMiner, CancelReason, Open, Opening, Task},
};
use subxt_signer::sr25519::dev;

use crate::{
    coordinator::{completion, embedding, fronted, FakeCoordinator, Peer},
    market::{Market, COORDINATOR, OTHER},
    ready, ready_in,
};

fn open(id: u64, receipt: &Receipt, first: u32, count: u32) -> Open {
    let spec = &receipt.spec;
    let (link, task_id) = (spec.link.as_bytes().to_vec().into(), spec.task_id.to_vec().into());
    Open { id, link, task_id, attempt: spec.attempt, first, count }
}

fn leaves(opening: &Opening) -> Vec<Leaf> {
    assert_eq!(opening.reason, "");
    Vec::decode_all(&mut &opening.leaves[..]).unwrap()
}

#[track_caller]
fn assert_refused(opening: &Opening, word: &str) {
    assert!(opening.leaves.is_empty() && opening.reason.contains(word), "{}", opening.reason);
}

/// The receipt for this task.
async fn receipt_of(peer: &mut Peer, task: Task) -> Receipt {
    peer.give(task).await;
    Receipt::decode_all(&mut &peer.result().await.receipt[..]).unwrap()
}

fn long(number: u8) -> Task {
    completion(number, &format!("say {}", vec!["x"; 299].join(" ")))
}

/// Opens all of it, and checks that it is what the receipt commits to, drawn as the receipt says.
async fn opens(peer: &mut Peer, receipt: &Receipt) {
    let commitment = receipt.commitment.unwrap();
    let mut all = Vec::new();
    while all.len() < commitment.tokens as usize {
        let first = all.len() as u32;
        let count = (commitment.tokens - first).min(MAX_OPENED);
        let opening = peer.ask(open(u64::from(first), receipt, first, count)).await;
        assert_eq!(opening.id, u64::from(first));
        let opened = leaves(&opening);
        assert_eq!(opened.len(), count as usize);
        all.extend(opened);
    }
    let hashes: Vec<Hash> = all.iter().map(hash_of).collect();
    assert_eq!(root(&hashes), commitment.leaves_root);
    let tokens: Vec<Hash> = all.iter().map(|leaf| hash_of(&leaf.token)).collect();
    assert_eq!(root(&tokens), commitment.tokens_root);
    let drawing = receipt.spec.drawing.unwrap();
    for (position, leaf) in (drawing.first_position..).zip(&all) {
        assert!(leaf.is_drawn(&drawing, position), "{position}");
    }
}

#[tokio::test]
async fn what_is_opened_is_what_the_receipt_commits_to() {
    let (_market, _coordinator, mut peer) = ready().await;
    let short = receipt_of(&mut peer, completion(1, "say x")).await;
    let long = receipt_of(&mut peer, long(2)).await;
    assert_eq!(long.commitment.unwrap().tokens, 300);
    let resumed = receipt_of(&mut peer, Task { resumed: vec![1; 5], ..completion(3, "say a b c d e f g h") }).await;
    for receipt in [&long, &short, &resumed, &long] {
        opens(&mut peer, receipt).await;
    }
    let one = leaves(&peer.ask(open(7, &long, 299, 1)).await);
    assert_eq!(one.len(), 1);
}

#[tokio::test]
async fn an_answer_that_was_cut_off_is_opened_as_far_as_it_was_sent() {
    let (_market, _coordinator, mut peer) = ready().await;
    let (_, result) = peer.cut_off(completion(1, "forever"), 20, CancelReason::Client).await;
    let receipt = Receipt::decode_all(&mut &result.receipt[..]).unwrap();
    opens(&mut peer, &receipt).await;
}

#[tokio::test]
async fn another_link_of_the_coordinator_opens_what_an_earlier_one_brought() {
    let (_market, mut coordinator, mut peer) = ready().await;
    let receipt = receipt_of(&mut peer, long(1)).await;
    let first = peer.watched().link();
    drop(peer);
    let mut again = coordinator.welcome(&dev::alice()).await;
    again.offer().await;
    assert_ne!(again.watched().link(), first);
    assert_eq!(receipt.spec.link, first);
    opens(&mut again, &receipt).await;
}

#[tokio::test]
async fn nobody_else_opens_it() {
    let market = Market::with_slots(8);
    market.set(&[(COORDINATOR, 1, CandidateStatus::Active), (OTHER, 1, CandidateStatus::Active)]);
    let mut first = FakeCoordinator::start(&market).await;
    let mut second = FakeCoordinator::start(&market).await;
    market.serve(&[&first, &second]);
    let mut one = first.welcome(&dev::alice()).await;
    let mut other = second.welcome(&dev::charlie()).await;
    let receipt = receipt_of(&mut one, completion(1, "say x")).await;
    assert_refused(&other.ask(open(1, &receipt, 0, 1)).await, "nothing is kept");
    opens(&mut one, &receipt).await;
}

#[tokio::test]
async fn what_is_not_there_is_refused_and_the_link_lives() {
    let (_market, _coordinator, mut peer) = ready().await;
    let receipt = receipt_of(&mut peer, completion(1, "say x y z")).await;
    assert_eq!(receipt.commitment.unwrap().tokens, 4);
    for (first, count, word) in [
        (0, 0, "at once"),
        (0, MAX_OPENED + 1, "at once"),
        (0, 5, "4 tokens"),
        (4, 1, "4 tokens"),
        (u32::MAX, 1, "4 tokens"),
        (u32::MAX, MAX_OPENED, "4 tokens"),
    ] {
        assert_refused(&peer.ask(open(1, &receipt, first, count)).await, word);
    }
    let other_link = Open { link: vec![1; 32].into(), ..open(2, &receipt, 0, 1) };
    let other_attempt = Open { attempt: 1, ..open(3, &receipt, 0, 1) };
    for open in [other_link, other_attempt] {
        assert_refused(&peer.ask(open).await, "nothing is kept");
    }
    // Of neither is there anything to show.
    for task in [fronted(completion(2, "say x")), embedding(3, &["a"])] {
        let receipt = receipt_of(&mut peer, task).await;
        assert_refused(&peer.ask(open(4, &receipt, 0, 1)).await, "nothing is kept");
    }
    opens(&mut peer, &receipt).await;
}

#[tokio::test]
async fn many_questions_are_all_answered_while_tasks_go_on() {
    let (market, _coordinator, mut peer) = ready_in(Market::with_slots(4)).await;
    let receipt = receipt_of(&mut peer, long(1)).await;
    peer.begin(completion(2, "wait")).await;
    for id in 0..100 {
        peer.send(ToMiner::Open(open(id, &receipt, id as u32, MAX_OPENED))).await;
    }
    let mut answered = Vec::new();
    while answered.len() < 100 {
        let opening = peer.opening().await;
        assert_eq!(leaves(&opening).len(), MAX_OPENED as usize);
        answered.push(opening.id);
    }
    answered.sort_unstable();
    assert_eq!(answered, (0..100).collect::<Vec<_>>());
    market.engine().release();
    peer.result().await;
}

#[tokio::test]
async fn a_question_that_cannot_be_read_ends_the_link() {
    let (_market, mut coordinator, mut peer) = ready().await;
    let receipt = receipt_of(&mut peer, completion(1, "say x")).await;
    peer.send(ToMiner::Open(Open { link: vec![1; 31].into(), ..open(1, &receipt, 0, 1) })).await;
    peer.until_ended().await;
    coordinator.welcome(&dev::alice()).await.offer().await;
}
