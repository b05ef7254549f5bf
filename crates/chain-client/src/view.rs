//! The candidates as of one finalised block, in memory.

use std::{collections::HashMap, sync::Arc, time::Instant};

use cuckoo_primitives::{AccountId, BlockNumber, Candidate, EraProgress, Hash, Role};

/// All candidates as of one finalised block.
///
/// A view never changes; each finalised block makes a new one, which shares with the one before it every map, and
/// within a changed map every candidate, that the block left alone. So a block without changes costs O(1), and readers
/// keep the view they hold for as long as they like.
#[derive(Clone, Debug)]
pub struct MarketView {
    /// Height of the block.
    pub number: BlockNumber,
    /// Hash of the block.
    pub hash: Hash,
    /// When this program learnt that the block is final.
    pub received: Instant,
    /// Where the chain stands in its era.
    pub era: EraProgress,
    revision: u64,
    candidates: Arc<Candidates>,
}

/// The candidates by stash, and the two other ways in which they are looked up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Candidates {
    by_stash: HashMap<AccountId, Arc<Candidate>>,
    stash_of_operator: HashMap<AccountId, AccountId>,
}

impl Candidates {
    /// Puts `candidate` in the place of the one with the same stash.
    fn insert(&mut self, candidate: Arc<Candidate>) {
        self.remove(&candidate.stash.clone());
        self.stash_of_operator.insert(candidate.operator.clone(), candidate.stash.clone());
        self.by_stash.insert(candidate.stash.clone(), candidate);
    }

    /// Removes the candidate of `stash`, if it is there.
    fn remove(&mut self, stash: &AccountId) {
        let Some(old) = self.by_stash.remove(stash) else { return };
        // Its operator may meanwhile work for another stash that was inserted before this one is removed.
        if self.stash_of_operator.get(&old.operator) == Some(stash) {
            self.stash_of_operator.remove(&old.operator);
        }
    }
}

impl FromIterator<Arc<Candidate>> for Candidates {
    fn from_iter<I: IntoIterator<Item = Arc<Candidate>>>(candidates: I) -> Self {
        let mut all = Self::default();
        candidates.into_iter().for_each(|candidate| all.insert(candidate));
        all
    }
}

impl MarketView {
    /// A view with exactly these candidates, received now. Of several with one stash the last counts.
    ///
    /// Programs get their views from [`Chain`](crate::Chain); this is for tests and benches.
    pub fn from_candidates(
        number: BlockNumber,
        hash: Hash,
        era: EraProgress,
        candidates: impl IntoIterator<Item = Candidate>,
    ) -> Self {
        let candidates = Arc::new(candidates.into_iter().map(Arc::new).collect());
        Self { number, hash, received: Instant::now(), era, revision: 0, candidates }
    }

    /// The candidate whose operator is `operator`, whatever its status.
    pub fn by_operator(&self, operator: &AccountId) -> Option<&Arc<Candidate>> {
        self.by_stash(self.candidates.stash_of_operator.get(operator)?)
    }

    /// The candidate that bonds from `stash`, whatever its status.
    pub fn by_stash(&self, stash: &AccountId) -> Option<&Arc<Candidate>> {
        self.candidates.by_stash.get(stash)
    }

    /// The candidates of `role` in no particular order, whatever their status.
    pub fn of_role(&self, role: Role) -> impl Iterator<Item = &Arc<Candidate>> {
        self.candidates.by_stash.values().filter(move |candidate| candidate.role == role)
    }

    /// How many candidates there are, of all roles together.
    pub fn len(&self) -> usize {
        self.candidates.by_stash.len()
    }

    /// Whether there is no candidate at all.
    pub fn is_empty(&self) -> bool {
        self.candidates.by_stash.is_empty()
    }

    /// Grows whenever a candidate appears, changes or goes; equal revisions mean equal candidates.
    ///
    /// Whoever prepares something from all candidates need not do it again while this stays the same. Revisions are
    /// counted by one [`Chain`](crate::Chain) and mean nothing to another.
    pub fn revision(&self) -> u64 {
        self.revision
    }
}
