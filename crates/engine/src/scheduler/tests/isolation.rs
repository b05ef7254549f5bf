//! What breaks breaks alone.

use super::{
    fake::{Fake, COMPUTES_NONSENSE, ENDLESS, FAILS, FAILS_IN_COMPANY, PANICS},
    stepper::{drain, limits, text, Stepper},
};
use crate::{
    api::{EngineError, FinishReason, GenerationEvent},
    compute::BLOCK_TOKENS,
    scheduler::plan::READ_ALONE,
};

fn stepper() -> Stepper {
    Stepper::new(Box::new(Fake::new(64)), limits(8, 8))
}

#[test]
fn a_panic_or_failure_ends_only_its_own_text() {
    let mut alone = stepper();
    let mut expected = alone.start(&[ENDLESS, 1], 20);
    alone.run();
    let expected = text(&drain(&mut expected).0);

    let mut stepper = stepper();
    let mut healthy = stepper.start(&[ENDLESS, 1], 20);
    stepper.step();
    for (token, reason) in [(PANICS, "panicked: as asked"), (FAILS, "as asked"), (COMPUTES_NONSENSE, "no number")] {
        let mut broken = stepper.start(&[1, 2, token], 5);
        stepper.step();
        let (events, is_done) = drain(&mut broken);
        let [GenerationEvent::Failed(EngineError::Internal(why))] = &events[..] else { panic!("{events:?}") };
        assert!(is_done && why.contains(reason), "{why}");
    }
    assert_eq!(stepper.stats().running, 1);
    stepper.run();
    let (events, _) = drain(&mut healthy);
    assert_eq!(text(&events), expected);
    assert!(matches!(events.last(), Some(GenerationEvent::Done { finish: FinishReason::Length, .. })));
}

#[test]
fn a_step_that_fails_only_as_a_whole_costs_nobody_anything() {
    let mut stepper = stepper();
    let mut texts = [stepper.start(&[ENDLESS, FAILS_IN_COMPANY], 5), stepper.start(&[ENDLESS, 2], 5)];
    stepper.run();
    for events in &mut texts {
        assert_eq!(text(&drain(events).0).len(), 5);
    }
}

#[test]
fn what_a_failed_text_left_of_earlier_steps_is_not_read_either() {
    let mut stepper = stepper();
    let beginning = vec![1; READ_ALONE];
    let _broken = stepper.start(&[beginning, vec![FAILS; 20]].concat(), 5);
    stepper.step();
    assert_eq!(stepper.stats().kv_blocks_used, READ_ALONE / BLOCK_TOKENS, "the first step went well");
    stepper.run();
    assert_eq!(stepper.stats().kv_blocks_cached, 0, "and may be what is wrong");
}

#[test]
fn what_a_failed_text_left_is_not_read_by_others() {
    let mut stepper = stepper();
    let beginning = vec![1; 40];
    let _broken = stepper.start(&[beginning.clone(), vec![FAILS; 20]].concat(), 5);
    // The whole prompt is one chunk, so nothing of it may be kept.
    stepper.run();
    assert_eq!(stepper.stats().kv_blocks_cached, 0);
    let mut next = stepper.start(&[beginning, vec![2]].concat(), 5);
    stepper.run();
    assert!(matches!(drain(&mut next).0.last(), Some(GenerationEvent::Done { .. })));
}
