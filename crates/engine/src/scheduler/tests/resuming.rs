//! Taking up what another run has left.

use std::cell::OnceCell;

use cuckoo_sampler::{Parameters, ONE};
use proptest::prelude::*;

use super::completion::{tokens, Fixture, Request, END};
use crate::api::{EngineError, FinishReason, ResponseFormat, Sampling};

thread_local! {
    static FIXTURE: OnceCell<Fixture> = const { OnceCell::new() };
}

fn fixture<T>(work: impl FnOnce(&Fixture) -> T) -> T {
    FIXTURE.with(|fixture| work(fixture.get_or_init(|| Fixture::new(1))))
}

/// Any request: greedy or drawn, with penalties, stop strings and shapes.
pub(super) fn request() -> impl Strategy<Value = Request> {
    let draw = prop_oneof![
        1 => Just(Sampling::default().draw),
        3 => (1..=2 * ONE, 1..=64u8, ONE / 4..=ONE)
            .prop_map(|(temperature, top_k, top_p)| Parameters { temperature, top_k, top_p }),
    ];
    let penalties = prop_oneof![Just((0.0, 0.0, 1.0)), (-1f32..2.0, -1f32..2.0, 0.5f32..1.5)];
    let stop = prop_oneof!["[abc]{2,3}", "🦆[ab🦢]", "\u{fffd}[a-c\u{fffd}]", "é|b\u{fffd}"];
    let format = prop_oneof![3 => Just(ResponseFormat::Text), 1 => Just(ResponseFormat::JsonObject)];
    let lists = (proptest::collection::vec(1..100u32, 1..40), proptest::collection::vec(stop, 0..4));
    (lists, draw, any::<[u8; 32]>(), penalties, format, 1..60u32).prop_map(
        |(
            (prompt, stop),
            draw,
            seed,
            (frequency_penalty, presence_penalty, repetition_penalty),
            format,
            max_tokens,
        )| {
            let sampling = Sampling {
                draw,
                seed,
                frequency_penalty,
                presence_penalty,
                repetition_penalty,
                stop,
                format,
                ..Sampling::default()
            };
            Request { prompt, sampling, max_tokens }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn whoever_takes_a_text_up_writes_what_would_have_been_written(
        request in request(), cut: proptest::sample::Index,
    ) {
        fixture(|fixture| {
            let whole = fixture.complete(&request, &[]).unwrap();
            let all = tokens(&whole.drawn);
            // Behind the last token comes nothing, or one that ends the text.
            let cuts = all.len() + usize::from(whole.end.is_some());
            prop_assume!(cuts > 0);
            let (before, after) = all.split_at(cut.index(cuts));
            let rest = Request { max_tokens: request.max_tokens - before.len() as u32, ..request.clone() };
            let rest = fixture.complete(&rest, before).unwrap();
            prop_assert_eq!(fixture.certain(&request, before) + &rest.text, whole.text);
            prop_assert_eq!(&tokens(&rest.drawn), after);
            prop_assert_eq!(&rest.drawn[..], &whole.drawn[before.len()..]);
            prop_assert_eq!((rest.end, rest.finish), (whole.end, whole.finish));
            Ok(())
        })?;
    }
}

#[test]
fn records_have_their_projections_by_the_position_in_the_completion() {
    fixture(|fixture| {
        let request = Request { prompt: vec![5, 6, 7], sampling: Sampling::drawn(1), max_tokens: 20 };
        let whole = fixture.complete(&request, &[]).unwrap();
        let all = tokens(&whole.drawn);
        assert!(all.len() > 10, "{all:?}");
        for cut in [0, 3, 8] {
            let rest = fixture.complete(&request, &all[..cut]).unwrap();
            let projected = (cut..).zip(&rest.drawn).filter(|(_, drawn)| drawn.projection.is_some());
            assert!(projected.map(|(position, _)| position).all(|position| position % 8 == 0));
        }
        assert!(whole.drawn[0].projection.is_some() && whole.drawn[1].projection.is_none());
    });
}

#[test]
fn a_text_that_has_ended_is_not_taken_up() {
    fixture(|fixture| {
        let stop = vec!["bc".into()];
        let request = Request { prompt: vec![5], sampling: Sampling { stop, ..Sampling::default() }, max_tokens: 3 };
        let letters = |text: &str| text.bytes().map(u32::from).collect::<Vec<_>>();
        for ended in [vec![40, END], letters("abc")] {
            let refused = fixture.complete(&request, &ended).unwrap_err();
            assert!(matches!(&refused, EngineError::InvalidRequest(why) if why.contains("ended")), "{refused}");
        }
        fixture.complete(&request, &letters("ab")).unwrap();
    });
}

#[test]
fn tokens_that_a_shape_does_not_allow_are_not_taken_up() {
    fixture(|fixture| {
        let sampling = Sampling { format: ResponseFormat::JsonObject, ..Sampling::drawn(3) };
        let request = Request { prompt: vec![5], sampling, max_tokens: 9 };
        let refused = fixture.complete(&request, &[u32::from(b'a')]).unwrap_err();
        assert!(matches!(&refused, EngineError::InvalidRequest(why) if why.contains("follow")), "{refused}");
        let completion = fixture.complete(&request, &[u32::from(b'{'), u32::from(b'}')]).unwrap();
        assert_eq!((completion.finish, completion.end.unwrap().token), (FinishReason::Stop, END));
    });
}
