//! What the registry's lock guards: members, pools, and the handing out of slots.

use std::{cell::Cell, collections::HashMap, sync::Arc};

use cuckoo_chain_client::Cai;
use cuckoo_primitives::{task::selection_seed, AccountId, Balance, Hash};
use cuckoo_wire::{charge, link::ModelKind};

use super::{
    draw::draw,
    failure::DispatchError,
    member::{Conduct, LinkId, Member, Operator},
    pool::Pools,
    queue::Waiter,
    registry::{is_alike, OperatorId, Registry, Slot, Tried, Want},
};
use crate::{
    auth::OverBudget,
    link::{Offer, OfferedModel},
    settle::{is_free, Prices, Unfunded},
};

/// Who is linked, who can take a task, and who waits; what the registry's lock guards.
pub(super) struct Roster {
    pub(super) finalised: Hash,
    pub(super) members: HashMap<LinkId, Member>,
    /// Those that have links.
    pub(super) operators: HashMap<OperatorId, Operator>,
    /// Of every miner that has been linked since the start. Only registered miners get this far, so it is bounded.
    /// By stash, so that another operator key is no new beginning.
    pub(super) conducts: HashMap<AccountId, Conduct>,
    pub(super) pools: Pools,
    pub(super) waiters_so_far: u64,
}

/// How a link comes to an end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Departure {
    /// By itself.
    Lost,
    /// For a newer link of the same channel, so those who wait for it go on waiting.
    Replaced,
    /// Because the miner may not work any more.
    CutOff,
}

impl Roster {
    pub(super) fn new(finalised: Hash) -> Self {
        Self {
            finalised,
            members: HashMap::new(),
            operators: HashMap::new(),
            conducts: HashMap::new(),
            pools: Pools::default(),
            waiters_so_far: 0,
        }
    }

    pub(super) fn is_current(&self, id: &LinkId, serial: u64) -> bool {
        self.members.get(id).is_some_and(|member| member.link.serial() == serial)
    }

