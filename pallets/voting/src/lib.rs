//! # Voting: bonded stake behind candidates, what it earns and what it loses
//!
//! ## Overview
//!
//! A stash votes its active bond behind candidates; together its votes never exceed that bond, so that no stake counts
//! twice. What stands behind a candidate is its *backing*: it decides how much work the candidate is given, what it
//! earns and what can be lost. A candidate's own stake is a vote like any other, its first.
//!
//! ## Lifecycle
//!
//! ```text
//!  era e                                   era e + 1
//!  vote(c, 10)      position 0 → 10        position 10 counts, and earns
//!  unvote(c, 4)     position 10 → 6        6 count; the other 4 were free to vote elsewhere since era e, and stay
//!                                          liable for what c did in the eras in which they counted
//! ```
//!
//! - Changes count from the next era on; the voter's budget changes at once. The youngest stake leaves first.
//! - A position is empty or at least [`MinVote`], unless a slash made it smaller.
//! - A registered candidate keeps more than its role's minimum behind itself; to take it all back, `deregister` in the
//!   registration pallet.
//! - Every era that is over is paid: each candidate gets its part of the era's budgets ([`EraPots`]) when the payout
//!   comes along ([`Payout`]), or earlier when something about it changes. Its commission is set aside, and the rest
//!   raises its reward per unit of stake ([`Earnings`]).
//! - A slash takes a fraction of all that counted in the era of the offence ([`Slashes`]): from the candidate's sums at
//!   once, from each voter when it is settled, which any call of the voter does first and anyone may do with `settle`.
//! - One settlement takes at most [`MAX_SETTLED`] slashes, in their order. If more wait, `settle` takes those and can be
//!   called again, and every other call is refused until none is left. What a call costs depends on how many it took.
//!
//! No call and no hook ever walks over voters: rewards and slashes cost the same with ten voters behind a candidate as
//! with a hundred thousand. `docs/economics.md` has the formulas.
//!
//! ## Owners
//!
//! [`Votes`] is the only code that touches [`Voters`]; [`Pool`] that of [`Pools`] and [`Totals`]; [`Earnings`] that of
//! [`Earned`] and [`Marks`]; [`EraPots`] that of [`OpenPots`]; [`Authors`] that of [`AuthorTotals`]; [`Payout`] that of
//! [`PayoutRun`]; [`Slashes`] that of [`SlashCount`].
//!
//! ## Invariants
//!
//! `do_try_state` (file `try_state.rs`) names them: positions add up to their voter's sum and to no more than their
//! candidate's, and to all but what rounding and debts make up; own stake is the candidate's position on itself; no
//! stash has voted more than its active bond; marks are held by whom they are for; totals are those of the pools; what
//! is owed is in the reward pot.

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

mod authors;
#[cfg(feature = "runtime-benchmarks")]
pub mod benchmarking;
mod earnings;
mod era_pots;
mod fixed;
mod genesis;
mod layers;
mod liability;
pub mod migrations;
mod payout;
mod pool;
mod position;
mod slashes;
mod try_state;
mod votes;
pub mod weights;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use authors::{AuthorSums, Authors};
pub use cuckoo_primitives::registry::MAX_SETTLED;
pub use earnings::{Earnings, EarningsRecord, Mark};
pub use era_pots::{EraPot, EraPots, MAX_OPEN_POTS};
pub use fixed::PerUnit;
pub use layers::{Layer, Layers, MAX_WINDOW_ERAS};
pub use pallet::*;
pub use payout::{Payout, PayoutProgress};
pub use pool::{Pool, PoolRecord, SlashEvent, MAX_SLASHES, MAX_SLASHES_STANDING};
pub use position::{Left, Position, MAX_LEFT};
pub use slashes::Slashes;
pub use votes::{VoterRecord, Votes};
pub use weights::WeightInfo;

