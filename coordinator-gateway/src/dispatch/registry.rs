//! Who is linked, who can take a task, and who waits.
//!
//! All of it is behind one lock that is held for microseconds and never across an await. Whatever frees a slot or adds
//! a miner also hands out slots to those who wait, in the order of their arrival.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use cuckoo_chain_client::MarketView;
use cuckoo_primitives::{task::selection_seed, AccountId, Hash, Role};
use cuckoo_wire::link::ModelKind;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::{
    draw::draw,
    failure::{Blame, DispatchError},
    member::Conduct,
    miners::{MinerCounts, MinerReport},
    pool::{ModelSummary, Pools, Waiter},
    task::AttemptId,
};
use crate::{
    link::{Link, Offer, OfferedModel},
    standing::{standing, Unfit},
};

pub(super) use super::member::{Member, PassedOver};

/// Public key of an operator.
pub(super) type OperatorId = [u8; 32];

/// A link on which a task has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tried {
    pub(super) operator: OperatorId,
    pub(super) serial: u64,
}

/// The linked miners.
pub(crate) struct Registry {
    genesis: Hash,
    max_queue: usize,
    inner: Mutex<Inner>,
}

struct Inner {
    finalised: Hash,
    members: HashMap<OperatorId, Member>,
    /// Of every miner that has been linked since the start. Only registered miners get this far, so it is bounded.
    conducts: HashMap<OperatorId, Conduct>,
    pools: Pools,
}

/// How a link comes to an end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Departure {
    /// By itself.
    Lost,
    /// Because the miner may not work any more.
    CutOff,
}

/// What a task asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Want<'a> {
    pub(super) id: AttemptId,
    pub(super) model: &'a str,
    pub(super) kind: ModelKind,
}

/// A slot, or a place in the queue for one.
pub(super) enum Acquired {
    Now(Slot),
    Later(oneshot::Receiver<Result<Slot, DispatchError>>),
}

impl Registry {
    pub(crate) fn new(genesis: Hash, finalised: Hash, max_queue: usize) -> Arc<Self> {
        let inner = Inner { finalised, members: HashMap::new(), conducts: HashMap::new(), pools: Pools::default() };
        Arc::new(Self { genesis, max_queue, inner: Mutex::new(inner) })
    }

    /// Lets a miner in that has proven its key; returns the link that it replaces.
    pub(crate) fn admit(self: &Arc<Self>, link: Arc<Link>, backing: u128) -> Option<Arc<Link>> {
        let id = link.operator_id();
        let mut inner = self.inner.lock();
        let replaced = inner.take_out(&id, Departure::Lost);
        let conduct = inner.conducts.entry(id).or_default().clone();
        inner.members.insert(id, Member::new(link, backing, conduct));
        replaced.map(|member| member.link)
    }

    /// Takes a link out whose stream has ended.
    pub(crate) fn remove(self: &Arc<Self>, link: &Link) {
        let id = link.operator_id();
        let mut inner = self.inner.lock();
        if inner.is_current(&id, link.serial()) {
            inner.take_out(&id, Departure::Lost);
        }
    }

    /// What a miner offers from now on.
    pub(crate) fn set_offer(self: &Arc<Self>, link: &Link, offer: Offer) {
        let id = link.operator_id();
        let mut inner = self.inner.lock();
        if !inner.is_current(&id, link.serial()) {
            return;
        }
        inner.leave_pools(&id);
        let Some(member) = inner.members.get_mut(&id) else { return };
        member.offer = Arc::new(offer);
        inner.join_pools(&id);
        inner.update(self, &id);
    }

    /// A miner takes no new tasks.
    pub(crate) fn set_closing(self: &Arc<Self>, link: &Link) {
        let id = link.operator_id();
        let mut inner = self.inner.lock();
        if inner.is_current(&id, link.serial()) {
            inner.members.get_mut(&id).into_iter().for_each(|member| member.closing = true);
            inner.update(self, &id);
        }
    }

