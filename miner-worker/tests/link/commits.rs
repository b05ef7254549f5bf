//! What the miner signs for while it answers and at the end. That it is the right thing is checked in
//! [`watched`](crate::watched) with every message.

use cuckoo_primitives::task::Finish;
use cuckoo_wire::link::{CancelReason, FailureCode, Output, Task};

use crate::{
    coordinator::{completion, echoed, embedding, fronted, sampled, seeded, with_logprobs, Peer},
    market::Market,
    paid::{asking, paid},
    ready, ready_in,
    receipts::verified,
};

fn text_of(outputs: &[Output]) -> String {
    outputs.iter().map(|output| output.text.as_str()).collect()
}

fn tokens_of(outputs: &[Output]) -> Vec<u32> {
    outputs.iter().flat_map(|output| output.token_ids.clone()).collect()
}

/// So many words.
fn words(count: usize) -> String {
    (0..count).map(|number| format!("w{number}")).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_long_answer_is_signed_for_on_the_way_and_at_its_end() {
    let (market, _coordinator, mut peer) = ready().await;
    for (number, count) in [(1, 1), (2, 31), (3, 32), (4, 33), (5, 200)] {
        let task = completion(number, &format!("say {}", words(count)));
        peer.give(task.clone()).await;
        let (outputs, result) = peer.answer().await;
        let receipt = verified(&market, &task, &outputs, &result);
        // The token that ends the text is committed to and not counted.
        assert_eq!(receipt.completion_tokens as usize, count);
        assert_eq!(receipt.commitment.unwrap().tokens as usize, count + 1);
        let signed = outputs.iter().filter(|output| !output.signature.is_empty()).count();
        assert!(signed >= 1 && !outputs.last().unwrap().signature.is_empty());
        let largest = outputs.iter().map(|output| output.token_ids.len()).max().unwrap();
        assert!(signed >= (count + 1) / (32 + largest), "{signed} of {}", outputs.len());
    }
}

#[tokio::test]
async fn what_was_cut_off_is_committed_to_as_far_as_it_was_sent() {
    let (market, _coordinator, mut peer) = ready().await;
    let task = completion(1, "forever");
    let (outputs, result) = peer.cut_off(task.clone(), 40, CancelReason::Client).await;
    let receipt = verified(&market, &task, &outputs, &result);
    assert_eq!(receipt.finish, Finish::Cancelled);
    assert_eq!(receipt.commitment.unwrap().tokens, receipt.completion_tokens);
    assert!(outputs.iter().any(|output| !output.signature.is_empty()));
}

#[tokio::test]
async fn what_is_repeated_of_the_prompt_is_no_token() {
    let (market, _coordinator, mut peer) = ready().await;
    // Longer than a message.
    let task = echoed(1, &format!("say {}", "é".repeat(20_000)));
    peer.give(task.clone()).await;
    let (outputs, result) = peer.answer().await;
    let receipt = verified(&market, &task, &outputs, &result);
    assert_eq!((receipt.completion_tokens, receipt.commitment.unwrap().tokens), (1, 2));
    assert_eq!(text_of(&outputs).len(), "say ".len() + 2 * 40_000 + 1);
}

#[tokio::test]
async fn numbers_come_with_the_log_probabilities_of_their_tokens() {
    let (market, _coordinator, mut peer) = ready().await;
    let task = with_logprobs(completion(1, &format!("say {}", vec!["x".repeat(900); 60].join(" "))), 20);
    peer.give(task.clone()).await;
    let (outputs, result) = peer.answer().await;
    for output in &outputs {
        assert_eq!(output.logprobs.len(), output.tokens as usize);
    }
    assert_eq!(verified(&market, &task, &outputs, &result).commitment.unwrap().tokens, 61);
}

#[tokio::test]
async fn what_nobody_can_check_is_not_committed_to() {
    let (market, _coordinator, mut peer) = ready().await;
    for task in [fronted(completion(1, "say x y")), embedding(2, &["a", "b"])] {
        peer.give(task.clone()).await;
        let (outputs, result) = peer.answer().await;
        assert_eq!(verified(&market, &task, &outputs, &result).commitment, None);
    }
}

#[tokio::test]
async fn a_resumed_task_goes_on_where_the_tokens_end() {
    let (market, _coordinator, mut peer) = ready().await;
    let whole = seeded(echoed(1, &format!("say {}", words(50))), [7; 32]);
    peer.give(whole.clone()).await;
    let (outputs, _) = peer.answer().await;
    let (text, tokens) = (text_of(&outputs), tokens_of(&outputs));
    assert_eq!(tokens.len(), 51);
    for (attempt, cut) in [(1, 1), (2, 13), (3, 50)] {
        let task = Task { attempt, resumed: tokens[..cut].to_vec(), ..whole.clone() };
        peer.give(task.clone()).await;
        let (outputs, result) = peer.answer().await;
        assert_eq!(tokens_of(&outputs), tokens[cut..]);
        assert!(text.ends_with(&text_of(&outputs)));
        let said: String = (cut..50).map(|number| format!("w{number} ")).collect();
        assert_eq!(text_of(&outputs), said, "neither the prompt nor anything else is repeated");
        let receipt = verified(&market, &task, &outputs, &result);
        assert_eq!(receipt.spec.drawing.unwrap().first_position as usize, cut);
        assert_eq!((receipt.prompt_tokens as usize, receipt.completion_tokens as usize), (2 + cut, 50 - cut));
    }
}

#[tokio::test]
async fn an_answer_that_another_breaks_off_is_taken_up_from_its_tokens() {
    let (market, mut coordinator, mut peer) = ready().await;
    let task = seeded(completion(1, "forever"), [3; 32]);
    peer.give(task.clone()).await;
    let mut before = Vec::new();
    while before.len() < 10 {
        before.extend(peer.output().await.token_ids);
    }
    drop(peer);
    market.engine().until_idle().await;
    let mut again = coordinator.welcome(&subxt_signer::sr25519::dev::alice()).await;
    again.offer().await;
    let resumed = Task { attempt: 1, resumed: before.clone(), ..task.clone() };
    let (outputs, result) = again.cut_off(resumed.clone(), 5, CancelReason::Client).await;
    verified(&market, &resumed, &outputs, &result);
    // As one that was never broken off.
    let unbroken = Task { attempt: 2, ..task };
    let (outputs_of_all, _) = again.cut_off(unbroken, 30, CancelReason::Client).await;
    let (all, rest) = (tokens_of(&outputs_of_all), tokens_of(&outputs));
    let common = all.len().min(before.len() + rest.len());
    assert!(common > before.len());
    assert_eq!([before, rest].concat()[..common], all[..common]);
}

/// The failure of this task, none of whose pieces is signed.
async fn fails_unsigned(peer: &mut Peer, task: Task) {
    peer.give(task.clone()).await;
    assert_eq!(peer.failure().await.code(), FailureCode::Internal);
    assert!(peer.watched().is_accepted(&task));
    assert!(!peer.watched().attempt(&task).is_signed(), "nothing wrong is signed");
}

#[tokio::test]
async fn a_token_that_was_not_drawn_so_is_never_signed_for() {
    let (market, coordinator, mut peer) = ready_in(asking(4, Default::default())).await;
    let few = |number, prompt| sampled(paid(completion(number, prompt)), |sampling| sampling.max_tokens = 3);
    for (number, prompt) in (1..).zip(["lies", "lies at the end", "mumbles", "rambles"]) {
        fails_unsigned(&mut peer, few(number, prompt)).await;
    }
    assert_eq!(market.report(&coordinator).failed, 4);
    assert_eq!(market.written_off(), 0, "what fails here is nobody's debt");
    peer.give(paid(completion(9, "say x"))).await;
    peer.result().await;
}

#[tokio::test]
async fn without_a_place_to_keep_them_tokens_are_not_signed_for() {
    let (market, coordinator, mut peer) = ready_in(Market::with_slots(2)).await;
    peer.begin(completion(1, "wait")).await;
    // A file where the folder was: root may write into any folder.
    std::fs::remove_dir_all(market.kept_folder()).unwrap();
    std::fs::write(market.kept_folder(), "").unwrap();
    market.engine().release();
    let failure = peer.failure().await;
    assert_eq!(failure.code(), FailureCode::Internal);
    assert!(!failure.reason.contains(market.kept_folder().to_str().unwrap()), "{}", failure.reason);
    assert_eq!(market.report(&coordinator).failed, 1);
}
