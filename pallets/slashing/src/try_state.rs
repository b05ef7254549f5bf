//! The pallet's invariants, by name.

use alloc::collections::{BTreeMap, BTreeSet};
use cuckoo_primitives::{
    challenge::{Challenge, ChallengeId},
    docket::{Case, CaseId},
    registry::CurrentEra,
    AccountId, Balance, EraIndex,
};
use frame_support::ensure;
use sp_runtime::DispatchError;

use crate::{
    Absences, AnswersDue, AnswersDueFrom, Asked, AskedFrom, Authors, Cases, ChallengesOf, Config, Convictions,
    DeferEras, Deposits, Due, DueFrom, EvidenceEras, NextCase, NextChallenge, OpenChallenges, OpenCount, Pallet,
    Produced, Questions, Seen, SeenFrom, Window,
};

impl<T: Config> Pallet<T> {
    /// Checks every invariant; the error names the first that does not hold.
    pub fn do_try_state() -> Result<(), DispatchError> {
        let now = T::CurrentEra::current_era();
        ensure!(
            Window::<T>::fits(EvidenceEras::<T>::get(), DeferEras::<T>::get()),
            "stake cannot leave before it is slashed"
        );
        check_docket::<T>(now)?;
        check_open_counts::<T>()?;
        check_seen::<T>(now)?;
        check_convictions::<T>(now)?;
        check_challenges::<T>(now)?;
        check_deposits::<T>()?;
        check_asked::<T>(now)?;
        check_liveness::<T>()
    }
}

fn check_docket<T: Config>(now: EraIndex) -> Result<(), DispatchError> {
    ensure!(DueFrom::<T>::get() <= now, "no era is done before it is over");
    for (id, case) in Cases::<T>::iter() {
        check_case::<T>(id, &case, now)?;
    }
    for (era, id, ()) in Due::<T>::iter() {
        let case = Cases::<T>::get(CaseId::from_be_bytes(id));
        ensure!(case.is_some_and(|case| case.apply_in == era), "what is due is a case of that era");
    }
    Ok(())
}

fn check_case<T: Config>(id: CaseId, case: &Case, now: EraIndex) -> Result<(), DispatchError> {
    ensure!(id < NextCase::<T>::get(), "cases are counted");
    ensure!(!case.fraction.is_zero(), "a case costs something");
    ensure!(case.offence_era <= case.reported_in && case.reported_in <= now, "nobody is charged before the fault");
    ensure!(case.reported_in <= case.apply_in, "no case is applied before it was filed");
    ensure!(Due::<T>::contains_key(case.apply_in, id.to_be_bytes()), "every case is due in its era");
    ensure!(case.apply_in >= DueFrom::<T>::get(), "nothing was due in an era that is done");
    if Window::<T>::counts(case.offence_era) {
        let seen = Seen::<T>::get(case.offence_era, (case.fault, &case.offender));
        ensure!(seen == Some(id), "a case is seen while evidence counts");
    }
    Ok(())
}

fn check_open_counts<T: Config>() -> Result<(), DispatchError> {
    let mut open: BTreeMap<AccountId, u32> = BTreeMap::new();
    for case in Cases::<T>::iter_values() {
        let count = open.entry(case.offender).or_default();
        *count = count.saturating_add(1);
    }
    let counted: BTreeMap<AccountId, u32> = OpenCount::<T>::iter().collect();
    ensure!(open == counted, "open counts are the cases of each stash");
    Ok(())
}

fn check_seen<T: Config>(now: EraIndex) -> Result<(), DispatchError> {
    let from = SeenFrom::<T>::get();
    ensure!(from <= now, "no fault is forgotten while evidence counts");
    ensure!(from == 0 || !Window::<T>::counts(from.saturating_sub(1)), "no fault is forgotten while evidence counts");
    for (era, (fault, offender), id) in Seen::<T>::iter() {
        ensure!(from <= era, "faults of forgotten eras are forgotten");
        ensure!(era <= now, "nobody is seen to do what is yet to come");
        ensure!(id < NextCase::<T>::get(), "what is seen became a case");
        let same = |case: Case| (case.offence_era, case.fault, &case.offender) == (era, fault, &offender);
        ensure!(Cases::<T>::get(id).is_none_or(same), "what is seen became a case of that fault");
    }
    Ok(())
}

