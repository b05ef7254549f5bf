use std::{collections::HashMap, sync::Arc};

use cuckoo_primitives::{
    settlement::{Price, Solvency},
    AccountId, Balance, Hash,
};
use cuckoo_wire::link::{task::Work, Completion, ModelKind, Sampling, Task};

use super::{
    continuation::Alike,
    failure::{Blame, DispatchError},
    registry::{Acquired, Registry, Slot, Tried, Want},
    task::{task_of, AttemptId},
};
use crate::{
    auth::OverBudget,
    link::{Link, Offer, OfferedModel},
    settle::{CaiPrice, Exposure, Prices},
};

const MODEL: &str = "m";

/// Nothing is paid.
fn registry() -> Arc<Registry> {
    let prices = Arc::new(Prices::default());
    Registry::new(Hash::repeat_byte(1), Hash::repeat_byte(2), 100, prices, Exposure::new([]), Arc::default())
}

/// Every token of an answer costs a planck, of the prompt nothing.
fn price() -> Price {
    Price::new(0, 1_000, 0, 0).unwrap()
}

/// With an escrow of so much; each of the miners 1 and 2 can be promised so much.
fn paying(escrow: Balance, each: Balance) -> Arc<Registry> {
    let exposure = Exposure::new([]);
    exposure.set_solvency(Solvency { escrow, ..Default::default() });
    [1, 2].into_iter().for_each(|id| exposure.set_cover(&AccountId::from([id; 32]), 2 * each));
    let prices = Arc::new(Prices::new(CaiPrice(price()), &[]));
    Registry::new(Hash::repeat_byte(1), Hash::repeat_byte(2), 100, prices, exposure, Arc::default())
}

fn link(registry: &Arc<Registry>, id: u8, backing: u128, slots: u32) -> Arc<Link> {
    link_of_channel(registry, id, 0, backing, slots)
}

fn link_of_channel(registry: &Arc<Registry>, id: u8, channel: u8, backing: u128, slots: u32) -> Arc<Link> {
    let link = Arc::new(Link::unheard(AccountId::from([id; 32]), channel));
    registry.admit(link.clone(), backing).unwrap();
    registry.set_offer(&link, offer(&[MODEL], slots, Price::default()));
    link
}

fn offer(models: &[&str], slots: u32, ask: Price) -> Offer {
    let model = |id: &&str| OfferedModel {
        id: (*id).into(),
        kind: ModelKind::Chat,
        model_root: Hash::zero(),
        context_tokens: 10,
        numeric_class: String::new(),
        ask,
    };
    Offer { models: models.iter().map(model).collect(), slots, agent: String::new() }
}

/// A task that never goes, as if its client waited for ever.
fn task(model: &str, max_tokens: u32) -> &'static Arc<Task> {
    let sampling = Some(Sampling { max_tokens, ..Default::default() });
    let work = Work::Completion(Completion { prompt: "x".into(), sampling, echo: false });
    Box::leak(Box::new(task_of(&[0; 16], model.into(), work, None, &price())))
}

fn want(number: u32) -> Want<'static> {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&number.to_le_bytes());
    let id = AttemptId { task: id, attempt: 0 };
    Want { id, kind: ModelKind::Chat, task: task(MODEL, 0), price: Price::default(), key: None, alike: None }
}

/// A task that may cost so many planck, 10 at most.
fn paid(number: u32, ceiling: u32) -> Want<'static> {
    Want { task: task(MODEL, ceiling), price: price(), ..want(number) }
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

/// For whoever goes on with what was begun by these files in this class.
fn want_alike(number: u32, alike: &'static Arc<Alike>) -> Want<'static> {
    Want { alike: Some(alike), ..want(number) }
}

/// Like who offers what everybody offers here, but for the class.
fn alike(numeric_class: &str) -> &'static Arc<Alike> {
    let model = offer(&[MODEL], 1, Price::default()).models.remove(0);
    Box::leak(Box::new(Arc::new(Alike::to(&OfferedModel { numeric_class: numeric_class.into(), ..model }))))
}

fn of_class(registry: &Arc<Registry>, id: u8, backing: u128, numeric_class: &str) -> Arc<Link> {
    let link = link(registry, id, backing, 1);
    let mut offer = offer(&[MODEL], 1, Price::default());
    offer.models.iter_mut().for_each(|model| model.numeric_class = numeric_class.into());
    registry.set_offer(&link, offer);
    link
}

#[test]
fn only_those_alike_go_on_with_what_was_begun() {
    let registry = registry();
    let _many: Vec<_> = (10..20).map(|id| of_class(&registry, id, 1_000_000, "cpu")).collect();
    let _alike = of_class(&registry, 1, 1, "gpu");
    let Ok(Acquired::Now(slot)) = registry.acquire(want_alike(1, alike("gpu")), &[]) else { panic!("no slot") };
    assert_eq!(slot.link().operator_id(), [1; 32]);
    let Err(DispatchError::NoMiner { reason }) = registry.acquire(want_alike(2, alike("tpu")), &[]).map(drop) else {
        panic!("nobody is")
    };
    assert!(reason.contains("go on"), "{reason}");
}

