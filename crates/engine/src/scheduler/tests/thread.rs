//! The scheduler with its thread.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use super::{
    fake::{Fake, Steps, ENDLESS, SLOW},
    stepper::{limits, writer, Events},
};
use crate::{
    api::{EngineError, FinishReason, GenerationEvent, Sampling},
    scheduler::{Limits, Scheduler},
};

const WAIT: Duration = Duration::from_secs(20);

fn scheduler(limits: Limits) -> (Scheduler, Steps) {
    let fake = Fake::new(4096);
    let steps = fake.steps.clone();
    (Scheduler::start("fake", Box::new(fake), limits).unwrap(), steps)
}

fn start(scheduler: &Scheduler, prompt: &[u32], max_tokens: u32) -> Events {
    let (spec, events) = writer(prompt, max_tokens, &Sampling::default(), 1024);
    scheduler.reserve().unwrap().submit(spec).unwrap();
    events
}

/// All text, and the last event.
fn read(mut events: Events) -> (String, GenerationEvent) {
    let mut text = String::new();
    loop {
        match events.blocking_recv().expect("a last event") {
            GenerationEvent::Piece { text: piece, .. } => text.push_str(&piece),
            last => {
                assert_eq!(events.blocking_recv(), None, "nothing follows the last event");
                return (text, last);
            }
        }
    }
}

#[track_caller]
fn wait_until(condition: impl Fn() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < WAIT, "waited in vain");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_generation_ends_at_its_length() {
    let (scheduler, _) = scheduler(limits(1, 0));
    let (text, last) = read(start(&scheduler, &[ENDLESS, 11], 5));
    assert_eq!(text.len(), 5);
    let (finish, end) = (FinishReason::Length, None);
    let expected = GenerationEvent::Done { prompt_tokens: 2, completion_tokens: 5, finish, end };
    assert_eq!(last, expected);
}

#[test]
fn a_reader_that_goes_away_frees_the_slot() {
    let (scheduler, steps) = scheduler(limits(1, 0));
    let events = start(&scheduler, &[SLOW], 60_000);
    wait_until(|| !steps.lock().is_empty());
    assert_eq!(scheduler.stats().running, 1);
    drop(events);
    wait_until(|| scheduler.stats().running == 0);
    let count = steps.lock().len();
    thread::sleep(Duration::from_millis(20));
    assert_eq!(steps.lock().len(), count, "nothing is computed for nobody");
}

#[test]
fn more_than_running_and_waiting_are_refused() {
    let (scheduler, _) = scheduler(limits(1, 1));
    // Nobody reads, so it stays.
    let (spec, running) = writer(&[ENDLESS], 60_000, &Sampling::default(), 2);
    scheduler.reserve().unwrap().submit(spec).unwrap();
    let waiting = start(&scheduler, &[ENDLESS, 1], 1);
    assert!(matches!(scheduler.reserve(), Err(EngineError::Overloaded)));
    wait_until(|| scheduler.stats().waiting == 1);
    drop(waiting);
    assert_eq!(scheduler.stats().waiting, 0);
    let waiting = start(&scheduler, &[ENDLESS, 1], 1);
    drop(running);
    assert_eq!(read(waiting).0.len(), 1);
}

#[test]
fn a_reserved_place_counts_until_it_is_given_back() {
    let (scheduler, _) = scheduler(limits(1, 0));
    let place = scheduler.reserve().unwrap();
    assert!(matches!(scheduler.reserve(), Err(EngineError::Overloaded)));
    drop(place);
    scheduler.reserve().unwrap();
}

#[test]
fn slot_and_memory_are_free_when_the_last_event_arrives() {
    let (scheduler, _) = scheduler(limits(1, 0));
    for _ in 0..200 {
        read(start(&scheduler, &[ENDLESS], 1));
        assert_eq!(scheduler.stats().kv_blocks_used, 0);
    }
}

#[test]
fn a_text_that_is_behind_goes_on_when_its_reader_does() {
    let (scheduler, steps) = scheduler(limits(2, 0));
    let (lazy, events) = writer(&[ENDLESS], 50, &Sampling::default(), 2);
    scheduler.reserve().unwrap().submit(lazy).unwrap();
    wait_until(|| steps.lock().len() == 3);
    let (text, last) = read(events);
    assert_eq!(text.len(), 50);
    assert!(matches!(last, GenerationEvent::Done { completion_tokens: 50, .. }));
}

#[test]
fn dropping_the_scheduler_ends_what_runs_and_what_waits() {
    let (scheduler, steps) = scheduler(limits(1, 1));
    let running = start(&scheduler, &[SLOW], 60_000);
    let waiting = start(&scheduler, &[10], 1);
    wait_until(|| !steps.lock().is_empty());
    drop(scheduler);
    for events in [running, waiting] {
        assert!(matches!(read(events).1, GenerationEvent::Failed(EngineError::Internal(_))));
    }
    // The thread held the other references to the model.
    wait_until(|| Arc::strong_count(&steps) == 1);
}
