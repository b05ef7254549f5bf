//! Who is linked, who can take a task, and who waits.
//!
//! All of it is behind one lock that is held for microseconds and never across an await; budgets and exposure may be looked
//! up under it, and never the other way round. Whatever frees a slot or adds a miner also hands out slots to those who wait,
//! see [`super::queue`].

use std::{
    collections::HashSet,
    sync::{Arc, Weak},
    time::Duration,
};

use async_trait::async_trait;
use cuckoo_chain_client::MarketView;
use cuckoo_primitives::{challenge::AttemptOf, commitment::Leaf, settlement::Price, AccountId, Balance, Hash};
use cuckoo_wire::link::{ModelKind, Task};
use parking_lot::Mutex;
use tokio::{
    sync::{oneshot, Notify},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{
    continuation::Alike,
    failure::{Blame, DispatchError},
    member::{LinkId, Member, MAX_LINKS_PER_OPERATOR},
    miners::{MarketReport, MinerReport},
    pool::ModelSummary,
    queue::{Queue, Waiter},
    roster::{Departure, Roster},
    task::AttemptId,
};
use crate::{
    audit::{Audited, Unopened},
    auth::Budgets,
    link::{of_same_stash, Link, Offer, OfferedModel},
    settle::{Exposure, Prices, Reserved},
    standing::Unfit,
};

/// Pause between the turns of those who stand aside, so that however many there are, others have the lock most of the time.
const TURN_PAUSE: Duration = Duration::from_millis(10);

/// Public key of an operator.
pub(super) type OperatorId = [u8; 32];

/// A link on which a task has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tried {
    pub(super) operator: OperatorId,
    link: LinkId,
    serial: u64,
}

impl Tried {
    pub(super) fn of(link: &Link) -> Self {
        Self { operator: link.operator_id(), link: link.id(), serial: link.serial() }
    }
}

/// An operator has as many links as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooManyLinks;

/// The linked miners.
pub(crate) struct Registry {
    pub(super) genesis: Hash,
    pub(super) prices: Arc<Prices>,
    pub(super) exposure: Arc<Exposure>,
    pub(super) budgets: Arc<Budgets>,
    /// Told when some of those who stand aside have not been asked, though somebody is free: they have their turn when
    /// others have had the lock.
    pub(super) has_unasked: Notify,
    max_queue: usize,
    roster: Mutex<Roster>,
}

/// What a task asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Want<'a> {
    pub(super) id: AttemptId,
    pub(super) kind: ModelKind,
    pub(super) task: &'a Arc<Task>,
    pub(super) price: Price,
    /// The client's key. What a task may cost hangs on the context that a miner says it has, so that none is drawn of those
    /// that say more than what is left of the key's budget pays for.
    pub(super) key: Option<&'a Arc<str>>,
    /// Who can go on with what has been begun; `None` if anybody may begin.
    pub(super) alike: Option<&'a Arc<Alike>>,
}

impl<'a> Want<'a> {
    /// The model.
    pub(super) fn model(&self) -> &'a str {
        &self.task.model
    }

    /// Whether who offers the model so may have the task.
    pub(super) fn is_met_by(&self, member: &Member) -> bool {
        is_alike(self.alike, member.model(self.model(), self.kind))
    }
}

/// A slot, or a place in the queue for one.
// It is taken apart where it is returned to, so its size costs nothing.
#[allow(clippy::large_enum_variant)]
pub(super) enum Acquired {
    Now(Slot),
    Later(oneshot::Receiver<Result<Slot, DispatchError>>),
}

impl Registry {
    pub(crate) fn new(
        genesis: Hash,
        finalised: Hash,
        max_queue: usize,
        prices: Arc<Prices>,
        exposure: Arc<Exposure>,
        budgets: Arc<Budgets>,
    ) -> Arc<Self> {
        let (has_unasked, roster) = (Notify::new(), Mutex::new(Roster::new(finalised)));
        Arc::new(Self { genesis, prices, exposure, budgets, has_unasked, max_queue, roster })
    }

    /// Whether a link like this may be let in: its operator has fewer than it may, or it replaces one of them.
    pub(crate) fn check_room(&self, link: &Link) -> Result<(), TooManyLinks> {
        check_room(&self.roster.lock(), link)
    }

