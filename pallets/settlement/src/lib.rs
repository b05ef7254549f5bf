//! # Settlement: miners are paid by vouchers
//!
//! ## Overview
//!
//! A coordinator puts *escrow* on hold and signs cumulative [`Voucher`](cuckoo_primitives::settlement::Voucher)s for the
//! work of miners, off chain and for every task. Whoever holds a voucher brings it here when it likes, many at a time
//! ([`Pallet::redeem`]); the chain pays the difference to what it settled of that channel before. So a million tasks
//! cost as many entries as there are pairs that worked together.
//!
//! If escrow is short, what lacks goes on record as a *debt*, which [`Pallet::collect`] pays from escrow, and once
//! [`GraceEras`] have passed from the coordinator's own stake. Nobody judges: the voucher is the proof.
//!
//! ## Lifecycle
//!
//! ```text
//!  deposit ──► escrow ──redeem──► miner (95 %), treasury (2.5 %), burned (2.5 %)
//!                │   └─ short ──► debt ──collect──► from escrow at once, from stake after GraceEras: chilled
//!                └─request_withdrawal ── WithdrawalEras ──withdraw──► free, unless a debt is open
//! ```
//!
//! - Escrow is liquidity, not security: it pays whoever comes first. What secures a miner is its *cover*
//!   ([`cover`](cuckoo_primitives::settlement::cover)), the part of the coordinator's bond that answers for it alone: no
//!   other miner, real or made up, can use it up.
//! - What neither escrow nor cover pays stays due: the voucher can be redeemed for it later.
//! - An operator key that was replaced goes on counting for [`RedeemEras`], so that honest vouchers are not lost; longer
//!   it does not, so that whoever stole it cannot sign on.
//! - Stake that is unbonded while a debt is open stays (the staking pallet asks [`Debts`](cuckoo_primitives::registry)).
//! - The work that is paid, by era, is the activity of which mining rewards depend. How good it was say the operators of those
//!   who pay ([`Pallet::rate`]): a rating counts for what its coordinator pays the miner from then on. So nobody's word touches the
//!   work that others pay, and what it takes off is paid to nobody.
//!
//! ## Owners
//!
//! | owner | storage |
//! |---|---|
//! | [`Escrow`] | the hold [`HoldReason::Escrow`], [`Withdrawals`] |
//! | [`Book`] | [`Channels`] |
//! | [`DebtBook`] | [`Debts`], [`Owed`], [`TakenOf`] |
//! | [`Activity`] | [`WorkOf`], [`WorkIn`] |
//! | [`Ratings`] | [`RatingOf`] |
//! | [`Terms`] | [`RedeemEras`], [`WithdrawalEras`], [`GraceEras`] |
//!
//! ## Invariants
//!
//! `do_try_state` (file `try_state.rs`) names them: what a coordinator owes is the sum of its debts, an era's work that
//! of its miners, and the terms leave miners the time that they need.

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

mod activity;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod book;
mod collect;
mod debts;
mod era_sums;
mod escrow;
mod genesis;
mod listing;
pub mod migrations;
mod offered;
mod parties;
mod payments;
mod ratings;
mod redeem;
mod terms;
mod try_state;
pub mod weights;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use activity::{Activity, Work};
pub use book::Book;
pub use cuckoo_primitives::settlement::MAX_RATINGS;
pub use debts::DebtBook;
pub use era_sums::{EraSums, Sum, ERAS_REMEMBERED};
pub use escrow::{Escrow, Withdrawal};
pub use pallet::*;
pub(crate) use parties::Parties;
pub(crate) use payments::Payments;
pub use ratings::Ratings;
pub use terms::Terms;
pub use weights::WeightInfo;

use sp_runtime::Perbill;

/// The protocol's part of every payment, rounded up: half of it burned, half for the treasury.
pub const FEE: Perbill = Perbill::from_percent(5);

/// Most vouchers of one call.
pub const MAX_VOUCHERS: u32 = 64;

#[frame_support::pallet]
// FRAME's macros expand to `expect`s.
#[allow(clippy::expect_used)]
pub mod pallet {
    use super::{
        activity::Work, collect, listing, redeem, Activity, Book, DebtBook, EraSums, Escrow, Parties, Ratings, Terms,
        WeightInfo, Withdrawal, MAX_VOUCHERS,
    };
    use alloc::vec::Vec;
    use cuckoo_primitives::{
        registry::{Bonds, Candidates, CurrentEra, Operators, OwnStake, MAX_SETTLED},
        settlement::{ChannelId, Debt, Settled, SettlementTerms, SignedVoucher, Solvency, MAX_RATINGS},
        AccountId, Balance, EraIndex, Hash, Role,
    };
    use frame_support::{
        pallet_prelude::*,
        traits::{
            fungible::{hold, Balanced, Credit},
            OnUnbalanced,
        },
    };
    use frame_system::pallet_prelude::*;
    use sp_runtime::Perbill;

