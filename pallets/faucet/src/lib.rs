//! # Faucet: coins of a test network
//!
//! ## Overview
//!
//! Anyone whose account holds next to nothing gets [`Terms::drip`] from the faucet's pot by [`Pallet::claim`], an
//! unsigned call that anyone may send and that costs no fee. What it costs is work: a nonce with which the
//! [`Puzzle`](cuckoo_primitives::faucet::Puzzle) of this chain, account and a recent block gives a hash that begins with
//! [`Terms::difficulty`] zero bits.
//!
//! Genesis sets the [`Terms`]. A network without them has no faucet: every claim is refused. Coins are not made here:
//! the pot is an account ([`Pallet::pot`]) that genesis funds, and whoever wants to fill it up transfers to it.
//!
//! ## Example
//!
//! In JavaScript, with `@polkadot/api`; `solve` counts `nonce` up until
//! `blake2AsU8a(u8aConcat([16], 'cuckoo/faucet/v1', genesisHash, publicKey, blockHash, nonceLittleEndian64))` begins
//! with enough zero bits:
//!
//! ```text
//! const { number, hash } = await api.rpc.chain.getHeader(await api.rpc.chain.getFinalizedHead());
//! const nonce = solve(api.genesisHash, publicKey, hash, difficulty);
//! await api.tx.faucet.claim(publicKey, number, nonce).send();
//! ```
//!
//! ## What bounds it
//!
//! - One claim per account and era, [`Terms::era_cap`] planck for all of an era, and never more than the pot has. Whoever
//!   works for all of the cap leaves nothing for others until the next era: the terms must make that costly.
//! - A claim that cannot be paid never enters the pool. Its proof is checked before anything is read that depends on the
//!   account; what a worthless claim costs a node is three reads and one hash.
//! - The pool keeps one claim per account, and drops claims before any transaction that pays a fee.
//!
//! ## Owners
//!
//! [`Claims`] is the only code that touches [`Claimed`], [`ClaimedFrom`] and [`PaidInEra`].
//!
//! ## Invariants
//!
//! `do_try_state` (file `try_state.rs`) names them: what an era paid is what its claims came to, and within its cap.

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
// Unsigned calls are checked by `ValidateUnsigned`. What is to replace it (`#[pallet::authorize]`) takes transactions of
// the fifth format with extensions, and clients in browsers send unsigned calls in the fourth.
#![allow(deprecated)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod claims;
mod genesis;
mod refusal;
mod terms;
mod try_state;
mod validity;
pub mod weights;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use claims::{Claims, EraPayments};
pub use pallet::*;
pub use refusal::Refusal;
pub use terms::{Terms, MAX_DIFFICULTY};
pub use weights::WeightInfo;

#[frame_support::pallet]
// FRAME's macros expand to `expect`s, and to bindings of nothing.
#[allow(clippy::expect_used, clippy::let_unit_value)]
pub mod pallet {
    use super::{validity, Claims, EraPayments, Refusal, Terms, WeightInfo};
    use cuckoo_primitives::{registry::CurrentEra, AccountId, Balance, EraIndex, Hash};
    use frame_support::{
        pallet_prelude::*,
        traits::{
            fungible,
            tokens::{Fortitude, Preservation},
        },
        weights::WeightMeter,
        PalletId,
    };
    use frame_system::pallet_prelude::*;
    use sp_runtime::traits::AccountIdConversion;

