//! # Voting: bonded stake behind candidates
//!
//! ## Overview
//!
//! A stash votes its active bond behind candidates; together its votes never exceed that bond, so that no stake counts
//! twice. What stands behind a candidate is its *backing*: it decides how much work the candidate is given and what
//! can be lost. A candidate's own stake is a vote like any other, its first.
//!
//! ## Lifecycle
//!
//! ```text
//!  era e                                   era e + 1
//!  vote(c, 10)      position 0 → 10        position 10 counts
//!  unvote(c, 4)     position 10 → 6        6 count; the other 4 were free to vote elsewhere since era e
//! ```
//!
//! - Changes count from the next era on ([`EraAmount`](cuckoo_primitives::era::EraAmount)); the voter's budget changes
//!   at once.
//! - A position is empty or at least [`MinVote`].
//! - A registered candidate keeps more than its role's minimum behind itself; to take it all back, `deregister` in the
//!   registration pallet.
//! - A position that was emptied stays on record until the era ends in which it still counts; after that anyone may
//!   `settle` it, which removes it. No call ever walks over voters or candidates.
//!
//! ## Owners
//!
//! [`Votes`] is the only code that touches [`Positions`] and [`Voters`], [`CandidateBacking`] the only code that
//! touches [`Backings`].
//!
//! ## Invariants
//!
//! `do_try_state` (file `try_state.rs`) names them: positions add up to their voter's sum and to their candidate's
//! backing, in this era and in the next; own stake is the candidate's position on itself; no stash has voted more than
//! its active bond.

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

mod backing;
mod genesis;
mod position;
mod try_state;
pub mod weights;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use backing::{BackingRecord, CandidateBacking};
pub use pallet::*;
pub use position::{VoterRecord, Votes};
pub use weights::WeightInfo;

#[frame_support::pallet]
// FRAME's macros expand to `expect`s.
#[allow(clippy::expect_used)]
pub mod pallet {
    use super::{BackingRecord, CandidateBacking, VoterRecord, Votes, WeightInfo};
    use alloc::vec::Vec;
    use cuckoo_primitives::{
        era::EraAmount,
        registry::{Backing, Bonds, Candidates, CurrentEra, VotedStake},
        AccountId, Balance, CAI,
    };
    use frame_support::pallet_prelude::*;
    use frame_system::pallet_prelude::*;

    /// Layout of this pallet's storage.
    pub(crate) const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config<AccountId = AccountId> {
        /// Knows what a stash can vote with.
        type Bonds: Bonds<AccountId>;
        /// Knows who is a candidate.
        type Candidates: Candidates<AccountId>;
        /// Knows the era.
        type CurrentEra: CurrentEra;
        /// Most positions that one stash may have.
        #[pallet::constant]
        type MaxPositions: Get<u32>;
        /// What the calls cost.
        type WeightInfo: WeightInfo;
    }

    /// Stake in planck by voter and candidate. Owned by [`Votes`].
    #[pallet::storage]
    pub type Positions<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, AccountId, Blake2_128Concat, AccountId, EraAmount>;

    /// The sum of each voter's positions. Owned by [`Votes`].
    #[pallet::storage]
    pub type Voters<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, VoterRecord, ValueQuery>;

    /// The sum of the positions on each candidate. Owned by [`CandidateBacking`].
    #[pallet::storage]
    pub type Backings<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, BackingRecord, ValueQuery>;

    /// One CAI.
    #[pallet::type_value]
    pub fn DefaultMinVote() -> Balance {
        CAI
    }