fn check_convictions<T: Config>(now: EraIndex) -> Result<(), DispatchError> {
    for (stash, record) in Convictions::<T>::iter() {
        ensure!(!record.is_empty(), "only convicts have a record");
        let eras = || record.iter().map(|conviction| conviction.applied_in);
        ensure!(eras().zip(eras().skip(1)).all(|(earlier, later)| earlier <= later), "convictions are in order");
        for conviction in &record {
            ensure!(conviction.applied_in <= now, "nobody is convicted in a later era");
            let open = Cases::<T>::get(conviction.case).filter(|case| case.offender == stash);
            ensure!(open.is_none(), "a case is decided once");
        }
    }
    Ok(())
}

fn check_challenges<T: Config>(now: EraIndex) -> Result<(), DispatchError> {
    ensure!(AnswersDueFrom::<T>::get() <= now, "no answer is late before its era is over");
    for (id, challenge) in OpenChallenges::<T>::iter() {
        check_challenge::<T>(id, &challenge, now)?;
    }
    for (era, id, ()) in AnswersDue::<T>::iter() {
        let challenge = OpenChallenges::<T>::get(ChallengeId::from_be_bytes(id));
        ensure!(challenge.is_some_and(|it| it.due_in == era), "what is to be answered is a challenge of that era");
    }
    for (miner, id, ()) in ChallengesOf::<T>::iter() {
        let challenge = OpenChallenges::<T>::get(ChallengeId::from_be_bytes(id));
        ensure!(challenge.is_some_and(|it| it.miner == miner), "what a miner is asked is a challenge of it");
    }
    Ok(())
}

fn check_challenge<T: Config>(id: ChallengeId, challenge: &Challenge, now: EraIndex) -> Result<(), DispatchError> {
    let Challenge { miner, operator, question, offence_era, due_in, .. } = challenge;
    ensure!(id < NextChallenge::<T>::get(), "challenges are counted");
    ensure!(*offence_era < *due_in && *due_in <= now.saturating_add(1), "a challenge runs to the end of the next era");
    ensure!(*due_in >= AnswersDueFrom::<T>::get(), "no answer is waited for that was due in an era that is done");
    ensure!(AnswersDue::<T>::contains_key(due_in, id.to_be_bytes()), "every answer is due in its era");
    ensure!(ChallengesOf::<T>::contains_key(miner, id.to_be_bytes()), "every challenge is found by its miner");
    if Window::<T>::counts(*offence_era) {
        ensure!(Questions::<T>::is_asked(*offence_era, operator, question), "what is asked is remembered");
    }
    Ok(())
}

fn check_deposits<T: Config>() -> Result<(), DispatchError> {
    let mut deposits: BTreeMap<AccountId, Balance> = BTreeMap::new();
    for challenge in OpenChallenges::<T>::iter_values() {
        let sum = deposits.entry(challenge.challenger).or_default();
        *sum = sum.saturating_add(challenge.deposit);
    }
    let are_held = deposits.iter().all(|(challenger, sum)| Deposits::<T>::held(challenger) == *sum);
    ensure!(are_held, "what is held of a challenger is its deposits");
    Ok(())
}

fn check_asked<T: Config>(now: EraIndex) -> Result<(), DispatchError> {
    let from = AskedFrom::<T>::get();
    ensure!(from <= now, "no question is forgotten while evidence counts");
    ensure!(
        from == 0 || !Window::<T>::counts(from.saturating_sub(1)),
        "no question is forgotten while evidence counts"
    );
    for (era, _, ()) in Asked::<T>::iter() {
        ensure!(from <= era, "questions about forgotten eras are forgotten");
        ensure!(era <= now, "nobody is asked about what is yet to come");
    }
    Ok(())
}

fn check_liveness<T: Config>() -> Result<(), DispatchError> {
    ensure!(Authors::<T>::iter_keys().count() <= Produced::<T>::get() as usize, "who authored has a block");
    let absences = Absences::<T>::get();
    let validators: BTreeSet<&AccountId> = absences.iter().map(|absence| &absence.validator).collect();
    ensure!(validators.len() == absences.len(), "nobody is absent twice");
    Ok(())
}