    /// Layout of this pallet's storage.
    pub(crate) const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);
    /// Forgetting old claims takes at most one part in so many of a block: 1 %.
    const FORGET_PART: u64 = 100;

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config<AccountId = AccountId, Hash = Hash> {
        /// The token that is given away.
        type Currency: fungible::Mutate<AccountId, Balance = Balance>;
        /// Knows the era.
        type CurrentEra: CurrentEra;
        /// Names the pot.
        #[pallet::constant]
        type PalletId: Get<PalletId>;
        /// What calls and hooks cost.
        type WeightInfo: WeightInfo;
        /// Sets up what is measured.
        #[cfg(feature = "runtime-benchmarks")]
        type BenchmarkMarket: cuckoo_primitives::benchmarking::BenchmarkMarket<AccountId>;
    }

    /// What the faucet gives, and for how much work; none if there is no faucet.
    #[pallet::storage]
    pub type FaucetTerms<T: Config> = StorageValue<_, Terms>;

    /// Who claimed in which era. Owned by [`Claims`].
    #[pallet::storage]
    pub type Claimed<T: Config> = StorageDoubleMap<_, Twox64Concat, EraIndex, Blake2_128Concat, AccountId, ()>;

    /// The claims of earlier eras have been forgotten. Owned by [`Claims`].
    #[pallet::storage]
    pub type ClaimedFrom<T: Config> = StorageValue<_, EraIndex, ValueQuery>;

    /// What was paid in the era of the last claim. Owned by [`Claims`].
    #[pallet::storage]
    pub type PaidInEra<T: Config> = StorageValue<_, EraPayments, ValueQuery>;

    /// The faucet's terms. The pot is funded with the balances.
    #[pallet::genesis_config]
    pub struct GenesisConfig<T: Config> {
        /// See [`FaucetTerms`]; leave it out for a network without a faucet.
        pub terms: Option<Terms>,
        #[doc(hidden)]
        #[serde(skip)]
        pub _config: PhantomData<T>,
    }

    impl<T: Config> Default for GenesisConfig<T> {
        fn default() -> Self {
            Self { terms: None, _config: PhantomData }
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
        /// An account was given coins.
        Dripped {
            /// Whose.
            account: AccountId,
            /// How much, in planck.
            amount: Balance,
            /// The era whose claim that was.
            era: EraIndex,
        },
    }

    /// Why a claim was refused. The pool refuses it for the same reasons, see [`Refusal`].
    #[pallet::error]
    pub enum Error<T> {
        /// This network has no faucet.
        NoFaucet,
        /// The block is too old, or not known here; take the hash of a recent block of this chain and work again.
        BlockTooOld,
        /// The block is not older than the one that the claim would be in; take its parent, or an earlier one.
        BlockTooNew,
        /// The hash does not begin with enough zero bits, or is not over this chain, account, block and nonce.
        BadProof,
        /// The account holds as much as the faucet gives, what is held and reserved included.
        NotPoor,
        /// The account has claimed in this era; wait for the next.
        AlreadyClaimed,
        /// The faucet has given all it gives in an era; wait for the next.
        EraSpent,
        /// The pot is empty; someone has to transfer coins to it.
        PotEmpty,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        /// Forgets claims of eras that are over, as many as there is room for.
        fn on_idle(_: BlockNumberFor<T>, remaining: Weight) -> Weight {
            let share = T::BlockWeights::get().max_block.saturating_div(FORGET_PART);
            let mut meter = WeightMeter::with_limit(remaining.min(share));
            Claims::<T>::forget(&mut meter);
            meter.consumed()
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Gives `account` the faucet's coins. Unsigned and free of fees. `nonce` solves the
        /// [`Puzzle`](cuckoo_primitives::faucet::Puzzle) of `account` and the hash of block `block_number`, which is at
        /// most [`MAX_BLOCK_AGE`](cuckoo_primitives::faucet::MAX_BLOCK_AGE) blocks old.
        #[pallet::call_index(0)]
        #[pallet::weight((T::WeightInfo::claim(), DispatchClass::Normal, Pays::No))]
        pub fn claim(
            origin: OriginFor<T>,
            account: AccountId,
            block_number: BlockNumberFor<T>,
            nonce: u64,
        ) -> DispatchResult {
            ensure_none(origin)?;
            let terms = validity::check::<T>(&account, block_number, nonce).map_err(Error::<T>::from)?;
            let era = Claims::<T>::enter(&account, &terms);
            Self::pay(&account, terms.drip)?;
            Self::deposit_event(Event::Dripped { account, amount: terms.drip, era });
            Ok(())
        }
    }

    #[pallet::validate_unsigned]
    impl<T: Config> ValidateUnsigned for Pallet<T> {
        type Call = Call<T>;

        fn validate_unsigned(_: TransactionSource, call: &Self::Call) -> TransactionValidity {
            let Call::claim { account, block_number, nonce } = call else {
                return InvalidTransaction::Call.into();
            };
            validity::check::<T>(account, *block_number, *nonce)?;
            Ok(validity::of_valid::<T>(account, *block_number))
        }
    }

    impl<T: Config> Pallet<T> {
        /// The account from which the faucet pays.
        pub fn pot() -> AccountId {
            T::PalletId::get().into_account_truncating()
        }

        /// What the pot can pay; the account itself stays.
        pub(crate) fn funds() -> Balance {
            <T::Currency as fungible::Inspect<_>>::reducible_balance(
                &Self::pot(),
                Preservation::Preserve,
                Fortitude::Polite,
            )
        }

        fn pay(account: &AccountId, amount: Balance) -> DispatchResult {
            <T::Currency as fungible::Mutate<_>>::transfer(&Self::pot(), account, amount, Preservation::Preserve)?;
            Ok(())
        }
    }

    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// What the faucet gives, and for how much work; `None` if this network has no faucet.
        pub fn terms() -> Option<Terms> {
            FaucetTerms::<T>::get()
        }

        /// What is left to claim in this era, in planck: under the cap, and of the pot.
        pub fn left() -> Balance {
            let under_cap = Self::terms().map_or(0, |terms| Claims::<T>::left(&terms));
            under_cap.min(Self::funds())
        }
    }

    impl<T> From<Refusal> for Error<T> {
        fn from(refusal: Refusal) -> Self {
            match refusal {
                Refusal::NoFaucet => Self::NoFaucet,
                Refusal::BlockTooOld => Self::BlockTooOld,
                Refusal::BlockTooNew => Self::BlockTooNew,
                Refusal::BadProof => Self::BadProof,
                Refusal::NotPoor => Self::NotPoor,
                Refusal::AlreadyClaimed => Self::AlreadyClaimed,
                Refusal::EraSpent => Self::EraSpent,
                Refusal::PotEmpty => Self::PotEmpty,
            }
        }
    }
}