#[frame_support::pallet]
// FRAME's macros expand to `expect`s.
#[allow(clippy::expect_used)]
pub mod pallet {
    use super::{
        era_pots::Pots, AuthorSums, Authors, Earnings, EarningsRecord, EraPots, Mark, Payout, PayoutProgress, Pool,
        PoolRecord, Slashes, VoterRecord, Votes, WeightInfo, MAX_SETTLED, MAX_SLASHES_STANDING,
    };
    use alloc::vec::Vec;
    use cuckoo_primitives::{
        candidate::{BackingOverview, Position},
        era::EraAmount,
        registry::{
            AppliedSlashes, Backing, Bonds, Budgets, Candidates, CurrentEra, Freed, OwnStake, RewardPot, Rewards,
            Slash, Taken, VotedStake, Work,
        },
        AccountId, Balance, EraIndex, Role, CAI,
    };
    use frame_support::{pallet_prelude::*, storage::transactional::with_transaction_unchecked, weights::WeightMeter};
    use frame_system::pallet_prelude::*;
    use sp_runtime::{Perbill, TransactionOutcome};

    /// Layout of this pallet's storage.
    pub(crate) const STORAGE_VERSION: StorageVersion = StorageVersion::new(2);

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config<AccountId = AccountId> {
        /// Knows what a stash can vote with, and takes what slashes cost it.
        type Bonds: Bonds<AccountId>;
        /// Knows who is a candidate.
        type Candidates: Candidates<AccountId>;
        /// Knows the era.
        type CurrentEra: CurrentEra;
        /// Knows which slashes may still come.
        type AppliedSlashes: AppliedSlashes;
        /// Where rewards wait until they are claimed.
        type RewardPot: RewardPot;
        /// How well miners worked.
        type Work: Work<AccountId>;
        /// The part of a block that paying candidates may take.
        #[pallet::constant]
        type PayoutShare: Get<Perbill>;
        /// Most positions that one stash may have, those included that are only liable.
        #[pallet::constant]
        type MaxPositions: Get<u32>;
        /// What the calls cost.
        type WeightInfo: WeightInfo;
        /// Sets up what is measured.
        #[cfg(feature = "runtime-benchmarks")]
        type BenchmarkMarket: cuckoo_primitives::benchmarking::BenchmarkMarket<AccountId>;
    }

    /// The votes by stash. Owned by [`Votes`].
    #[pallet::storage]
    pub type Voters<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, VoterRecord<T>>;

    /// The stake behind each candidate. Owned by [`Pool`].
    #[pallet::storage]
    pub type Pools<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, PoolRecord>;

    /// Backing in planck of the candidates that stand, by role. Owned by [`Pool`].
    #[pallet::storage]
    pub type Totals<T: Config> = StorageMap<_, Twox64Concat, Role, EraAmount, ValueQuery>;

    /// How many slashes there were. Owned by [`Slashes`].
    #[pallet::storage]
    pub type SlashCount<T: Config> = StorageValue<_, u32, ValueQuery>;

    /// What each candidate has earned. Owned by [`Earnings`].
    #[pallet::storage]
    pub type Earned<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, EarningsRecord>;

    /// Reward per unit by candidate, at the starts of eras in which positions began to count. Owned by [`Earnings`].
    #[pallet::storage]
    pub type Marks<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, AccountId, Twox64Concat, EraIndex, Mark, ValueQuery>;

    /// What may be paid for the eras that are over. Owned by [`EraPots`].
    #[pallet::storage]
    pub type OpenPots<T: Config> = StorageValue<_, Pots, ValueQuery>;

    /// What stood behind the authors of the era's blocks. Owned by [`Authors`].
    #[pallet::storage]
    pub type AuthorTotals<T: Config> = StorageValue<_, AuthorSums, ValueQuery>;

    /// How far paying the candidates has come; nothing if all are paid. Owned by [`Payout`].
    #[pallet::storage]
    pub type PayoutRun<T: Config> = StorageValue<_, PayoutProgress>;

    /// One CAI.
    #[pallet::type_value]
    pub fn DefaultMinVote() -> Balance {
        CAI
    }

    /// Least stake in planck that a position may have, unless it is empty or was slashed.
    #[pallet::storage]
    pub type MinVote<T: Config> = StorageValue<_, Balance, ValueQuery, DefaultMinVote>;

    /// The least vote, and the votes that count from the start.
    #[pallet::genesis_config]
    pub struct GenesisConfig<T: Config> {
        /// See [`MinVote`].
        pub min_vote: Balance,
        /// Votes that count at once: voter, candidate, planck. A candidate's own stake is its vote for itself.
        pub votes: Vec<(AccountId, AccountId, Balance)>,
        #[doc(hidden)]
        #[serde(skip)]
        pub _config: PhantomData<T>,
    }

