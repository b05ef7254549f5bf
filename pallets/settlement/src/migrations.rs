//! How older chains' storage becomes today's.

use frame_support::migrations::VersionedMigration;

use crate::Pallet;

/// From storage version 1 to 2: of the work of miners it is counted what is poor.
pub type MigrateV1ToV2<T> =
    VersionedMigration<1, 2, v2::CountPoorWork<T>, Pallet<T>, <T as frame_system::Config>::DbWeight>;

/// The layout of version 1.
pub(crate) mod v1 {
    use cuckoo_primitives::AccountId;
    use frame_support::{pallet_prelude::ValueQuery, storage_alias, Blake2_128Concat};

    use crate::{Config, EraSums, Pallet};

    /// What was paid for the work of each miner.
    #[storage_alias]
    pub(crate) type WorkOf<T: Config> = StorageMap<Pallet<T>, Blake2_128Concat, AccountId, EraSums, ValueQuery>;
}

mod v2 {
    use alloc::vec::Vec;
    use core::marker::PhantomData;
    use frame_support::{
        traits::{Get, UncheckedOnRuntimeUpgrade},
        weights::Weight,
    };
    use sp_runtime::Perbill;

    use super::v1;
    use crate::{activity::Work, Config, EraSums, WorkOf};

    /// All work so far was good.
    ///
    /// It runs in one block: chains of version 1 are test networks with some thousand miners at most.
    pub struct CountPoorWork<T>(PhantomData<T>);

    impl<T: Config> UncheckedOnRuntimeUpgrade for CountPoorWork<T> {
        fn on_runtime_upgrade() -> Weight {
            let all: Vec<_> = v1::WorkOf::<T>::drain().collect();
            let count = all.len() as u64;
            for (miner, paid) in all {
                let mut works = EraSums::<Work>::default();
                paid.0.into_iter().for_each(|(era, paid)| works.add(era, Work::rated(paid, Perbill::one())));
                WorkOf::<T>::insert(miner, works);
            }
            T::DbWeight::get().reads_writes(count, count.saturating_mul(2))
        }
    }
}
