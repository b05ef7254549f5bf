//! # Staking: bonds, the era clock and the emission
//!
//! ## Overview
//!
//! A stash bonds CAI so that it can vote with them. Bonded funds stay on the stash under the hold
//! [`HoldReason::Bonded`]; they never move to a pot. What may be voted with is the *active* part of the bond; what
//! unbonds is on its way out and becomes free [`BondingEras`] eras later.
//!
//! The pallet also keeps the chain's clock above blocks: how long a slot, a session and an era are, and which era it
//! is. All of it comes from genesis, so that one runtime serves a fast development chain and a slow public one.
//!
//! ## Lifecycle
//!
//! ```text
//!  bond ──► active ──unbond──► unlocking ──(BondingEras eras)──► withdraw_unbonded ──► free
//!             ▲  ▲                 │
//!   bond_extra┘  └─────rebond──────┘
//! ```
//!
//! - No call leaves less than [`MinBond`] active, unless nothing: no dust is bonded. A slash may; such a stash can still
//!   unbond all that is active, withdraw, or bond and rebond up to the minimum and beyond.
//! - Stake that is voted cannot unbond: `unvote` it first (the voting pallet answers through
//!   [`VotedStake`](cuckoo_primitives::registry::VotedStake)).
//! - The runtime tells [`Pallet::note_session_started`] of every session; a new era starts after
//!   [`SessionsPerEra`] of them.
//! - Slashes take from the active or the unlocking part of a bond
//!   ([`Bonds`](cuckoo_primitives::registry::Bonds)). They are counted where the votes are, and taken when the stash is
//!   settled; so every call that changes a bond settles its stash first, and what unbonds goes free only when all
//!   slashes that were due by then have been applied: nothing leaves before it has paid.
//! - One call settles at most [`MAX_SETTLED`](cuckoo_primitives::registry::MAX_SETTLED) slashes and pays for those that it
//!   took. If more wait, it is refused, and `settle` of the voting pallet takes them first.
//!
//! ## Emission
//!
//! There are two budgets of new CAI: for stake and for the work of miners. Half of what remains of them is paid in each
//! [`HALF_LIFE_MS`]: an era of length `t` opens `remaining * (1 - 2^(-t / half-life))`, rounded down.
//!
//! ```text
//!              era ended              earned
//!  remaining ────────────► open ────────────────► emitted = minted into the pot ──claim──► payee
//!      ▲                     │
//!      └──────unearned───────┘
//! ```
//!
//! - Only the era that ran until now gets a budget. If sessions were skipped (no block was made in them), eras may be
//!   skipped too: in those nobody did anything that could be paid, and their shares remain.
//! - What was earned waits in the pot ([`Emission::pot`]) until its stash calls `claim`; it goes to the [`Payee`].
//! - The total supply never passes [`TOTAL_SUPPLY_CAP`](cuckoo_primitives::TOTAL_SUPPLY_CAP): genesis leaves room for
//!   both budgets, and nothing else mints.
//!
//! ## Owners
//!
//! [`Ledger`] is the only code that touches [`Ledgers`] and the hold, [`Clock`] the only code that touches the clock's
//! items, [`Emission`] the only code that touches [`EmissionState`] and mints, [`Payees`] the only code that touches
//! [`PayeeOf`].
//!
//! ## Invariants
//!
//! `do_try_state` (file `try_state.rs`) names them: a hold equals its ledger's total, the total is active plus
//! unlocking, chunks are ordered and unlock within [`BondingEras`], active stake covers the votes, the era counts
//! whole groups of sessions, starts are known of the eras that evidence can be about, a budget is what remains, is open
//! and was emitted, the pot holds what was emitted and not claimed, and what is to come fits under the cap.

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
pub mod clock;
mod curve;
mod emission;
mod genesis;
mod ledger;
pub mod migrations;
mod offered;
mod payee;
mod try_state;
pub mod weights;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use clock::{BondingBlocks, BondingSessions, Clock, EraPosition, HalfSlotMs, SessionLength, SlotLengthMs};
pub use curve::{EraShare, HALF_LIFE_MS};
pub use emission::{Budget, Emission, EmissionRecord};
pub use ledger::{Bond, BondRecord, Ledger, UnlockChunk};
pub use pallet::*;
pub use payee::{Payee, Payees};
pub use weights::WeightInfo;