    /// Follows a new finalised block; returns the links whose miners may not work any more, already taken out.
    pub(crate) fn apply_view(self: &Arc<Self>, view: &MarketView) -> Vec<(Arc<Link>, Unfit)> {
        let mut inner = self.inner.lock();
        inner.finalised = view.hash;
        let mut cut_off = Vec::new();
        for id in inner.members.keys().copied().collect::<Vec<_>>() {
            match standing(view, &AccountId::from(id), Role::Miner) {
                Ok(candidate) => inner.set_backing(&id, candidate.backing),
                Err(unfit) => cut_off.extend(inner.take_out(&id, Departure::CutOff).map(|member| (member.link, unfit))),
            }
        }
        cut_off
    }

    /// Draws a miner for a task, or queues it. A task that has been tried before goes first.
    pub(super) fn acquire(self: &Arc<Self>, want: Want<'_>, tried: &[Tried]) -> Result<Acquired, DispatchError> {
        let mut inner = self.inner.lock();
        let Some(pool) = inner.pools.get(want.model, want.kind) else {
            return Err(inner.unknown_model(want));
        };
        let queue_is_empty = pool.waiters.is_empty();
        if queue_is_empty || !tried.is_empty() {
            if let Some(slot) = inner.draw(self, want, tried) {
                return Ok(Acquired::Now(slot));
            }
        }
        inner.check_hope(want, tried)?;
        let (grant, granted) = oneshot::channel();
        let waiter = Waiter { id: want.id, tried: tried.to_vec(), grant };
        if let Some(pool) = inner.pools.get(want.model, want.kind) {
            // Clients that have gone leave their places behind; as many as may wait are too many.
            if pool.waiters.len() >= self.max_queue.saturating_mul(2) {
                pool.waiters.retain(|waiter| !waiter.grant.is_closed());
            }
            if tried.is_empty() {
                pool.waiters.push_back(waiter);
            } else {
                pool.waiters.push_front(waiter);
            }
        }
        // Those ahead may be waiting for others than the miners that are free.
        inner.serve_waiters(self, want.model, want.kind);
        Ok(Acquired::Later(granted))
    }

    /// An attempt ended with a good receipt.
    pub(super) fn succeeded(&self, tried: Tried) {
        let mut inner = self.inner.lock();
        if inner.is_current(&tried.operator, tried.serial) {
            inner.members.get_mut(&tried.operator).into_iter().for_each(Member::succeeded);
        }
    }

    /// An attempt failed.
    pub(super) fn failed(self: &Arc<Self>, tried: Tried, blame: Blame) {
        let mut inner = self.inner.lock();
        if !inner.is_current(&tried.operator, tried.serial) {
            return;
        }
        let Some(member) = inner.members.get_mut(&tried.operator) else { return };
        let pause = match blame {
            Blame::Nobody => None,
            Blame::Busy => Some(member.said_busy()),
            Blame::Leaving => {
                member.closing = true;
                None
            }
            Blame::Miner => member.failed(),
        };
        inner.update(self, &tried.operator);
        drop(inner);
        if let Some(pause) = pause {
            self.wake_after(tried.operator, pause);
        }
    }