    impl<T: Config> Default for GenesisConfig<T> {
        fn default() -> Self {
            Self { min_vote: DefaultMinVote::get(), votes: Vec::new(), _config: PhantomData }
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
        /// Stake was put behind a candidate.
        Voted {
            /// Whose stake.
            voter: AccountId,
            /// Whom it backs.
            candidate: AccountId,
            /// How much was added, in planck.
            amount: Balance,
        },
        /// Stake was taken back from a candidate.
        Unvoted {
            /// Whose stake.
            voter: AccountId,
            /// Whom it backed.
            candidate: AccountId,
            /// How much was taken, in planck.
            amount: Balance,
        },
        /// Stake moved between candidates.
        Revoted {
            /// Whose stake.
            voter: AccountId,
            /// Whom it backed.
            from: AccountId,
            /// Whom it backs.
            to: AccountId,
            /// How much moved, in planck.
            amount: Balance,
        },
        /// A voter was settled: its rewards behind a candidate are counted, and slashes taken.
        Settled {
            /// Who.
            voter: AccountId,
            /// Whom it backs, or backed.
            candidate: AccountId,
            /// What slashes cost it, in planck.
            lost: Balance,
        },
        /// What a voter owed, for stake that had left a slashed candidate or to miners, was taken from its vote for this
        /// one, which has less behind it.
        DebtTaken {
            /// Who owed it.
            voter: AccountId,
            /// Whom it backs.
            candidate: AccountId,
            /// How much, in planck.
            amount: Balance,
        },
        /// Part of all that stood behind a candidate in one era is lost.
        BackingSlashed {
            /// Whom it backed.
            candidate: AccountId,
            /// The era.
            offence_era: EraIndex,
            /// How much of it.
            fraction: Perbill,
        },
        /// Every candidate has been paid for the eras before this one.
        ErasPaid {
            /// The first era that is not paid.
            before: EraIndex,
        },
    }

    /// Why a call was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// This account is not registered as a candidate.
        NotACandidate,
        /// The amount is zero.
        ZeroAmount,
        /// The position would be smaller than `MinVote`; vote more.
        BelowMinVote,
        /// A rest smaller than `MinVote` would stay; take less, or all.
        LeavesDust,
        /// The votes would exceed the stash's active bond; bond more, or `unvote` elsewhere.
        ExceedsBond,
        /// Less than this amount stands behind the candidate in the caller's name.
        NotEnoughVotes,
        /// A registered candidate's own stake stays above its role's minimum; `deregister` to take all of it back.
        OwnStakeTooLow,
        /// The stash has as many positions as it may, those included by which it is still liable; wait until that is
        /// over, or vote for candidates that it backs already.
        TooManyPositions,
        /// Too much left this candidate in parts that are still liable; wait for an era, or take all at once.
        TooManyLeft,
        /// Both candidates are the same.
        SameCandidate,
        /// The voter has no position there, or nothing has happened since it was last settled.
        NothingToSettle,
        /// More slashes wait than one call can take; call `settle` until none is left.
        SlashesPending,
        /// The amounts do not fit into a balance.
        Overflow,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(_: BlockNumberFor<T>) -> Weight {
            let mut meter = WeightMeter::with_limit(payout_limit::<T>());
            Payout::<T>::proceed(&mut meter);
            meter.consumed()
        }

