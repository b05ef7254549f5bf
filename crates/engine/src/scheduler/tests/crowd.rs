//! Many more requests than there is memory for.

use super::{
    fake::Fake,
    stepper::{drain, limits, writer, Stepper},
};
use crate::api::{GenerationEvent, Sampling};

const REQUESTS: usize = 200;
const MAX_TOKENS: u32 = 24;
/// Tokens of a request: five blocks with its answer.
const PROMPT: usize = 50;
/// Room for sixteen.
const BLOCKS: usize = 16 * 5;

#[test]
fn two_hundred_requests_with_memory_for_sixteen_all_finish() {
    let mut stepper = Stepper::new(Box::new(Fake::new(BLOCKS)), limits(32, REQUESTS));
    // Sampled, so that some end early; each begins in its own way, so that none is helped by another.
    let mut streams: Vec<_> = (0..REQUESTS)
        .map(|number| {
            let sampling = Sampling::drawn(number as u64);
            let prompt: Vec<u32> =
                (0..PROMPT).map(|at| 1 + ((number >> (at % 8)) as u32 * 7 + at as u32) % 100).collect();
            let (spec, events) = writer(&prompt, MAX_TOKENS, &sampling, 64);
            stepper.submit(spec).unwrap();
            (events, None::<usize>, 0, false)
        })
        .collect();
    let (mut step, mut longest_gap, mut most_used, mut most_running) = (0, 0, 0, 0);
    while streams.iter().any(|(.., is_done)| !is_done) {
        assert!(step < 10_000, "some wait for ever");
        stepper.step();
        step += 1;
        let stats = stepper.stats();
        most_used = most_used.max(stats.kv_blocks_used);
        most_running = most_running.max(stats.running);
        assert!(stats.kv_blocks_used + stats.kv_blocks_cached <= BLOCKS);
        for (events, last_step, produced, is_done) in streams.iter_mut().filter(|(.., is_done)| !is_done) {
            let (events, done) = drain(events);
            if let (Some(last), false) = (*last_step, events.is_empty()) {
                longest_gap = longest_gap.max(step - last);
            }
            if !events.is_empty() {
                *last_step = Some(step);
            }
            for event in &events {
                match event {
                    GenerationEvent::Piece { tokens, .. } => *produced += tokens,
                    GenerationEvent::Done { completion_tokens, .. } => assert_eq!(*completion_tokens, *produced),
                    GenerationEvent::Failed(error) => panic!("{error}"),
                }
            }
            *is_done = done;
        }
    }
    println!(
        "{REQUESTS} requests in {step} steps; at most {most_running} at once and {most_used} of {BLOCKS} blocks used; \
         longest gap of a stream: {longest_gap} steps"
    );
    assert_eq!(longest_gap, 1, "once it has begun, a stream says something in every step");
    assert!(most_running >= 16);
}
