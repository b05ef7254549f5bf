//! What one voter has behind one candidate, had there, and earned there.

use alloc::vec::Vec;
use codec::{Decode, Encode, MaxEncodedLen};
use cuckoo_primitives::{AccountId, Balance, EraIndex};
use frame_support::{traits::ConstU32, BoundedVec};
use scale_info::TypeInfo;
use sp_runtime::Perbill;

use crate::{
    fixed::{earned, PerUnit},
    layers::{Layer, Layers, MAX_WINDOW_ERAS},
};

/// Most parts of one position that left and are still liable.
///
/// In each era of the window one layer can be split, and what joined in it or before can leave: three for each era
/// always fit.
pub const MAX_LEFT: u32 = 3 * MAX_WINDOW_ERAS + 6;

/// What one voter has behind one candidate, had there, and earned there.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Position {
    /// Whom it backs.
    pub(crate) candidate: AccountId,
    /// The era up to whose start the reward is counted.
    pub(crate) touched: EraIndex,
    /// The candidate's reward per unit at the start of that era.
    pub(crate) per_unit: PerUnit,
    /// Whether it changed in that era: then it holds a mark on the start of the next, from which on the change counts.
    pub(crate) marked: bool,
    /// Stake that stays.
    pub(crate) live: Layers,
    /// Stake that left, for as long as its voter is liable with it.
    pub(crate) left: BoundedVec<Left, ConstU32<MAX_LEFT>>,
}

/// Stake that left a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Left {
    /// The first era in which it counted.
    pub(crate) from: EraIndex,
    /// The last era in which it counts.
    pub(crate) until: EraIndex,
    /// Planck.
    pub(crate) amount: Balance,
}

/// What a slash takes from a position, in planck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Loss {
    /// Of stake that is still there.
    pub(crate) live: Balance,
    /// Of stake that has left since: its voter owes it.
    pub(crate) debt: Balance,
}

/// Too many parts of the position left within the time in which they are liable.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooManyLeft;

impl Position {
    /// An empty position, from the start of era `now` on.
    pub(crate) fn new(candidate: AccountId, now: EraIndex, per_unit: PerUnit) -> Self {
        Self { candidate, touched: now, per_unit, marked: false, live: Layers::default(), left: BoundedVec::new() }
    }

    /// The stake that counts in `era`, in planck. Right for the era of the last change and later ones.
    pub(crate) fn counted(&self, era: EraIndex) -> Balance {
        let left = self.left.iter().filter(|part| part.from <= era && era <= part.until);
        left.fold(self.live.counted(era), |sum, part| sum.saturating_add(part.amount))
    }

    /// Returns the reward from the last touch up to the start of `era` in planck, when the candidate's reward per unit
    /// was `per_unit`. `mark` is what it was at the start of the era after the last touch, if the position held it.
    pub(crate) fn accrue(&mut self, era: EraIndex, per_unit: PerUnit, mark: Option<PerUnit>) -> Balance {
        let at_next = mark.unwrap_or(self.per_unit);
        let first = (self.counted(self.touched), at_next.saturating_sub(self.per_unit));
        let rest = (self.counted(self.touched.saturating_add(1)), per_unit.saturating_sub(at_next));
        self.touched = era;
        self.per_unit = per_unit;
        self.marked = false;
        earned([first, rest])
    }

    /// Takes `amount` away, the youngest first; what counts in era `now` does so until it ends. Returns what left of
    /// which joining era; `None` if there is less.
    pub(crate) fn leave(&mut self, now: EraIndex, amount: Balance) -> Option<Result<Vec<Layer>, TooManyLeft>> {
        let taken = self.live.take_youngest(amount)?;
        for layer in taken.iter().filter(|layer| layer.from <= now) {
            let same = self.left.iter_mut().find(|part| part.from == layer.from && part.until == now);
            if let Some(same) = same {
                same.amount = same.amount.saturating_add(layer.amount);
            } else if self.left.try_push(Left { from: layer.from, until: now, amount: layer.amount }).is_err() {
                return Some(Err(TooManyLeft));
            }
        }
        Some(Ok(taken))
    }

    /// Takes from everything that counted in `offence_era` all but `keep`, which is rounded down.
    pub(crate) fn slash(&mut self, offence_era: EraIndex, keep: Perbill) -> Loss {
        let mut debt: Balance = 0;
        for part in self.left.iter_mut().filter(|part| part.from <= offence_era && offence_era <= part.until) {
            let kept = keep.mul_floor(part.amount);
            debt = debt.saturating_add(part.amount.saturating_sub(kept));
            part.amount = kept;
        }
        self.left.retain(|part| part.amount > 0);
        Loss { live: self.live.slash(offence_era, keep), debt }
    }

    /// No part that left is liable with more than `most` planck.
    pub(crate) fn cap_liability(&mut self, most: Balance) {
        for part in self.left.iter_mut() {
            part.amount = part.amount.min(most);
        }
        self.left.retain(|part| part.amount > 0);
    }

    /// Forgets what is liable only for eras before `liable_from`, and merges what no offence can tell apart any more.
    /// The reward must be counted up to the start of the current era.
    pub(crate) fn forget(&mut self, liable_from: EraIndex) {
        self.left.retain(|part| liable_from <= part.until);
        self.live.merge_until(liable_from);
    }

    /// Whether nobody stakes or is liable by it any more.
    pub(crate) fn is_empty(&self) -> bool {
        self.live.is_empty() && self.left.is_empty()
    }
}
