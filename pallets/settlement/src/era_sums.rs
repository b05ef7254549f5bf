//! Amounts by era.

use codec::{Decode, Encode, MaxEncodedLen};
use cuckoo_primitives::{Balance, EraIndex};
use frame_support::{traits::ConstU32, BoundedVec};
use scale_info::TypeInfo;

/// Eras of which amounts are remembered: longer than an era may wait to be paid, and than stake unbonds.
pub const ERAS_REMEMBERED: u32 = 32;

/// What can be summed up.
pub trait Sum: Copy + Default {
    /// Both together; no more than there can be.
    fn plus(self, other: Self) -> Self;
}

impl Sum for Balance {
    fn plus(self, other: Self) -> Self {
        self.saturating_add(other)
    }
}

/// Amounts by era, in planck if nothing else is said, the oldest first, of the last [`ERAS_REMEMBERED`] eras in which there
/// were any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct EraSums<Amount = Balance>(pub(crate) BoundedVec<(EraIndex, Amount), ConstU32<ERAS_REMEMBERED>>);

impl<Amount: Sum> EraSums<Amount> {
    /// What there was in `era`; nothing if that is forgotten.
    pub(crate) fn in_era(&self, era: EraIndex) -> Amount {
        self.0.iter().find(|(of, _)| *of == era).map_or_else(Amount::default, |(_, amount)| *amount)
    }

    /// What there was after `era`.
    pub(crate) fn after(&self, era: EraIndex) -> Amount {
        let later = self.0.iter().filter(|(of, _)| *of > era);
        later.fold(Amount::default(), |sum, (_, amount)| sum.plus(*amount))
    }

    /// Adds `amount` to the current era, `now`.
    pub(crate) fn add(&mut self, now: EraIndex, amount: Amount) {
        match self.0.last_mut() {
            Some((era, sum)) if *era == now => *sum = sum.plus(amount),
            _ => {
                if self.0.is_full() {
                    self.0.remove(0);
                }
                // There is room now.
                let _ = self.0.try_push((now, amount));
            }
        }
    }

    /// Whether the eras are in order.
    pub(crate) fn is_ordered(&self) -> bool {
        self.0.iter().zip(self.0.iter().skip(1)).all(|((era, _), (next, _))| era < next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_eras_are_remembered() {
        let mut sums = EraSums::<Balance>::default();
        for era in 0..=ERAS_REMEMBERED {
            sums.add(era, 10);
            sums.add(era, era.into());
        }
        assert_eq!(sums.in_era(0), 0);
        assert_eq!(sums.in_era(1), 11);
        assert_eq!(sums.in_era(ERAS_REMEMBERED), 42);
        assert_eq!(sums.in_era(ERAS_REMEMBERED + 1), 0);
        assert_eq!(sums.after(ERAS_REMEMBERED - 2), 41 + 42);
        assert!(sums.is_ordered());
    }
}