#[frame_support::pallet]
// FRAME's macros expand to `expect`s.
#[allow(clippy::expect_used)]
pub mod pallet {
    use super::{Bond, BondRecord, Clock, Emission, EmissionRecord, EraPosition, Ledger, Payee, Payees, WeightInfo};
    use alloc::vec::Vec;
    use cuckoo_primitives::{
        currency::CAI,
        emission::EmissionOverview,
        registry::{AppliedSlashes, CurrentEra, Debts, Rewards, VotedStake, MAX_SETTLED},
        AccountId, Balance, EraIndex, EraProgress,
    };
    use frame_support::{
        pallet_prelude::*,
        storage::transactional::with_transaction_unchecked,
        traits::{
            fungible::{hold, Mutate},
            UnixTime,
        },
        PalletId,
    };
    use frame_system::pallet_prelude::*;
    use sp_runtime::{Perbill, TransactionOutcome};

    /// Layout of this pallet's storage.
    pub(crate) const STORAGE_VERSION: StorageVersion = StorageVersion::new(2);

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config<AccountId = AccountId> {
        /// The token that is bonded and emitted.
        type Currency: Mutate<AccountId, Balance = Balance>
            + hold::Mutate<AccountId, Balance = Balance, Reason = Self::RuntimeHoldReason>
            + hold::Balanced<AccountId, Balance = Balance, Reason = Self::RuntimeHoldReason>;
        /// The runtime's reasons for holds, ours among them.
        type RuntimeHoldReason: From<HoldReason>;
        /// Answers how much of a bond is in use, and takes what slashes have cost it.
        type VotedStake: VotedStake<AccountId>;
        /// Knows how far slashes have come: what unbonds goes free only when those that can be due have been applied.
        type AppliedSlashes: AppliedSlashes;
        /// Knows what a stash owes to others; while it does, nothing of its bond goes free.
        type Debts: Debts<AccountId>;
        /// Divides what an era may pay, and knows what each stash has earned.
        type Rewards: Rewards<AccountId>;
        /// What time it is. Also asked while a session starts, before a block has told its time: the time of the
        /// block's slot is the best answer, that of the block before is good enough.
        type Time: UnixTime;
        /// Names the account in which rewards wait until they are claimed.
        #[pallet::constant]
        type PotId: Get<PalletId>;
        /// What a reporter gets of a slash.
        #[pallet::constant]
        type ReporterShare: Get<Perbill>;
        /// Most parts of one bond that may unbond side by side; those of one era count as one.
        #[pallet::constant]
        type MaxUnlockingChunks: Get<u32>;
        /// What the calls cost.
        type WeightInfo: WeightInfo;
        /// Sets up what is measured.
        #[cfg(feature = "runtime-benchmarks")]
        type BenchmarkMarket: cuckoo_primitives::benchmarking::BenchmarkMarket<AccountId>;
    }