    /// Layout of this pallet's storage.
    pub(crate) const STORAGE_VERSION: StorageVersion = StorageVersion::new(2);

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config<AccountId = AccountId, Hash = Hash> {
        /// The token that is paid with.
        type Currency: hold::Mutate<AccountId, Balance = Balance, Reason = Self::RuntimeHoldReason>
            + hold::Balanced<AccountId>
            + Balanced<AccountId, Balance = Balance>;
        /// The runtime's reasons to hold funds.
        type RuntimeHoldReason: From<HoldReason>;
        /// Knows the era.
        type CurrentEra: CurrentEra;
        /// Knows who is a candidate, and chills who does not pay.
        type Candidates: Candidates<AccountId>;
        /// Knows for whom a key signs, or signed.
        type Operators: Operators<AccountId>;
        /// Knows what is bonded.
        type Bonds: Bonds<AccountId>;
        /// Frees stake for debts.
        type OwnStake: OwnStake<AccountId>;
        /// Gets half of the fee.
        type Treasury: OnUnbalanced<Credit<AccountId, Self::Currency>>;
        /// What the calls cost.
        type WeightInfo: WeightInfo;
        /// Sets up what is measured.
        #[cfg(feature = "runtime-benchmarks")]
        type BenchmarkMarket: cuckoo_primitives::benchmarking::BenchmarkMarket<AccountId>;
    }

