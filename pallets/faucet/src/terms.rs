//! What the faucet gives, and for what.

use codec::{Decode, Encode, MaxEncodedLen};
use cuckoo_primitives::Balance;
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};

/// Most zero bits that a proof may have to begin with: a day of work for a fast machine.
pub const MAX_DIFFICULTY: u32 = 40;

/// What the faucet gives, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Terms {
    /// What one claim gives, in planck. Accounts that hold as much get nothing.
    pub drip: Balance,
    /// What all claims of an era may come to, in planck.
    pub era_cap: Balance,
    /// Zero bits with which a proof must begin: it takes 2^`difficulty` hashes in the mean. Browsers do some hundred
    /// thousand of them per second.
    pub difficulty: u32,
}
