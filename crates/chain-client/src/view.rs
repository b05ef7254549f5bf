//! The candidates as of one finalised block, in memory.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use cuckoo_primitives::{AccountId, BlockNumber, Candidate, EraProgress, Hash, Role};

use crate::head::{now_ms, Head};

/// All candidates as of one finalised block.
///
/// A view never changes; each finalised block makes a new one, which shares with the one before it every map, and
/// within a changed map every candidate, that the block left alone. So a block without changes costs O(1), and readers
/// keep the view they hold for as long as they like.
#[derive(Clone, Debug)]
pub struct MarketView {
    /// Height of the block. Grows from view to view, unless a development chain was started anew.
    pub number: BlockNumber,
    /// Hash of the block.
    pub hash: Hash,
    /// When the block was made, by its own word, in milliseconds since 1970; 0 for the first block of a chain.
    pub time_ms: u64,
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
    /// A view with exactly these candidates, made and received now. Of several with one stash the last counts.
    ///
    /// Programs get their views from [`Chain`](crate::Chain); this is for tests and benches.
    pub fn from_candidates(
        number: BlockNumber,
        hash: Hash,
        era: EraProgress,
        candidates: impl IntoIterator<Item = Candidate>,
    ) -> Self {
        Self::first(Head { number, hash, time_ms: now_ms(), era }, candidates)
    }

    /// The first view that a program has, received now.
    pub(crate) fn first(head: Head, candidates: impl IntoIterator<Item = Candidate>) -> Self {
        let Head { number, hash, time_ms, era } = head;
        let candidates = Arc::new(candidates.into_iter().map(Arc::new).collect());
        Self { number, hash, time_ms, received: Instant::now(), era, revision: 0, candidates }
    }

    /// The view of another block that changed at most the candidates of the stashes in `updates`, each given as it is
    /// now, or `None` if it is gone.
    pub(crate) fn updated(
        &self,
        head: Head,
        updates: impl IntoIterator<Item = (AccountId, Option<Candidate>)>,
    ) -> Self {
        let Head { number, hash, time_ms, era } = head;
        let mut next = Self { number, hash, time_ms, received: Instant::now(), era, ..self.clone() };
        for (stash, now) in updates {
            if next.by_stash(&stash).map(Arc::as_ref) == now.as_ref() {
                continue;
            }
            // Copies the map once, since `self` still holds it.
            let candidates = Arc::make_mut(&mut next.candidates);
            match now {
                Some(candidate) => candidates.insert(Arc::new(candidate)),
                None => candidates.remove(&stash),
            }
            next.revision = self.revision.saturating_add(1);
        }
        next
    }

    /// The view of another block whose candidates are exactly `all`.
    pub(crate) fn replaced(&self, head: Head, all: Vec<Candidate>) -> Self {
        let kept: HashSet<&AccountId> = all.iter().map(|candidate| &candidate.stash).collect();
        let gone: Vec<AccountId> =
            self.candidates.by_stash.keys().filter(|stash| !kept.contains(stash)).cloned().collect();
        let updates = gone.into_iter().map(|stash| (stash, None));
        let updates = updates.chain(all.into_iter().map(|candidate| (candidate.stash.clone(), Some(candidate))));
        self.updated(head, updates.collect::<Vec<_>>())
    }

    /// The block without its candidates.
    pub(crate) fn head(&self) -> Head {
        Head { number: self.number, hash: self.hash, time_ms: self.time_ms, era: self.era }
    }