    /// Ends a membership; those who wait for nobody else are told, unless the miner is back already.
    pub(super) fn take_out(&mut self, prices: &Prices, id: &LinkId, departure: Departure) -> Option<Member> {
        self.leave_pools(id);
        let member = self.members.remove(id)?;
        // One failure, however many tasks were lost with the link.
        if departure != Departure::CutOff && member.in_flight > 0 && !member.closing {
            member.failed();
        }
        let operator = member.link.operator_id();
        if let Some(others) = self.operators.get_mut(&operator) {
            others.links.retain(|link| link != id);
            match others.links.is_empty() {
                true => drop(self.operators.remove(&operator)),
                false => self.share_backing(prices, &operator),
            }
        }
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
            let left: Vec<(Tried, Option<&OfferedModel>)> = pool
                .members
                .keys()
                .filter_map(|id| members.get(id).filter(|member| !member.closing))
                .map(|member| (Tried::of(&member.link), member.model(&model.id, model.kind)))
                .collect();
            let is_hopeless = |waiter: &Waiter| {
                let may_help = |(miner, model): &(Tried, Option<&OfferedModel>)| {
                    !waiter.tried.contains(miner) && is_alike(waiter.alike.as_ref(), *model)
                };
                !left.iter().any(may_help)
            };
            for Waiter { grant, .. } in pool.queue.take_out(is_hopeless) {
                let reason = format!("the last miner that could serve '{}' has left", model.id);
                drop(grant.send(Err(DispatchError::NoMiner { reason })));
            }
        }
    }

    pub(super) fn leave_pools(&mut self, id: &LinkId) {
        let Some(member) = self.members.get(id) else { return };
        for model in &member.offer.models {
            if let Some(pool) = self.pools.get(&model.id, model.kind) {
                pool.members.remove(id);
                pool.available.remove(id);
                pool.table = None;
            }
        }
    }

    /// Enters a link for every model that is offered on it for what is paid.
    pub(super) fn join_pools(&mut self, prices: &Prices, id: &LinkId) {
        let Some(member) = self.members.get(id) else { return };
        for model in &member.offer.models {
            let pool = self.pools.entry(&model.id, model.kind);
            if prices.of(&model.id).meets(&model.ask) {
                pool.members.insert(*id, member.backing);
                pool.table = None;
            }
        }
    }

    /// What is behind an operator from now on.
    pub(super) fn set_backing(&mut self, prices: &Prices, operator: &OperatorId, backing: u128) {
        if let Some(linked) = self.operators.get_mut(operator) {
            linked.backing = backing;
            self.share_backing(prices, operator);
        }
    }

    /// Divides an operator's backing among its links.
    fn share_backing(&mut self, prices: &Prices, operator: &OperatorId) {
        let Some(Operator { backing, links }) = self.operators.get(operator) else { return };
        let each = backing.checked_div(links.len() as u128).unwrap_or(0);
        for id in links.clone() {
            let Some(member) = self.members.get_mut(&id) else { continue };
            if member.backing != each {
                member.backing = each;
                self.join_pools(prices, &id);
            }
        }
    }

    /// Notes in all its pools whether a link can take a task now.
    fn set_available(&mut self, id: &LinkId, offer: &Offer, available: bool) {
        for model in &offer.models {
            let Some(pool) = self.pools.get(&model.id, model.kind) else { continue };
            if available && pool.members.contains_key(id) {
                pool.available.insert(*id);
            } else {
                pool.available.remove(id);
            }
        }
    }

    /// Brings a link's availability up to date, and hands out what became free.
    pub(super) fn update(&mut self, registry: &Arc<Registry>, id: &LinkId) {
        let Some(member) = self.members.get(id) else { return };
        let available = member.unavailable().is_none();
        let offer = member.offer.clone();
        self.set_available(id, &offer, available);
        if available {
            self.serve_waiters_of(registry, &offer);
        }
    }

    /// The same for all links of an operator.
    pub(super) fn update_all(&mut self, registry: &Arc<Registry>, operator: &OperatorId) {
        let links = self.operators.get(operator).map(|operator| operator.links.clone()).unwrap_or_default();
        links.iter().for_each(|id| self.update(registry, id));
    }

    /// The same of a miner by its stash, whatever its operator.
    pub(super) fn update_stash(&mut self, registry: &Arc<Registry>, stash: &AccountId) {
        let links: Vec<LinkId> =
            self.members.iter().filter(|(_, member)| member.stash() == stash).map(|(id, _)| *id).collect();
        links.iter().for_each(|id| self.update(registry, id));
    }

    /// Hands out free slots of one model: to those aside that can use them, then in the order of arrival.
    pub(super) fn serve_waiters(&mut self, registry: &Arc<Registry>, model: &str, kind: ModelKind) {
        if let Some(pool) = self.pools.get(model, kind) {
            pool.queue.begin();
            self.serve_rest(registry, model, kind);
        }
    }

    /// The same with those aside who have not been asked yet.
    pub(super) fn serve_rest(&mut self, registry: &Arc<Registry>, model: &str, kind: ModelKind) {
        if let Some(pool) = self.pools.get(model, kind) {
            pool.queue.go_on();
            while self.serve_one(registry, model, kind) {}
            self.leave_rest(registry, model, kind);
        }
    }

    /// Hands out the free slots of a miner: of all models that it serves, to whoever came first.
    fn serve_waiters_of(&mut self, registry: &Arc<Registry>, offer: &Offer) {
        let mut open: Vec<&OfferedModel> = offer.models.iter().collect();
        for model in &open {
            self.pools.get(&model.id, model.kind).into_iter().for_each(|pool| pool.queue.begin());
        }
        loop {
            let fronts = open.iter().enumerate().filter_map(|(at, model)| {
                let pool = self.pools.get(&model.id, model.kind)?;
                Some((pool.queue.front()?, at))
            });
            let Some((_, at)) = fronts.min() else { break };
            let model = open[at];
            if !self.serve_one(registry, &model.id, model.kind) {
                open.swap_remove(at);
            }
        }
        for model in &offer.models {
            self.leave_rest(registry, &model.id, model.kind);
        }
    }

    /// Has those aside asked soon whose turn has not come, as this is enough for once.
    fn leave_rest(&mut self, registry: &Registry, model: &str, kind: ModelKind) {
        let rest = self.pools.get(model, kind).filter(|pool| pool.queue.has_unasked() && !pool.available.is_empty());
        if rest.is_some() {
            registry.has_unasked.notify_one();
        }
    }

    /// Gives the first task that can have it a slot; whether there was one.
    fn serve_one(&mut self, registry: &Arc<Registry>, model: &str, kind: ModelKind) -> bool {
        while let Some(pool) = self.pools.get(model, kind) {
            if pool.available.is_empty() {
                return false;
            }
            let Some(waiter) = pool.queue.next() else { return false };
            if waiter.grant.is_closed() {
                continue;
            }
            let Some(task) = waiter.task.upgrade() else { continue };
            let (key, alike) = (waiter.key.clone(), waiter.alike.clone());
            let (id, price) = (waiter.id, waiter.price);
            let want = Want { id, kind, task: &task, price, key: key.as_ref(), alike: alike.as_ref() };
            let Some(slot) = self.draw(registry, want, &waiter.tried) else {
                self.pass_over(registry, want, waiter);
                continue;
            };
            match waiter.grant.send(Ok(slot)) {
                Err(Ok(unclaimed)) => self.put_back(unclaimed),
                _ => return true,
            }
        }
        false
    }

    /// None of those that are free can have this task, which another one may: the next in the queue may still use them.
    fn pass_over(&mut self, registry: &Registry, want: Want<'_>, waiter: Waiter) {
        // What its client could still spend when it came may be spent by now.
        if let Err(over @ DispatchError::OverBudget(_)) = self.check_hope(registry, want, &waiter.tried) {
            drop(waiter.grant.send(Err(over)));
        } else if let Some(pool) = self.pools.get(want.model(), want.kind) {
            pool.queue.stand_aside(waiter);
        }
    }

    pub(super) fn draw(&mut self, registry: &Arc<Registry>, want: Want<'_>, tried: &[Tried]) -> Option<Slot> {
        let seed = selection_seed(&registry.genesis, &want.id.task, want.id.attempt, &self.finalised);
        let pool = self.pools.get(want.model(), want.kind)?;
        let affordable = registry.budgets.left(want.key);
        let headrooms = registry.exposure.headrooms();
        let ceilings = Ceilings::of(want);
        let is_covered = |member: &Member| headrooms.covers(member.stash(), ceilings.on(member), affordable);
        let id = draw(pool, &self.members, &seed.0, tried, |member| want.is_met_by(member), is_covered)?;
        let member = self.members.get_mut(&id)?;
        let model = member.model(want.model(), want.kind)?.clone();
        let reserved = Some(headrooms.reserve(member.stash(), ceilings.on(member)));
        member.in_flight += 1;
        member.conduct.record.drawn();
        let link = member.link.clone();
        if member.unavailable().is_some() {
            let offer = member.offer.clone();
            self.set_available(&id, &offer, false);
        }
        Some(Slot { registry: registry.clone(), link, model, held: true, reserved })
    }

    /// Takes back a slot that was never used. Dropping it here would lock twice.
    fn put_back(&mut self, mut slot: Slot) {
        slot.held = false;
        drop(slot.reserved.take());
        let id = slot.link.id();
        if let Some(member) = self.members.get_mut(&id) {
            member.in_flight = member.in_flight.saturating_sub(1);
            if member.unavailable().is_none() {
                let offer = member.offer.clone();
                self.set_available(&id, &offer, true);
            }
        }
    }

    /// Whether waiting can help at all.
    pub(super) fn check_hope(
        &mut self,
        registry: &Registry,
        want: Want<'_>,
        tried: &[Tried],
    ) -> Result<(), DispatchError> {
        let (members, model) = (&self.members, want.model());
        let Some(pool) = self.pools.get(model, want.kind) else { return Err(self.unknown_model(want)) };
        if pool.members.is_empty() {
            let reason = format!("no miner that serves '{model}' for what this gateway pays is linked");
            return Err(DispatchError::NoMiner { reason });
        }
        let may_help =
            |member: &&Member| !member.closing && !tried.contains(&Tried::of(&member.link)) && want.is_met_by(member);
        let mut hopeful = pool.members.keys().filter_map(|id| members.get(id)).filter(may_help).peekable();
        if hopeful.peek().is_none() {
            let linked = pool.members.len();
            let reason = match want.alike {
                None => format!("all {linked} miner(s) that serve '{model}' have failed at it or are leaving"),
                Some(_) => {
                    format!(
                        "no other of the {linked} miner(s) that serve '{model}' would go on with it in the same way"
                    )
                }
            };
            return Err(DispatchError::NoMiner { reason });
        }
        let affordable = registry.budgets.left(want.key);
        let (headrooms, ceilings) = (registry.exposure.headrooms(), Ceilings::of(want));
        let mut least = Balance::MAX;
        for member in hopeful {
            let ceiling = ceilings.on(member);
            if ceiling <= affordable && headrooms.could_cover(member.stash(), ceiling) {
                return Ok(());
            }
            least = least.min(ceiling);
        }
        if least > affordable {
            return Err(DispatchError::OverBudget(OverBudget::TooMuch { left: affordable, ceiling: least }));
        }
        let has_escrow = headrooms.has_escrow_for(least);
        drop(headrooms);
        if !has_escrow {
            return Err(DispatchError::Unfunded(Unfunded::TooMuch { ceiling: least }));
        }
        let reason = format!(
            "of the miners that serve '{model}' none is covered for a task that may cost {}, until they redeem what they \
             have; ask for fewer tokens (max_tokens)",
            Cai(least)
        );
        Err(DispatchError::NoMiner { reason })
    }

    pub(super) fn unknown_model(&self, want: Want<'_>) -> DispatchError {
        let model = want.model().to_owned();
        if self.pools.is_of_other_kind(want.model(), want.kind) {
            let kind = match want.kind {
                ModelKind::Embedding => ModelKind::Chat,
                ModelKind::Chat | ModelKind::Unspecified => ModelKind::Embedding,
            };
            return DispatchError::WrongKind { model, kind };
        }
        let available = self.pools.summaries().into_iter().map(|summary| summary.id).collect();
        DispatchError::UnknownModel { model, available }
    }
}

/// What a task may cost, which depends on the context that a miner has for it.
struct Ceilings<'a> {
    want: Want<'a>,
    /// Of the context that was asked for last: mostly all are the same.
    last: Cell<Option<(u32, Balance)>>,
}

impl<'a> Ceilings<'a> {
    fn of(want: Want<'a>) -> Self {
        Self { want, last: Cell::new(None) }
    }

    /// What it may cost on this miner, in planck.
    fn on(&self, member: &Member) -> Balance {
        if is_free(&self.want.price) {
            return 0;
        }
        let model = member.model(self.want.model(), self.want.kind);
        let context = model.map_or(0, |model| model.context_tokens);
        match self.last.get() {
            Some((of, ceiling)) if of == context => ceiling,
            _ => {
                let ceiling = self.want.price.cost(&charge::most(self.want.task, context));
                self.last.set(Some((context, ceiling)));
                ceiling
            }
        }
    }
}
