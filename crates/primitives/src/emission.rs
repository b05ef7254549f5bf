//! What anyone may know of the emission.

use codec::{Decode, Encode};
use scale_info::TypeInfo;

use crate::Balance;

/// One of the budgets, in planck: the three parts make up the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, serde::Serialize, serde::Deserialize)]
pub struct BudgetOverview {
    /// Still to come.
    pub remaining: Balance,
    /// Set aside for eras that are over and not yet paid out.
    pub open: Balance,
    /// Minted for those who earned it.
    pub emitted: Balance,
}

/// The emission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, serde::Serialize, serde::Deserialize)]
pub struct EmissionOverview {
    /// For the stake behind candidates of all roles.
    pub staking: BudgetOverview,
    /// For the work of miners.
    pub mining: BudgetOverview,
    /// Minted and not claimed yet, in planck.
    pub unclaimed: Balance,
}
