//! What texts that begin alike share.

use super::{
    fake::Fake,
    stepper::{drain, limits, observer, text, writer, Stepper},
};
use crate::api::{PrefillEvent, Sampling};

fn prompt(tail: u32) -> Vec<u32> {
    (0..200).map(|at| 1 + at % 90).chain([tail, tail]).collect()
}

/// 200 tokens are twelve full blocks and half of one.
const SHARED: u64 = 192;

#[test]
fn what_was_read_before_is_not_read_again() {
    let mut stepper = Stepper::new(Box::new(Fake::new(64)), limits(4, 4));
    let mut first = stepper.start(&prompt(91), 4);
    stepper.run();
    assert_eq!(stepper.stats().tokens_read, 202);
    let mut second = stepper.start(&prompt(92), 4);
    stepper.run();
    let stats = stepper.stats();
    assert_eq!((stats.tokens_read, stats.prefix_hit_tokens), (202 + 202 - SHARED, SHARED));
    for events in [&mut first, &mut second] {
        let (events, is_done) = drain(events);
        assert!(is_done && !text(&events).is_empty());
    }
}

#[test]
fn what_another_is_just_reading_is_waited_for() {
    let mut stepper = Stepper::new(Box::new(Fake::new(256)), limits(8, 8));
    // Somebody is being answered meanwhile, so that prompts are read in small chunks.
    let (endless, _events) = writer(&[super::fake::ENDLESS], 500, &Sampling::default(), 4096);
    stepper.submit(endless).unwrap();
    stepper.step();
    let before = stepper.stats().tokens_read;
    let _texts: Vec<_> = (91..97).map(|tail| stepper.start(&prompt(tail), 4)).collect();
    while stepper.stats().tokens_produced < 40 {
        stepper.step();
    }
    let stats = stepper.stats();
    assert_eq!(stats.tokens_read - before, 202 + 5 * (202 - SHARED));
    assert_eq!(stats.prefix_hit_tokens, 5 * SHARED);
}

#[test]
fn choices_read_their_prompt_once() {
    let mut stepper = Stepper::new(Box::new(Fake::new(256)), limits(8, 8));
    let _choices: Vec<_> = (0..5)
        .map(|seed| {
            let (spec, events) = writer(&prompt(91), 4, &Sampling::drawn(seed), 64);
            stepper.submit(spec).unwrap();
            events
        })
        .collect();
    stepper.run();
    assert_eq!(stepper.stats().tokens_read, 202 + 4 * (202 - SHARED));
}

#[test]
fn whoever_waits_for_a_text_that_goes_away_reads_on_alone() {
    let mut stepper = Stepper::new(Box::new(Fake::new(512)), limits(3, 8));
    let (endless, _events) = writer(&[super::fake::ENDLESS], 500, &Sampling::default(), 4096);
    stepper.submit(endless).unwrap();
    stepper.step();
    let first = stepper.start(&prompt(91), 4);
    let mut second = stepper.start(&prompt(92), 4);
    stepper.step();
    drop(first);
    for _ in 0..20 {
        stepper.step();
    }
    assert!(drain(&mut second).1, "it is done");
}

#[test]
fn an_answer_is_known_to_the_question_that_follows_it() {
    let mut stepper = Stepper::new(Box::new(Fake::new(64)), limits(1, 1));
    let mut first = stepper.start(&prompt(91), 40);
    stepper.run();
    let (events, _) = drain(&mut first);
    let answer: Vec<u32> = text(&events).bytes().map(u32::from).collect();
    let whole = [prompt(91), answer, vec![5]].concat();
    let before = stepper.stats();
    let _next = stepper.start(&whole, 1);
    stepper.step();
    let read = stepper.stats().tokens_read - before.tokens_read;
    assert!((1..=17).contains(&read), "{read} of {} tokens were read", whole.len());
}

#[test]
fn a_text_that_is_looked_at_shares_only_what_stands_before() {
    let mut stepper = Stepper::new(Box::new(Fake::new(64)), limits(1, 1));
    let _text = stepper.start(&prompt(91), 1);
    stepper.run();
    let (spec, mut events) = observer(&prompt(91), 100, 64);
    stepper.submit(spec).unwrap();
    stepper.run();
    // 100 tokens are six full blocks.
    assert_eq!(stepper.stats().prefix_hit_tokens, 96);
    let (events, is_done) = drain(&mut events);
    assert!(is_done);
    let positions: Vec<u32> = events
        .iter()
        .flat_map(|event| match event {
            PrefillEvent::Positions(positions) => positions.iter().map(|output| output.position).collect(),
            _ => Vec::new(),
        })
        .collect();
    assert_eq!(positions, (100..202).collect::<Vec<_>>());
    assert_eq!(events.last(), Some(&PrefillEvent::Done));
}
