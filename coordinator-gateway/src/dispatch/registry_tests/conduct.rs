//! Those that fail are left alone for a while.

use super::*;

#[test]
fn a_task_does_not_return_to_a_link_on_which_it_failed() {
    let registry = registry();
    let first = link(&registry, 1, 1, 5);
    let tried = Tried::of(&first);
    assert!(matches!(registry.acquire(want(0), &[tried]), Err(DispatchError::NoMiner { .. })));
    let _second = link(&registry, 2, 1, 5);
    for task in 0..20 {
        let Ok(Acquired::Now(slot)) = registry.acquire(want(task), &[tried]) else { panic!() };
        assert_eq!(slot.link().operator_id(), [2; 32]);
    }
    // A new link of the same miner is a new chance.
    let _again = link(&registry, 1, 1_000_000, 5);
    let Ok(Acquired::Now(slot)) = registry.acquire(want(1), &[tried]) else { panic!() };
    assert_eq!(slot.link().operator_id(), [1; 32]);
}

#[test]
fn one_that_has_failed_does_not_block_those_behind_it() {
    let registry = registry();
    let (first, _second) = (link(&registry, 1, 1, 1), link(&registry, 2, 1, 1));
    let held = [now(&registry, 0), now(&registry, 1)];
    let tried = Tried::of(&first);
    let Ok(Acquired::Later(mut picky)) = registry.acquire(want(2), &[tried]) else { panic!() };
    let mut waiting = later(&registry, 3);
    let [a, b] = held;
    let (of_first, of_second) = if a.link().operator_id() == [1; 32] { (a, b) } else { (b, a) };
    drop(of_first);
    assert!(picky.try_recv().is_err());
    let slot = waiting.try_recv().unwrap().unwrap();
    assert_eq!(slot.link().operator_id(), [1; 32]);
    drop(of_second);
    assert_eq!(picky.try_recv().unwrap().unwrap().link().operator_id(), [2; 32]);
}

#[tokio::test]
async fn suspensions_grow_survive_reconnecting_and_end() {
    let registry = registry();
    let first = link(&registry, 1, 1, 1);
    let tried = |link: &Link| Tried::of(link);
    for _ in 0..3 {
        registry.failed(tried(&first), Blame::Miner);
    }
    let mut waiting = later(&registry, 0);
    let again = link(&registry, 1, 1, 1);
    assert!(waiting.try_recv().is_err(), "a new link is no way to be forgiven");
    registry.failed(tried(&again), Blame::Miner);
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    assert!(waiting.try_recv().is_err(), "the second suspension is longer");
    tokio::time::sleep(std::time::Duration::from_millis(1_000)).await;
    assert!(waiting.try_recv().unwrap().is_ok());
}

#[tokio::test]
async fn a_suspension_that_lost_links_earned_ends_too() {
    let registry = registry();
    for task in 0..3 {
        let lost = link(&registry, 1, 1, 1);
        let _slot = now(&registry, task);
        registry.remove(&lost);
    }
    let _back = link(&registry, 1, 1, 1);
    let mut waiting = later(&registry, 3);
    assert!(waiting.try_recv().is_err(), "the third lost link suspends");
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    let slot = waiting.try_recv().unwrap().unwrap();
    drop(slot);
    drop(now(&registry, 4));
}

#[tokio::test]
async fn a_suspension_concerns_all_links_of_an_operator() {
    let registry = registry();
    let links = [link_of_channel(&registry, 1, 0, 2, 1), link_of_channel(&registry, 1, 1, 2, 1)];
    for link in links.iter().cycle().take(3) {
        registry.failed(Tried::of(link), Blame::Miner);
    }
    let (mut first, mut second) = (later(&registry, 0), later(&registry, 1));
    assert!(first.try_recv().is_err() && second.try_recv().is_err());
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    let slots = [first.try_recv().unwrap().unwrap(), second.try_recv().unwrap().unwrap()];
    assert_ne!(slots[0].link().serial(), slots[1].link().serial());
}
