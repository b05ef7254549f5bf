use cuckoo_primitives::{
    fixture::{drawing, leaves, receipt_of},
    signing::blake2_256,
    task::{Commitment, Finish},
    Hash,
};
use proptest::prelude::*;

use super::*;

/// An honest attempt of `count` tokens, cut off at its limit.
struct Attempt {
    receipt: Receipt,
    tokens: Vec<u32>,
    leaves: Vec<Leaf>,
    own: Own,
    was_cancelled: bool,
}

fn own_token(leaf: &Leaf) -> OwnToken {
    let claimed = leaf.candidates.iter().find(|it| it.token == leaf.token).unwrap();
    OwnToken {
        candidates: leaf.candidates.to_vec(),
        claimed_logit: Some(claimed.logit),
        logits: leaf.candidates.iter().map(|it| Some(it.logit)).collect(),
        projection: leaf.projection,
    }
}

fn honest(count: u32) -> Attempt {
    let leaves = leaves(&Drawing { max_tokens: count, ..drawing() }, count);
    let mut receipt = receipt_of(&leaves);
    receipt.spec.drawing = Some(Drawing { max_tokens: count, ..drawing() });
    receipt.output_hash = blake2_256(&[b"text"]);
    let own = Own {
        prompt_tokens: receipt.prompt_tokens,
        most_tokens: count,
        certain: "te".into(),
        held: "xt".into(),
        end: End::Open,
        tokens: leaves.iter().map(own_token).collect(),
    };
    Attempt { receipt, tokens: leaves.iter().map(|leaf| leaf.token).collect(), leaves, own, was_cancelled: false }
}

impl Attempt {
    fn score(&self) -> Result<Scores, Failure> {
        let Self { receipt, tokens, leaves, own, was_cancelled } = self;
        score(&Claim { receipt, tokens, leaves, was_cancelled: *was_cancelled }, own)
    }

    /// Commits to what is sent and opened now.
    fn commit(&mut self) {
        let (tokens, opened): (Tree, Tree) = (self.tokens.iter().collect(), self.leaves.iter().collect());
        let commitment = Commitment { tokens: tokens.len(), tokens_root: tokens.root(), leaves_root: opened.root() };
        self.receipt.commitment = Some(commitment);
    }

    fn failing(mut self, change: impl FnOnce(&mut Self)) -> Failure {
        change(&mut self);
        self.score().unwrap_err()
    }
}

#[test]
fn an_honest_attempt_has_no_distance() {
    for count in [1, 7, 8, 9, 64] {
        let scores = honest(count).score().unwrap();
        assert_eq!((scores.tokens, scores.disagreeing, scores.has_ended), (count, 0, false));
        assert_eq!(scores.stretches.len() as u32, count.div_ceil(8));
        assert!(scores.stretches.iter().all(|it| (it.margin, it.logits, it.state) == (0.0, 0.0, 0.0)));
    }
}

#[test]
fn what_is_missing_fails() {
    assert_eq!(honest(9).failing(|it| it.receipt.commitment = None), Failure::Uncommitted);
    assert_eq!(honest(9).failing(|it| it.receipt.spec.drawing = None), Failure::Uncommitted);
    assert!(matches!(
        honest(9).failing(|it| {
            it.leaves.pop();
        }),
        Failure::Lengths { .. }
    ));
    assert!(matches!(honest(9).failing(|it| it.leaves.clear()), Failure::Lengths { .. }));
    assert!(matches!(honest(9).failing(|it| it.leaves.push(it.leaves[0].clone())), Failure::Lengths { .. }));
    assert!(matches!(
        honest(9).failing(|it| {
            it.tokens.pop();
        }),
        Failure::Lengths { .. }
    ));
    assert_eq!(honest(9).failing(|it| it.tokens.clear()), Failure::Empty);
    assert_eq!(honest(9).failing(|it| it.leaves.swap(1, 2)), Failure::Root);
    assert_eq!(honest(9).failing(|it| it.tokens[3] += 1), Failure::Root);
}