#[test]
fn those_alike_are_waited_for_while_they_are_there() {
    let registry = registry();
    let _other = of_class(&registry, 10, 1_000_000, "cpu");
    let link = of_class(&registry, 1, 1, "gpu");
    let waits = |number| match registry.acquire(want_alike(number, alike("gpu")), &[]) {
        Ok(Acquired::Later(granted)) => granted,
        _ => panic!("not queued"),
    };
    let Ok(Acquired::Now(slot)) = registry.acquire(want_alike(1, alike("gpu")), &[]) else { panic!("no slot") };
    let (mut served, mut left) = (waits(2), waits(3));
    assert!(served.try_recv().is_err(), "the other one is free, and not asked");
    drop(slot);
    let _slot = served.try_recv().unwrap().unwrap_or_else(|error| panic!("{error:?}"));
    registry.remove(&link);
    assert!(matches!(left.try_recv(), Ok(Err(DispatchError::NoMiner { .. }))));
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

/// Two miners with much behind them: one says that it has a long context, so that a task without a limit may cost 1,000,000
/// planck there, and has nearly all backing; on the other it costs 10 at most, and that has one slot.
fn boasting_and_modest() -> (Arc<Registry>, [Arc<Link>; 2]) {
    let registry = paying(1_000_000_000, 1_000_000_000);
    let boasting = link(&registry, 1, 1_000_000, 9);
    let mut longer = offer(&[MODEL], 9, Price::default());
    longer.models.iter_mut().for_each(|model| model.context_tokens = 1_000_000);
    registry.set_offer(&boasting, longer);
    let modest = link(&registry, 2, 1, 1);
    (registry, [boasting, modest])
}

/// A key that may spend so much, and no other may.
fn key_with(registry: &Registry, budget: Balance) -> &'static Arc<str> {
    registry.budgets.set_only("app", Some(budget));
    Box::leak(Box::new(Arc::<str>::from("app")))
}

/// A task without a limit, of this key.
fn of_key(number: u32, key: &'static Arc<str>) -> Want<'static> {
    Want { key: Some(key), ..paid(number, 0) }
}

type Granted = tokio::sync::oneshot::Receiver<Result<Slot, DispatchError>>;

fn waits(registry: &Arc<Registry>, want: Want<'_>) -> Granted {
    let Ok(Acquired::Later(mut granted)) = registry.acquire(want, &[]) else { panic!("not queued") };
    assert!(granted.try_recv().is_err());
    granted
}

fn served_by(registry: &Arc<Registry>, want: Want<'_>) -> u64 {
    let Ok(Acquired::Now(slot)) = registry.acquire(want, &[]) else { panic!("not served at once") };
    slot.link().serial()
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
fn a_miner_is_drawn_by_its_backing_however_many_links_it_has() {
    let registry = registry();
    let _one = link(&registry, 1, 300, 10_000);
    let many: Vec<_> = (0..4).map(|channel| link_of_channel(&registry, 2, channel, 100, 10_000)).collect();
    let mut drawn = HashMap::new();
    for task in 0..2_000 {
        *drawn.entry(now(&registry, task).link().id()).or_insert(0u32) += 1;
    }
    let of_many: Vec<u32> = many.iter().map(|link| drawn.get(&link.id()).copied().unwrap_or(0)).collect();
    // Expected 500, 125 on each; five standard deviations are 97 and 54.
    assert!((403..=597).contains(&of_many.iter().sum::<u32>()), "{of_many:?}");
    assert!(of_many.iter().all(|drawn| (71..=179).contains(drawn)), "{of_many:?}");
    let operators = [AccountId::from([1; 32]), AccountId::from([2; 32])];
    let report = registry.report(operators.iter().map(|it| (it, it)));
    assert_eq!((report.linked, report.linked_backing), (2, 400));
    let report = report.each[1].0.as_ref().unwrap();
    assert_eq!((report.backing, report.free_slots, report.offers.len()), (100, 40_000, 4));
    // Those that stay have the part of the one that leaves.
    registry.remove(&many[0]);
    drop(many);
    let report = registry.report(operators.iter().map(|it| (it, it)));
    assert_eq!((report.linked, report.linked_backing), (2, 400));
}

#[test]
fn a_newer_link_replaces_that_of_the_same_channel_and_no_other() {
    let registry = registry();
    let other = link_of_channel(&registry, 1, 0, 1, 1);
    let older = link_of_channel(&registry, 1, 1, 1, 1);
    let newer = Arc::new(Link::unheard(AccountId::from([1; 32]), 1));
    let replaced = registry.admit(newer.clone(), 1).unwrap().unwrap();
    assert_eq!(replaced.serial(), older.serial());
    registry.remove(&older);
    assert_eq!(registry.links().len(), 2, "an old link's end does not concern the new one");
    registry.remove(&newer);
    assert_eq!(registry.links()[0].serial(), other.serial());
}

#[test]
fn an_operator_has_so_many_links() {
    let registry = registry();
    let links: Vec<_> = (0..32).map(|channel| link_of_channel(&registry, 1, channel, 1, 1)).collect();
    let link = |channel| Arc::new(Link::unheard(AccountId::from([1; 32]), channel));
    assert!(registry.admit(link(32), 1).is_err());
    assert!(registry.admit(link(31), 1).unwrap().is_some(), "in the place of an older one there is room");
    registry.remove(&links[0]);
    assert!(registry.admit(link(32), 1).unwrap().is_none());
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

#[test]
fn the_end_of_a_lost_links_task_serves_those_who_wait_for_others() {
    let registry = paying(10, 1_000);
    let _links = [link(&registry, 1, 1, 9), link(&registry, 2, 1, 9)];
    let Ok(Acquired::Now(mut slot)) = registry.acquire(paid(0, 10), &[]) else { panic!() };
    let Ok(Acquired::Later(mut waiting)) = registry.acquire(paid(1, 10), &[]) else { panic!() };
    let lost = slot.link().clone();
    registry.remove(&lost);
    let ceiling = slot.take_ceiling();
    drop(slot);
    assert!(waiting.try_recv().is_err());
    drop(ceiling);
    assert_ne!(waiting.try_recv().unwrap().unwrap().link().serial(), lost.serial());
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