        fn integrity_test() {
            assert!(T::WeightInfo::payout(1).all_lte(payout_limit::<T>()), "a block has room to pay one candidate");
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Puts `amount` planck of the caller's active bond behind `candidate`, counting from the next era.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::vote(MAX_SETTLED))]
        pub fn vote(
            origin: OriginFor<T>,
            candidate: AccountId,
            #[pallet::compact] amount: Balance,
        ) -> DispatchResultWithPostInfo {
            let voter = ensure_signed(origin)?;
            ensure!(amount > 0, Error::<T>::ZeroAmount);
            ensure!(T::Candidates::role(&candidate).is_some(), Error::<T>::NotACandidate);
            let mut votes = Votes::<T>::of(&voter)?;
            votes.add(&candidate, amount)?;
            let taken = votes.taken();
            votes.store();
            Self::deposit_event(Event::Voted { voter, candidate, amount });
            Ok(Some(T::WeightInfo::vote(taken)).into())
        }

        /// Takes `amount` planck back from `candidate`, registered or not. They can be voted or unbonded at once, and
        /// count for the candidate until the era ends.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::unvote(MAX_SETTLED))]
        pub fn unvote(
            origin: OriginFor<T>,
            candidate: AccountId,
            #[pallet::compact] amount: Balance,
        ) -> DispatchResultWithPostInfo {
            let voter = ensure_signed(origin)?;
            ensure!(amount > 0, Error::<T>::ZeroAmount);
            let mut votes = Votes::<T>::of(&voter)?;
            votes.ensure_may_leave(&candidate, amount)?;
            votes.take(&candidate, amount)?;
            let taken = votes.taken();
            votes.store();
            Self::deposit_event(Event::Unvoted { voter, candidate, amount });
            Ok(Some(T::WeightInfo::unvote(taken)).into())
        }

        /// Moves `amount` planck from one candidate, registered or not, to another, counting from the next era.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::revote(MAX_SETTLED))]
        pub fn revote(
            origin: OriginFor<T>,
            from: AccountId,
            to: AccountId,
            #[pallet::compact] amount: Balance,
        ) -> DispatchResultWithPostInfo {
            let voter = ensure_signed(origin)?;
            ensure!(amount > 0, Error::<T>::ZeroAmount);
            ensure!(from != to, Error::<T>::SameCandidate);
            ensure!(T::Candidates::role(&to).is_some(), Error::<T>::NotACandidate);
            let mut votes = Votes::<T>::of(&voter)?;
            votes.ensure_may_leave(&from, amount)?;
            votes.take(&from, amount)?;
            votes.add(&to, amount)?;
            let taken = votes.taken();
            votes.store();
            Self::deposit_event(Event::Revoted { voter, from, to, amount });
            Ok(Some(T::WeightInfo::revote(taken)).into())
        }

        /// Takes what slashes have cost the voter, at most [`MAX_SETTLED`] of them; if that was all, counts the reward of
        /// `voter` behind `candidate` and forgets a position by which it is not liable any more. Anyone may call it; it is
        /// free if it takes something.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::settle(MAX_SETTLED))]
        pub fn settle(origin: OriginFor<T>, voter: AccountId, candidate: AccountId) -> DispatchResultWithPostInfo {
            ensure_signed(origin)?;
            let (lost, taken) = Votes::<T>::settle_position(&voter, &candidate)?;
            Self::deposit_event(Event::Settled { voter, candidate, lost });
            let pays_fee = if lost > 0 { Pays::No } else { Pays::Yes };
            Ok((Some(T::WeightInfo::settle(taken)), pays_fee).into())
        }
    }

    impl<T: Config> Pallet<T> {
        /// The sum of `voter`'s votes in planck, from the next era on, after all slashes.
        pub fn voted(voter: &AccountId) -> Balance {
            looking(|| Votes::<T>::settled_in_full(voter).sum())
        }

        /// `author` authored the current block.
        pub fn note_author(author: &AccountId) {
            Authors::<T>::note(author);
            // Another's hook calls this and does not know what it costs.
            let weight = T::WeightInfo::note_author();
            frame_system::Pallet::<T>::register_extra_weight_unchecked(weight, DispatchClass::Mandatory);
        }
    }

    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// Where the votes of `voter` are, after all slashes.
        pub fn positions(voter: AccountId) -> Vec<Position> {
            looking(|| Votes::<T>::settled_in_full(&voter).list())
        }

        /// What `stash` could claim now, in planck.
        pub fn pending_reward(stash: AccountId) -> Balance {
            looking(|| {
                Votes::<T>::settled_in_full(&stash).store();
                <Self as Rewards<AccountId>>::take(&stash).unwrap_or(0)
            })
        }

        /// The stake behind `candidate`, registered or not.
        pub fn backing_of(candidate: AccountId) -> BackingOverview {
            let (own_stake, next_own_stake) = Pool::<T>::own(&candidate);
            let (backing, next_backing) = Pool::<T>::backing(&candidate);
            BackingOverview { own_stake, next_own_stake, backing, next_backing }
        }
    }

    /// What paying the candidates may take of a block.
    fn payout_limit<T: Config>() -> Weight {
        let (share, block) = (T::PayoutShare::get(), T::BlockWeights::get().max_block);
        Weight::from_parts(share.mul_floor(block.ref_time()), share.mul_floor(block.proof_size()))
    }

    /// What `look` returns; what it wrote on the way is undone.
    fn looking<R>(look: impl FnOnce() -> R) -> R {
        with_transaction_unchecked(|| TransactionOutcome::Rollback(look()))
    }