#[test]
fn what_was_not_drawn_fails() {
    let failure = honest(9).failing(|it| {
        it.tokens[3] += 1;
        it.commit();
    });
    assert_eq!(failure, Failure::OtherToken { index: 3 });
    for change in [
        |leaf: &mut Leaf| leaf.token = leaf.candidates.iter().find(|it| it.token != leaf.token).unwrap().token,
        |leaf: &mut Leaf| leaf.candidates[5].logit = i32::MIN,
        |leaf: &mut Leaf| {
            leaf.candidates.pop();
        },
        |leaf: &mut Leaf| leaf.projection = Some([0; 16]),
    ] {
        let failure = honest(9).failing(|it| {
            change(&mut it.leaves[3]);
            it.tokens[3] = it.leaves[3].token;
            it.commit();
        });
        assert!(matches!(failure, Failure::NotDrawn { index: 3, .. }), "{failure}");
    }
}

#[test]
fn another_prompt_fails() {
    assert_eq!(honest(9).failing(|it| it.own.prompt_tokens = 90), Failure::Prompt { claimed: 9, own: 90 });
}

#[test]
fn ends_must_be_what_they_are_said_to_be() {
    let end = |change: fn(&mut Attempt)| matches!(honest(9).failing(change), Failure::End(_));
    assert!(end(|it| it.receipt.finish = Finish::Stop));
    assert!(end(|it| it.receipt.finish = Finish::Cancelled));
    assert!(end(|it| it.own.end = End::Early));
    assert!(end(|it| it.own.end = End::Text));
    assert!(end(|it| it.receipt.completion_tokens = 8));
    assert!(end(|it| it.receipt.spec.drawing = Some(Drawing { max_tokens: 8, ..drawing() })));
    // Cut short.
    assert!(end(|it| {
        it.receipt.spec.drawing = Some(Drawing { max_tokens: 10, ..drawing() });
        it.own.most_tokens = 10;
    }));
    // The context, or the shape, leaves room for no more.
    let mut full = honest(9);
    full.receipt.spec.drawing = Some(Drawing { max_tokens: 10, ..drawing() });
    assert!(full.score().is_ok());
}

#[test]
fn texts_end_by_a_token_a_stop_string_or_the_coordinator() {
    let mut by_token = honest(9);
    by_token.own.end = End::Token;
    by_token.receipt.finish = Finish::Stop;
    by_token.receipt.completion_tokens = 8;
    assert!(by_token.score().unwrap().has_ended);

    let mut by_text = honest(9);
    by_text.own = Own { end: End::Text, certain: "text".into(), held: String::new(), ..by_text.own };
    by_text.receipt.finish = Finish::Stop;
    assert!(by_text.score().unwrap().has_ended);

    let mut cancelled = honest(9);
    cancelled.receipt.finish = Finish::Cancelled;
    cancelled.receipt.output_hash = blake2_256(&[b"te"]);
    cancelled.was_cancelled = true;
    assert!(!cancelled.score().unwrap().has_ended);
}

#[test]
fn another_text_fails() {
    assert_eq!(honest(9).failing(|it| it.receipt.output_hash = Hash::zero()), Failure::Output);
    assert_eq!(honest(9).failing(|it| it.own.held = "st".into()), Failure::Output);
}

#[test]
fn an_auditor_with_gaps_blames_nobody() {
    for change in [
        |own: &mut Own| {
            own.tokens.pop();
        },
        |own: &mut Own| own.tokens.clear(),
        |own: &mut Own| own.tokens[2].candidates.clear(),
        |own: &mut Own| {
            own.tokens[2].logits.pop();
        },
        |own: &mut Own| own.tokens[0].projection = None,
    ] {
        let failure = honest(9).failing(|it| change(&mut it.own));
        assert!(failure == Failure::Auditor && !failure.is_the_miners());
    }
}

#[test]
fn what_a_shape_forbids_is_the_miners_fault() {
    let failure = honest(9).failing(|it| {
        it.receipt.spec.drawing = it.receipt.spec.drawing.map(|drawing| Drawing { is_shaped: true, ..drawing });
        it.own.tokens.truncate(4);
    });
    assert!(failure == Failure::Impossible { index: 4 } && failure.is_the_miners());
}

