//! The registry, by what is asked of it; here the miners and tasks of its tests.

mod conduct;
mod cover;
mod draws;
mod links;
mod waiting;

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
    Offer { models: models.iter().map(model).collect(), slots, ..Offer::default() }
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