    impl<T: Config> VotedStake<AccountId> for Pallet<T> {
        fn voted(stash: &AccountId) -> Balance {
            Votes::<T>::unsettled(stash).sum()
        }

        fn settle(stash: &AccountId) -> Result<u32, DispatchError> {
            let votes = Votes::<T>::of(stash)?;
            let taken = votes.taken();
            votes.store();
            Ok(taken)
        }

        fn settle_in_full(stash: &AccountId) {
            Votes::<T>::settled_in_full(stash).store();
        }
    }

    impl<T: Config> Rewards<AccountId> for Pallet<T> {
        fn era_ended(ended: EraIndex, budgets: Budgets) -> bool {
            let opened = EraPots::<T>::open(ended, budgets);
            Payout::<T>::start();
            opened
        }

        fn take(stash: &AccountId) -> Result<Balance, DispatchError> {
            let mut votes = Votes::<T>::of(stash)?;
            let rewards = votes.take_rewards()?;
            votes.store();
            let commission = Earnings::<T>::caught_up(stash).take_commission();
            Earnings::<T>::forget(stash);
            Ok(rewards.saturating_add(commission))
        }
    }

    impl<T: Config> Backing<AccountId> for Pallet<T> {
        fn stand(stash: &AccountId, role: Role, amount: Balance) -> Result<u32, DispatchError> {
            let mut votes = Votes::<T>::of(stash)?;
            let next = T::CurrentEra::current_era().saturating_add(1);
            Pool::<T>::stand(stash, role, next);
            votes.add(stash, amount)?;
            let taken = votes.taken();
            votes.store();
            Self::deposit_event(Event::Voted { voter: stash.clone(), candidate: stash.clone(), amount });
            Ok(taken)
        }

        fn leave(stash: &AccountId) -> Result<(Balance, u32), DispatchError> {
            let mut votes = Votes::<T>::of(stash)?;
            Pool::<T>::deregister(stash);
            let amount = votes.behind(stash);
            if amount > 0 {
                votes.take(stash, amount)?;
                Self::deposit_event(Event::Unvoted { voter: stash.clone(), candidate: stash.clone(), amount });
            }
            let taken = votes.taken();
            votes.store();
            Ok((amount, taken))
        }

        fn suspend(stash: &AccountId) {
            Pool::<T>::suspend(stash);
        }

        fn resume(stash: &AccountId) {
            Pool::<T>::resume(stash);
        }

        fn bring_up_to_date(stash: &AccountId) -> Result<u32, DispatchError> {
            let taken = <Self as VotedStake<AccountId>>::settle(stash)?;
            Earnings::<T>::caught_up(stash);
            Ok(taken)
        }

        fn may_stand(stash: &AccountId) -> bool {
            let slashes = Pool::<T>::get(stash).map_or(0, |pool| pool.slashes.len());
            slashes < MAX_SLASHES_STANDING as usize
        }

        fn own_stake(stash: &AccountId) -> (Balance, Balance) {
            Pool::<T>::own(stash)
        }

        fn backing(stash: &AccountId) -> (Balance, Balance) {
            Pool::<T>::backing(stash)
        }
    }

    impl<T: Config> OwnStake<AccountId> for Pallet<T> {
        fn free(stash: &AccountId, amount: Balance) -> Freed {
            let mut votes = Votes::<T>::unsettled(stash);
            votes.settle_some(Taken::Burned);
            let is_delayed = !votes.is_settled();
            let amount = if is_delayed { 0 } else { votes.forfeit(amount) };
            let slashes = votes.taken();
            votes.store();
            Freed { amount, slashes, is_delayed }
        }
    }

    impl<T: Config> Slash<AccountId> for Pallet<T> {
        fn slash(
            offender: &AccountId,
            offence_era: EraIndex,
            fraction: Perbill,
            reporter: Option<&AccountId>,
        ) -> Option<Balance> {
            // What others cost the offender comes first.
            if !Votes::<T>::settle_step(offender) {
                return None;
            }
            let Some(lost) = Slashes::<T>::apply(offender, offence_era, fraction, reporter) else { return Some(0) };
            Self::deposit_event(Event::BackingSlashed { candidate: offender.clone(), offence_era, fraction });
            Some(lost)
        }
    }
}
