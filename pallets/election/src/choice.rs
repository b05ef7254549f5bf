//! The choice among candidates. It reads no storage.

use alloc::vec::Vec;
use core::cmp::Reverse;
use cuckoo_primitives::{AccountId, Balance};

/// The `count` candidates with the most backing, sorted by account. Of those with equal backing the smaller account
/// comes first.
pub(crate) fn most_backed(mut candidates: Vec<(AccountId, Balance)>, count: usize) -> Vec<AccountId> {
    candidates.sort_by(|(a, a_backing), (b, b_backing)| (Reverse(a_backing), a).cmp(&(Reverse(b_backing), b)));
    candidates.truncate(count);
    sorted(candidates.into_iter().map(|(stash, _)| stash).collect())
}

/// Those of `current` that are active, sorted by account; if they are fewer than `minimum`, the first of the others
/// too.
pub(crate) fn remaining(
    current: Vec<AccountId>,
    is_active: impl Fn(&AccountId) -> bool,
    minimum: usize,
) -> Vec<AccountId> {
    let (mut staying, leaving): (Vec<_>, Vec<_>) = current.into_iter().partition(is_active);
    let missing = minimum.saturating_sub(staying.len());
    staying.extend(leaving.into_iter().take(missing));
    sorted(staying)
}

fn sorted(mut accounts: Vec<AccountId>) -> Vec<AccountId> {
    accounts.sort();
    accounts
}