    /// Lets a miner in that has proven its key; returns the link that it replaces.
    pub(crate) fn admit(self: &Arc<Self>, link: Arc<Link>, backing: u128) -> Result<Option<Arc<Link>>, TooManyLinks> {
        let (id, operator) = (link.id(), link.operator_id());
        let mut roster = self.roster.lock();
        check_room(&roster, &link)?;
        let replaced = roster.take_out(&self.prices, &id, Departure::Replaced);
        let conduct = roster.conducts.entry(link.channel().miner.clone()).or_default().clone();
        roster.members.insert(id, Member::new(link, conduct));
        roster.operators.entry(operator).or_default().links.push(id);
        roster.set_backing(&self.prices, &operator, backing);
        Ok(replaced.map(|member| member.link))
    }

    /// Takes a link out whose stream has ended.
    pub(crate) fn remove(self: &Arc<Self>, link: &Link) {
        let id = link.id();
        let mut roster = self.roster.lock();
        if roster.is_current(&id, link.serial()) {
            roster.take_out(&self.prices, &id, Departure::Lost);
        }
    }

    /// What a miner offers from now on.
    pub(crate) fn set_offer(self: &Arc<Self>, link: &Link, offer: Offer) {
        let id = link.id();
        let mut roster = self.roster.lock();
        if !roster.is_current(&id, link.serial()) {
            return;
        }
        roster.leave_pools(&id);
        let Some(member) = roster.members.get_mut(&id) else { return };
        let before = std::mem::replace(&mut member.offer, Arc::new(offer));
        // A suspension outlives links: one that a lost link earned has nobody yet who waits for its end.
        let watch = member.watch();
        roster.join_pools(&self.prices, &id);
        roster.update(self, &id);
        roster.dismiss_hopeless(&before);
        drop(roster);
        self.wake_at(&link.channel().miner, watch);
    }

    /// A miner takes no new tasks.
    pub(crate) fn set_closing(self: &Arc<Self>, link: &Link) {
        let id = link.id();
        let mut roster = self.roster.lock();
        if roster.is_current(&id, link.serial()) {
            let Some(member) = roster.members.get_mut(&id) else { return };
            member.closing = true;
            let offer = member.offer.clone();
            roster.update(self, &id);
            roster.dismiss_hopeless(&offer);
        }
    }

    /// Follows a new finalised block; returns the links whose miners may not work any more, already taken out.
    pub(crate) fn apply_view(self: &Arc<Self>, view: &MarketView) -> Vec<(Arc<Link>, Unfit)> {
        let mut roster = self.roster.lock();
        roster.finalised = view.hash;
        let mut cut_off = Vec::new();
        for id in roster.members.keys().copied().collect::<Vec<_>>() {
            let Some(member) = roster.members.get(&id) else { continue };
            match of_same_stash(view, &member.link) {
                Ok(candidate) => {
                    let operator = member.link.operator_id();
                    roster.set_backing(&self.prices, &operator, candidate.backing);
                }
                Err(unfit) => {
                    let member = roster.take_out(&self.prices, &id, Departure::CutOff);
                    cut_off.extend(member.map(|member| (member.link, unfit)));
                }
            }
        }
        cut_off
    }

    /// Draws a miner for a task, or queues it. A task that has been tried before goes first.
    pub(super) fn acquire(self: &Arc<Self>, want: Want<'_>, tried: &[Tried]) -> Result<Acquired, DispatchError> {
        let mut roster = self.roster.lock();
        let Some(pool) = roster.pools.get(want.model(), want.kind) else {
            return Err(roster.unknown_model(want));
        };
        let may_draw = pool.queue.is_line_empty() || !tried.is_empty();
        // Those who stand aside have been asked whether they can use what is free.
        if may_draw {
            if let Some(slot) = roster.draw(self, want, tried) {
                return Ok(Acquired::Now(slot));
            }
        }
        roster.check_hope(self, want, tried)?;
        let (grant, granted) = oneshot::channel();
        roster.waiters_so_far += 1;
        // What was tried before is older than all that wait, of any model.
        let number = if tried.is_empty() { roster.waiters_so_far } else { 0 };
        let Want { id, task, price, key, alike, .. } = want;
        let (task, tried, alike) = (Arc::downgrade(task), tried.to_vec(), alike.cloned());
        let waiter = Waiter { number, id, task, price, key: key.cloned(), tried, alike, is_aside: false, grant };
        let Some(pool) = roster.pools.get(want.model(), want.kind) else { return Ok(Acquired::Later(granted)) };
        // Clients that have gone leave their places behind; as many as may wait are too many.
        if pool.queue.len() >= self.max_queue.saturating_mul(2) {
            pool.queue.forget_gone();
        }
        if may_draw && !pool.available.is_empty() {
            pool.queue.stand_aside(waiter);
        } else {
            pool.queue.line_up(waiter);
            roster.serve_waiters(self, want.model(), want.kind);
        }
        Ok(Acquired::Later(granted))
    }

