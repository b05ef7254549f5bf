//! Answers to tasks, and the receipts for them.

use codec::DecodeAll;
use cuckoo_primitives::task::{Finish, Receipt};
use cuckoo_wire::{
    limits::MAX_MINER_MESSAGE_BYTES,
    link::{FailureCode, Task},
};
use subxt_signer::sr25519::dev;

use crate::{
    coordinator::{completion, echoed, embedding, fronted, with_logprobs, Peer},
    engine::CHAT,
    linked,
    market::Market,
    ready,
    receipts::verified,
};

#[tokio::test]
async fn a_task_is_answered_and_the_receipt_verifies() {
    let (market, _coordinator, mut peer) = linked().await;
    let offer = peer.offer().await;
    assert_eq!(offer.slots, 4);
    assert_eq!(offer.models.len(), 3);

    let task = completion(1, "say one two three");
    peer.give(task.clone()).await;
    let (outputs, result) = peer.answer().await;
    let text: String = outputs.iter().map(|output| output.text.as_str()).collect();
    assert_eq!(text, "one two three ");

    let receipt = verified(&market, &task, &outputs, &result);
    assert_eq!(receipt.finish, Finish::Stop);
    let root = &offer.models.iter().find(|model| model.id == CHAT).unwrap().model_root;
    assert_eq!(receipt.spec.model_root.as_bytes(), &root[..]);
}

#[tokio::test]
async fn tokens_without_text_are_counted_in_the_outputs() {
    let (_market, _coordinator, mut peer) = ready().await;
    for task in [completion(1, "hidden"), fronted(completion(2, "hidden"))] {
        peer.give(task).await;
        let (outputs, result) = peer.answer().await;
        let receipt = Receipt::decode_all(&mut &result.receipt[..]).unwrap();
        assert_eq!(outputs.iter().map(|output| output.tokens).sum::<u32>(), 3);
        assert_eq!(receipt.completion_tokens, 3);
    }
}

#[tokio::test]
async fn log_probabilities_come_with_their_tokens_in_messages_that_fit() {
    let (market, _coordinator, mut peer) = ready().await;
    // 50 tokens of 900 bytes with 20 alternatives each: far more than a message may hold.
    let word = "x".repeat(900);
    let task = with_logprobs(completion(1, &format!("say {}", vec![word; 50].join(" "))), 20);
    peer.give(task.clone()).await;
    let (outputs, result) = peer.answer().await;
    for output in &outputs {
        assert_eq!(output.logprobs.len(), output.tokens as usize);
        let entries = output.logprobs.iter().flat_map(|report| report.chosen.iter().chain(&report.top));
        let bytes: usize = entries.map(|entry| entry.bytes.len() + 16).sum();
        assert!(output.text.len() + bytes < MAX_MINER_MESSAGE_BYTES);
    }
    let reports: Vec<_> = outputs.iter().flat_map(|output| &output.logprobs).collect();
    assert_eq!(reports.len(), 50);
    assert!(reports.iter().all(|report| report.top.len() == 20 && report.chosen.as_ref().unwrap().logprob == -0.5));
    assert_eq!(verified(&market, &task, &outputs, &result).completion_tokens, 50);
}

#[tokio::test]
async fn an_engine_that_reports_too_little_fails() {
    let (_market, _coordinator, mut peer) = ready().await;
    peer.give(with_logprobs(completion(1, "hidden"), 1)).await;
    assert_eq!(peer.failure().await.code(), FailureCode::Internal);
}

#[tokio::test]
async fn an_echoed_prompt_comes_before_the_completion() {
    let (_market, _coordinator, mut peer) = ready().await;
    peer.give(echoed(1, "say yes")).await;
    let (outputs, _) = peer.answer().await;
    let text: String = outputs.iter().map(|output| output.text.as_str()).collect();
    assert_eq!(text, "say yesyes ");
}

#[tokio::test]
async fn embeddings_are_one_vector_for_each_input() {
    let (market, _coordinator, mut peer) = ready().await;
    let task = embedding(1, &["a", "bb"]);
    peer.give(task.clone()).await;
    let (outputs, result) = peer.answer().await;
    let vectors: Vec<Vec<u8>> = outputs.iter().map(|output| output.vector.to_vec()).collect();
    assert_eq!(vectors, [1.0_f32.to_le_bytes().to_vec(), 2.0_f32.to_le_bytes().to_vec()]);
    let receipt = verified(&market, &task, &outputs, &result);
    assert_eq!((receipt.prompt_tokens, receipt.completion_tokens), (2, 0));
}

#[tokio::test]
async fn an_attempt_is_answered_once() {
    let (_market, _coordinator, mut peer) = ready().await;
    peer.give(completion(1, "say x")).await;
    peer.result().await;
    peer.give(completion(1, "say y")).await;
    assert_eq!(peer.failure().await.code(), FailureCode::InvalidRequest);
    peer.give(Task { attempt: 1, ..completion(1, "say y") }).await;
    peer.result().await;
}

/// What is offered again after whatever the coordinator did to the link in between.
fn repeated() -> [Task; 2] {
    [completion(1, "say x"), completion(1, "say y")]
}

/// The receipt for a task, which must be signed by the miner.
async fn receipt_for(market: &Market, peer: &mut Peer, task: Task) -> Receipt {
    peer.give(task.clone()).await;
    let (outputs, result) = peer.answer().await;
    verified(market, &task, &outputs, &result)
}

#[tokio::test]
async fn an_attempt_repeated_on_another_link_makes_no_contradiction() {
    let (market, mut coordinator, mut peer) = ready().await;
    let first = receipt_for(&market, &mut peer, completion(1, "say x")).await;
    drop(peer);
    for task in repeated() {
        let mut again = coordinator.welcome(&dev::alice()).await;
        again.offer().await;
        let second = receipt_for(&market, &mut again, task).await;
        assert_eq!((second.spec.task_id, second.spec.attempt), (first.spec.task_id, first.spec.attempt));
        assert!(!first.spec.is_same_attempt(&second.spec), "{first:?} {second:?}");
    }
}

#[tokio::test]
async fn an_attempt_repeated_after_a_crash_makes_no_contradiction() {
    let (market, coordinator, mut peer) = ready().await;
    let first = receipt_for(&market, &mut peer, completion(1, "say x")).await;
    // Nothing is left of the first but its key, as after `kill -9`.
    drop((market, coordinator, peer));
    for task in repeated() {
        let (market, _coordinator, mut peer) = ready().await;
        let second = receipt_for(&market, &mut peer, task).await;
        let ids = |receipt: &Receipt| (receipt.spec.miner.clone(), receipt.spec.task_id, receipt.spec.attempt);
        assert_eq!(ids(&second), ids(&first));
        assert!(!first.spec.is_same_attempt(&second.spec), "{first:?} {second:?}");
    }
}

#[tokio::test]
async fn vectors_are_sent_as_they_are_computed() {
    let (market, _coordinator, mut peer) = ready().await;
    peer.begin(embedding(1, &["a", "wait"])).await;
    market.engine().release();
    let (rest, _) = peer.answer().await;
    assert_eq!(rest.len(), 1);
}
