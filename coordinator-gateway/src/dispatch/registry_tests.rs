use std::{collections::HashMap, sync::Arc};

use cuckoo_primitives::{AccountId, Hash};
use cuckoo_wire::link::ModelKind;

use super::{
    failure::{Blame, DispatchError},
    registry::{Acquired, Registry, Slot, Tried, Want},
    task::AttemptId,
};
use crate::link::{Link, Offer, OfferedModel};

const MODEL: &str = "m";

fn registry() -> Arc<Registry> {
    Registry::new(Hash::repeat_byte(1), Hash::repeat_byte(2), 100)
}

fn link(registry: &Arc<Registry>, id: u8, backing: u128, slots: u32) -> Arc<Link> {
    let link = Arc::new(Link::unheard(AccountId::from([id; 32])));
    registry.admit(link.clone(), backing);
    let model = OfferedModel {
        id: MODEL.into(),
        kind: ModelKind::Chat,
        model_root: Hash::zero(),
        context_tokens: 10,
        numeric_class: String::new(),
    };
    registry.set_offer(&link, Offer { models: vec![model], slots, agent: String::new() });
    link
}

fn want(task: u32) -> Want<'static> {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&task.to_le_bytes());
    Want { id: AttemptId { task: id, attempt: 0 }, model: MODEL, kind: ModelKind::Chat }
}

fn now(registry: &Arc<Registry>, task: u32) -> Slot {
    match registry.acquire(want(task), &[]) {
        Ok(Acquired::Now(slot)) => slot,
        _ => panic!("no slot"),
    }
}

fn later(registry: &Arc<Registry>, task: u32) -> tokio::sync::oneshot::Receiver<Result<Slot, DispatchError>> {
    match registry.acquire(want(task), &[]) {
        Ok(Acquired::Later(granted)) => granted,
        _ => panic!("not queued"),
    }
}

#[test]
fn shares_hold_among_those_that_are_free() {
    let registry = registry();
    // A giant that is busy, and so many idle ones without slots that the free ones are few.
    let _giant = link(&registry, 100, 1_000_000, 1);
    let _held = now(&registry, 1);
    let _links = [link(&registry, 1, 100, 10_000), link(&registry, 2, 300, 10_000)];
    for crowd in [0u8, 50] {
        let _crowd: Vec<_> = (0..crowd).map(|id| link(&registry, 101 + id, 10, 0)).collect();
        let mut drawn = HashMap::new();
        for task in 0..2_000 {
            *drawn.entry(now(&registry, task).link().operator_id()[0]).or_insert(0u32) += 1;
        }
        // Expected 1,500; five standard deviations are 97.
        assert!((1_403..=1_597).contains(&drawn[&2]), "{drawn:?}");
        assert_eq!(drawn.len(), 2);
    }
}

#[test]
fn equal_seeds_draw_equal_miners() {
    let draw = || {
        let registry = registry();
        let _links: Vec<_> = (0..20).map(|id| link(&registry, id, 1 + u128::from(id), 1)).collect();
        (0..10).map(|task| now(&registry, task).link().operator_id()).collect::<Vec<_>>()
    };
    assert_eq!(draw(), draw());
}

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
    let model = |id: &str| OfferedModel {
        id: id.into(),
        kind: ModelKind::Chat,
        model_root: Hash::zero(),
        context_tokens: 10,
        numeric_class: String::new(),
    };
    registry.set_offer(&link, Offer { models: vec![model(MODEL), model("other")], slots: 1, agent: String::new() });
    let slot = now(&registry, 0);
    let Ok(Acquired::Later(mut other)) = registry.acquire(Want { model: "other", ..want(1) }, &[]) else { panic!() };
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
fn a_task_does_not_return_to_a_link_on_which_it_failed() {
    let registry = registry();
    let first = link(&registry, 1, 1, 5);
    let tried = Tried { operator: first.operator_id(), serial: first.serial() };
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
    let tried = Tried { operator: first.operator_id(), serial: first.serial() };
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
    let tried = |link: &Link| Tried { operator: link.operator_id(), serial: link.serial() };
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

#[test]
fn those_who_wait_are_told_when_nobody_will_serve_them() {
    let registry = registry();
    let first = link(&registry, 1, 1, 1);
    let _held = now(&registry, 0);
    let mut dropped = later(&registry, 1);
    registry.set_offer(&first, Offer { models: Vec::new(), slots: 1, agent: String::new() });
    assert!(matches!(dropped.try_recv().unwrap(), Err(DispatchError::NoMiner { .. })), "the model is withdrawn");

    let second = link(&registry, 2, 1, 1);
    let _held = now(&registry, 2);
    let mut leaving = later(&registry, 3);
    registry.set_closing(&second);
    assert!(matches!(leaving.try_recv().unwrap(), Err(DispatchError::NoMiner { .. })), "its last miner leaves");
}

#[test]
fn models_and_their_kinds_are_known_by_offers() {
    let registry = registry();
    let error = |want: Want<'_>| registry.acquire(want, &[]).err().unwrap();
    assert!(matches!(error(want(0)), DispatchError::UnknownModel { .. }));
    let link = link(&registry, 1, 1, 1);
    let embedding = Want { kind: ModelKind::Embedding, ..want(0) };
    assert!(matches!(error(embedding), DispatchError::WrongKind { .. }));
    registry.remove(&link);
    assert!(matches!(error(want(0)), DispatchError::NoMiner { .. }));
    assert!(registry.models().is_empty());
}
