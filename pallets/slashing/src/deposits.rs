//! What challengers put up.

use core::marker::PhantomData;
use cuckoo_primitives::{challenge::Challenge, AccountId, Balance};
use frame_support::traits::{
    fungible::{hold, Balanced},
    tokens::Precision,
    Get, Imbalance,
};
use sp_runtime::{DispatchError, Perbill};

use crate::{Config, HoldReason};

/// Of the deposit of a challenge that is answered, who answers it gets as much, rounded down.
pub const ANSWER_SHARE: Perbill = Perbill::from_percent(1);
/// Of the deposit of a challenge that is answered, as much is burned, rounded up: whoever answers its own challenges pays
/// for the room that they take.
pub const BURNED_SHARE: Perbill = Perbill::from_percent(1);

/// The deposits: what the pallet holds for [`HoldReason::Challenge`]. Only this type holds, releases and takes it.
pub struct Deposits<T>(PhantomData<T>);

impl<T: Config> Deposits<T> {
    /// Holds the deposit of a challenge of `challenger` and returns it, in planck.
    pub(crate) fn take(challenger: &AccountId) -> Result<Balance, DispatchError> {
        let amount = T::ChallengeDeposit::get();
        <T::Currency as hold::Mutate<_>>::hold(&HoldReason::Challenge.into(), challenger, amount)?;
        Ok(amount)
    }

    /// What is held of `challenger`, in planck.
    pub(crate) fn held(challenger: &AccountId) -> Balance {
        <T::Currency as hold::Inspect<_>>::balance_on_hold(&HoldReason::Challenge.into(), challenger)
    }

    /// Gives all of it back.
    pub(crate) fn give_back(challenge: &Challenge) {
        Self::release(&challenge.challenger, challenge.deposit);
    }

    /// Shares it with who answered.
    pub(crate) fn share(challenge: &Challenge, answerer: &AccountId) {
        let Challenge { challenger, deposit, .. } = challenge;
        let share = ANSWER_SHARE.mul_floor(*deposit);
        let cost = share.saturating_add(BURNED_SHARE.mul_ceil(*deposit));
        // What is on hold is all there, so that nothing of it is missing.
        let (taken, _missing) =
            <T::Currency as hold::Balanced<_>>::slash(&HoldReason::Challenge.into(), challenger, cost);
        let (share, _burned) = taken.split(share);
        // An account that cannot hold its share gets none: the share burns with the rest.
        let _refused = T::Currency::resolve(answerer, share);
        Self::release(challenger, deposit.saturating_sub(cost));
    }

    fn release(challenger: &AccountId, amount: Balance) {
        let reason = HoldReason::Challenge.into();
        // It is on hold, so that nothing can keep it from becoming free.
        let _released = <T::Currency as hold::Mutate<_>>::release(&reason, challenger, amount, Precision::BestEffort);
    }
}
