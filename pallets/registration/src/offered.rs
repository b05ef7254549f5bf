//! What other pallets ask of this one.

use cuckoo_primitives::{
    registry::{Candidates, Operators},
    AccountId, Balance, EraIndex, Role,
};
use sp_runtime::Perbill;

use crate::{Commission, Config, MinSelfStake, OperatorKeys, Pallet, Roster};

impl<T: Config> Candidates<AccountId> for Pallet<T> {
    fn role(stash: &AccountId) -> Option<Role> {
        Roster::<T>::role(stash)
    }

    fn own_stake_floor(stash: &AccountId) -> Option<Balance> {
        Roster::<T>::role(stash).map(MinSelfStake::<T>::get)
    }

    fn commission(stash: &AccountId, era: EraIndex) -> Perbill {
        Commission::<T>::of(stash).at(era)
    }

    fn has_stepped_back(stash: &AccountId) -> bool {
        Roster::<T>::get(stash).is_some_and(|(_, candidate)| candidate.chilled)
    }

    fn chill(stash: &AccountId) -> bool {
        Self::step_back(stash).unwrap_or(false)
    }
}

impl<T: Config> Operators<AccountId> for Pallet<T> {
    fn served_by(operator: &AccountId, era: EraIndex) -> Option<(AccountId, Role)> {
        OperatorKeys::<T>::served_by(operator, era)
    }

    fn last_served(operator: &AccountId) -> Option<(AccountId, Role, EraIndex)> {
        OperatorKeys::<T>::last_served(operator)
    }
}
