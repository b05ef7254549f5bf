//! Over which traits the pallets meet; no pallet imports another.

use sp_runtime::{DispatchError, DispatchResult};

use crate::{Balance, EraIndex, Role};

/// The bonds of all stashes. Offered by the staking pallet.
pub trait Bonds<AccountId> {
    /// What `stash` can vote with, in planck; zero if it has not bonded.
    fn active(stash: &AccountId) -> Balance;
}

/// The era that is running. Offered by the staking pallet.
pub trait CurrentEra {
    /// The current era.
    fn current_era() -> EraIndex;
    /// Eras that unbonding takes; evidence counts for as long.
    fn bonding_eras() -> EraIndex;
}

/// What bonded stake is in use. Offered by the voting pallet, asked by the staking pallet before stake may leave.
pub trait VotedStake<AccountId> {
    /// The sum of `stash`'s votes in planck.
    fn voted(stash: &AccountId) -> Balance;
}

impl<AccountId> VotedStake<AccountId> for () {
    fn voted(_: &AccountId) -> Balance {
        0
    }
}

/// Who is a candidate. Offered by the registration pallet.
pub trait Candidates<AccountId> {
    /// The role of a registered stash.
    fn role(stash: &AccountId) -> Option<Role>;
    /// The own stake in planck that a registered candidate must stay above; `None` if it is not registered.
    fn own_stake_floor(stash: &AccountId) -> Option<Balance>;
}

/// The stake behind candidates. Offered by the voting pallet.
pub trait Backing<AccountId> {
    /// Puts `amount` planck of `stash`'s own bond behind itself, counting from the next era.
    fn back_self(stash: &AccountId, amount: Balance) -> DispatchResult;
    /// Takes all of `stash`'s own votes off itself; the stake stays bonded and can be voted elsewhere or unbonded.
    fn release_self(stash: &AccountId) -> Result<Balance, DispatchError>;
    /// Own stake behind `stash` in planck: what counts in this era, and from the next on.
    fn own_stake(stash: &AccountId) -> (Balance, Balance);
    /// All stake behind `stash` in planck: what counts in this era, and from the next on.
    fn backing(stash: &AccountId) -> (Balance, Balance);
}
