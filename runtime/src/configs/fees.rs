//! What a transaction costs and who gets it.

use cuckoo_primitives::{AccountId, Balance};
use frame_support::{
    parameter_types,
    traits::{
        fungible::{Balanced, Credit},
        ConstU128, ConstU8, Imbalance, OnUnbalanced,
    },
    weights::ConstantMultiplier,
};
use pallet_transaction_payment::{FungibleAdapter, Multiplier, TargetedFeeAdjustment};
use sp_runtime::{traits::Bounded, Percent, Perquintill};

use crate::{Authorship, Balances, Runtime, RuntimeEvent, Treasury};

/// Planck for a picosecond of computing: a full block of half a second costs 5 CAI, a transfer a few thousandths.
pub const WEIGHT_FEE_PER_PS: Balance = 10_000_000;

/// Planck for a byte of a transaction: a full block of 5 MiB costs about 50 CAI.
pub const LENGTH_FEE_PER_BYTE: Balance = 10_000_000_000_000;

parameter_types! {
    /// Fees rise while blocks are fuller than this.
    pub const TargetBlockFullness: Perquintill = Perquintill::from_percent(25);
    /// How fast they rise and fall: by about 8 % in a day of full blocks at six seconds each.
    pub AdjustmentSpeed: Multiplier = Multiplier::from_rational(75, 1_000_000);
    /// They never fall below the prices above.
    pub MinimumMultiplier: Multiplier = Multiplier::from_u32(1);
    /// They rise until blocks are no longer full.
    pub MaximumMultiplier: Multiplier = Bounded::max_value();
}

impl pallet_transaction_payment::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type OnChargeTransaction = FungibleAdapter<Balances, ToAuthorAndTreasury>;
    type OperationalFeeMultiplier = ConstU8<5>;
    type WeightToFee = ConstantMultiplier<Balance, ConstU128<WEIGHT_FEE_PER_PS>>;
    type LengthToFee = ConstantMultiplier<Balance, ConstU128<LENGTH_FEE_PER_BYTE>>;
    type FeeMultiplierUpdate =
        TargetedFeeAdjustment<Runtime, TargetBlockFullness, AdjustmentSpeed, MinimumMultiplier, MaximumMultiplier>;
    type WeightInfo = pallet_transaction_payment::weights::SubstrateWeight<Runtime>;
}

/// Share of every fee that the treasury gets, rounded down; the author of the block gets the rest and the whole tip.
pub const TREASURY_SHARE: Percent = Percent::from_percent(20);

/// Gives the treasury what it is due.
pub struct ToTreasury;

impl OnUnbalanced<Credit<AccountId, Balances>> for ToTreasury {
    fn on_nonzero_unbalanced(due: Credit<AccountId, Balances>) {
        pay(&Treasury::account_id(), due);
    }
}

/// Shares what a transaction pays between the stash of the block's author and the treasury.
pub struct ToAuthorAndTreasury;

impl OnUnbalanced<Credit<AccountId, Balances>> for ToAuthorAndTreasury {
    // Called once for each transaction: with the fee, then the tip if there is one.
    fn on_unbalanceds(mut fee_then_tip: impl Iterator<Item = Credit<AccountId, Balances>>) {
        if let Some(fee) = fee_then_tip.next() {
            let for_treasury = TREASURY_SHARE.mul_floor(fee.peek());
            let (for_treasury, for_author) = fee.split(for_treasury);
            ToTreasury::on_unbalanced(for_treasury);
            to_author(for_author);
        }
        fee_then_tip.for_each(to_author);
    }
}

fn to_author(credit: Credit<AccountId, Balances>) {
    if let Some(author) = Authorship::author() {
        pay(&author, credit);
    }
}

/// What cannot be paid out is burned: the account is gone and the amount would not revive it.
fn pay(who: &AccountId, credit: Credit<AccountId, Balances>) {
    drop(Balances::resolve(who, credit));
}
