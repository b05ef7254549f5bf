//! The CAI token.

/// An amount of CAI in planck; 10^18 planck are one CAI.
pub type Balance = u128;

/// One CAI in planck.
pub const CAI: Balance = 1_000_000_000_000_000_000;

/// Planck that may ever exist: 1,000,000,000 CAI.
pub const TOTAL_SUPPLY_CAP: Balance = CAI.saturating_mul(1_000_000_000);

/// What an account must hold to exist, in planck: a thousandth of a CAI.
pub const EXISTENTIAL_DEPOSIT: Balance = CAI.saturating_div(1_000);
