//! Shapes that take long keep nobody else waiting.

use super::{
    completion::{completion, tokens, Fixture, Request},
    stepper::drain,
};
use crate::api::{FollowEvent, ResponseFormat, Sampling};

/// More than any of the texts here needs.
const STEPS: usize = 200;

fn shaped() -> Request {
    let sampling = Sampling { format: ResponseFormat::JsonObject, ..Sampling::drawn(3) };
    Request { prompt: vec![40, 41, 42], sampling, max_tokens: 30 }
}

fn plain() -> Request {
    Request { prompt: vec![50, 51], sampling: Sampling::drawn(4), max_tokens: 30 }
}

#[test]
fn a_text_whose_shape_takes_for_ever_keeps_nobody_waiting() {
    let fixture = Fixture::new(1);
    let expected = [shaped(), plain()].map(|request| fixture.complete(&request, &[]).unwrap());
    let [(slow, mut slow_events), (other, mut other_events)] =
        [shaped(), plain()].map(|request| fixture.writer(&request, &[]).unwrap());
    let mut stepper = fixture.stepper(2);
    stepper.submit(slow).unwrap();
    stepper.submit(other).unwrap();
    let held = fixture.grammars.hold_masks();
    for _ in 0..STEPS {
        stepper.step();
    }
    assert_eq!(completion(&mut other_events, 2).unwrap(), expected[1], "it does not wait");
    assert_eq!(stepper.stats().tokens_produced - expected[1].drawn.len() as u64, 1, "what may come first is known");
    drop(held);
    stepper.run();
    let slow = completion(&mut slow_events, 3).unwrap();
    assert_eq!(slow, expected[0], "what it says does not depend on when its shape is known");
    assert!(slow.drawn.len() > 3, "{slow:?}");
}

#[test]
fn a_follower_whose_shape_takes_for_ever_keeps_nobody_waiting() {
    let fixture = Fixture::new(1);
    let all = tokens(&fixture.complete(&shaped(), &[]).unwrap().all());
    let expected = fixture.follow(&shaped(), &[], &all, Vec::new());
    let whole = fixture.complete(&plain(), &[]).unwrap();
    let held = fixture.grammars.hold_masks();
    let (slow, mut slow_events) = fixture.follower(&shaped(), &[], &all, Vec::new());
    let (other, mut other_events) = fixture.writer(&plain(), &[]).unwrap();
    let mut stepper = fixture.stepper(2);
    stepper.submit(slow).unwrap();
    stepper.submit(other).unwrap();
    for _ in 0..STEPS {
        stepper.step();
    }
    assert_eq!(completion(&mut other_events, 2).unwrap(), whole);
    drop(held);
    stepper.run();
    let (events, is_done) = drain(&mut slow_events);
    let followed = events.into_iter().flat_map(|event| match event {
        FollowEvent::Positions(positions) => positions,
        _ => Vec::new(),
    });
    assert!(is_done);
    assert_eq!(followed.collect::<Vec<_>>(), expected);
}

#[test]
fn a_text_that_waits_for_its_shape_can_be_given_up() {
    let fixture = Fixture::new(1);
    let (spec, events) = fixture.writer(&shaped(), &[]).unwrap();
    let mut stepper = fixture.stepper(1);
    stepper.submit(spec).unwrap();
    let held = fixture.grammars.hold_masks();
    for _ in 0..STEPS {
        stepper.step();
    }
    assert_eq!(stepper.stats().running, 1);
    drop(events);
    stepper.step();
    let stats = stepper.stats();
    assert_eq!((stats.running, stats.kv_blocks_used), (0, 0));
    drop(held);
    fixture.complete(&shaped(), &[]).unwrap();
}
