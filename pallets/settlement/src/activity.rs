//! How much paid work miners did in each era.

use core::marker::PhantomData;
use cuckoo_primitives::{
    registry::{Candidates, CurrentEra},
    AccountId, Balance, EraIndex, Role,
};
use frame_support::{traits::ConstU32, BoundedVec};

use crate::{Config, WorkIn, WorkOf};

/// Eras of which work is remembered: longer than an era may wait to be paid.
pub const ERAS_OF_WORK: u32 = 8;

/// Work by era, the oldest first.
pub type EraWork = BoundedVec<(EraIndex, Balance), ConstU32<ERAS_OF_WORK>>;

/// How much paid work miners did in each era, in planck of settled vouchers. Only this type reads and writes [`WorkOf`]
/// and [`WorkIn`].
pub struct Activity<T>(PhantomData<T>);

impl<T: Config> Activity<T> {
    /// `miner` was paid `amount` planck. Only the work of registered miners counts.
    pub(crate) fn note(miner: &AccountId, amount: Balance) {
        if amount == 0 || T::Candidates::role(miner) != Some(Role::Miner) {
            return;
        }
        let now = T::CurrentEra::current_era();
        WorkOf::<T>::mutate(miner, |work| add(work, now, amount));
        WorkIn::<T>::mutate(|work| add(work, now, amount));
    }

    /// The work of `miner` in `era`, and that of all miners, in planck; zeros for an era that is forgotten.
    pub(crate) fn in_era(miner: &AccountId, era: EraIndex) -> (Balance, Balance) {
        (find(&WorkOf::<T>::get(miner), era), find(&WorkIn::<T>::get(), era))
    }
}

fn find(work: &EraWork, era: EraIndex) -> Balance {
    work.iter().find(|(of, _)| *of == era).map_or(0, |(_, amount)| *amount)
}

fn add(work: &mut EraWork, now: EraIndex, amount: Balance) {
    match work.last_mut() {
        Some((era, sum)) if *era == now => *sum = sum.saturating_add(amount),
        _ => {
            if work.is_full() {
                work.remove(0);
            }
            // There is room now.
            let _ = work.try_push((now, amount));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_eras_are_remembered() {
        let mut work = EraWork::default();
        for era in 0..=ERAS_OF_WORK {
            add(&mut work, era, 10);
            add(&mut work, era, era.into());
        }
        assert_eq!(find(&work, 0), 0);
        assert_eq!(find(&work, 1), 11);
        assert_eq!(find(&work, ERAS_OF_WORK), 18);
        assert_eq!(find(&work, ERAS_OF_WORK + 1), 0);
        assert_eq!(work.len(), 8);
    }
}
