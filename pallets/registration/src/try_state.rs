//! The pallet's invariants, by name.

use cuckoo_primitives::{registry::CurrentEra, AccountId, EraIndex, Role};
use frame_support::ensure;
use sp_runtime::{DispatchError, Saturating};

use crate::{
    info, CandidateRecord, Candidates, CommissionRecord, Commissions, Config, OperatorRecord, Operators, Pallet,
    Retired, RoleOf, ValidatorCount, MAX_COMMISSION_RAISE, RAISE_NOTICE_ERAS,
};

impl<T: Config> Pallet<T> {
    /// Checks every invariant; the error names the first that does not hold.
    pub fn do_try_state() -> Result<(), DispatchError> {
        let now = T::CurrentEra::current_era();
        for (stash, role) in RoleOf::<T>::iter() {
            ensure!(Candidates::<T>::contains_key(role, stash), "a stash with a role is a candidate in it");
        }
        for (role, stash, record) in Candidates::<T>::iter() {
            check_candidate::<T>(role, &stash, &record, now)?;
        }
        let validators = Candidates::<T>::iter_key_prefix(Role::Validator).count();
        ensure!(ValidatorCount::<T>::get() as usize == validators, "the validators are counted");
        for (stash, commission) in Commissions::<T>::iter() {
            ensure!(RoleOf::<T>::contains_key(&stash), "a commission is a candidate's");
            check_commission(&commission, now)?;
        }
        for (operator, record) in Operators::<T>::iter() {
            check_operator::<T>(&operator, &record, now)?;
        }
        for (stash, operators) in Retired::<T>::iter() {
            check_retired::<T>(&stash, &operators)?;
        }
        Ok(())
    }
}

fn check_candidate<T: Config>(
    role: Role,
    stash: &AccountId,
    record: &CandidateRecord,
    now: EraIndex,
) -> Result<(), DispatchError> {
    ensure!(RoleOf::<T>::get(stash) == Some(role), "a candidate has one role");
    ensure!(record.operator != *stash, "the operator is another account than the stash");
    ensure!(
        Operators::<T>::get(&record.operator)
            .is_some_and(|key| key.stash == *stash && key.role == role && key.retired_in.is_none()),
        "a candidate's operator works for it"
    );
    ensure!(info::ensure_valid::<T>(role, &record.info).is_ok(), "what a candidate says of itself is valid");
    ensure!(record.registered_in <= now, "nobody registered in a later era");
    Ok(())
}

fn check_commission(commission: &CommissionRecord, now: EraIndex) -> Result<(), DispatchError> {
    let CommissionRecord { next, raise, .. } = commission;
    if let Some(next) = next {
        ensure!(next.from <= now.saturating_add(1), "a commission changes from the next era on");
    }
    if let Some(raise) = raise {
        ensure!(raise.from <= now.saturating_add(RAISE_NOTICE_ERAS), "a raise is announced two eras ahead");
        ensure!(next.is_none_or(|next| next.from < raise.from), "a raise comes after other changes");
        let rise = raise.rate.saturating_sub(commission.base());
        ensure!(!rise.is_zero() && rise <= MAX_COMMISSION_RAISE, "a raise is no steeper than allowed");
    }
    Ok(())
}

fn check_operator<T: Config>(
    operator: &AccountId,
    record: &OperatorRecord,
    now: EraIndex,
) -> Result<(), DispatchError> {
    ensure!(record.since <= record.retired_in.unwrap_or(now), "nobody retired before coming to work");
    match record.retired_in {
        None => {
            let candidate = Candidates::<T>::get(record.role, &record.stash);
            ensure!(
                candidate.is_some_and(|candidate| candidate.operator == *operator),
                "an operator at work is its candidate's"
            );
        }
        Some(era) => {
            ensure!(era <= now, "nobody retired in a later era");
            ensure!(Retired::<T>::get(&record.stash).contains(operator), "a retired operator is listed");
        }
    }
    Ok(())
}

fn check_retired<T: Config>(stash: &AccountId, operators: &[AccountId]) -> Result<(), DispatchError> {
    ensure!(!operators.is_empty(), "an empty list of retired operators is removed");
    for (position, operator) in operators.iter().enumerate() {
        let record = Operators::<T>::get(operator);
        ensure!(
            record.is_some_and(|record| record.stash == *stash && record.retired_in.is_some()),
            "a listed operator is retired"
        );
        ensure!(
            !operators.iter().skip(position.saturating_add(1)).any(|other| other == operator),
            "an operator is listed once"
        );
    }
    if RoleOf::<T>::contains_key(stash) {
        ensure!((operators.len() as u32) < crate::MAX_RETIRED_OPERATORS, "a candidate can always deregister");
    }
    Ok(())
}
