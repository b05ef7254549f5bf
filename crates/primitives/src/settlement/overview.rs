//! What the chain tells about escrow, debts and channels.

use codec::{Decode, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_arithmetic::Perbill;

use crate::{Balance, EraIndex};

/// Most miners that one call rates.
pub const MAX_RATINGS: u32 = 64;

/// Most channels or debts that one page has; a larger `limit` is cut to it.
pub const MAX_SETTLED_PER_PAGE: u32 = 512;

/// What stands behind a coordinator's vouchers, in planck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Solvency {
    /// All that is on hold as escrow.
    pub escrow: Balance,
    /// The part of it that the coordinator has asked back; nobody should count on it.
    pub withdrawing: Balance,
    /// From this era on that part can leave.
    pub withdraw_from: Option<EraIndex>,
    /// What it owes by debts on record.
    pub owed: Balance,
    /// What of its bond cannot go free before vouchers of this era must be redeemed.
    pub stake: Balance,
}

/// How far a channel has been settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Settled {
    /// Paid or put on record as debt, in planck, the protocol's fee included.
    pub amount: Balance,
    /// Tasks, as the voucher told that was settled last.
    pub tasks: u64,
}

/// What a coordinator owes a miner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Debt {
    /// Not paid yet, in planck.
    pub open: Balance,
    /// The era since which something is open.
    pub since: EraIndex,
    /// Taken from the coordinator's stake and not forgotten yet, in planck.
    pub taken: Balance,
    /// The era in which stake was taken last.
    pub taken_in: EraIndex,
}

/// The rules of settlement on this chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct SettlementTerms {
    /// Longest time between two redemptions of an honest miner, in eras; a retired key's vouchers count as long.
    pub redeem_eras: EraIndex,
    /// Eras from the request of a withdrawal until escrow can leave.
    pub withdrawal_eras: EraIndex,
    /// Eras from a debt until stake can be taken for it.
    pub grace_eras: EraIndex,
    /// The protocol's part of every payment, rounded up.
    pub fee: Perbill,
    /// Most vouchers of one call.
    pub max_vouchers: u32,
}
