//! # Registration: miners, coordinators and validators
//!
//! ## Overview
//!
//! A stash that puts enough of its own bond behind itself becomes a *candidate* in one [`Role`]. It names an
//! *operator*, the account whose key runs the miner, gateway or validator and is kept on that machine; the stash's key
//! is not needed there. The operator consents with a signature, so that nobody registers a key that is not theirs. The
//! consent names the era in which it ends, at most `bonding_eras` ahead.
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
//! - At most [`Config::MaxValidators`] validators are registered, since every election reads them all.
//! - Whoever is charged with an offence that is not decided, or was slashed too often, can neither register nor
//!   validate. A slash chills ([`Candidates::chill`](cuckoo_primitives::registry::Candidates::chill)).
//! - Deregistering takes those votes back. The stake stays bonded; it can be voted elsewhere or unbonded.
//! - An operator key that is replaced or leaves stays on record for as long as evidence counts
//!   ([`CurrentEra::bonding_eras`](cuckoo_primitives::registry::CurrentEra::bonding_eras)), so that what it signed can
//!   still be held against its stash; meanwhile only the same stash may use it again, in the same role.
//!
//! ## Commission
//!
//! The operator's cut of what its candidate earns, nothing at first. `set_commission` has it
//!
//! - fall from the next era on;
//! - rise [`RAISE_NOTICE_ERAS`] eras later, by at most [`MAX_COMMISSION_RAISE`]. Only one raise is announced at a time;
//!   to take it back, set what counts before it, or less;
//! - be anything from the next era on in the era in which the candidate registered, as long as nobody else's stake is
//!   behind it: nobody is misled then. To be sure of that, batch it with `register`.
//!
//! Before it changes, and before it goes with the candidacy, the candidate is paid for all eras that are over, so that
//! what was earned is divided by what counted then. The era in which a candidate deregisters earns nothing.
//!
//! ## Owners
//!
//! [`Roster`] is the only code that touches [`Candidates`], [`RoleOf`] and [`ValidatorCount`], [`OperatorKeys`] the only
//! code that touches [`Operators`] and [`Retired`], [`Commission`] the only code that touches [`Commissions`].
//!
//! ## Invariants
//!
//! `do_try_state` (file `try_state.rs`) names them: every candidate has one role and one operator, an operator in use
//! serves one candidate, retired operators are listed under their stash, what a candidate says of itself is valid, the
//! validators are counted, a commission is a candidate's and rises no faster than allowed.

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
mod commission;
mod genesis;
mod info;
mod listing;
pub mod migrations;
mod offered;
mod operator;
mod roster;
mod try_state;
pub mod weights;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use commission::{
    Commission, CommissionChange, CommissionOverview, CommissionRecord, MAX_COMMISSION_RAISE, RAISE_NOTICE_ERAS,
};
pub use operator::{OperatorKeys, OperatorRecord, MAX_RETIRED_OPERATORS};
pub use pallet::*;
pub use roster::{CandidateRecord, Roster};
pub use weights::WeightInfo;

#[frame_support::pallet]
// FRAME's macros expand to `expect`s.
#[allow(clippy::expect_used)]
pub mod pallet {
    use super::{
        info, listing, CandidateRecord, Commission, CommissionOverview, CommissionRecord, OperatorKeys, OperatorRecord,
        Roster, WeightInfo, MAX_RETIRED_OPERATORS,
    };
    use alloc::{string::String, vec::Vec};
    use cuckoo_primitives::{
        registry::{Backing, CurrentEra, OpenCases, MAX_SETTLED},
        signing::OperatorConsent,
        AccountId, Balance, Candidate, CandidateInfo, EraIndex, Hash, Role, Signature, CAI,
    };
    use frame_support::pallet_prelude::*;
    use frame_system::pallet_prelude::*;
    use sp_runtime::Perbill;

