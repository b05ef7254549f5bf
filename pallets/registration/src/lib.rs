//! # Registration: miners, coordinators and validators
//!
//! ## Overview
//!
//! A stash that puts enough of its own bond behind itself becomes a *candidate* in one [`Role`]. It names an
//! *operator*, the account whose key runs the miner, gateway or validator and is kept on that machine; the stash's key
//! is not needed there. The operator consents with a signature, so that nobody registers a key that is not theirs.
//!
//! ## Lifecycle
//!
//! ```text
//!            register                    (next era)
//!  stash ───────────────► Pending ─────────────────► Active ◄──validate── Chilled
//!    ▲                                                │  └──────chill───────►│
//!    └───────────────────────── deregister ◄──────────┴──────────────────────┘
//! ```
//!
//! - Registering moves `self_stake` of the stash's bond behind itself; it must be above [`MinSelfStake`] and counts from
//!   the next era.
//! - Deregistering takes those votes back. The stake stays bonded; it can be voted elsewhere or unbonded.
//! - An operator key that is replaced or leaves stays on record for as long as evidence counts
//!   ([`CurrentEra::bonding_eras`](cuckoo_primitives::registry::CurrentEra::bonding_eras)), so that what it signed can
//!   still be held against its stash; meanwhile only the same stash may use it again.
//!
//! ## Owners
//!
//! [`Roster`] is the only code that touches [`Candidates`] and [`RoleOf`], [`OperatorKeys`] the only code that touches
//! [`Operators`] and [`Retired`].
//!
//! ## Invariants
//!
//! `do_try_state` (file `try_state.rs`) names them: every candidate has one role and one operator, an operator in use
//! serves one candidate, retired operators are listed under their stash, what a candidate says of itself is valid.

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

mod genesis;
mod info;
mod listing;
mod operator;
mod roster;
mod try_state;
pub mod weights;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use operator::{OperatorKeys, OperatorRecord, MAX_RETIRED_OPERATORS};
pub use pallet::*;
pub use roster::{CandidateRecord, Roster};
pub use weights::WeightInfo;

#[frame_support::pallet]
// FRAME's macros expand to `expect`s.
#[allow(clippy::expect_used)]
pub mod pallet {
    use super::{info, CandidateRecord, OperatorKeys, OperatorRecord, Roster, WeightInfo, MAX_RETIRED_OPERATORS};
    use alloc::{string::String, vec::Vec};
    use cuckoo_primitives::{
        registry::{self, Backing, CurrentEra},
        AccountId, Balance, CandidateInfo, Hash, Role, Signature, CAI,
    };
    use frame_support::pallet_prelude::*;
    use frame_system::pallet_prelude::*;

    /// Layout of this pallet's storage.
    pub(crate) const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config<AccountId = AccountId, Hash = Hash> {
        /// Puts a candidate's own stake behind it, and knows all stake behind it.
        type Backing: Backing<AccountId>;
        /// Knows the era, and for how many eras evidence counts.
        type CurrentEra: CurrentEra;
        /// What the calls cost.
        type WeightInfo: WeightInfo;
    }

    /// The candidates of each role by stash. Owned by [`Roster`].
    ///
    /// The role comes first, so that one role can be read in pages.
    #[pallet::storage]
    pub type Candidates<T: Config> =
        StorageDoubleMap<_, Twox64Concat, Role, Blake2_128Concat, AccountId, CandidateRecord>;

    /// The role of each registered stash. Owned by [`Roster`].
    #[pallet::storage]
    pub type RoleOf<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, Role>;

    /// Whom each operator key serves or served. Owned by [`OperatorKeys`].
    #[pallet::storage]
    pub type Operators<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, OperatorRecord>;

    /// The retired operator keys of each stash. Owned by [`OperatorKeys`].
    #[pallet::storage]
    pub type Retired<T: Config> =
        StorageMap<_, Blake2_128Concat, AccountId, BoundedVec<AccountId, ConstU32<MAX_RETIRED_OPERATORS>>, ValueQuery>;

    /// Own stake in planck that a candidate of a role must stay above.
    #[pallet::storage]
    pub type MinSelfStake<T: Config> = StorageMap<_, Twox64Concat, Role, Balance, ValueQuery>;

