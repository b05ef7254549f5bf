//! What all links of this miner share.

use std::{
    collections::BTreeSet,
    sync::{
        atomic::{AtomicBool, Ordering},
        Arc,
    },
    time::Duration,
};

use cuckoo_chain_client::{account_of, Chain, Keypair, MarketView};
use cuckoo_engine::{ModelInfo, ModelKind, SharedEngine};
use cuckoo_primitives::{AccountId, Role};
use cuckoo_wire::{limits::ATTEMPTS_PER_LINK, link, money::price_to_wire};
use tokio::sync::watch;

use super::{
    board::LinkBoard,
    error::LinkError,
    outbox::READ_LIMIT,
    room::{Room, TakenOn},
    shares::Shares,
};
use crate::{
    answers::CanAnswer, events::Events, health::Unavailable, kept::Kept, settle::Settlement, standing::Standing,
};

/// Names this program in offers.
const AGENT: &str = concat!("miner-worker/", env!("CARGO_PKG_VERSION"));

/// What all links of this miner share.
pub struct Miner {
    key: Keypair,
    operator: AccountId,
    chain: Chain,
    engine: SharedEngine,
    models: Vec<ModelInfo>,
    blocked: BTreeSet<AccountId>,
    shares: Shares,
    attempts_per_link: usize,
    read_limit: Duration,
    board: LinkBoard,
    events: Events,
    settlement: Arc<Settlement>,
    kept: Kept,
    taken_on: TakenOn,
    health: watch::Receiver<Unavailable>,
    can_answer: CanAnswer,
}

impl Miner {
    /// A miner that signs with `key`, runs the models of `engine` and has `slots` for all coordinators together. It
    /// never serves those whose stash or operator is `blocked`, works for what `settlement` says, and keeps in `kept` what
    /// it may be asked for. Nobody hears of events unless [`Miner::events_to`] says otherwise.
    pub fn new(
        key: Keypair,
        chain: Chain,
        engine: SharedEngine,
        slots: u32,
        blocked: impl IntoIterator<Item = AccountId>,
        settlement: Arc<Settlement>,
        kept: Kept,
    ) -> Self {
        Self {
            operator: account_of(&key),
            shares: Shares::new(slots, chain.view()),
            models: engine.models(),
            blocked: blocked.into_iter().collect(),
            attempts_per_link: ATTEMPTS_PER_LINK,
            read_limit: READ_LIMIT,
            board: LinkBoard::default(),
            key,
            chain,
            engine,
            events: Events::Silent,
            settlement,
            kept,
            taken_on: TakenOn::default(),
            // All is well, and stays so.
            health: watch::channel(Unavailable::default()).1,
            can_answer: Arc::new(AtomicBool::new(true)),
        }
    }

    /// Has it offer no models that cannot be used, see [`health`](crate::health).
    pub fn minding(mut self, health: watch::Receiver<Unavailable>) -> Self {
        self.health = health;
        self
    }

    /// Has it take no tasks about which it could not answer on the chain, see [`answers`](crate::answers).
    pub fn answering(mut self, can_answer: CanAnswer) -> Self {
        self.can_answer = can_answer;
        self
    }

    /// Has it report what happens.
    pub fn events_to(mut self, events: Events) -> Self {
        self.events = events;
        self
    }

    /// Has each link carry so many attempts before it is renewed, instead of hundreds of thousands.
    pub fn attempts_per_link(mut self, attempts: usize) -> Self {
        self.attempts_per_link = attempts;
        self
    }

    /// Has it give up coordinators that read nothing for so long, instead of half a minute.
    pub fn read_limit(mut self, limit: Duration) -> Self {
        self.read_limit = limit;
        self
    }

    /// The account that it signs with.
    pub fn operator(&self) -> &AccountId {
        &self.operator
    }

    /// The chain.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The models that it offers.
    pub fn models(&self) -> &[ModelInfo] {
        &self.models
    }

    /// Who has how many slots.
    pub fn shares(&self) -> &Shares {
        &self.shares
    }

    /// How each link stands.
    pub fn board(&self) -> &LinkBoard {
        &self.board
    }

    /// How it is paid.
    pub fn settlement(&self) -> &Arc<Settlement> {
        &self.settlement
    }

    /// Whether it may work itself.
    pub fn standing(&self) -> Standing {
        Standing::of(&self.chain.view(), &self.operator, Role::Miner)
    }

    pub(super) fn key(&self) -> &Keypair {
        &self.key
    }

    pub(super) fn engine(&self) -> &SharedEngine {
        &self.engine
    }

    /// What it may be asked for.
    pub fn kept(&self) -> &Kept {
        &self.kept
    }

    /// Whether it can answer if it is asked on the chain.
    pub(super) fn can_answer(&self) -> bool {
        self.can_answer.load(Ordering::Relaxed)
    }

    /// Room for how so many more tokens are drawn, besides those of all attempts that run; `None` if there is none.
    pub(super) fn room_for(&self, tokens: u32) -> Option<Room> {
        self.taken_on.room(tokens, |all| self.kept.has_room(all))
    }

    /// Attempts that each link may carry.
    pub(super) fn most_attempts(&self) -> usize {
        self.attempts_per_link
    }

    /// How long a coordinator may read nothing.
    pub(super) fn patience(&self) -> Duration {
        self.read_limit
    }

    pub(super) fn events(&self) -> &Events {
        &self.events
    }

    /// Whether the chain and the block list let this miner serve the coordinator with this operator.
    pub(super) fn may_serve(&self, view: &MarketView, coordinator: &AccountId) -> Result<(), LinkError> {
        may_serve(view, &self.operator, &self.blocked, coordinator)
    }

    /// Which models cannot be used.
    pub(super) fn health(&self) -> watch::Receiver<Unavailable> {
        self.health.clone()
    }

    /// The offer of all models that can be used, with this many slots.
    pub(super) fn offer(&self, slots: u32) -> link::Offer {
        let unavailable = self.health.borrow().clone();
        let usable = self.models.iter().filter(|model| !unavailable.contains_key(&model.id));
        link::Offer { models: usable.map(|model| self.offered(model)).collect(), slots, agent: AGENT.into() }
    }

    fn offered(&self, model: &ModelInfo) -> link::Model {
        let kind = match model.kind {
            ModelKind::Chat => link::ModelKind::Chat,
            ModelKind::Embedding => link::ModelKind::Embedding,
        };
        link::Model {
            id: model.id.clone(),
            kind: kind.into(),
            model_root: model.model_root.to_vec().into(),
            context_tokens: model.context_tokens,
            numeric_class: model.numeric_class.clone(),
            ask: Some(price_to_wire(&self.settlement.asks().of(&model.id))),
        }
    }
}

/// Whether the miner with the operator `own` may serve the coordinator with this operator.
pub(crate) fn may_serve(
    view: &MarketView,
    own: &AccountId,
    blocked: &BTreeSet<AccountId>,
    coordinator: &AccountId,
) -> Result<(), LinkError> {
    if coordinator == own {
        return Err(LinkError::Ourselves);
    }
    let candidate = view.by_operator(coordinator);
    let stash_is_blocked = candidate.is_some_and(|candidate| blocked.contains(&candidate.stash));
    if stash_is_blocked || blocked.contains(coordinator) {
        return Err(LinkError::Blocked(coordinator.clone()));
    }
    match Standing::of_candidate(candidate.map(|candidate| candidate.as_ref()), Role::Coordinator) {
        Standing::Active => Ok(()),
        standing => Err(LinkError::NotActive { coordinator: coordinator.clone(), standing }),
    }
}
