//! The miners that serve one model, and the tasks that wait for them.

use std::collections::{HashMap, HashSet};

use cuckoo_selection::Table;
use cuckoo_wire::link::ModelKind;

use super::{member::LinkId, queue::Queue};

/// No more models are remembered after their last miner has left.
const MAX_REMEMBERED: usize = 10_000;

/// One model's miners and waiting tasks.
#[derive(Default)]
pub(super) struct Pool {
    /// Links of miners that offer the model for what is paid, with their part of the backing as share.
    pub(super) members: HashMap<LinkId, u128>,
    /// Those of them that can take a task now.
    pub(super) available: HashSet<LinkId>,
    /// `members`, laid out for drawing; `None` when they have changed since.
    pub(super) table: Option<Table>,
    /// Those who wait for a slot.
    pub(super) queue: Queue,
}

/// A model as clients see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ModelSummary {
    /// What clients ask for.
    pub(crate) id: String,
    /// What it is for.
    pub(crate) kind: ModelKind,
    /// Links of miners that offer it for what is paid.
    pub(crate) links: usize,
}

/// All pools.
#[derive(Default)]
pub(super) struct Pools {
    chat: HashMap<String, Pool>,
    embedding: HashMap<String, Pool>,
}

impl Pools {
    fn of_kind(&mut self, kind: ModelKind) -> &mut HashMap<String, Pool> {
        match kind {
            ModelKind::Embedding => &mut self.embedding,
            ModelKind::Chat | ModelKind::Unspecified => &mut self.chat,
        }
    }

    /// The pool of `model`, if a miner has ever offered it for this.
    pub(super) fn get(&mut self, model: &str, kind: ModelKind) -> Option<&mut Pool> {
        self.of_kind(kind).get_mut(model)
    }

    /// Whether a miner has offered `model` for something else.
    pub(super) fn is_of_other_kind(&self, model: &str, kind: ModelKind) -> bool {
        match kind {
            ModelKind::Embedding => self.chat.contains_key(model),
            ModelKind::Chat | ModelKind::Unspecified => self.embedding.contains_key(model),
        }
    }

    /// The pool of `model`, made if it is the first time that a miner offers it.
    pub(super) fn entry(&mut self, model: &str, kind: ModelKind) -> &mut Pool {
        let pools = self.of_kind(kind);
        if !pools.contains_key(model) {
            if pools.len() >= MAX_REMEMBERED {
                pools.retain(|_, pool| !pool.members.is_empty());
            }
            pools.insert(model.to_owned(), Pool::default());
        }
        pools.entry(model.to_owned()).or_default()
    }

    /// Models for which those wait of whom `holds`.
    pub(super) fn waited_for(&self, holds: impl Fn(&Queue) -> bool) -> Vec<(String, ModelKind)> {
        let of = |(pools, kind): (&HashMap<String, Pool>, ModelKind)| {
            let waited_for = pools.iter().filter(|(_, pool)| holds(&pool.queue));
            waited_for.map(|(id, _)| (id.clone(), kind)).collect::<Vec<_>>()
        };
        [(&self.chat, ModelKind::Chat), (&self.embedding, ModelKind::Embedding)].into_iter().flat_map(of).collect()
    }

    /// Models that linked miners offer, by id.
    pub(super) fn summaries(&self) -> Vec<ModelSummary> {
        let of = |pools: &HashMap<String, Pool>, kind| {
            let served = pools.iter().filter(|(_, pool)| !pool.members.is_empty());
            served
                .map(|(id, pool)| ModelSummary { id: id.clone(), kind, links: pool.members.len() })
                .collect::<Vec<_>>()
        };
        let mut all = of(&self.chat, ModelKind::Chat);
        all.extend(of(&self.embedding, ModelKind::Embedding));
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }
}