#[test]
fn margins_logits_and_states_are_seen_where_they_differ() {
    let mut other = honest(24);
    // The auditor finds the token drawn at 9 much less likely, and another state at 16.
    let at_9 = &mut other.own.tokens[9];
    let claimed = other.tokens[9];
    let place = at_9.candidates.iter().position(|it| it.token == claimed).unwrap();
    let lower = at_9.candidates.last().unwrap().logit - 20 * ONE as i32;
    let mut moved = at_9.candidates.remove(place);
    moved.logit = lower;
    at_9.candidates.push(moved);
    (at_9.claimed_logit, at_9.logits[place]) = (Some(lower), Some(lower));
    other.own.tokens[16].projection = Some([-1; 16]);
    let scores = other.score().unwrap();
    assert_eq!(scores.disagreeing, 1);
    let [first, second, third] = scores.stretches[..] else { panic!("{scores:?}") };
    assert_eq!((first.margin, first.logits, first.state), (0.0, 0.0, 0.0));
    assert_eq!((second.margin, second.state), (MARGIN_CLIP / 8.0, 0.0));
    assert!((second.logits - LOGIT_CLIP / 64.0 / 8.0).abs() < 1e-9, "{second:?}");
    assert_eq!((third.margin, third.logits, third.state), (0.0, 0.0, STATE_CLIP));
}

#[test]
fn a_token_that_the_auditor_finds_impossible_counts_the_clip() {
    let mut other = honest(8);
    other.own.tokens[2].claimed_logit = None;
    assert_eq!(other.score().unwrap().stretches[0].margin, MARGIN_CLIP / 8.0);
}

#[test]
fn an_attempt_that_goes_on_from_another_begins_in_the_middle_of_a_stretch() {
    let from = Drawing { first_position: 5, max_tokens: 6, ..drawing() };
    let leaves = leaves(&from, 6);
    let mut attempt = honest(6);
    attempt.receipt = receipt_of(&leaves);
    attempt.receipt.spec.drawing = Some(from);
    attempt.receipt.output_hash = blake2_256(&[b"text"]);
    attempt.tokens = leaves.iter().map(|leaf| leaf.token).collect();
    attempt.own.tokens = leaves.iter().map(own_token).collect();
    attempt.leaves = leaves;
    let numbers: Vec<u32> = attempt.score().unwrap().stretches.iter().map(|it| it.number).collect();
    assert_eq!(numbers, [0, 1]);
}

proptest! {
    #[test]
    fn distances_of_states_are_bounded_and_scale_with_the_auditors(claimed: [i16; 16], own: [i16; 16]) {
        let distance = state_distance(&claimed, &own);
        prop_assert!((0.0..=STATE_CLIP).contains(&distance));
        prop_assert_eq!(distance == 0.0, claimed == own);
        let (twice, both) = (own.map(|it| it / 2), claimed.map(|it| it / 2));
        let even = |of: &[i16; 16]| of.map(|it| it / 2 * 2);
        prop_assert_eq!(state_distance(&both, &twice), state_distance(&even(&claimed), &even(&own)));
    }

    #[test]
    fn whatever_the_auditor_finds_scores_are_bounded(
        logits in prop::collection::vec(prop::option::of(-(1i32 << 30)..(1 << 30)), 64), claimed: Option<i32>, state: [i16; 16],
    ) {
        let mut attempt = honest(8);
        attempt.own.tokens[0].logits = logits;
        attempt.own.tokens[0].claimed_logit = claimed.map(|it| it / 2);
        attempt.own.tokens[0].projection = Some(state);
        let scores = attempt.score().unwrap();
        let [only] = scores.stretches[..] else { panic!("{scores:?}") };
        prop_assert!((0.0..=MARGIN_CLIP).contains(&only.margin));
        prop_assert!((0.0..=LOGIT_CLIP).contains(&only.logits));
        prop_assert!((0.0..=STATE_CLIP).contains(&only.state));
    }
}
