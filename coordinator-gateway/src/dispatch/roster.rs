//! What the registry's lock guards: members, pools, and the handing out of slots.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use cuckoo_primitives::{task::selection_seed, Hash};
use cuckoo_wire::link::ModelKind;

use super::{
    draw::draw,
    failure::DispatchError,
    member::{Conduct, Member},
    pool::{Pools, Waiter},
    registry::{OperatorId, Registry, Slot, Tried, Want},
};
use crate::link::{Offer, OfferedModel};

/// Who is linked, who can take a task, and who waits; what the registry's lock guards.
pub(super) struct Roster {
    pub(super) finalised: Hash,
    pub(super) members: HashMap<OperatorId, Member>,
    /// Of every miner that has been linked since the start. Only registered miners get this far, so it is bounded.
    pub(super) conducts: HashMap<OperatorId, Conduct>,
    pub(super) pools: Pools,
    pub(super) waiters_so_far: u64,
}

/// How a link comes to an end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Departure {
    /// By itself.
    Lost,
    /// For a newer link of the same miner, so those who wait for it go on waiting.
    Replaced,
    /// Because the miner may not work any more.
    CutOff,
}

impl Roster {
    pub(super) fn new(finalised: Hash) -> Self {
        Self {
            finalised,
            members: HashMap::new(),
            conducts: HashMap::new(),
            pools: Pools::default(),
            waiters_so_far: 0,
        }
    }

    pub(super) fn is_current(&self, id: &OperatorId, serial: u64) -> bool {
        self.members.get(id).is_some_and(|member| member.link.serial() == serial)
    }

    /// Ends a membership; those who wait for nobody else are told, unless the miner is back already.
    pub(super) fn take_out(&mut self, id: &OperatorId, departure: Departure) -> Option<Member> {
        self.leave_pools(id);
        let mut member = self.members.remove(id)?;
        // One failure, however many tasks were lost with the link.
        if departure != Departure::CutOff && member.in_flight > 0 && !member.closing {
            member.failed();
        }
        self.conducts.insert(*id, member.conduct.clone());
        if departure != Departure::Replaced {
            self.dismiss_hopeless(&member.offer);
        }
        Some(member)
    }

    /// Tells those who wait for models of `offer` when none of the miners that are left can ever serve them.
    pub(super) fn dismiss_hopeless(&mut self, offer: &Offer) {
        for model in &offer.models {
            let members = &self.members;
            let Some(pool) = self.pools.get(&model.id, model.kind) else { continue };
            let left: Vec<Tried> = pool
                .members
                .keys()
                .filter_map(|id| members.get(id).filter(|member| !member.closing).map(|member| (id, member)))
                .map(|(id, member)| Tried { operator: *id, serial: member.link.serial() })
                .collect();
            let has_hope = |waiter: &Waiter| match waiter.tried.is_empty() {
                true => !left.is_empty(),
                false => left.iter().any(|miner| !waiter.tried.contains(miner)),
            };
            let (hopeful, hopeless): (VecDeque<_>, VecDeque<_>) =
                std::mem::take(&mut pool.waiters).into_iter().partition(has_hope);
            pool.waiters = hopeful;
            for Waiter { grant, .. } in hopeless {
                let reason = format!("the last miner that could serve '{}' has left", model.id);
                drop(grant.send(Err(DispatchError::NoMiner { reason })));
            }
        }
    }

    pub(super) fn leave_pools(&mut self, id: &OperatorId) {
        let Some(member) = self.members.get(id) else { return };
        for model in &member.offer.models {
            if let Some(pool) = self.pools.get(&model.id, model.kind) {
                pool.members.remove(id);
                pool.available.remove(id);
                pool.table = None;
            }
        }
    }

    pub(super) fn join_pools(&mut self, id: &OperatorId) {
        let Some(member) = self.members.get(id) else { return };
        for model in &member.offer.models {
            let pool = self.pools.entry(&model.id, model.kind);
            pool.members.insert(*id, member.backing);
            pool.table = None;
        }
    }

    pub(super) fn set_backing(&mut self, id: &OperatorId, backing: u128) {
        let Some(member) = self.members.get_mut(id) else { return };
        if member.backing != backing {
            member.backing = backing;
            self.join_pools(id);
        }
    }

    /// Brings a miner's availability up to date, and hands out what became free.
    pub(super) fn update(&mut self, registry: &Arc<Registry>, id: &OperatorId) {
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
            self.serve_waiters_of(registry, &offer);
        }
    }

    /// Hands out free slots of one model in the order of arrival.
    pub(super) fn serve_waiters(&mut self, registry: &Arc<Registry>, model: &str, kind: ModelKind) {
        while self.serve_one(registry, model, kind) {}
    }

    /// Hands out the free slots of a miner: of all models that it serves, to whoever came first.
    fn serve_waiters_of(&mut self, registry: &Arc<Registry>, offer: &Offer) {
        let mut open: Vec<&OfferedModel> = offer.models.iter().collect();
        loop {
            let fronts = open.iter().enumerate().filter_map(|(at, model)| {
                let pool = self.pools.get(&model.id, model.kind)?;
                Some((pool.waiters.front()?.number, at))
            });
            let Some((_, at)) = fronts.min() else { return };
            let model = open[at];
            if !self.serve_one(registry, &model.id, model.kind) {
                open.swap_remove(at);
            }
        }
    }

    /// Gives the first task that can have it a slot; whether there was one.
    fn serve_one(&mut self, registry: &Arc<Registry>, model: &str, kind: ModelKind) -> bool {
        let mut skipped = Vec::new();
        let mut served = false;
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
            match waiter.grant.send(Ok(slot)) {
                Err(Ok(unclaimed)) => self.put_back(unclaimed),
                _ => {
                    served = true;
                    break;
                }
            }
        }
        if let Some(pool) = self.pools.get(model, kind) {
            skipped.into_iter().rev().for_each(|waiter| pool.waiters.push_front(waiter));
        }
        served
    }

    pub(super) fn draw(&mut self, registry: &Arc<Registry>, want: Want<'_>, tried: &[Tried]) -> Option<Slot> {
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
    pub(super) fn check_hope(&mut self, want: Want<'_>, tried: &[Tried]) -> Result<(), DispatchError> {
        let members = &self.members;
        let Some(pool) = self.pools.get(want.model, want.kind) else { return Err(self.unknown_model(want)) };
        if pool.members.is_empty() {
            let reason = format!("no miner that serves '{}' is linked", want.model);
            return Err(DispatchError::NoMiner { reason });
        }
        let mut hopeful = pool.members.keys().filter_map(|id| members.get(id).map(|member| (id, member)));
        let untried = |(id, member): (&OperatorId, &Member)| {
            let serial = member.link.serial();
            !member.closing && !tried.contains(&Tried { operator: *id, serial })
        };
        if hopeful.any(untried) {
            return Ok(());
        }
        let reason =
            format!("all {} miner(s) that serve '{}' have failed at it or are leaving", pool.members.len(), want.model);
        Err(DispatchError::NoMiner { reason })
    }

    pub(super) fn unknown_model(&self, want: Want<'_>) -> DispatchError {
        let model = want.model.to_owned();
        if self.pools.is_of_other_kind(want.model, want.kind) {
            return DispatchError::WrongKind { model };
        }
        let available = self.pools.summaries().into_iter().map(|summary| summary.id).collect();
        DispatchError::UnknownModel { model, available }
    }
}