    fn wake_after(self: &Arc<Self>, id: OperatorId, pause: Duration) {
        let registry: Weak<Self> = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            if let Some(registry) = registry.upgrade() {
                registry.inner.lock().update(&registry, &id);
            }
        });
    }

    fn release(self: &Arc<Self>, id: &OperatorId, serial: u64) {
        let mut inner = self.inner.lock();
        if inner.is_current(id, serial) {
            inner.members.get_mut(id).into_iter().for_each(|member| {
                member.in_flight = member.in_flight.saturating_sub(1);
            });
            inner.update(self, id);
        }
    }

    /// Models that linked miners offer.
    pub(crate) fn models(&self) -> Vec<ModelSummary> {
        self.inner.lock().pools.summaries()
    }

    /// Linked miners.
    pub(crate) fn miners(&self) -> Vec<MinerReport> {
        let inner = self.inner.lock();
        let report = |member: &Member| MinerReport {
            operator: member.link.operator().clone(),
            models: member.offer.models.iter().map(|model| model.id.clone()).collect(),
            agent: member.offer.agent.clone(),
            slots: member.offer.slots,
            free_slots: member.offer.slots.saturating_sub(member.in_flight),
            unavailable: member.unavailable(),
            linked_for: member.link.since().elapsed(),
        };
        inner.members.values().map(report).collect()
    }

    /// What a miner has done since the gateway started.
    pub(crate) fn counts(&self, operator: &AccountId) -> MinerCounts {
        let id: &OperatorId = operator.as_ref();
        self.inner.lock().conducts.get(id).map(|conduct| conduct.record.counts()).unwrap_or_default()
    }

    /// Linked miners and tasks that run on them.
    pub(crate) fn load(&self) -> (usize, u64) {
        let inner = self.inner.lock();
        (inner.members.len(), inner.members.values().map(|member| u64::from(member.in_flight)).sum())
    }

    /// All links, for closing them.
    pub(crate) fn links(&self) -> Vec<Arc<Link>> {
        self.inner.lock().members.values().map(|member| member.link.clone()).collect()
    }
}

impl Inner {
    fn is_current(&self, id: &OperatorId, serial: u64) -> bool {
        self.members.get(id).is_some_and(|member| member.link.serial() == serial)
    }

    /// Ends a membership; those who wait for nobody else are told.
    fn take_out(&mut self, id: &OperatorId, departure: Departure) -> Option<Member> {
        self.leave_pools(id);
        let mut member = self.members.remove(id)?;
        // One failure, however many tasks were lost with the link.
        if departure == Departure::Lost && member.in_flight > 0 && !member.closing {
            member.failed();
        }
        self.conducts.insert(*id, member.conduct.clone());
        for model in &member.offer.models {
            let Some(pool) = self.pools.get(&model.id, model.kind) else { continue };
            if !pool.members.is_empty() {
                continue;
            }
            for waiter in pool.waiters.drain(..) {
                let reason = format!("the last miner that served '{}' has left", model.id);
                drop(waiter.grant.send(Err(DispatchError::NoMiner { reason })));
            }
        }
        Some(member)
    }

    fn leave_pools(&mut self, id: &OperatorId) {
        let Some(member) = self.members.get(id) else { return };
        for model in &member.offer.models {
            if let Some(pool) = self.pools.get(&model.id, model.kind) {
                pool.members.remove(id);
                pool.available.remove(id);
                pool.table = None;
            }
        }
    }

    fn join_pools(&mut self, id: &OperatorId) {
        let Some(member) = self.members.get(id) else { return };
        for model in &member.offer.models {
            let pool = self.pools.entry(&model.id, model.kind);
            pool.members.insert(*id, member.backing);
            pool.table = None;
        }
    }

    fn set_backing(&mut self, id: &OperatorId, backing: u128) {
        let Some(member) = self.members.get_mut(id) else { return };
        if member.backing != backing {
            member.backing = backing;
            self.join_pools(id);
        }
    }

    /// Brings a miner's availability up to date, and hands out what became free.
    fn update(&mut self, registry: &Arc<Registry>, id: &OperatorId) {
        let Some(member) = self.members.get(id) else { return };
        let available = member.unavailable().is_none();
        let offer = member.offer.clone();
        for model in &offer.models {
            let Some(pool) = self.pools.get(&model.id, model.kind) else { continue };
            if available {
                pool.available.insert(*id);
            } else {
                pool.available.remove(id);
            }
        }
        if available {
            offer.models.iter().for_each(|model| self.serve_waiters(registry, &model.id, model.kind));
        }
    }