    /// The minimums, and who is registered at the start.
    #[pallet::genesis_config]
    pub struct GenesisConfig<T: Config> {
        /// See [`MinSelfStake`]; one entry for each role.
        pub min_self_stake: Vec<(Role, Balance)>,
        /// Candidates: stash, operator, role, name, endpoint (empty but for coordinators). Their own stake comes with
        /// the votes in the voting pallet's genesis.
        pub candidates: Vec<(AccountId, AccountId, Role, String, String)>,
        #[doc(hidden)]
        #[serde(skip)]
        pub _config: PhantomData<T>,
    }

    impl<T: Config> Default for GenesisConfig<T> {
        fn default() -> Self {
            let min_self_stake = Vec::from([
                (Role::Miner, CAI.saturating_mul(20_000)),
                (Role::Coordinator, CAI.saturating_mul(2_000_000)),
                (Role::Validator, CAI.saturating_mul(100_000)),
            ]);
            Self { min_self_stake, candidates: Vec::new(), _config: PhantomData }
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
        /// A stash became a candidate.
        Registered {
            /// The stash.
            candidate: AccountId,
            /// Whose key runs it.
            operator: AccountId,
            /// As what.
            role: Role,
        },
        /// A candidate presents itself anew.
        InfoUpdated {
            /// The stash.
            candidate: AccountId,
        },
        /// Another key runs a candidate from now on.
        OperatorSet {
            /// The stash.
            candidate: AccountId,
            /// Whose key runs it now.
            operator: AccountId,
            /// Whose key ran it before.
            retired: AccountId,
        },
        /// A candidate stepped back.
        Chilled {
            /// The stash.
            candidate: AccountId,
        },
        /// A candidate that had stepped back is ready again.
        Validated {
            /// The stash.
            candidate: AccountId,
        },
        /// A stash is no candidate any more.
        Deregistered {
            /// The stash.
            candidate: AccountId,
            /// As what it was registered.
            role: Role,
            /// Own stake in planck that is no longer voted.
            released: Balance,
        },
        /// Operator keys that retired long ago are off the record.
        OperatorsForgotten {
            /// The stash that they served.
            candidate: AccountId,
            /// How many.
            count: u32,
        },
    }