    /// Why this pallet holds funds.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// The stash bonded them; they can be voted with, or unbond.
        Bonded,
    }

    /// The bonds by stash. Owned by [`Ledger`].
    #[pallet::storage]
    pub type Ledgers<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, BondRecord<T>>;

    /// The era, and where the chain stands in it. Owned by [`Clock`].
    #[pallet::storage]
    pub type Position<T: Config> = StorageValue<_, EraPosition, ValueQuery>;

    /// Six seconds.
    #[pallet::type_value]
    pub fn DefaultSlotMs() -> u64 {
        6_000
    }

    /// Length of a slot in milliseconds; even.
    #[pallet::storage]
    pub type SlotMs<T: Config> = StorageValue<_, u64, ValueQuery, DefaultSlotMs>;

    /// An hour of slots of six seconds.
    #[pallet::type_value]
    pub fn DefaultSessionBlocks() -> u32 {
        600
    }

    /// Slots that a session has.
    #[pallet::storage]
    pub type SessionBlocks<T: Config> = StorageValue<_, u32, ValueQuery, DefaultSessionBlocks>;

    /// A day of sessions of an hour.
    #[pallet::type_value]
    pub fn DefaultSessionsPerEra() -> u32 {
        24
    }

    /// Sessions that an era has.
    #[pallet::storage]
    pub type SessionsPerEra<T: Config> = StorageValue<_, u32, ValueQuery, DefaultSessionsPerEra>;

    /// A week of eras of a day.
    #[pallet::type_value]
    pub fn DefaultBondingEras() -> EraIndex {
        7
    }

    /// Eras that unbonding takes.
    #[pallet::storage]
    pub type BondingEras<T: Config> = StorageValue<_, EraIndex, ValueQuery, DefaultBondingEras>;

    /// One CAI.
    #[pallet::type_value]
    pub fn DefaultMinBond() -> Balance {
        CAI
    }

    /// Least active stake in planck that a stash may have, unless it has none.
    #[pallet::storage]
    pub type MinBond<T: Config> = StorageValue<_, Balance, ValueQuery, DefaultMinBond>;

    /// When the eras that evidence can be about started, in milliseconds since 1970. Owned by [`Clock`].
    #[pallet::storage]
    pub type EraStarts<T: Config> = StorageMap<_, Twox64Concat, EraIndex, u64>;

    /// Where the planck of the emission are. Owned by [`Emission`].
    #[pallet::storage]
    pub type EmissionState<T: Config> = StorageValue<_, EmissionRecord, ValueQuery>;

    /// Where rewards go, unless to the stash. Owned by [`Payees`].
    #[pallet::storage]
    pub type PayeeOf<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, Payee, ValueQuery>;

    /// 110,000,000 CAI.
    #[pallet::type_value]
    pub fn DefaultStakingBudget() -> Balance {
        CAI.saturating_mul(110_000_000)
    }

    /// 300,000,000 CAI.
    #[pallet::type_value]
    pub fn DefaultMiningBudget() -> Balance {
        CAI.saturating_mul(300_000_000)
    }

    /// The clock, the emission, the least bond, and who has bonded at the start.
    #[pallet::genesis_config]
    pub struct GenesisConfig<T: Config> {
        /// See [`SlotMs`].
        pub slot_ms: u64,
        /// See [`SessionBlocks`].
        pub session_blocks: u32,
        /// See [`SessionsPerEra`].
        pub sessions_per_era: u32,
        /// See [`BondingEras`].
        pub bonding_eras: EraIndex,
        /// See [`MinBond`].
        pub min_bond: Balance,
        /// What will ever be emitted for stake, in planck.
        pub staking_budget: Balance,
        /// What will ever be emitted for the work of miners, in planck.
        pub mining_budget: Balance,
        /// Stashes and what they bond, in planck.
        pub bonds: Vec<(AccountId, Balance)>,
        #[doc(hidden)]
        #[serde(skip)]
        pub _config: PhantomData<T>,
    }

    impl<T: Config> Default for GenesisConfig<T> {
        fn default() -> Self {
            Self {
                slot_ms: DefaultSlotMs::get(),
                session_blocks: DefaultSessionBlocks::get(),
                sessions_per_era: DefaultSessionsPerEra::get(),
                bonding_eras: DefaultBondingEras::get(),
                min_bond: DefaultMinBond::get(),
                staking_budget: DefaultStakingBudget::get(),
                mining_budget: DefaultMiningBudget::get(),
                bonds: Vec::new(),
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
        /// A stash bonded, or bonded more.
        Bonded {
            /// Who.
            stash: AccountId,
            /// What was added to the bond, in planck.
            amount: Balance,
        },
        /// Part of a bond is on its way out.
        Unbonded {
            /// Who.
            stash: AccountId,
            /// How much, in planck.
            amount: Balance,
            /// From this era on it can be withdrawn.
            free_from: EraIndex,
        },
        /// What was on its way out is active again.
        Rebonded {
            /// Who.
            stash: AccountId,
            /// How much, in planck.
            amount: Balance,
        },
        /// Unbonded stake is free.
        Withdrawn {
            /// Who.
            stash: AccountId,
            /// How much, in planck.
            amount: Balance,
        },
        /// A new era runs; votes of the last one count.
        EraStarted {
            /// Its number.
            era: EraIndex,
        },
        /// An era has ended, and this much may be paid for it.
        BudgetOpened {
            /// The era that ended.
            era: EraIndex,
            /// For the stake behind candidates, in planck.
            staking: Balance,
            /// For the work of miners, in planck.
            mining: Balance,
        },
        /// Rewards of a stash go elsewhere from now on.
        PayeeSet {
            /// Whose rewards.
            stash: AccountId,
            /// Where they go.
            payee: Payee,
        },
        /// Rewards were paid.
        Claimed {
            /// Whose rewards.
            stash: AccountId,
            /// Where they went.
            payee: Payee,
            /// How much, in planck.
            amount: Balance,
        },
        /// Part of a bond was taken.
        Slashed {
            /// Whose bond.
            stash: AccountId,
            /// How much, in planck, the reporter's share included.
            amount: Balance,
        },
        /// Part of a bond became free balance, out of which a debt of the stash is paid.
        FreedForDebt {
            /// Whose bond.
            stash: AccountId,
            /// How much, in planck.
            amount: Balance,
        },
    }

    /// Why a call was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// This stash has a bond; add to it with `bond_extra`.
        AlreadyBonded,
        /// This account has no bond; `bond` first.
        NotBonded,
        /// The amount is zero.
        ZeroAmount,
        /// The active bond would be smaller than `MinBond`; bond more, or choose another payee than `Restake`.
        BelowMinBond,
        /// A rest smaller than `MinBond` would stay active; unbond less, or all.
        LeavesDust,
        /// The account's free balance, less the existential deposit, is smaller than the amount.
        NotEnoughFree,
        /// The active bond is smaller than the amount.
        NotEnoughActive,
        /// Less than this amount is unbonding.
        NotEnoughUnlocking,
        /// The stake is voted; `unvote` it first.
        StillVoted,
        /// Too many parts of the bond unbond side by side; `withdraw_unbonded` those that are free, or wait for one.
        TooManyUnlockingChunks,
        /// Nothing has finished unbonding; wait for the era in the `Unbonded` event, and until the slashes that were due
        /// by then have been applied.
        NothingToWithdraw,
        /// The stash owes to miners; pay these debts first, see `collect` in the settlement pallet.
        OwesDebts,
        /// The amounts do not fit into a balance.
        Overflow,
        /// The stash has earned nothing that it has not claimed; wait for an era in which its votes count to end.
        NothingToClaim,
        /// The payee's account does not exist, and the reward is smaller than the existential deposit; wait until more
        /// is earned, fund the account, or choose another payee. The reward is not lost.
        PayeeCannotReceive,
        /// More is claimed than was emitted. This is a fault of the chain; report it.
        PotEmpty,
        /// The budgets and all balances together pass the cap of the supply; lower the budgets.
        SupplyCapReached,
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
        /// Bonds `value` planck of the caller's free balance, at least `MinBond`.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::bond(MAX_SETTLED))]
        pub fn bond(origin: OriginFor<T>, #[pallet::compact] value: Balance) -> DispatchResultWithPostInfo {
            let stash = ensure_signed(origin)?;
            // What a former bond of the stash could not pay is nothing to the new one.
            let taken = T::VotedStake::settle(&stash)?;
            Ledger::<T>::open(&stash, value)?;
            Self::deposit_event(Event::Bonded { stash, amount: value });
            Ok(Some(T::WeightInfo::bond(taken)).into())
        }

        /// Adds `value` planck of the caller's free balance to its bond.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::bond_extra(MAX_SETTLED))]
        pub fn bond_extra(origin: OriginFor<T>, #[pallet::compact] value: Balance) -> DispatchResultWithPostInfo {
            let stash = ensure_signed(origin)?;
            ensure!(value > 0, Error::<T>::ZeroAmount);
            let taken = T::VotedStake::settle(&stash)?;
            Ledger::<T>::of(&stash)?.bond_extra(value)?;
            Self::deposit_event(Event::Bonded { stash, amount: value });
            Ok(Some(T::WeightInfo::bond_extra(taken)).into())
        }

        /// Starts the release of `value` planck of the caller's active bond. They must not be voted, and are free
        /// after `BondingEras` eras. What stays active is zero or at least `MinBond`.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::unbond(MAX_SETTLED))]
        pub fn unbond(origin: OriginFor<T>, #[pallet::compact] value: Balance) -> DispatchResultWithPostInfo {
            let stash = ensure_signed(origin)?;
            ensure!(value > 0, Error::<T>::ZeroAmount);
            let taken = T::VotedStake::settle(&stash)?;
            let free_from = Ledger::<T>::of(&stash)?.unbond(value, Self::current_era(), Self::bonding_eras())?;
            Self::deposit_event(Event::Unbonded { stash, amount: value, free_from });
            Ok(Some(T::WeightInfo::unbond(taken)).into())
        }

        /// Makes `value` planck that are unbonding active again, those first that would be free last.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::rebond(MAX_SETTLED))]
        pub fn rebond(origin: OriginFor<T>, #[pallet::compact] value: Balance) -> DispatchResultWithPostInfo {
            let stash = ensure_signed(origin)?;
            ensure!(value > 0, Error::<T>::ZeroAmount);
            let taken = T::VotedStake::settle(&stash)?;
            Ledger::<T>::of(&stash)?.rebond(value)?;
            Self::deposit_event(Event::Rebonded { stash, amount: value });
            Ok(Some(T::WeightInfo::rebond(taken)).into())
        }

        /// Frees everything of the caller's bond that has finished unbonding, as far as the slashes that are due have been
        /// applied.
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::withdraw_unbonded(MAX_SETTLED))]
        pub fn withdraw_unbonded(origin: OriginFor<T>) -> DispatchResultWithPostInfo {
            let stash = ensure_signed(origin)?;
            ensure!(T::Debts::owed(&stash) == 0, Error::<T>::OwesDebts);
            let taken = T::VotedStake::settle(&stash)?;
            let settled = Self::current_era().min(T::AppliedSlashes::applied_through());
            let amount = Ledger::<T>::of(&stash)?.withdraw(settled)?;
            Self::deposit_event(Event::Withdrawn { stash, amount });
            Ok(Some(T::WeightInfo::withdraw_unbonded(taken)).into())
        }

        /// Chooses where the caller's rewards go from now on, those included that it has earned and not claimed. The
        /// choice ends with the bond.
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::set_payee())]
        pub fn set_payee(origin: OriginFor<T>, payee: Payee) -> DispatchResult {
            let stash = ensure_signed(origin)?;
            ensure!(Ledger::<T>::exists(&stash), Error::<T>::NotBonded);
            Payees::<T>::set(&stash, payee.clone());
            Self::deposit_event(Event::PayeeSet { stash, payee });
            Ok(())
        }

        /// Pays everything that the caller has earned in eras that are over to its payee: rewards of its votes, and
        /// commission.
        #[pallet::call_index(6)]
        #[pallet::weight(T::WeightInfo::claim(MAX_SETTLED))]
        pub fn claim(origin: OriginFor<T>) -> DispatchResultWithPostInfo {
            let stash = ensure_signed(origin)?;
            let taken = T::VotedStake::settle(&stash)?;
            let amount = T::Rewards::take(&stash)?;
            ensure!(amount > 0, Error::<T>::NothingToClaim);
            let payee = Payees::<T>::of(&stash);
            Payees::<T>::pay(&stash, &payee, amount)?;
            Self::deposit_event(Event::Claimed { stash, payee, amount });
            Ok(Some(T::WeightInfo::claim(taken)).into())
        }
    }

    impl<T: Config> Pallet<T> {
        /// Tells the clock that session `session_index` has started; starts a new era when it is time, and opens the
        /// budget of the one that ended.
        ///
        /// The runtime calls this from its session manager. A session that was told before changes nothing, and one
        /// that skips others counts for all of them.
        pub fn note_session_started(session_index: u32) {
            if let Some(ended) = Clock::<T>::on_session_start(session_index) {
                Self::deposit_event(Event::EraStarted { era: Clock::<T>::era() });
                Emission::<T>::era_ended(ended);
                // Another's hook calls this and does not know what it costs; without a new era that is next to nothing.
                let weight = T::WeightInfo::note_session_started();
                frame_system::Pallet::<T>::register_extra_weight_unchecked(weight, DispatchClass::Mandatory);
            }
        }

        /// Where the planck of both budgets are.
        pub fn emission() -> EmissionRecord {
            Emission::<T>::state()
        }
    }

    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// The bond of `stash` after all slashes, those included that have not been taken yet; `None` if it has none.
        pub fn bond_of(stash: AccountId) -> Option<Bond> {
            with_transaction_unchecked(|| {
                T::VotedStake::settle_in_full(&stash);
                TransactionOutcome::Rollback(Ledger::<T>::view(&stash))
            })
        }

        /// Where the rewards of `stash` go.
        pub fn payee(stash: AccountId) -> Payee {
            Payees::<T>::of(&stash)
        }

        /// Where the chain stands in its era.
        pub fn era_progress() -> EraProgress {
            Clock::<T>::progress()
        }

        /// What has been emitted of the two budgets, and what remains.
        pub fn emission_overview() -> EmissionOverview {
            Emission::<T>::state().overview()
        }
    }
}
