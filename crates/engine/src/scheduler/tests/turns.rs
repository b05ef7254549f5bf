//! Who reads how much in which step.

use super::{
    fake::{Fake, Steps, ENDLESS},
    stepper::{drain, limits, writer, Stepper},
};
use crate::{
    api::{EngineError, Sampling},
    scheduler::plan::{READ_ALONE, READ_BESIDE_WRITERS},
};

fn stepper(blocks: usize, max_running: usize, max_waiting: usize) -> (Stepper, Steps) {
    let fake = Fake::new(blocks);
    let steps = fake.steps.clone();
    (Stepper::new(Box::new(fake), limits(max_running, max_waiting)), steps)
}

#[test]
fn a_long_prompt_delays_nobody_by_more_than_a_chunk() {
    let (mut stepper, steps) = stepper(2048, 16, 16);
    let mut streams: Vec<_> = (1..9).map(|name| stepper.start(&[ENDLESS, name], 500)).collect();
    stepper.step();
    streams.iter_mut().for_each(|stream| drop(drain(stream)));
    steps.lock().clear();
    let mut long = stepper.start(&[7; 4_000], 1);
    let mut count = 0;
    while !drain(&mut long).1 {
        stepper.step();
        count += 1;
        for stream in &mut streams {
            assert_eq!(drain(stream).0.len(), 1, "each stream goes on in each step");
        }
    }
    assert_eq!(count, 4_000_usize.div_ceil(READ_BESIDE_WRITERS));
    for step in steps.lock().iter() {
        let of_prompt: usize = step.iter().filter(|read| read.name == 7).map(|read| read.tokens).sum();
        assert!(of_prompt <= READ_BESIDE_WRITERS);
        assert_eq!(step.iter().filter(|read| read.name == ENDLESS).count(), 8);
    }
}

#[test]
fn a_prompt_is_read_in_large_chunks_while_nobody_waits_for_tokens() {
    let (mut stepper, steps) = stepper(256, 1, 1);
    let _text = stepper.start(&[7; 1_200], 1);
    stepper.run();
    let lengths: Vec<_> = steps.lock().iter().map(|step| step[0].tokens).collect();
    assert_eq!(lengths, [READ_ALONE, READ_ALONE, 1_200 - 2 * READ_ALONE]);
}

#[test]
fn prompts_take_turns_with_prompts() {
    let (mut stepper, _) = stepper(2048, 16, 16);
    let _stream = stepper.start(&[ENDLESS], 500);
    let _long: Vec<_> = (1..8).map(|name| stepper.start(&vec![name; 2_000], 1)).collect();
    stepper.step();
    let mut short = stepper.start(&[9; 32], 1);
    let steps = (0..20).take_while(|_| {
        stepper.step();
        !drain(&mut short).1
    });
    assert!(steps.count() < 5, "the short prompt waits for a round of the others, no longer");
}

#[test]
fn texts_wait_until_they_fit_and_nobody_overtakes() {
    let (mut stepper, _) = stepper(10, 8, 8);
    let submit = |stepper: &Stepper, max_tokens| {
        // Nobody reads, so it is soon paused for ever and keeps its memory.
        let (spec, events) = writer(&[ENDLESS], max_tokens, &Sampling::default(), 2);
        stepper.submit(spec).unwrap();
        events
    };
    let large = submit(&stepper, 96);
    let small = submit(&stepper, 48);
    stepper.run();
    let (mut first, mut second) = (stepper.start(&[ENDLESS, 1], 31), stepper.start(&[ENDLESS, 2], 1));
    stepper.run();
    let stats = stepper.stats();
    assert_eq!((stats.running, stats.waiting), (2, 2), "the first does not fit, the second is behind it");
    drop(small);
    stepper.run();
    assert!(drain(&mut first).1 && drain(&mut second).1);
    drop(large);
    stepper.step();
    assert_eq!(stepper.stats().running, 0);
    let (too_large, _events) = writer(&[1], 161, &Sampling::default(), 2);
    assert!(matches!(stepper.submit(too_large), Err(EngineError::InvalidRequest(why)) if why.contains("memory")));
    let (largest, _events) = writer(&[1], 160, &Sampling::default(), 2);
    stepper.submit(largest).unwrap();
}

#[test]
fn a_cancellation_frees_within_one_step() {
    let (mut stepper, _) = stepper(16, 4, 4);
    let producing = stepper.start(&[ENDLESS], 16);
    stepper.step();
    let reading = stepper.start(&[3; 200], 1);
    let waiting = stepper.start(&[4; 100], 1);
    stepper.step();
    assert_eq!((stepper.stats().running, stepper.stats().waiting), (2, 1));
    drop((reading, producing, waiting));
    stepper.step();
    let stats = stepper.stats();
    assert_eq!((stats.running, stats.waiting, stats.kv_blocks_used), (0, 0, 0));
}

#[test]
fn a_reader_that_does_not_read_pauses_only_its_own_text() {
    let (mut stepper, steps) = stepper(64, 4, 4);
    let (lazy, mut lazy_events) = writer(&[ENDLESS, 1], 50, &Sampling::default(), 2);
    stepper.submit(lazy).unwrap();
    stepper.run();
    // Two pieces lie in the channel, a third is held.
    assert_eq!(steps.lock().len(), 3);
    let mut other = stepper.start(&[ENDLESS, 2], 100);
    stepper.run();
    assert!(drain(&mut other).1);
    assert_eq!(stepper.stats().running, 1, "it keeps its place");
    let mut pieces = 0;
    for _ in 0..100 {
        pieces += drain(&mut lazy_events).0.len();
        stepper.step();
    }
    assert_eq!(pieces, 51, "all of it, and the last event");
}
