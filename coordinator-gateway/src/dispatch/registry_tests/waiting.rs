//! Who waits, for how long, and behind whom.

use super::*;

#[test]
fn slots_come_back_and_go_to_the_first_in_the_queue() {
    let registry = registry();
    let _link = link(&registry, 1, 1, 1);
    let slot = now(&registry, 0);
    let (mut first, mut second) = (later(&registry, 1), later(&registry, 2));
    drop(slot);
    let slot = first.try_recv().unwrap().unwrap();
    assert!(second.try_recv().is_err());
    // Who comes now does not overtake.
    let mut third = later(&registry, 3);
    drop(slot);
    drop(second.try_recv().unwrap().unwrap());
    drop(third.try_recv().unwrap().unwrap());
    assert_eq!(registry.load(), (1, 0));
}

#[test]
fn no_model_starves_another_that_the_same_miner_serves() {
    let registry = registry();
    let link = link(&registry, 1, 1, 1);
    registry.set_offer(&link, offer(&[MODEL, "other"], 1, Price::default()));
    let slot = now(&registry, 0);
    let other = Want { task: task("other", 0), ..want(1) };
    let Ok(Acquired::Later(mut other)) = registry.acquire(other, &[]) else { panic!() };
    let mut same = later(&registry, 2);
    drop(slot);
    assert!(same.try_recv().is_err());
    drop(other.try_recv().unwrap().unwrap());
    drop(same.try_recv().unwrap().unwrap());
}

#[test]
fn places_of_clients_that_have_gone_are_skipped() {
    let registry = registry();
    let _link = link(&registry, 1, 1, 1);
    let slot = now(&registry, 0);
    let gone = later(&registry, 1);
    let mut waiting = later(&registry, 2);
    drop(gone);
    drop(slot);
    drop(waiting.try_recv().unwrap().unwrap());
    // A slot that was granted but never taken out comes back too.
    let slot = now(&registry, 3);
    let granted = later(&registry, 4);
    drop(slot);
    drop(granted);
    assert_eq!(registry.load(), (1, 0));
}

#[test]
fn those_who_wait_are_told_when_nobody_will_serve_them() {
    let registry = registry();
    let first = link(&registry, 1, 1, 1);
    let _held = now(&registry, 0);
    let mut dropped = later(&registry, 1);
    registry.set_offer(&first, Offer { slots: 1, ..Offer::default() });
    assert!(matches!(dropped.try_recv().unwrap(), Err(DispatchError::NoMiner { .. })), "the model is withdrawn");

    let second = link(&registry, 2, 1, 1);
    let _held = now(&registry, 2);
    let mut leaving = later(&registry, 3);
    registry.set_closing(&second);
    assert!(matches!(leaving.try_recv().unwrap(), Err(DispatchError::NoMiner { .. })), "its last miner leaves");
}

#[test]
fn a_client_that_has_gone_gives_its_place_back() {
    let registry = registry();
    let _link = link(&registry, 1, 1, 1);
    let slot = now(&registry, 0);
    let task = task_of(&[0; 16], MODEL.into(), Work::Completion(Completion::default()), None, &Price::default());
    let Ok(Acquired::Later(_open)) = registry.acquire(Want { task: &task, ..want(1) }, &[]) else { panic!() };
    let mut waiting = later(&registry, 2);
    drop(task);
    drop(slot);
    drop(waiting.try_recv().unwrap().unwrap());
}

#[test]
fn those_who_wait_for_a_miner_that_is_busy_are_in_nobodys_way() {
    for crowd in [16, 40] {
        let (registry, [boasting, modest]) = boasting_and_modest();
        let key = key_with(&registry, 10);
        let Ok(Acquired::Now(mut slot)) = registry.acquire(of_key(0, key), &[]) else { panic!() };
        let mut crowd: Vec<_> = (1..=crowd).map(|number| waits(&registry, of_key(number, key))).collect();
        // Whoever can pay for the other is served by it at once.
        for number in 100..120 {
            assert_eq!(served_by(&registry, paid(number, 0)), boasting.serial());
        }
        // And all of the crowd are, one after the other.
        for _ in 0..crowd.len() {
            drop(slot);
            slot = crowd.iter_mut().find_map(|waiting| waiting.try_recv().ok()).unwrap().unwrap();
            assert_eq!(slot.link().serial(), modest.serial());
        }
    }
}

#[test]
fn those_who_wait_for_various_miners_are_asked_in_turns_until_all_have_been() {
    let (registry, [_boasting, modest]) = boasting_and_modest();
    let third = link(&registry, 3, 1, 1);
    registry.exposure.set_cover(third.operator(), 2_000_000_000);
    let key = key_with(&registry, 10);
    let [first, second] = [0, 1].map(|number| match registry.acquire(of_key(number, key), &[]) {
        Ok(Acquired::Now(slot)) => slot,
        _ => panic!("no slot"),
    });
    let (of_modest, _of_third) =
        if first.link().serial() == modest.serial() { (first, second) } else { (second, first) };
    // Forty have failed at the modest one, and wait for the third.
    let tried = [Tried::of(&modest)];
    let of_third = |number| match registry.acquire(of_key(number, key), &tried) {
        Ok(Acquired::Later(granted)) => granted,
        _ => panic!("not queued"),
    };
    let mut barred: Vec<_> = (10..50).map(of_third).collect();
    let mut waiting = waits(&registry, of_key(50, key));
    drop(of_modest);
    // One turn for the slot, and one for what the task might have cost.
    assert!(waiting.try_recv().is_err(), "so many are not asked in two turns");
    registry.serve_unasked();
    assert_eq!(waiting.try_recv().unwrap().unwrap().link().serial(), modest.serial());
    assert!(barred.iter_mut().all(|barred| barred.try_recv().is_err()));
}

#[test]
fn those_who_stand_aside_are_told_too_when_nobody_will_serve_them() {
    let (registry, [boasting, modest]) = boasting_and_modest();
    let key = key_with(&registry, 10);
    let _held = registry.acquire(of_key(0, key), &[]);
    let mut waiting = waits(&registry, of_key(1, key));
    registry.remove(&modest);
    assert!(waiting.try_recv().is_err(), "there is another");
    registry.set_closing(&boasting);
    assert!(matches!(waiting.try_recv().unwrap(), Err(DispatchError::NoMiner { .. })));
}

#[tokio::test]
async fn those_aside_are_asked_without_anything_else_happening() {
    let (registry, [_boasting, modest]) = boasting_and_modest();
    let stop = tokio_util::sync::CancellationToken::new();
    let asking = tokio::spawn(registry.clone().ask_those_aside(stop.clone()));
    let key = key_with(&registry, 10);
    let Ok(Acquired::Now(slot)) = registry.acquire(of_key(0, key), &[]) else { panic!() };
    let third = link(&registry, 3, 1, 1);
    registry.exposure.set_cover(third.operator(), 2_000_000_000);
    let Ok(Acquired::Now(_of_third)) = registry.acquire(of_key(1, key), &[]) else { panic!() };
    let tried = [Tried::of(&modest)];
    let _barred: Vec<_> = (10..90).map(|number| registry.acquire(of_key(number, key), &tried)).collect();
    let waiting = waits(&registry, of_key(90, key));
    drop(slot);
    let granted = tokio::time::timeout(std::time::Duration::from_secs(10), waiting).await;
    assert_eq!(granted.expect("its turn comes").unwrap().unwrap().link().serial(), modest.serial());
    stop.cancel();
    asking.await.unwrap();
}