    /// Least stake in planck that a position may have, unless it is empty.
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
        /// An empty position was removed.
        Settled {
            /// Whose it was.
            voter: AccountId,
            /// Whom it backed.
            candidate: AccountId,
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
        /// The stash has as many positions as it may; empty some, and `settle` those that were emptied in an earlier
        /// era.
        TooManyPositions,
        /// Both candidates are the same.
        SameCandidate,
        /// There is no position that was emptied in an earlier era.
        NothingToSettle,
        /// The amounts do not fit into a balance.
        Overflow,
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
        /// Puts `amount` planck of the caller's active bond behind `candidate`, counting from the next era.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::vote())]
        pub fn vote(origin: OriginFor<T>, candidate: AccountId, #[pallet::compact] amount: Balance) -> DispatchResult {
            let voter = ensure_signed(origin)?;
            ensure!(amount > 0, Error::<T>::ZeroAmount);
            ensure!(T::Candidates::role(&candidate).is_some(), Error::<T>::NotACandidate);
            Votes::<T>::of(&voter).add(&candidate, amount)?;
            Self::deposit_event(Event::Voted { voter, candidate, amount });
            Ok(())
        }

        /// Takes `amount` planck back from `candidate`, registered or not. They can be voted or unbonded at once, and
        /// count for the candidate until the era ends.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::unvote())]
        pub fn unvote(
            origin: OriginFor<T>,
            candidate: AccountId,
            #[pallet::compact] amount: Balance,
        ) -> DispatchResult {
            let voter = ensure_signed(origin)?;
            ensure!(amount > 0, Error::<T>::ZeroAmount);
            let mut votes = Votes::<T>::of(&voter);
            votes.ensure_may_leave(&candidate, amount)?;
            votes.take(&candidate, amount)?;
            Self::deposit_event(Event::Unvoted { voter, candidate, amount });
            Ok(())
        }

        /// Moves `amount` planck from one candidate, registered or not, to another, counting from the next era.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::revote())]
        pub fn revote(
            origin: OriginFor<T>,
            from: AccountId,
            to: AccountId,
            #[pallet::compact] amount: Balance,
        ) -> DispatchResult {
            let voter = ensure_signed(origin)?;
            ensure!(amount > 0, Error::<T>::ZeroAmount);
            ensure!(from != to, Error::<T>::SameCandidate);
            ensure!(T::Candidates::role(&to).is_some(), Error::<T>::NotACandidate);
            let mut votes = Votes::<T>::of(&voter);
            votes.ensure_may_leave(&from, amount)?;
            votes.take(&from, amount)?;
            votes.add(&to, amount)?;
            Self::deposit_event(Event::Revoted { voter, from, to, amount });
            Ok(())
        }

        /// Removes the position of `voter` on `candidate` if it was emptied in an earlier era. Anyone may call it.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::settle())]
        pub fn settle(origin: OriginFor<T>, voter: AccountId, candidate: AccountId) -> DispatchResult {
            ensure_signed(origin)?;
            Votes::<T>::of(&voter).settle(&candidate)?;
            Self::deposit_event(Event::Settled { voter, candidate });
            Ok(())
        }
    }

    impl<T: Config> Pallet<T> {
        /// The sum of `voter`'s votes in planck, from the next era on.
        pub fn voted(voter: &AccountId) -> Balance {
            Votes::<T>::of(voter).sum()
        }

        /// Where the votes of `voter` are, at most `MaxPositions` of them, in storage order.
        pub fn positions(voter: &AccountId) -> Vec<cuckoo_primitives::Position> {
            Votes::<T>::of(voter).list()
        }
    }

    impl<T: Config> VotedStake<AccountId> for Pallet<T> {
        fn voted(stash: &AccountId) -> Balance {
            Votes::<T>::of(stash).sum()
        }
    }

    impl<T: Config> Backing<AccountId> for Pallet<T> {
        fn back_self(stash: &AccountId, amount: Balance) -> DispatchResult {
            Votes::<T>::of(stash).add(stash, amount)?;
            Self::deposit_event(Event::Voted { voter: stash.clone(), candidate: stash.clone(), amount });
            Ok(())
        }

        fn release_self(stash: &AccountId) -> Result<Balance, DispatchError> {
            let mut votes = Votes::<T>::of(stash);
            let amount = votes.behind(stash);
            if amount > 0 {
                votes.take(stash, amount)?;
                Self::deposit_event(Event::Unvoted { voter: stash.clone(), candidate: stash.clone(), amount });
            }
            Ok(amount)
        }

        fn own_stake(stash: &AccountId) -> (Balance, Balance) {
            CandidateBacking::<T>::own(stash)
        }

        fn backing(stash: &AccountId) -> (Balance, Balance) {
            CandidateBacking::<T>::total(stash)
        }
    }
}