    /// Whether nothing new has been heard for longer than `after`, or what was heard is itself too old to act on: a node
    /// that still syncs makes blocks of last week final one after the other.
    pub(crate) fn is_stale(&self, after: Duration) -> bool {
        self.received.elapsed() > after || self.head().is_old(after)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::ERA;
    use cuckoo_primitives::{CandidateInfo, CandidateStatus};

    fn account(byte: u8) -> AccountId {
        AccountId::from([byte; 32])
    }

    fn candidate(stash: u8, operator: u8, backing: u128) -> Candidate {
        Candidate {
            stash: account(stash),
            operator: account(operator),
            role: Role::Miner,
            info: CandidateInfo::default(),
            own_stake: backing,
            backing,
            next_backing: backing,
            commission: Default::default(),
            status: CandidateStatus::Active,
        }
    }

    fn view(candidates: impl IntoIterator<Item = Candidate>) -> MarketView {
        MarketView::from_candidates(1, Hash::repeat_byte(1), ERA, candidates)
    }

    fn update(view: &MarketView, updates: Vec<(u8, Option<Candidate>)>) -> MarketView {
        let updates = updates.into_iter().map(|(stash, now)| (account(stash), now));
        view.updated(head(view.number + 1), updates)
    }

    fn head(number: u32) -> Head {
        Head { number, hash: Hash::repeat_byte(2), time_ms: now_ms(), era: ERA }
    }

    #[test]
    fn a_view_is_stale_when_its_block_is_old_however_new_the_news() {
        let after = Duration::from_secs(30);
        let fresh = view([candidate(1, 11, 10)]);
        assert!(!fresh.is_stale(after));
        let last_week = Head { time_ms: now_ms() - 7 * 24 * 3_600_000, ..head(2) };
        let syncing = fresh.replaced(last_week, Vec::new());
        assert!(syncing.received.elapsed() < after && syncing.is_stale(after));
        assert!(fresh.updated(last_week, []).is_stale(after));
        assert!(!syncing.updated(head(3), []).is_stale(after), "once it has caught up");
    }

    #[test]
    fn a_view_is_stale_when_nothing_is_heard_any_more() {
        let heard_before = Instant::now().checked_sub(Duration::from_secs(31)).unwrap();
        let silent = MarketView { received: heard_before, ..view([]) };
        assert!(silent.is_stale(Duration::from_secs(30)));
        assert!(!silent.is_stale(Duration::from_secs(60)));
    }

    #[test]
    fn a_view_finds_candidates_by_operator_stash_and_role() {
        let coordinator = Candidate { role: Role::Coordinator, ..candidate(3, 13, 5) };
        let view = view([candidate(1, 11, 10), candidate(2, 12, 20), coordinator.clone()]);
        assert_eq!(view.len(), 3);
        assert_eq!(view.by_operator(&account(12)).unwrap().stash, account(2));
        assert_eq!(view.by_operator(&account(2)), None);
        assert_eq!(view.by_stash(&account(1)).unwrap().backing, 10);
        assert_eq!(view.of_role(Role::Coordinator).map(|c| (**c).clone()).collect::<Vec<_>>(), [coordinator]);
        assert_eq!(view.of_role(Role::Validator).count(), 0);
    }

    #[test]
    fn a_block_without_changes_shares_everything() {
        let before = view([candidate(1, 11, 10)]);
        let after = update(&before, vec![(1, Some(candidate(1, 11, 10))), (9, None)]);
        assert_eq!((after.number, after.revision()), (2, before.revision()));
        assert!(Arc::ptr_eq(&before.candidates, &after.candidates));
    }

    #[test]
    fn a_change_leaves_earlier_views_and_other_candidates_alone() {
        let before = view([candidate(1, 11, 10), candidate(2, 12, 20)]);
        let after = update(&before, vec![(1, Some(candidate(1, 11, 15))), (3, Some(candidate(3, 13, 30)))]);
        assert_eq!(after.revision(), before.revision() + 1);
        assert_eq!(before.by_stash(&account(1)).unwrap().backing, 10);
        assert_eq!(after.by_stash(&account(1)).unwrap().backing, 15);
        assert_eq!((before.len(), after.len()), (2, 3));
        assert!(Arc::ptr_eq(before.by_stash(&account(2)).unwrap(), after.by_stash(&account(2)).unwrap()));
    }

    #[test]
    fn a_candidate_that_left_is_found_no_more() {
        let after = update(&view([candidate(1, 11, 10)]), vec![(1, None)]);
        assert!(after.is_empty());
        assert_eq!(after.by_operator(&account(11)), None);
    }

    #[test]
    fn an_old_operator_is_found_no_more() {
        let after = update(&view([candidate(1, 11, 10)]), vec![(1, Some(candidate(1, 12, 10)))]);
        assert_eq!(after.by_operator(&account(11)), None);
        assert_eq!(after.by_operator(&account(12)).unwrap().stash, account(1));
    }

    #[test]
    fn operators_may_move_between_stashes_within_one_block() {
        let before = view([candidate(1, 11, 10), candidate(2, 12, 20)]);
        let swapped = [(1, Some(candidate(1, 12, 10))), (2, Some(candidate(2, 11, 20)))];
        for updates in [swapped.to_vec(), swapped.iter().rev().cloned().collect()] {
            let after = update(&before, updates);
            assert_eq!(after.by_operator(&account(12)).unwrap().stash, account(1));
            assert_eq!(after.by_operator(&account(11)).unwrap().stash, account(2));
        }
        let taken_over = [(1, None), (2, Some(candidate(2, 11, 20)))];
        for updates in [taken_over.to_vec(), taken_over.iter().rev().cloned().collect()] {
            let after = update(&before, updates);
            assert_eq!(after.by_operator(&account(11)).unwrap().stash, account(2));
            assert_eq!(after.by_operator(&account(12)), None);
        }
    }

    #[test]
    fn a_complete_reading_keeps_what_is_the_same() {
        let before = view([candidate(1, 11, 10), candidate(2, 12, 20), candidate(3, 13, 30)]);
        let same = before.replaced(head(2), vec![candidate(3, 13, 30), candidate(1, 11, 10), candidate(2, 12, 20)]);
        assert!(Arc::ptr_eq(&before.candidates, &same.candidates));
        assert_eq!(same.revision(), before.revision());

        let other = before.replaced(head(3), vec![candidate(2, 12, 20), candidate(3, 13, 31)]);
        assert_eq!(other.revision(), before.revision() + 1);
        assert_eq!((other.len(), other.by_stash(&account(1))), (2, None));
        assert!(Arc::ptr_eq(before.by_stash(&account(2)).unwrap(), other.by_stash(&account(2)).unwrap()));
        assert_eq!(other.by_stash(&account(3)).unwrap().backing, 31);
    }
}
