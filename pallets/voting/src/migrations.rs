//! How older chains' storage becomes today's.

use frame_support::migrations::VersionedMigration;

use crate::Pallet;

/// From storage version 1 (a position for each voter and candidate, sums without eras) to 2 (all positions of a voter
/// in one record, with what slashes and rewards need).
pub type MigrateV1ToV2<T> =
    VersionedMigration<1, 2, v2::FollowStake<T>, Pallet<T>, <T as frame_system::Config>::DbWeight>;

/// The layout of version 1.
pub(crate) mod v1 {
    use codec::{Decode, Encode};
    use cuckoo_primitives::{era::EraAmount, AccountId, Balance};
    use frame_support::{storage_alias, Blake2_128Concat};

    use crate::{Config, Pallet};

    #[storage_alias]
    pub(crate) type Positions<T: Config> =
        StorageDoubleMap<Pallet<T>, Blake2_128Concat, AccountId, Blake2_128Concat, AccountId, EraAmount>;

    /// The sum of the voter's positions, and their number.
    #[storage_alias]
    pub(crate) type Voters<T: Config> = StorageMap<Pallet<T>, Blake2_128Concat, AccountId, (Balance, u32)>;

    /// What was stored of the stake behind a candidate.
    #[derive(Encode, Decode)]
    pub(crate) struct BackingRecord {
        pub(crate) own: EraAmount,
        pub(crate) total: EraAmount,
    }

    #[storage_alias]
    pub(crate) type Backings<T: Config> = StorageMap<Pallet<T>, Blake2_128Concat, AccountId, BackingRecord>;
}

mod v2 {
    use alloc::vec::Vec;
    use core::marker::PhantomData;
    use cuckoo_primitives::{
        registry::{Candidates, CurrentEra},
        AccountId, Role,
    };
    use frame_support::{
        traits::{Get, UncheckedOnRuntimeUpgrade},
        weights::Weight,
    };

    use super::v1;
    use crate::{Config, Pool, Votes};

    /// Gives every vote that counts the start of the chain as its first era, so that it stays liable for all that can
    /// still be proven, and every candidate a pool.
    ///
    /// It runs in one block: chains of version 1 are test networks with some thousand votes at most.
    pub struct FollowStake<T>(PhantomData<T>);

    impl<T: Config> UncheckedOnRuntimeUpgrade for FollowStake<T> {
        fn on_runtime_upgrade() -> Weight {
            let now = T::CurrentEra::current_era();
            let candidates: Vec<AccountId> = v1::Backings::<T>::iter_keys().collect();
            let positions: Vec<_> = v1::Positions::<T>::drain().collect();
            let _ = v1::Voters::<T>::clear(u32::MAX, None);
            let _ = v1::Backings::<T>::clear(u32::MAX, None);
            for candidate in &candidates {
                match T::Candidates::role(candidate) {
                    Some(role) if T::Candidates::has_stepped_back(candidate) => {
                        Pool::<T>::enter_chilled(candidate, role)
                    }
                    Some(role) => Pool::<T>::stand(candidate, role, now),
                    // As what it was registered makes no difference any more.
                    None => Pool::<T>::enter_chilled(candidate, Role::Miner),
                }
            }
            let count = positions.len() as u64;
            for (voter, candidate, amount) in positions {
                let mut votes = Votes::<T>::unsettled(&voter);
                votes.adopt(&candidate, amount.at(now), amount.next());
                votes.store();
            }
            let gone = candidates.iter().filter(|candidate| T::Candidates::role(candidate).is_none());
            gone.for_each(Pool::<T>::deregister);
            // For each position: voter, pool, earnings, total and mark are read and written.
            T::DbWeight::get().reads_writes(count.saturating_mul(6), count.saturating_mul(8))
        }

        #[cfg(feature = "try-runtime")]
        fn pre_upgrade() -> Result<Vec<u8>, sp_runtime::TryRuntimeError> {
            Ok(Self::before())
        }

        #[cfg(feature = "try-runtime")]
        fn post_upgrade(before: Vec<u8>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::check_after(before)
        }
    }
}

/// What must hold before and after.
#[cfg(any(feature = "try-runtime", test))]
mod checks {
    use alloc::vec::Vec;
    use codec::{Decode, Encode};
    use cuckoo_primitives::{registry::CurrentEra, AccountId, Balance};
    use frame_support::ensure;
    use sp_runtime::DispatchError;

    use super::{v1, v2::FollowStake};
    use crate::{Config, Pallet, Pool};

    /// Candidate, and what stands behind it now and from the next era on.
    type Backing = (AccountId, Balance, Balance);

    impl<T: Config> FollowStake<T> {
        pub(crate) fn before() -> Vec<u8> {
            let now = T::CurrentEra::current_era();
            let all = v1::Backings::<T>::iter().map(|(who, record)| (who, record.total.at(now), record.total.next()));
            all.collect::<Vec<Backing>>().encode()
        }

        pub(crate) fn check_after(before: Vec<u8>) -> Result<(), DispatchError> {
            let before = Vec::<Backing>::decode(&mut before.as_slice())
                .map_err(|_| DispatchError::Other("the state before is readable"))?;
            for (candidate, current, next) in before {
                ensure!(Pool::<T>::backing(&candidate) == (current, next), "as much stands behind every candidate");
            }
            Pallet::<T>::do_try_state()
        }
    }
}

#[cfg(test)]
pub(crate) use v2::FollowStake;