    /// An attempt ended with a good receipt.
    pub(super) fn succeeded(&self, tried: Tried) {
        let roster = self.roster.lock();
        if roster.is_current(&tried.link, tried.serial) {
            roster.members.get(&tried.link).into_iter().for_each(Member::succeeded);
        }
    }

    /// An attempt failed.
    pub(super) fn failed(self: &Arc<Self>, tried: Tried, blame: Blame) {
        let mut roster = self.roster.lock();
        if !roster.is_current(&tried.link, tried.serial) {
            return;
        }
        let Some(member) = roster.members.get_mut(&tried.link) else { return };
        match blame {
            Blame::Nobody => {}
            Blame::Busy => member.said_busy(),
            Blame::Leaving => member.closing = true,
            Blame::Miner => member.failed(),
        }
        let (stash, watch) = (member.stash().clone(), member.watch());
        let left = (blame == Blame::Leaving).then(|| member.offer.clone());
        roster.update_all(self, &tried.operator);
        left.into_iter().for_each(|offer| roster.dismiss_hopeless(&offer));
        drop(roster);
        self.wake_at(&stash, watch);
    }

    /// Looks at a miner again when its suspension is over, whatever links it has until then.
    fn wake_at(self: &Arc<Self>, stash: &AccountId, until: Option<Instant>) {
        let Some(until) = until else { return };
        let stash = stash.clone();
        let registry: Weak<Self> = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep_until(until).await;
            if let Some(registry) = registry.upgrade() {
                registry.roster.lock().update_stash(&registry, &stash);
            }
        });
    }

    fn release(self: &Arc<Self>, id: &LinkId, serial: u64) {
        let mut roster = self.roster.lock();
        if roster.is_current(id, serial) {
            roster.members.get_mut(id).into_iter().for_each(|member| {
                member.in_flight = member.in_flight.saturating_sub(1);
            });
            roster.update(self, id);
        }
    }

    /// More can be promised or spent than before, so that those may be served who wait for want of it, by whomever.
    pub(crate) fn serve_uncovered(self: &Arc<Self>) {
        if !self.exposure.take_pinched() {
            return;
        }
        let mut roster = self.roster.lock();
        for (model, kind) in roster.pools.waited_for(|queue| !queue.is_empty()) {
            roster.serve_waiters(self, &model, kind);
        }
    }

    /// Asks those who stand aside and have not been asked yet, some of them.
    pub(super) fn serve_unasked(self: &Arc<Self>) {
        let mut roster = self.roster.lock();
        for (model, kind) in roster.pools.waited_for(Queue::has_unasked) {
            roster.serve_rest(self, &model, kind);
        }
    }

    /// Asks all who stand aside whenever they may have what is free, some at a time, until `stop`.
    pub(crate) async fn ask_those_aside(self: Arc<Self>, stop: CancellationToken) {
        while stop.run_until_cancelled(self.has_unasked.notified()).await.is_some() {
            self.serve_unasked();
            tokio::time::sleep(TURN_PAUSE).await;
        }
    }

    /// Stashes of the linked miners, each once.
    pub(crate) fn stashes(&self) -> Vec<AccountId> {
        let roster = self.roster.lock();
        let stashes: HashSet<&AccountId> = roster.members.values().map(Member::stash).collect();
        stashes.into_iter().cloned().collect()
    }

    /// Models that linked miners offer for what is paid.
    pub(crate) fn models(&self) -> Vec<ModelSummary> {
        self.roster.lock().pools.summaries()
    }

    /// What is known of miners, by operator and stash, in their order.
    pub(crate) fn report<'a>(&self, miners: impl Iterator<Item = (&'a AccountId, &'a AccountId)>) -> MarketReport {
        let roster = self.roster.lock();
        let headrooms = self.exposure.headrooms();
        let of_one = |(operator, stash): (&AccountId, &AccountId)| {
            let id: &OperatorId = operator.as_ref();
            let record = roster.conducts.get(stash).map(|conduct| conduct.record.clone());
            let report = roster.operators.get(id).and_then(|operator| {
                let links = operator.links.iter().filter_map(|link| roster.members.get(link));
                MinerReport::of(operator.backing, links, &headrooms)
            });
            (report, record)
        };
        MarketReport {
            linked: roster.operators.len(),
            linked_backing: roster.operators.values().fold(0, |sum, operator| sum.saturating_add(operator.backing)),
            each: miners.map(of_one).collect(),
        }
    }

    /// Links and tasks that run on them.
    pub(crate) fn load(&self) -> (usize, u64) {
        let roster = self.roster.lock();
        (roster.members.len(), roster.members.values().map(|member| u64::from(member.in_flight)).sum())
    }

    /// The links of one miner.
    fn links_of(&self, operator: &AccountId) -> Vec<Arc<Link>> {
        let roster = self.roster.lock();
        let id: &OperatorId = operator.as_ref();
        let links = roster.operators.get(id).into_iter().flat_map(|operator| &operator.links);
        links.filter_map(|link| roster.members.get(link)).map(|member| member.link.clone()).collect()
    }

    /// All links, for closing them.
    pub(crate) fn links(&self) -> Vec<Arc<Link>> {
        self.roster.lock().members.values().map(|member| member.link.clone()).collect()
    }
}

