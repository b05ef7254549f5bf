//! What a task may cost, and what covers it.

use super::*;

#[test]
fn a_miner_that_asks_more_is_not_drawn_and_its_model_not_listed() {
    let registry = paying(1_000, 1_000);
    let dear = link(&registry, 1, 1_000_000, 9);
    registry.set_offer(&dear, offer(&[MODEL], 9, Price::new(0, 1_001, 0, 0).unwrap()));
    assert!(registry.models().is_empty());
    assert!(matches!(registry.acquire(paid(0, 1), &[]), Err(DispatchError::NoMiner { .. })));
    let fair = link(&registry, 2, 1, 9);
    registry.set_offer(&fair, offer(&[MODEL], 9, price()));
    for number in 0..9 {
        let Ok(Acquired::Now(slot)) = registry.acquire(paid(number, 1), &[]) else { panic!() };
        assert_eq!(slot.link().serial(), fair.serial());
    }
}

#[test]
fn a_miner_that_is_not_covered_is_passed_over() {
    let registry = paying(1_000, 1_000);
    let uncovered = link(&registry, 3, 1_000_000, 9);
    let covered = link(&registry, 1, 1, 9);
    for number in 0..9 {
        let Ok(Acquired::Now(slot)) = registry.acquire(paid(number, 10), &[]) else { panic!() };
        assert_eq!(slot.link().serial(), covered.serial());
    }
    let report = registry.report([uncovered.operator()].into_iter().map(|it| (it, it)));
    let (Some(link), Some(record)) = &report.each[0] else { panic!() };
    assert_eq!(link.headroom, 0);
    assert!(record.counts().passed_over_uncovered > 0);
    // What costs nothing needs no cover.
    let Ok(Acquired::Now(slot)) = registry.acquire(want(1), &[]) else { panic!() };
    assert_eq!(slot.link().serial(), uncovered.serial());
}

#[test]
fn a_context_that_a_client_cannot_afford_is_not_drawn() {
    let (registry, [boasting, modest]) = boasting_and_modest();
    let key = key_with(&registry, 10);
    let Ok(Acquired::Now(slot)) = registry.acquire(of_key(0, key), &[]) else { panic!() };
    assert_eq!(slot.link().serial(), modest.serial());
    let mut waiting = waits(&registry, of_key(1, key));
    drop(slot);
    assert_eq!(waiting.try_recv().unwrap().unwrap().link().serial(), modest.serial());
    key_with(&registry, 9);
    let Err(DispatchError::OverBudget(over)) = registry.acquire(of_key(2, key), &[]) else { panic!() };
    assert_eq!(over, OverBudget::TooMuch { left: 9, ceiling: 10 });
    key_with(&registry, 1_000_000);
    assert_eq!(served_by(&registry, of_key(3, key)), boasting.serial());
}

#[test]
fn a_waiting_task_goes_by_what_its_key_may_spend_when_it_is_handed_out() {
    let (registry, [boasting, _modest]) = boasting_and_modest();
    let key = key_with(&registry, 10);
    let Ok(Acquired::Now(held)) = registry.acquire(paid(0, 0), &[]) else { panic!() };
    assert_eq!(held.link().serial(), boasting.serial());
    let Ok(Acquired::Now(modest)) = registry.acquire(of_key(1, key), &[]) else { panic!() };
    let mut waiting = waits(&registry, of_key(2, key));
    key_with(&registry, 1_000_000);
    drop(held);
    assert_eq!(waiting.try_recv().unwrap().unwrap().link().serial(), boasting.serial(), "it may spend more by now");
    key_with(&registry, 10);
    let mut waiting = waits(&registry, of_key(3, key));
    key_with(&registry, 9);
    drop(modest);
    let Err(DispatchError::OverBudget(over)) = waiting.try_recv().unwrap() else { panic!() };
    assert_eq!(over, OverBudget::TooMuch { left: 9, ceiling: 10 }, "it may spend less");
}

#[test]
fn ceilings_are_set_aside_until_they_are_given_back() {
    let registry = paying(1_000, 15);
    let _link = link(&registry, 1, 1, 9);
    let Ok(Acquired::Now(mut slot)) = registry.acquire(paid(0, 10), &[]) else { panic!() };
    let Ok(Acquired::Later(mut waiting)) = registry.acquire(paid(1, 10), &[]) else { panic!() };
    let ceiling = slot.take_ceiling();
    drop(slot);
    assert!(waiting.try_recv().is_err(), "the slot is free, what it may cost is not");
    drop(ceiling);
    assert!(waiting.try_recv().unwrap().is_ok());
}

#[test]
fn who_can_never_be_covered_is_told_at_once() {
    let registry = paying(8, 1_000);
    let _link = link(&registry, 1, 1, 9);
    assert!(matches!(registry.acquire(paid(0, 9), &[]), Err(DispatchError::Unfunded(_))));
    assert!(matches!(registry.acquire(paid(0, 8), &[]), Ok(Acquired::Now(_))));
    let registry = paying(1_000, 8);
    let _link = link(&registry, 1, 1, 9);
    let Err(DispatchError::NoMiner { reason }) = registry.acquire(paid(0, 9), &[]) else { panic!() };
    assert!(reason.contains("max_tokens"), "{reason}");
}

#[test]
fn more_escrow_serves_those_who_wait_for_it() {
    let registry = paying(10, 1_000);
    let _links = [link(&registry, 1, 1, 9), link(&registry, 2, 1, 9)];
    let Ok(Acquired::Now(_slot)) = registry.acquire(paid(0, 10), &[]) else { panic!() };
    let Ok(Acquired::Later(mut waiting)) = registry.acquire(paid(1, 10), &[]) else { panic!() };
    registry.exposure.set_solvency(Solvency { escrow: 20, ..Default::default() });
    assert!(waiting.try_recv().is_err());
    registry.serve_uncovered();
    assert!(waiting.try_recv().unwrap().is_ok());
}

#[test]
fn a_slot_that_is_given_back_unused_gives_its_ceiling_back_too() {
    let registry = paying(10, 1_000);
    let _link = link(&registry, 1, 1, 9);
    let Ok(Acquired::Now(slot)) = registry.acquire(paid(0, 10), &[]) else { panic!() };
    let Ok(Acquired::Later(mut waiting)) = registry.acquire(paid(1, 10), &[]) else { panic!() };
    drop(slot);
    assert!(waiting.try_recv().unwrap().is_ok());
    assert_eq!(registry.exposure.report().reserved, 0, "once that is dropped as well");
}
