//! What the calls cost: reads and writes counted by hand, plus a generous allowance for the work between them.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weight of each call.
pub trait WeightInfo {
    /// See `Pallet::deposit`.
    fn deposit() -> Weight;
    /// See `Pallet::request_withdrawal`.
    fn request_withdrawal() -> Weight;
    /// See `Pallet::cancel_withdrawal`.
    fn cancel_withdrawal() -> Weight;
    /// See `Pallet::withdraw`.
    fn withdraw() -> Weight;
    /// See `Pallet::redeem`, with `v` vouchers that escrow pays in full.
    fn redeem(v: u32) -> Weight;
    /// See `Pallet::redeem`, with `v` vouchers of which some are more than what is in escrow.
    fn redeem_short(v: u32) -> Weight;
    /// See `Pallet::collect`, which takes `s` slashes of the coordinator on the way.
    fn collect(s: u32) -> Weight;
}

/// Execution in picoseconds and proof size in bytes of a call, apart from its database accesses.
const CALL: Weight = Weight::from_parts(50_000_000, 16_384);
/// The same of one voucher, whose signature is verified.
const VOUCHER: Weight = Weight::from_parts(100_000_000, 4_096);

/// Weights for a runtime, by its database.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    // Reads: role, debts, two accounts, holds. Writes: two accounts, holds.
    fn deposit() -> Weight {
        CALL.saturating_add(T::DbWeight::get().reads_writes(5, 3))
    }
    // Reads: holds, era, terms. Writes: withdrawal.
    fn request_withdrawal() -> Weight {
        CALL.saturating_add(T::DbWeight::get().reads_writes(3, 1))
    }
    fn cancel_withdrawal() -> Weight {
        CALL.saturating_add(T::DbWeight::get().reads_writes(1, 1))
    }
    // Reads: withdrawal, era, debts, account, holds. Writes: withdrawal, account, holds.
    fn withdraw() -> Weight {
        CALL.saturating_add(T::DbWeight::get().reads_writes(5, 3))
    }
    // Of all: genesis hash, era, terms, work of the era, treasury. Of each voucher: channel, operator, account, holds,
    // role, account, work.
    fn redeem(v: u32) -> Weight {
        let voucher = VOUCHER.saturating_add(T::DbWeight::get().reads_writes(7, 5));
        CALL.saturating_add(T::DbWeight::get().reads_writes(6, 2)).saturating_add(voucher.saturating_mul(v.into()))
    }
    // Besides, of each: debt, both bonds, what is owed and what was taken.
    fn redeem_short(v: u32) -> Weight {
        let debt = CALL.saturating_add(T::DbWeight::get().reads_writes(5, 2));
        Self::redeem(v).saturating_add(debt.saturating_mul(v.into()))
    }
    // Reads: debt, owed, holds, era, terms, two accounts, treasury, work (2), role; and as a settlement of slashes with a
    // debt: every position's pool, earnings and marks, bond. Writes: debt, owed, holds, accounts, treasury, work (2).
    fn collect(s: u32) -> Weight {
        let slash = CALL.saturating_add(T::DbWeight::get().reads_writes(12, 8));
        CALL.saturating_add(T::DbWeight::get().reads_writes(140, 100)).saturating_add(slash.saturating_mul(s.into()))
    }
}