/// Whether who offers this can go on with what has been begun.
pub(super) fn is_alike(alike: Option<&Arc<Alike>>, model: Option<&OfferedModel>) -> bool {
    alike.is_none_or(|alike| model.is_some_and(|model| alike.is(model)))
}

fn check_room(roster: &Roster, link: &Link) -> Result<(), TooManyLinks> {
    let links = roster.operators.get(&link.operator_id()).map_or(0, |operator| operator.links.len());
    match links < MAX_LINKS_PER_OPERATOR || roster.members.contains_key(&link.id()) {
        true => Ok(()),
        false => Err(TooManyLinks),
    }
}

/// The right to run one task on one miner; given back when dropped.
pub(crate) struct Slot {
    pub(super) registry: Arc<Registry>,
    pub(super) link: Arc<Link>,
    pub(super) model: OfferedModel,
    /// Whether dropping it gives it back.
    pub(super) held: bool,
    /// What the task may cost, set aside.
    pub(super) reserved: Option<Reserved>,
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

    /// What the task may cost, to be set aside for longer than the slot is taken: until its pay is promised.
    pub(super) fn take_ceiling(&mut self) -> Ceiling {
        Ceiling { registry: self.registry.clone(), reserved: self.reserved.take() }
    }
}

/// What a running task may cost; given back when dropped.
pub(super) struct Ceiling {
    registry: Arc<Registry>,
    reserved: Option<Reserved>,
}

impl Ceiling {
    /// In planck.
    pub(super) fn planck(&self) -> Balance {
        self.reserved.as_ref().map_or(0, Reserved::planck)
    }
}

impl Drop for Ceiling {
    fn drop(&mut self) {
        if let Some(reserved) = self.reserved.take() {
            drop(reserved);
            self.registry.serve_uncovered();
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // First the slot, then what it may cost: whoever is drawn next may need both.
        let _ceiling = self.take_ceiling();
        if self.held {
            self.registry.release(&self.link.id(), self.link.serial());
        }
    }
}

#[async_trait]
impl Audited for Registry {
    async fn open(
        &self,
        miner: &AccountId,
        attempt: &AttemptOf,
        first: u32,
        count: u32,
    ) -> Result<Vec<Leaf>, Unopened> {
        let mut why = "it is not linked".to_owned();
        // Its workers may have different disks.
        for link in self.links_of(miner) {
            match link.open(attempt, first, count).await {
                Ok(leaves) => return Ok(leaves),
                Err(error) => why = error.to_string(),
            }
        }
        Err(Unopened(why))
    }

    fn suspend(self: Arc<Self>, stash: &AccountId, left: Duration) {
        if left.is_zero() {
            return;
        }
        let mut roster = self.roster.lock();
        // It is known by then, should it link later.
        let watch = roster.conducts.entry(stash.clone()).or_default().suspend(left);
        roster.update_stash(&self, stash);
        drop(roster);
        self.wake_at(stash, watch);
    }
}