    /// Why a call was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// This stash is a candidate; `deregister` first to change its role.
        AlreadyRegistered,
        /// This stash is not a candidate; `register` first.
        NotRegistered,
        /// The operator must be another account than the stash, so that the stash's key stays off the machine.
        OperatorIsStash,
        /// Another stash uses this operator, or used it within the time in which evidence counts; take a new key.
        OperatorTaken,
        /// This operator is already the candidate's.
        OperatorUnchanged,
        /// The proof is not the operator's signature over (genesis hash, stash, role); sign with the operator's key on
        /// this chain.
        BadProof,
        /// Too many operator keys retired lately; wait until evidence against the oldest counts no more.
        TooManyRetiredOperators,
        /// None of the stash's retired operators can be forgotten yet.
        NothingToForget,
        /// The own stake is not above the minimum of the role; see `MinSelfStake`.
        SelfStakeTooLow,
        /// The name is empty or blank.
        NameMissing,
        /// Name and introduction must be UTF-8, the name without control characters.
        TextInvalid,
        /// A coordinator needs an endpoint: `http://` or `https://`, then a host, in printable ASCII without spaces.
        EndpointInvalid,
        /// Only coordinators have an endpoint; leave it empty.
        EndpointNotAllowed,
        /// The candidate has stepped back already.
        AlreadyChilled,
        /// The candidate has not stepped back.
        NotChilled,
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
        /// Makes the caller a candidate: as `role`, run by `operator`, with `self_stake` planck of its bond behind
        /// itself. `proof` is the operator's signature over its
        /// [`OperatorConsent`](cuckoo_primitives::signing::OperatorConsent).
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::register())]
        pub fn register(
            origin: OriginFor<T>,
            role: Role,
            operator: AccountId,
            proof: Signature,
            #[pallet::compact] self_stake: Balance,
            info: CandidateInfo,
        ) -> DispatchResult {
            let stash = ensure_signed(origin)?;
            ensure!(!Roster::<T>::contains(&stash), Error::<T>::AlreadyRegistered);
            info::ensure_valid::<T>(role, &info)?;
            OperatorKeys::<T>::ensure_consent(&operator, &stash, role, &proof)?;
            ensure!(self_stake > MinSelfStake::<T>::get(role), Error::<T>::SelfStakeTooLow);

            OperatorKeys::<T>::assign(&operator, &stash, role)?;
            Roster::<T>::enter(&stash, role, operator.clone(), info);
            T::Backing::back_self(&stash, self_stake)?;
            Self::deposit_event(Event::Registered { candidate: stash, operator, role });
            Ok(())
        }

        /// Replaces how the calling candidate presents itself.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::update_info())]
        pub fn update_info(origin: OriginFor<T>, info: CandidateInfo) -> DispatchResult {
            let stash = ensure_signed(origin)?;
            let role = Roster::<T>::role(&stash).ok_or(Error::<T>::NotRegistered)?;
            info::ensure_valid::<T>(role, &info)?;
            Roster::<T>::update(&stash, |candidate| candidate.info = info)?;
            Self::deposit_event(Event::InfoUpdated { candidate: stash });
            Ok(())
        }

        /// Has another key run the calling candidate, at once. The key before stays on record for as long as evidence
        /// counts.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::set_operator())]
        pub fn set_operator(origin: OriginFor<T>, operator: AccountId, proof: Signature) -> DispatchResult {
            let stash = ensure_signed(origin)?;
            let role = Roster::<T>::role(&stash).ok_or(Error::<T>::NotRegistered)?;
            OperatorKeys::<T>::ensure_consent(&operator, &stash, role, &proof)?;
            let retired =
                Roster::<T>::update(&stash, |candidate| core::mem::replace(&mut candidate.operator, operator.clone()))?;
            OperatorKeys::<T>::replace(&retired, &operator, &stash, role)?;
            Self::deposit_event(Event::OperatorSet { candidate: stash, operator, retired });
            Ok(())
        }

        /// Steps back: the calling candidate stays registered, bonded and backed, but does no work from now on.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::chill())]
        pub fn chill(origin: OriginFor<T>) -> DispatchResult {
            let stash = ensure_signed(origin)?;
            let was_chilled =
                Roster::<T>::update(&stash, |candidate| core::mem::replace(&mut candidate.chilled, true))?;
            ensure!(!was_chilled, Error::<T>::AlreadyChilled);
            Self::deposit_event(Event::Chilled { candidate: stash });
            Ok(())
        }

        /// Comes back after `chill`. The calling candidate's own stake must be above the minimum.
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::validate())]
        pub fn validate(origin: OriginFor<T>) -> DispatchResult {
            let stash = ensure_signed(origin)?;
            let role = Roster::<T>::role(&stash).ok_or(Error::<T>::NotRegistered)?;
            let (_, next_own) = T::Backing::own_stake(&stash);
            ensure!(next_own > MinSelfStake::<T>::get(role), Error::<T>::SelfStakeTooLow);
            let was_chilled =
                Roster::<T>::update(&stash, |candidate| core::mem::replace(&mut candidate.chilled, false))?;
            ensure!(was_chilled, Error::<T>::NotChilled);
            Self::deposit_event(Event::Validated { candidate: stash });
            Ok(())
        }

        /// Ends the calling stash's candidacy and takes its own votes back; they stay bonded. Others' votes stay where
        /// they are until their voters move them.
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::deregister())]
        pub fn deregister(origin: OriginFor<T>) -> DispatchResult {
            let stash = ensure_signed(origin)?;
            let (role, record) = Roster::<T>::leave(&stash)?;
            OperatorKeys::<T>::retire(&record.operator, &stash)?;
            let released = T::Backing::release_self(&stash)?;
            Self::deposit_event(Event::Deregistered { candidate: stash, role, released });
            Ok(())
        }

        /// Takes those retired operators of `stash` off the record against which evidence counts no more. Anyone may
        /// call it.
        #[pallet::call_index(6)]
        #[pallet::weight(T::WeightInfo::forget_operators())]
        pub fn forget_operators(origin: OriginFor<T>, stash: AccountId) -> DispatchResult {
            ensure_signed(origin)?;
            let count = OperatorKeys::<T>::forget_expired(&stash);
            ensure!(count > 0, Error::<T>::NothingToForget);
            Self::deposit_event(Event::OperatorsForgotten { candidate: stash, count });
            Ok(())
        }
    }

    impl<T: Config> registry::Candidates<AccountId> for Pallet<T> {
        fn role(stash: &AccountId) -> Option<Role> {
            Roster::<T>::role(stash)
        }

        fn own_stake_floor(stash: &AccountId) -> Option<Balance> {
            Roster::<T>::role(stash).map(MinSelfStake::<T>::get)
        }
    }
}
