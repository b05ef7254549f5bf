//! How older chains' storage becomes today's.

use frame_support::migrations::VersionedMigration;

use crate::Pallet;

/// From storage version 1 to 2: validators are counted, operators' records say since when they work, and texts hold no
/// characters that steer a terminal or turn the direction of writing.
pub type MigrateV1ToV2<T> =
    VersionedMigration<1, 2, v2::CountAndMend<T>, Pallet<T>, <T as frame_system::Config>::DbWeight>;

mod v2 {
    use core::marker::PhantomData;
    use frame_support::{
        traits::{Get, UncheckedOnRuntimeUpgrade},
        weights::Weight,
    };

    use crate::{info, Config, OperatorKeys, Roster};

    /// Walks over all candidates and operators once. Each candidate bonded more than the minimum of its role, which bounds their number: on
    /// chains of storage version 1 there are few.
    pub struct CountAndMend<T>(PhantomData<T>);

    impl<T: Config> UncheckedOnRuntimeUpgrade for CountAndMend<T> {
        fn on_runtime_upgrade() -> Weight {
            let candidates = Roster::<T>::rebuild(info::mended);
            let keys = OperatorKeys::<T>::rebuild();
            // Each record is read and written, validators are read once more, and the count is written.
            let written = candidates.saturating_add(keys);
            T::DbWeight::get().reads_writes(written.saturating_add(candidates), written.saturating_add(1))
        }

        #[cfg(feature = "try-runtime")]
        fn pre_upgrade() -> Result<alloc::vec::Vec<u8>, sp_runtime::TryRuntimeError> {
            Ok(Self::check_before())
        }

        #[cfg(feature = "try-runtime")]
        fn post_upgrade(before: alloc::vec::Vec<u8>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::check_after(before)
        }
    }
}

/// What must be the same before and after.
#[cfg(any(feature = "try-runtime", test))]
mod checks {
    use alloc::vec::Vec;
    use codec::{Decode, Encode};
    use cuckoo_primitives::Role;
    use frame_support::ensure;
    use sp_runtime::DispatchError;

    use super::v2::CountAndMend;
    use crate::{info, Candidates, Config, Operators, RoleOf, Roster};

    impl<T: Config> CountAndMend<T> {
        /// How many candidates and operators there are.
        pub(crate) fn check_before() -> Vec<u8> {
            (Candidates::<T>::iter_keys().count() as u32, Operators::<T>::iter_keys().count() as u32).encode()
        }

        pub(crate) fn check_after(before: Vec<u8>) -> Result<(), DispatchError> {
            let (candidates, operators) = <(u32, u32)>::decode(&mut before.as_slice())
                .map_err(|_| DispatchError::Other("the state before is readable"))?;
            ensure!(RoleOf::<T>::iter_keys().count() as u32 == candidates, "every candidate is still there");
            ensure!(Operators::<T>::iter().count() as u32 == operators, "every operator is still there");
            let validators = Candidates::<T>::iter_key_prefix(Role::Validator).count() as u32;
            ensure!(Roster::<T>::validators() == validators, "validators are counted");
            ensure!(
                Candidates::<T>::iter().all(|(role, _, record)| info::ensure_valid::<T>(role, &record.info).is_ok()),
                "what candidates say of themselves is valid"
            );
            Ok(())
        }
    }
}

#[cfg(test)]
pub(crate) use v2::CountAndMend;