    /// Why this pallet holds funds.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// A coordinator pays miners with them.
        Escrow,
    }

    /// Escrow that coordinators have asked back. Owned by [`Escrow`].
    #[pallet::storage]
    pub type Withdrawals<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, Withdrawal>;

    /// How far channels have been settled, by coordinator, then miner and channel. Owned by [`Book`](super::Book).
    #[pallet::storage]
    pub type Channels<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, AccountId, Blake2_128Concat, (AccountId, ChannelId), Settled>;

    /// What coordinators owe to miners. Owned by [`DebtBook`].
    #[pallet::storage]
    pub type Debts<T: Config> = StorageDoubleMap<_, Blake2_128Concat, AccountId, Blake2_128Concat, AccountId, Debt>;

    /// What coordinators owe in all, in planck. Owned by [`DebtBook`].
    #[pallet::storage]
    pub type Owed<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, Balance, ValueQuery>;

    /// What was taken from the stake of coordinators by era, in planck. Owned by [`DebtBook`].
    #[pallet::storage]
    pub type TakenOf<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, EraSums, ValueQuery>;

    /// Paid work of each miner by era. Owned by [`Activity`](super::Activity).
    #[pallet::storage]
    pub type WorkOf<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, EraSums<Work>, ValueQuery>;

    /// Paid work of all miners by era, in planck. Owned by [`Activity`](super::Activity).
    #[pallet::storage]
    pub type WorkIn<T: Config> = StorageValue<_, EraSums, ValueQuery>;

    /// How good coordinators find the work of miners, by coordinator and miner; those that are not here are found good. Owned
    /// by [`Ratings`](super::Ratings).
    #[pallet::storage]
    pub type RatingOf<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, AccountId, Blake2_128Concat, AccountId, Perbill>;

    /// Two eras.
    #[pallet::type_value]
    pub fn DefaultRedeemEras() -> EraIndex {
        2
    }

    /// Longest time between two redemptions of an honest miner, in eras. Owned by [`Terms`](super::Terms).
    #[pallet::storage]
    pub type RedeemEras<T: Config> = StorageValue<_, EraIndex, ValueQuery, DefaultRedeemEras>;

    /// Three eras.
    #[pallet::type_value]
    pub fn DefaultWithdrawalEras() -> EraIndex {
        3
    }

    /// Eras from the request of a withdrawal until escrow can leave. Owned by [`Terms`](super::Terms).
    #[pallet::storage]
    pub type WithdrawalEras<T: Config> = StorageValue<_, EraIndex, ValueQuery, DefaultWithdrawalEras>;

    /// One era.
    #[pallet::type_value]
    pub fn DefaultGraceEras() -> EraIndex {
        1
    }

    /// Eras from a debt until stake can be taken for it. Owned by [`Terms`](super::Terms).
    #[pallet::storage]
    pub type GraceEras<T: Config> = StorageValue<_, EraIndex, ValueQuery, DefaultGraceEras>;

    /// How long things take, and escrow that is there from the start. Needs the bonds and the candidates, so it is built
    /// after them.
    #[pallet::genesis_config]
    pub struct GenesisConfig<T: Config> {
        /// See [`RedeemEras`]; at least 1, and fewer than the eras that unbonding takes.
        pub redeem_eras: EraIndex,
        /// See [`WithdrawalEras`]; more than `redeem_eras`.
        pub withdrawal_eras: EraIndex,
        /// See [`GraceEras`]; at least 1.
        pub grace_eras: EraIndex,
        /// Coordinators and their escrow in planck.
        pub escrows: Vec<(AccountId, Balance)>,
        #[doc(hidden)]
        #[serde(skip)]
        pub _config: PhantomData<T>,
    }

    impl<T: Config> Default for GenesisConfig<T> {
        fn default() -> Self {
            Self {
                redeem_eras: DefaultRedeemEras::get(),
                withdrawal_eras: DefaultWithdrawalEras::get(),
                grace_eras: DefaultGraceEras::get(),
                escrows: Vec::new(),
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
        /// Escrow was put down.
        Deposited {
            /// Whose escrow.
            coordinator: AccountId,
            /// Who paid for it.
            from: AccountId,
            /// How much, in planck.
            amount: Balance,
        },
        /// A coordinator asked escrow back. Miners redeem before it leaves.
        WithdrawalRequested {
            /// Whose escrow.
            coordinator: AccountId,
            /// How much, in planck.
            amount: Balance,
            /// From this era on it can leave.
            free_from: EraIndex,
        },
        /// A coordinator leaves in escrow what it asked back.
        WithdrawalCancelled {
            /// Whose escrow.
            coordinator: AccountId,
        },
        /// Escrow left.
        Withdrawn {
            /// Whose escrow.
            coordinator: AccountId,
            /// How much, in planck.
            amount: Balance,
        },
        /// A miner was paid out of escrow.
        Redeemed {
            /// Who paid.
            coordinator: AccountId,
            /// Who was paid.
            miner: AccountId,
            /// Of which of their channels.
            channel: ChannelId,
            /// What left the escrow, in planck, the fee included.
            paid: Balance,
            /// The part of it that the miner did not get, in planck.
            fee: Balance,
            /// How much of the channel is settled now, in planck.
            settled: Balance,
            /// Tasks, as the voucher tells.
            tasks: u64,
        },
        /// Escrow was short, and the coordinator owes.
        DebtRecorded {
            /// Who owes.
            coordinator: AccountId,
            /// Whom.
            miner: AccountId,
            /// Of which of their channels.
            channel: ChannelId,
            /// What is owed besides what was before, in planck.
            amount: Balance,
            /// How much of the channel is settled now, in planck.
            settled: Balance,
            /// The era since which something is owed.
            since: EraIndex,
        },
        /// A debt was paid.
        DebtPaid {
            /// Who owed.
            coordinator: AccountId,
            /// Who was paid.
            miner: AccountId,
            /// Out of escrow, in planck, the fee included.
            from_escrow: Balance,
            /// Out of the coordinator's stake, in planck, the fee included.
            from_stake: Balance,
            /// The part of both that the miner did not get, in planck.
            fee: Balance,
        },
        /// A coordinator thinks so of the work that it pays a miner from now on.
        Rated {
            /// Who thinks so.
            coordinator: AccountId,
            /// Of whom.
            miner: AccountId,
            /// The part that counts for mining rewards.
            quality: Perbill,
        },
        /// One voucher of a call was refused; the others count.
        Skipped {
            /// Its place in the call, from 0.
            index: u32,
            /// Why.
            reason: DispatchError,
        },
    }

    /// Why a call or a voucher was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// The amount is smaller than the existential deposit; deposit or redeem more at once.
        TooSmall,
        /// Only a coordinator, or one that owes, can have escrow; check the account.
        NotACoordinator,
        /// The amount is zero or more than the escrow.
        NotEnoughEscrow,
        /// No withdrawal was asked for; `request_withdrawal` first.
        NoWithdrawal,
        /// Miners may still redeem; wait for the era in the `WithdrawalRequested` event.
        WithdrawalTooEarly,
        /// Debts are on record; `collect` them first.
        OwesDebts,
        /// The call has no voucher.
        NoVouchers,
        /// All that the voucher promises has been settled; nothing is lost, keep it as the newest.
        NothingDue,
        /// The signer never worked for the voucher's coordinator, or so long ago that it is forgotten.
        UnknownSigner,
        /// The signer was replaced, and the time in which its vouchers count is over; ask the coordinator for one by its
        /// present key.
        SignerExpired,
        /// The signature is not the signer's over this voucher on this chain.
        BadSignature,
        /// There is no escrow, and no stake covers more; the voucher stays due, try again when either is there.
        Uncovered,
        /// The miner's account does not exist and the payment is smaller than the existential deposit; fund it, or redeem
        /// more at once.
        MinerCannotReceive,
        /// Nothing is owed between the two.
        NoDebt,
        /// Escrow is empty, and stake cannot be taken before the grace period is over; see `GraceEras`.
        GraceRuns,
        /// The coordinator has neither escrow nor stake; the debt stays on record.
        NothingLeft,
        /// Only the operator of a registered coordinator rates; sign with its key.
        NotAnOperator,
        /// The call rates nobody.
        NoRatings,
        /// Only registered miners are rated; leave the others out.
        NotAMiner,
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
        /// Puts `amount` planck of the caller's free balance into the escrow of `coordinator`, for good: only the
        /// coordinator's stash can take it out. Anyone may call it, the operator of a gateway for example.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::deposit())]
        pub fn deposit(
            origin: OriginFor<T>,
            coordinator: AccountId,
            #[pallet::compact] amount: Balance,
        ) -> DispatchResult {
            let from = ensure_signed(origin)?;
            ensure!(amount >= Self::least(), Error::<T>::TooSmall);
            let may_have =
                T::Candidates::role(&coordinator) == Some(Role::Coordinator) || DebtBook::<T>::owed(&coordinator) > 0;
            ensure!(may_have, Error::<T>::NotACoordinator);
            Escrow::<T>::deposit(&from, &coordinator, amount)?;
            Self::deposit_event(Event::Deposited { coordinator, from, amount });
            Ok(())
        }

        /// Asks `amount` planck of the caller's escrow back. They pay vouchers until they leave. An earlier request, and
        /// the time that it has waited, are replaced.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::request_withdrawal())]
        pub fn request_withdrawal(origin: OriginFor<T>, #[pallet::compact] amount: Balance) -> DispatchResult {
            let coordinator = ensure_signed(origin)?;
            let free_from = Escrow::<T>::request(&coordinator, amount)?;
            Self::deposit_event(Event::WithdrawalRequested { coordinator, amount, free_from });
            Ok(())
        }

        /// Leaves in escrow what the caller asked back.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::cancel_withdrawal())]
        pub fn cancel_withdrawal(origin: OriginFor<T>) -> DispatchResult {
            let coordinator = ensure_signed(origin)?;
            Escrow::<T>::keep(&coordinator)?;
            Self::deposit_event(Event::WithdrawalCancelled { coordinator });
            Ok(())
        }

        /// Frees what the caller asked back and is still there, once `WithdrawalEras` have passed and if it owes
        /// nothing.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::withdraw())]
        pub fn withdraw(origin: OriginFor<T>) -> DispatchResult {
            let coordinator = ensure_signed(origin)?;
            ensure!(DebtBook::<T>::owed(&coordinator) == 0, Error::<T>::OwesDebts);
            let amount = Escrow::<T>::release(&coordinator)?;
            Self::deposit_event(Event::Withdrawn { coordinator, amount });
            Ok(())
        }

        /// Pays what `vouchers` are due to the stashes of their miners. Anyone may bring them. One that is refused is
        /// skipped, and the event says why; the call is refused if all are, for the reason of the first. The fewer
        /// coordinators and miners the vouchers are of, the less it costs. The fee is for as many debts as there are
        /// vouchers, and for paying them all at once and then, if that fails and is undone, one by one; what was paid for
        /// more debts than escrow was short for, and for what was not done twice, is returned.
        #[pallet::call_index(4)]
        #[pallet::weight({
            let all: Parties = vouchers.iter().collect();
            let paying = all.paying::<T::WeightInfo>().saturating_add(all.paying_one_by_one::<T::WeightInfo>());
            paying.saturating_add(all.owing::<T::WeightInfo>())
        })]
        pub fn redeem(
            origin: OriginFor<T>,
            vouchers: BoundedVec<SignedVoucher, ConstU32<MAX_VOUCHERS>>,
        ) -> DispatchResultWithPostInfo {
            ensure_signed(origin)?;
            ensure!(!vouchers.is_empty(), Error::<T>::NoVouchers);
            let done = redeem::redeem::<T>(&vouchers);
            if let Some((_, reason)) = done.refused.first().filter(|_| done.refused.len() == vouchers.len()) {
                return Err((*reason).into());
            }
            for (index, reason) in done.refused {
                Self::deposit_event(Event::Skipped { index, reason });
            }
            let all: Parties = vouchers.iter().collect();
            let again = match done.was_one_by_one {
                true => all.paying_one_by_one::<T::WeightInfo>(),
                false => Weight::zero(),
            };
            let paying = all.paying::<T::WeightInfo>().saturating_add(again);
            let taken = paying.saturating_add(done.short.owing::<T::WeightInfo>());
            Ok(Some(taken).into())
        }

        /// Pays what `coordinator` owes to `miner`: out of escrow, and once `GraceEras` have passed out of the
        /// coordinator's own stake, which chills it. If more slashes of that stake wait than one call takes, it takes as
        /// many, and another call goes on. Anyone may call it.
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::collect(MAX_SETTLED))]
        pub fn collect(origin: OriginFor<T>, coordinator: AccountId, miner: AccountId) -> DispatchResultWithPostInfo {
            ensure_signed(origin)?;
            let slashes = collect::collect::<T>(&coordinator, &miner)?;
            Ok(Some(T::WeightInfo::collect(slashes)).into())
        }

        /// Says which part of the work of each miner counts for its mining rewards, of what the caller's coordinator pays it
        /// from now on: what its audits think of it. The caller is the coordinator's operator. Miners are paid all the same, and what a
        /// rating takes off their rewards stays in the budget. One who never was rated is found good.
        #[pallet::call_index(6)]
        #[pallet::weight(T::WeightInfo::rate(ratings.len() as u32))]
        pub fn rate(
            origin: OriginFor<T>,
            ratings: BoundedVec<(AccountId, Perbill), ConstU32<MAX_RATINGS>>,
        ) -> DispatchResult {
            let coordinator = Ratings::<T>::rater(&ensure_signed(origin)?)?;
            ensure!(!ratings.is_empty(), Error::<T>::NoRatings);
            for (miner, quality) in ratings {
                Ratings::<T>::rate(&coordinator, &miner, quality)?;
                Self::deposit_event(Event::Rated { coordinator: coordinator.clone(), miner, quality });
            }
            Ok(())
        }
    }

    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// The rules.
        pub fn terms() -> SettlementTerms {
            Terms::<T>::all()
        }

        /// What stands behind the vouchers of `coordinator`.
        pub fn solvency(coordinator: AccountId) -> Solvency {
            listing::solvency::<T>(&coordinator)
        }

        /// What stake of `coordinator` will still answer for to `miner` when new work is redeemed, in planck.
        pub fn cover(coordinator: AccountId, miner: AccountId) -> Balance {
            DebtBook::<T>::cover_left(&coordinator, &miner)
        }

        /// What stake of `coordinator` answers for to `miner` now, in planck: of what a voucher is due and escrow cannot
        /// pay, as much becomes a debt.
        pub fn claimable(coordinator: AccountId, miner: AccountId) -> Balance {
            DebtBook::<T>::claimable(&coordinator, &miner)
        }

        /// The part of what `coordinator` pays `miner` that counts for mining rewards.
        pub fn rating(coordinator: AccountId, miner: AccountId) -> Perbill {
            Ratings::<T>::of(&coordinator, &miner)
        }

        /// What those who paid `miner` in `era` thought of its work, by how much they paid.
        pub fn quality(miner: AccountId, era: EraIndex) -> Perbill {
            Activity::<T>::quality(&miner, era)
        }

        /// How far the channel has been settled; zeros if no voucher of it ever was.
        pub fn settled(coordinator: AccountId, miner: AccountId, channel: ChannelId) -> Settled {
            Book::<T>::settled(&coordinator, &miner, &channel).unwrap_or_default()
        }

        /// Channels of `coordinator` in storage order, at most `limit` and 512, those after `after` or from the first.
        pub fn channels(
            coordinator: AccountId,
            after: Option<(AccountId, ChannelId)>,
            limit: u32,
        ) -> Vec<((AccountId, ChannelId), Settled)> {
            listing::channels::<T>(&coordinator, after.as_ref(), limit)
        }

        /// What `coordinator` owes to `miner`, and what was lately paid for it out of stake.
        pub fn debt(coordinator: AccountId, miner: AccountId) -> Debt {
            DebtBook::<T>::of(&coordinator, &miner)
        }

        /// Miners to whom `coordinator` owes, or lately paid out of stake; else as `channels`.
        pub fn debts(coordinator: AccountId, after: Option<AccountId>, limit: u32) -> Vec<(AccountId, Debt)> {
            listing::debts::<T>(&coordinator, after.as_ref(), limit)
        }
    }
}