    /// Layout of this pallet's storage.
    pub(crate) const STORAGE_VERSION: StorageVersion = StorageVersion::new(2);

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config<AccountId = AccountId, Hash = Hash> {
        /// Puts a candidate's own stake behind it, and knows all stake behind it.
        type Backing: Backing<AccountId>;
        /// Knows the era, and for how many eras evidence counts.
        type CurrentEra: CurrentEra;
        /// Knows who is charged with an offence that is not decided.
        type OpenCases: OpenCases<AccountId>;
        /// Most validators that may be registered side by side: every election reads them all.
        #[pallet::constant]
        type MaxValidators: Get<u32>;
        /// What the calls cost.
        type WeightInfo: WeightInfo;
        /// Sets up what is measured.
        #[cfg(feature = "runtime-benchmarks")]
        type BenchmarkMarket: cuckoo_primitives::benchmarking::BenchmarkMarket<AccountId>;
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

    /// How many candidates are validators. Owned by [`Roster`].
    #[pallet::storage]
    pub type ValidatorCount<T: Config> = StorageValue<_, u32, ValueQuery>;

    /// What candidates keep for their operators of what they earn; nothing, unless they have set it. Owned by
    /// [`Commission`].
    #[pallet::storage]
    pub type Commissions<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, CommissionRecord, ValueQuery>;

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
        /// A candidate's commission will change.
        CommissionSet {
            /// The stash.
            candidate: AccountId,
            /// The operator's cut of what the candidate earns.
            rate: Perbill,
            /// The first era in which it counts.
            from: EraIndex,
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
        /// This operator works for another stash, or did, or in another role, within the time in which evidence counts;
        /// take a new key.
        OperatorTaken,
        /// This operator is already the candidate's.
        OperatorUnchanged,
        /// The proof is not the operator's signature over (genesis hash, stash, role, era in which it expires); sign with
        /// the operator's key on this chain.
        BadProof,
        /// The operator's consent counts no more; have the operator sign anew.
        ConsentExpired,
        /// The operator's consent would count for more than `BondingEras` eras; have the operator sign for less.
        ConsentTooLong,
        /// Too many operator keys retired lately; wait until evidence against the oldest counts no more.
        TooManyRetiredOperators,
        /// None of the stash's retired operators can be forgotten yet.
        NothingToForget,
        /// The own stake is not above the minimum of the role; see `MinSelfStake`.
        SelfStakeTooLow,
        /// The name is empty or blank.
        NameMissing,
        /// Name and introduction must be UTF-8, without control characters (but newlines in the introduction) and
        /// characters that turn the direction of writing.
        TextInvalid,
        /// A coordinator needs an endpoint: `http://` or `https://`, then a host, in printable ASCII without spaces.
        EndpointInvalid,
        /// Only coordinators have an endpoint; leave it empty.
        EndpointNotAllowed,
        /// The candidate has stepped back already.
        AlreadyChilled,
        /// The candidate has not stepped back.
        NotChilled,
        /// The stash is charged with an offence that is not decided; see the docket, and wait until it is.
        OpenCase,
        /// The stash was slashed too often to be a candidate; use another.
        SlashedTooOften,
        /// As many validators are registered as elections can read; wait until one deregisters.
        TooManyValidators,
        /// The commission is this already.
        CommissionUnchanged,
        /// A raise of the commission is announced; wait until it counts, or take it back by setting what counts before
        /// it.
        RaiseAnnounced,
        /// The commission may rise by five percentage points at a time; raise it in steps.
        RaiseTooSteep,
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
        /// itself. `proof` is the operator's signature over its [`OperatorConsent`], which counts until era
        /// `consent_expires`.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::register(MAX_SETTLED))]
        pub fn register(
            origin: OriginFor<T>,
            role: Role,
            operator: AccountId,
            consent_expires: EraIndex,
            proof: Signature,
            #[pallet::compact] self_stake: Balance,
            info: CandidateInfo,
        ) -> DispatchResultWithPostInfo {
            let stash = ensure_signed(origin)?;
            ensure!(!Roster::<T>::contains(&stash), Error::<T>::AlreadyRegistered);
            Self::ensure_may_stand(&stash)?;
            info::ensure_valid::<T>(role, &info)?;
            let consent = OperatorConsent { stash: stash.clone(), role, expires: consent_expires };
            OperatorKeys::<T>::ensure_consent(&operator, &consent, &proof)?;
            ensure!(self_stake > MinSelfStake::<T>::get(role), Error::<T>::SelfStakeTooLow);

            OperatorKeys::<T>::assign(&operator, &stash, role)?;
            Roster::<T>::enter(&stash, role, operator.clone(), info)?;
            let taken = T::Backing::stand(&stash, role, self_stake)?;
            Self::deposit_event(Event::Registered { candidate: stash, operator, role });
            Ok(Some(T::WeightInfo::register(taken)).into())
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
        /// counts. `proof` and `consent_expires` are as for `register`.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::set_operator())]
        pub fn set_operator(
            origin: OriginFor<T>,
            operator: AccountId,
            consent_expires: EraIndex,
            proof: Signature,
        ) -> DispatchResult {
            let stash = ensure_signed(origin)?;
            let role = Roster::<T>::role(&stash).ok_or(Error::<T>::NotRegistered)?;
            let consent = OperatorConsent { stash: stash.clone(), role, expires: consent_expires };
            OperatorKeys::<T>::ensure_consent(&operator, &consent, &proof)?;
            let retired =
                Roster::<T>::update(&stash, |candidate| core::mem::replace(&mut candidate.operator, operator.clone()))?;
            OperatorKeys::<T>::replace(&retired, &operator, &stash, role)?;
            Self::deposit_event(Event::OperatorSet { candidate: stash, operator, retired });
            Ok(())
        }

        /// Steps back: the calling candidate stays registered, bonded and backed, but does no work and earns nothing from
        /// now on, this era included.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::chill())]
        pub fn chill(origin: OriginFor<T>) -> DispatchResult {
            let stash = ensure_signed(origin)?;
            ensure!(Self::step_back(&stash)?, Error::<T>::AlreadyChilled);
            Ok(())
        }

        /// Comes back after `chill`; the calling candidate works at once and earns from the next era on. Its own stake
        /// must be above the minimum.
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::validate(MAX_SETTLED))]
        pub fn validate(origin: OriginFor<T>) -> DispatchResultWithPostInfo {
            let stash = ensure_signed(origin)?;
            let role = Roster::<T>::role(&stash).ok_or(Error::<T>::NotRegistered)?;
            Self::ensure_may_stand(&stash)?;
            let taken = T::Backing::bring_up_to_date(&stash)?;
            let (_, next_own) = T::Backing::own_stake(&stash);
            ensure!(next_own > MinSelfStake::<T>::get(role), Error::<T>::SelfStakeTooLow);
            ensure!(Roster::<T>::set_chilled(&stash, false)?, Error::<T>::NotChilled);
            T::Backing::resume(&stash);
            Self::deposit_event(Event::Validated { candidate: stash });
            Ok(Some(T::WeightInfo::validate(taken)).into())
        }

        /// Ends the calling stash's candidacy and takes its own votes back; they stay bonded. Others' votes stay where
        /// they are until their voters move them. It can be charged for what it did all the same.
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::deregister(MAX_SETTLED))]
        pub fn deregister(origin: OriginFor<T>) -> DispatchResultWithPostInfo {
            let stash = ensure_signed(origin)?;
            let (role, record) = Roster::<T>::get(&stash).ok_or(Error::<T>::NotRegistered)?;
            // Its commission counts for what it has earned, and ends with the candidacy.
            let taken = T::Backing::bring_up_to_date(&stash)?;
            Roster::<T>::leave(&stash)?;
            OperatorKeys::<T>::retire(&record.operator, &stash)?;
            let (released, more) = T::Backing::leave(&stash)?;
            Commission::<T>::forget(&stash);
            Self::deposit_event(Event::Deregistered { candidate: stash, role, released });
            Ok(Some(T::WeightInfo::deregister(taken.saturating_add(more))).into())
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

        /// Sets what the calling candidate's operator keeps of what the candidate earns. A lower rate counts from the
        /// next era on; a higher one two eras later, and by at most five points at a time. In the era in which the
        /// candidate registered any rate counts from the next era on, as long as nobody else's stake is behind it.
        #[pallet::call_index(7)]
        #[pallet::weight(T::WeightInfo::set_commission(MAX_SETTLED))]
        pub fn set_commission(origin: OriginFor<T>, rate: Perbill) -> DispatchResultWithPostInfo {
            let stash = ensure_signed(origin)?;
            let (_, record) = Roster::<T>::get(&stash).ok_or(Error::<T>::NotRegistered)?;
            let taken = T::Backing::bring_up_to_date(&stash)?;
            let from = Commission::<T>::set(&stash, rate, Self::is_new_and_alone(&stash, &record))?;
            Self::deposit_event(Event::CommissionSet { candidate: stash, rate, from });
            Ok(Some(T::WeightInfo::set_commission(taken)).into())
        }
    }

    impl<T: Config> Pallet<T> {
        /// Checks that nothing that `stash` did, or is said to have done, keeps it from being a candidate.
        fn ensure_may_stand(stash: &AccountId) -> Result<(), Error<T>> {
            ensure!(!T::OpenCases::has_open_case(stash), Error::<T>::OpenCase);
            ensure!(T::Backing::may_stand(stash), Error::<T>::SlashedTooOften);
            Ok(())
        }

        /// Has a candidate step back; returns whether it had not.
        pub(crate) fn step_back(stash: &AccountId) -> Result<bool, Error<T>> {
            let stepped_back = Roster::<T>::set_chilled(stash, true)?;
            if stepped_back {
                T::Backing::suspend(stash);
                Self::deposit_event(Event::Chilled { candidate: stash.clone() });
            }
            Ok(stepped_back)
        }

        /// Whether a candidate registered in this era, and no votes of others will count for it in the next.
        fn is_new_and_alone(stash: &AccountId, record: &CandidateRecord) -> bool {
            let (_, next_backing) = T::Backing::backing(stash);
            let (_, next_own) = T::Backing::own_stake(stash);
            record.registered_in == T::CurrentEra::current_era() && next_backing == next_own
        }
    }

    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// The candidate that bonded from `stash`.
        pub fn candidate(stash: AccountId) -> Option<Candidate> {
            listing::candidate::<T>(stash)
        }

        /// The candidate whose current operator is `operator`.
        pub fn candidate_of_operator(operator: AccountId) -> Option<Candidate> {
            listing::candidate::<T>(OperatorKeys::<T>::serving(&operator)?)
        }

        /// Candidates of `role` in storage order, at most `limit` and 512, those after `after` or from the first.
        pub fn candidates(role: Role, after: Option<AccountId>, limit: u32) -> Vec<Candidate> {
            listing::page::<T>(role, after.as_ref(), limit)
        }

        /// What the operator of `stash` keeps of what the candidate earns, and the changes of that to come; `None` if
        /// the stash is not a candidate.
        pub fn commission_of(stash: AccountId) -> Option<CommissionOverview> {
            Roster::<T>::contains(&stash).then(|| Commission::<T>::overview(&stash))
        }
    }
}
