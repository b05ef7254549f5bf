//! How older chains' storage becomes today's.

use frame_support::migrations::VersionedMigration;

use crate::Pallet;

/// From storage version 1 (bonds and the clock) to 2 (emission, payees, start times of eras).
pub type MigrateV1ToV2<T> =
    VersionedMigration<1, 2, v2::AddEmission<T>, Pallet<T>, <T as frame_system::Config>::DbWeight>;

mod v2 {
    use core::marker::PhantomData;
    use cuckoo_primitives::registry::Budgets;
    use frame_support::{
        traits::{Get, UncheckedOnRuntimeUpgrade},
        weights::Weight,
    };

    use crate::{Clock, Config, DefaultMiningBudget, DefaultStakingBudget, Emission};

    /// Gives a chain that runs already the full budgets, a pot, and a start of its era: now, so that evidence about
    /// anything before the upgrade is refused, for which nobody knows the era.
    pub struct AddEmission<T>(PhantomData<T>);

    impl<T: Config> AddEmission<T> {
        pub(super) fn budgets() -> Budgets {
            Budgets { staking: DefaultStakingBudget::get(), mining: DefaultMiningBudget::get() }
        }
    }

    impl<T: Config> UncheckedOnRuntimeUpgrade for AddEmission<T> {
        fn on_runtime_upgrade() -> Weight {
            // It fails only if the budgets do not fit under the cap. The check before the upgrade finds that; on a chain
            // that upgrades all the same nothing is emitted.
            let _begun = Emission::<T>::begin(Self::budgets());
            Clock::<T>::begin_now();
            // Reads: pot, issuance, position, BondingEras, time. Writes: pot, issuance, emission, start.
            T::DbWeight::get().reads_writes(5, 4)
        }

        #[cfg(feature = "try-runtime")]
        fn pre_upgrade() -> Result<alloc::vec::Vec<u8>, sp_runtime::TryRuntimeError> {
            Self::check_before()
        }

        #[cfg(feature = "try-runtime")]
        fn post_upgrade(before: alloc::vec::Vec<u8>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::check_after(before)
        }
    }
}

/// What must hold before and after.
#[cfg(any(feature = "try-runtime", test))]
mod checks {
    use alloc::vec::Vec;
    use codec::{Decode, Encode};
    use cuckoo_primitives::{Balance, EraIndex, TOTAL_SUPPLY_CAP};
    use frame_support::{ensure, traits::fungible::Inspect};
    use sp_runtime::DispatchError;

    use super::v2::AddEmission;
    use crate::{Clock, Config, Emission, EmissionState, EraStarts};

    impl<T: Config> AddEmission<T> {
        pub(crate) fn check_before() -> Result<Vec<u8>, DispatchError> {
            ensure!(!EmissionState::<T>::exists(), "there is no emission yet");
            ensure!(EraStarts::<T>::iter_keys().next().is_none(), "no era has a start yet");
            let budgets = Self::budgets();
            let issuance = T::Currency::total_issuance();
            let later = [budgets.staking, budgets.mining, T::Currency::minimum_balance()];
            let all = later.iter().fold(issuance, |sum, more| sum.saturating_add(*more));
            ensure!(all <= TOTAL_SUPPLY_CAP, "the budgets fit under the cap of the supply");
            Ok((Clock::<T>::era(), issuance).encode())
        }

        pub(crate) fn check_after(before: Vec<u8>) -> Result<(), DispatchError> {
            let (era, issuance) = <(EraIndex, Balance)>::decode(&mut before.as_slice())
                .map_err(|_| DispatchError::Other("the state before is readable"))?;
            let (state, budgets) = (Emission::<T>::state(), Self::budgets());
            ensure!(
                (state.staking.remaining, state.mining.remaining) == (budgets.staking, budgets.mining),
                "both budgets are whole"
            );
            let minted = T::Currency::total_issuance().checked_sub(issuance);
            ensure!(
                minted.is_some_and(|minted| minted <= T::Currency::minimum_balance()),
                "no more than the pot's deposit was minted"
            );
            ensure!(Clock::<T>::era() == era && EraStarts::<T>::contains_key(era), "the running era has a start");
            Ok(())
        }
    }
}

#[cfg(test)]
pub(crate) use v2::AddEmission;
