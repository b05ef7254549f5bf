//! Finding out whether a completion is what would have been drawn.

use std::cell::OnceCell;

use proptest::prelude::*;

use super::{
    completion::{tokens, Fixture, Request},
    resuming::request,
};
use crate::api::{ResponseFormat, Sampling, IMPOSSIBLE};

thread_local! {
    static FIXTURE: OnceCell<Fixture> = const { OnceCell::new() };
}

fn fixture<T>(work: impl FnOnce(&Fixture) -> T) -> T {
    FIXTURE.with(|fixture| work(fixture.get_or_init(|| Fixture::new(2))))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn an_honest_completion_is_what_would_have_been_drawn(request in request(), cut: proptest::sample::Index) {
        // Written on one thread and followed on two.
        let whole = Fixture::new(1).complete(&request, &[]).unwrap().all();
        prop_assume!(!whole.is_empty());
        let all = tokens(&whole);
        let (before, after) = all.split_at(cut.index(all.len()));
        let claims = &whole[before.len()..];
        let wanted = claims.iter().map(|claim| claim.candidates.iter().map(|it| it.token).collect()).collect();
        let followed = fixture(|fixture| fixture.follow(&request, before, after, wanted));
        prop_assert_eq!(followed.len(), after.len());
        for (followed, claim) in followed.into_iter().zip(claims) {
            prop_assert_eq!(&followed.own, claim);
            prop_assert_eq!(followed.margin, 0);
            let logits: Vec<_> = claim.candidates.iter().map(|it| Some(it.logit)).collect();
            prop_assert_eq!(followed.logits, logits);
            let logit = claim.candidates.iter().find(|it| it.token == claim.token).map(|it| it.logit);
            prop_assert_eq!(followed.claimed_logit, logit);
        }
    }
}

fn drawn_with(seed: u64) -> Request {
    Request { prompt: vec![40, 41, 42], sampling: Sampling::drawn(seed), max_tokens: 40 }
}

#[test]
fn a_completion_of_another_seed_misses_and_its_states_are_the_same() {
    fixture(|fixture| {
        let claimed = fixture.complete(&drawn_with(1), &[]).unwrap().all();
        let followed = fixture.follow(&drawn_with(2), &[], &tokens(&claimed), Vec::new());
        let missed = followed.iter().filter(|followed| followed.margin > 0).count();
        assert!(missed > claimed.len() / 2, "{missed} of {}", claimed.len());
        assert!(followed.iter().all(|followed| followed.margin < IMPOSSIBLE && followed.logits.is_empty()));
        for (followed, claim) in followed.iter().zip(&claimed) {
            assert_eq!((&followed.own.candidates, followed.own.projection), (&claim.candidates, claim.projection));
        }
    });
}

#[test]
fn a_completion_of_another_prompt_has_other_candidates() {
    fixture(|fixture| {
        let claimed = fixture.complete(&drawn_with(1), &[]).unwrap().all();
        let other = Request { prompt: vec![40, 41, 43], ..drawn_with(1) };
        let followed = fixture.follow(&other, &[], &tokens(&claimed), Vec::new());
        for (followed, claim) in followed.iter().zip(&claimed) {
            assert_ne!(followed.own.candidates, claim.candidates);
            assert!(followed.own.projection.is_none() || followed.own.projection != claim.projection);
        }
    });
}

#[test]
fn what_a_shape_does_not_allow_is_impossible_and_ends_the_following() {
    fixture(|fixture| {
        let sampling = Sampling { format: ResponseFormat::JsonObject, ..Sampling::drawn(3) };
        let request = Request { sampling, ..drawn_with(3) };
        let claimed: Vec<u32> = "{a\"".bytes().map(u32::from).collect();
        let wanted = claimed.iter().map(|_| vec![u32::from(b'}'), u32::from(b'a')]).collect();
        let followed = fixture.follow(&request, &[], &claimed, wanted);
        assert_eq!(followed.len(), 2);
        assert_eq!(followed[0].logits, [None, None], "neither begins an object");
        assert!(followed[0].margin < IMPOSSIBLE && followed[0].claimed_logit.is_some());
        assert_eq!((followed[1].margin, followed[1].claimed_logit), (IMPOSSIBLE, None));
        assert!(followed[1].logits[0].is_some() && followed[1].logits[1].is_none());
    });
}
