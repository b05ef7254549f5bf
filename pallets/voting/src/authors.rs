//! What validators did in an era.

use codec::{Decode, Encode, MaxEncodedLen};
use core::marker::PhantomData;
use cuckoo_primitives::{registry::CurrentEra, AccountId, Balance, EraIndex, Role};
use scale_info::TypeInfo;

use crate::{AuthorTotals, Config, Earnings, Pool};

/// The blocks of the current era and what stood behind their authors. Only this type reads and writes
/// [`AuthorTotals`].
///
/// Backing is constant within an era, so one addition for each block gives the sum over validators of backing times
/// blocks, and nobody needs to walk over them.
pub struct Authors<T>(PhantomData<T>);

/// What the authors of an era's blocks had behind them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct AuthorSums {
    /// The era.
    pub(crate) era: EraIndex,
    /// Backing of the validators that authored at least one block, in planck.
    pub(crate) backing: Balance,
    /// The sum over all blocks of their author's backing, in planck.
    pub(crate) block_backing: Balance,
}

impl<T: Config> Authors<T> {
    /// `author` authored a block. One that does not stand as a validator earns nothing by it.
    pub(crate) fn note(author: &AccountId) {
        let earnings = Earnings::<T>::caught_up(author);
        let now = T::CurrentEra::current_era();
        let stands = |pool: &crate::PoolRecord| pool.role == Role::Validator && pool.stood_in(now);
        let Some(pool) = Pool::<T>::get(author).filter(stands) else { return };
        let backing = pool.backing(now);
        let mut sums = Self::in_era(now);
        sums.block_backing = sums.block_backing.saturating_add(backing);
        if earnings.note_block() {
            sums.backing = sums.backing.saturating_add(backing);
        }
        AuthorTotals::<T>::put(sums);
    }

    /// The sums of `era`, the current one or the one before: all zero if nobody authored in it.
    pub(crate) fn in_era(era: EraIndex) -> AuthorSums {
        let sums = AuthorTotals::<T>::get();
        if sums.era == era {
            sums
        } else {
            AuthorSums { era, ..Default::default() }
        }
    }
}
