//! # Election: who validates
//!
//! ## Overview
//!
//! The stake that steers tasks also chooses the validators: at the start of an era those [`ValidatorCount`] active
//! candidates validate that have the most backing. Between elections nobody joins, but one that stepped back, or was
//! made to, leaves at once. The runtime asks [`Pallet::next_validators`] each time it plans a session; a session is
//! planned when the one before it starts, so a choice comes into force one session after it was made.
//!
//! ## When there are too few
//!
//! A chain without validators has ended, so the set never shrinks under [`MinValidators`]: an election that finds fewer
//! candidates is void, and of validators who should leave as many stay as the minimum needs, the foremost first.
//! Validators without session keys cannot work and are never kept; see [`Pallet::can_spare_keys`].
//!
//! ## Owners
//!
//! [`Limits`] is the only code that touches [`ValidatorCount`] and [`MinValidators`]. The choice itself (file
//! `choice.rs`) is pure.
//!
//! ## Invariants
//!
//! `do_try_state`: at least one validator is required, and the election may choose as many as are required and no more
//! than [`Config::MaxValidators`].

#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::panic,
        clippy::float_arithmetic
    )
)]
#![warn(missing_docs)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod choice;
mod genesis;
mod limits;
mod try_state;
pub mod weights;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use limits::{Limits, LimitsOverview};
pub use pallet::*;
pub use weights::WeightInfo;

use alloc::vec::Vec;
use cuckoo_primitives::{AccountId, Balance};

/// The candidates among whom validators are chosen. Offered by the runtime.
pub trait ValidatorCandidates {
    /// The active candidates and the stake behind each in planck, in any order. Bounded by whoever answers.
    fn active() -> Vec<(AccountId, Balance)>;
    /// Whether that candidate is active.
    fn is_active(stash: &AccountId) -> bool;
}

#[frame_support::pallet]
// FRAME's macros expand to `expect`s.
#[allow(clippy::expect_used)]
pub mod pallet {
    use super::{choice, Limits, LimitsOverview, ValidatorCandidates, WeightInfo};
    use alloc::vec::Vec;
    use cuckoo_primitives::AccountId;
    use frame_support::{pallet_prelude::*, traits::Contains};
    use frame_system::pallet_prelude::*;

    /// Layout of this pallet's storage.
    pub(crate) const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config<AccountId = AccountId> {
        /// Among whom to choose.
        type Candidates: ValidatorCandidates;
        /// Who has session keys on chain.
        type WithKeys: Contains<AccountId>;
        /// Who may set how many validate.
        type LimitsOrigin: EnsureOrigin<Self::RuntimeOrigin>;
        /// Most validators that consensus can have.
        #[pallet::constant]
        type MaxValidators: Get<u32>;
        /// What the calls cost.
        type WeightInfo: WeightInfo;
        /// Sets up what is measured.
        #[cfg(feature = "runtime-benchmarks")]
        type BenchmarkMarket: cuckoo_primitives::benchmarking::BenchmarkMarket<AccountId>;
    }

    /// Twenty-one.
    #[pallet::type_value]
    pub fn DefaultValidatorCount() -> u32 {
        21
    }

    /// Most validators that an election chooses. Owned by [`Limits`].
    #[pallet::storage]
    pub type ValidatorCount<T: Config> = StorageValue<_, u32, ValueQuery, DefaultValidatorCount>;

    /// One.
    #[pallet::type_value]
    pub fn DefaultMinValidators() -> u32 {
        1
    }

    /// Fewest validators with which the chain goes on. Owned by [`Limits`].
    #[pallet::storage]
    pub type MinValidators<T: Config> = StorageValue<_, u32, ValueQuery, DefaultMinValidators>;

    /// How many validate.
    #[pallet::genesis_config]
    pub struct GenesisConfig<T: Config> {
        /// See [`ValidatorCount`].
        pub validator_count: u32,
        /// See [`MinValidators`].
        pub min_validators: u32,
        #[doc(hidden)]
        #[serde(skip)]
        pub _config: PhantomData<T>,
    }

    impl<T: Config> Default for GenesisConfig<T> {
        fn default() -> Self {
            Self {
                validator_count: DefaultValidatorCount::get(),
                min_validators: DefaultMinValidators::get(),
                _config: PhantomData,
            }
        }
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            super::genesis::build(self);
        }
    }

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(crate) fn deposit_event)]
    pub enum Event<T: Config> {
        /// It was set how many validate.
        LimitsSet {
            /// Most that an election chooses.
            count: u32,
            /// Fewest with which the chain goes on.
            minimum: u32,
        },
        /// An election found fewer candidates than are required, so the validators stay.
        TooFewCandidates {
            /// How many it found.
            found: u32,
        },
    }

    /// Why a call was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// The minimum is zero; a chain needs at least one validator.
        NoMinimum,
        /// The count is smaller than the minimum; raise one or lower the other.
        CountBelowMinimum,
        /// Consensus cannot have that many validators; see `MaxValidators`.
        TooManyValidators,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Sets how many validators an election chooses at most, and with how few the chain goes on, from the next
        /// session that is planned. For `LimitsOrigin` only.
        #[pallet::call_index(0)]
        #[pallet::weight((T::WeightInfo::set_limits(), DispatchClass::Operational))]
        pub fn set_limits(
            origin: OriginFor<T>,
            #[pallet::compact] count: u32,
            #[pallet::compact] minimum: u32,
        ) -> DispatchResult {
            T::LimitsOrigin::ensure_origin(origin)?;
            Limits::<T>::set(count, minimum)?;
            Self::deposit_event(Event::LimitsSet { count, minimum });
            Ok(())
        }
    }

    impl<T: Config> Pallet<T> {
        /// Who validates in the session that is being planned, sorted by account. `current` validate now; `elect` is
        /// true if an era has begun since the last plan.
        ///
        /// Reads all active candidates if it elects, otherwise `current` only.
        pub fn next_validators(current: Vec<AccountId>, elect: bool) -> Vec<AccountId> {
            if elect {
                let candidates =
                    T::Candidates::active().into_iter().filter(|(stash, _)| T::WithKeys::contains(stash)).collect();
                let elected = choice::most_backed(candidates, Limits::<T>::count());
                if elected.len() >= Limits::<T>::minimum() {
                    return elected;
                }
                let found = u32::try_from(elected.len()).unwrap_or(u32::MAX);
                Self::deposit_event(Event::TooFewCandidates { found });
            }
            let working = current.into_iter().filter(T::WithKeys::contains).collect();
            choice::remaining(working, T::Candidates::is_active, Limits::<T>::minimum())
        }

        /// Whether one of `planned`, who validate next, may give up its session keys: then more than the minimum of
        /// them have keys.
        pub fn can_spare_keys<'a>(planned: impl Iterator<Item = &'a AccountId>) -> bool {
            let minimum = Limits::<T>::minimum();
            planned.filter(|stash| T::WithKeys::contains(stash)).nth(minimum).is_some()
        }
    }

    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// How many validate.
        pub fn limits() -> LimitsOverview {
            Limits::<T>::overview()
        }
    }
}