    /// Hands out free slots in the order of arrival.
    fn serve_waiters(&mut self, registry: &Arc<Registry>, model: &str, kind: ModelKind) {
        let mut skipped = Vec::new();
        while let Some(pool) = self.pools.get(model, kind) {
            if pool.available.is_empty() {
                break;
            }
            let Some(waiter) = pool.waiters.pop_front() else { break };
            if waiter.grant.is_closed() {
                continue;
            }
            let want = Want { id: waiter.id, model, kind };
            let Some(slot) = self.draw(registry, want, &waiter.tried) else {
                // All that are free now have failed at this task; the next one may still use them.
                skipped.push(waiter);
                continue;
            };
            if let Err(Ok(unclaimed)) = waiter.grant.send(Ok(slot)) {
                self.put_back(unclaimed);
            }
        }
        if let Some(pool) = self.pools.get(model, kind) {
            skipped.into_iter().rev().for_each(|waiter| pool.waiters.push_front(waiter));
        }
    }

    fn draw(&mut self, registry: &Arc<Registry>, want: Want<'_>, tried: &[Tried]) -> Option<Slot> {
        let seed = selection_seed(&registry.genesis, &want.id.task, want.id.attempt, &self.finalised);
        let pool = self.pools.get(want.model, want.kind)?;
        let id = draw(pool, &self.members, &seed.0, tried)?;
        let member = self.members.get_mut(&id)?;
        let model = member.offer.models.iter().find(|model| model.id == want.model && model.kind == want.kind)?.clone();
        member.in_flight += 1;
        member.conduct.record.drawn();
        let link = member.link.clone();
        if member.unavailable().is_some() {
            let offer = member.offer.clone();
            for model in &offer.models {
                self.pools.get(&model.id, model.kind).into_iter().for_each(|pool| {
                    pool.available.remove(&id);
                });
            }
        }
        Some(Slot { registry: registry.clone(), link, model, held: true })
    }

    /// Takes back a slot that was never used. Dropping it here would lock twice.
    fn put_back(&mut self, mut slot: Slot) {
        slot.held = false;
        let id = slot.link.operator_id();
        if let Some(member) = self.members.get_mut(&id) {
            member.in_flight = member.in_flight.saturating_sub(1);
            if member.unavailable().is_none() {
                let offer = member.offer.clone();
                for model in &offer.models {
                    self.pools.get(&model.id, model.kind).into_iter().for_each(|pool| {
                        pool.available.insert(id);
                    });
                }
            }
        }
    }

    /// Whether waiting can help at all.
    fn check_hope(&mut self, want: Want<'_>, tried: &[Tried]) -> Result<(), DispatchError> {
        let members = &self.members;
        let Some(pool) = self.pools.get(want.model, want.kind) else { return Err(self.unknown_model(want)) };
        if pool.members.is_empty() {
            let reason = format!("no miner that serves '{}' is linked", want.model);
            return Err(DispatchError::NoMiner { reason });
        }
        let hopeful = pool.members.keys().filter_map(|id| members.get(id).map(|member| (id, member)));
        let untried = |(id, member): (&OperatorId, &Member)| {
            let serial = member.link.serial();
            !member.closing && !tried.contains(&Tried { operator: *id, serial })
        };
        if hopeful.map(untried).any(|untried| untried) {
            return Ok(());
        }
        let reason =
            format!("all {} miner(s) that serve '{}' have failed at it or are leaving", pool.members.len(), want.model);
        Err(DispatchError::NoMiner { reason })
    }

    fn unknown_model(&self, want: Want<'_>) -> DispatchError {
        let model = want.model.to_owned();
        if self.pools.is_of_other_kind(want.model, want.kind) {
            return DispatchError::WrongKind { model };
        }
        let available = self.pools.summaries().into_iter().map(|summary| summary.id).collect();
        DispatchError::UnknownModel { model, available }
    }
}

/// The right to run one task on one miner; given back when dropped.
pub(crate) struct Slot {
    registry: Arc<Registry>,
    link: Arc<Link>,
    model: OfferedModel,
    held: bool,
}

impl Slot {
    /// Where the task goes.
    pub(crate) fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// The model as this miner offers it.
    pub(crate) fn model(&self) -> &OfferedModel {
        &self.model
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.held {
            self.registry.release(&self.link.operator_id(), self.link.serial());
        }
    }
}
