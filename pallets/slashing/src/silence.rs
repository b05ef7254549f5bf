//! What becomes of challenges that nobody answered.

use cuckoo_primitives::{
    challenge::{Challenge, ChallengeId, Question},
    docket::Fault,
    registry::CurrentEra,
    Role,
};
use frame_support::weights::WeightMeter;

use crate::{
    challenges::NextUnanswered,
    judge::{Charge, Judge},
    penalty::fraction,
    Challenges, Config, Deposits, Event, Pallet, WeightInfo, Window,
};

/// Charges the miners of challenges whose time is over, in the order in which they were made, as many as the meter allows.
pub(crate) fn charge<T: Config>(meter: &mut WeightMeter) {
    let now = T::CurrentEra::current_era();
    while meter.try_consume(T::WeightInfo::look_for_unanswered()).is_ok() {
        match Challenges::<T>::next_unanswered(now) {
            NextUnanswered::EraDone => {}
            NextUnanswered::Challenge(id) if meter.try_consume(T::WeightInfo::charge_unanswered()).is_ok() => {
                end::<T>(id);
            }
            NextUnanswered::Challenge(_) | NextUnanswered::Nothing => return,
        }
    }
}

fn end<T: Config>(id: ChallengeId) {
    let Some(challenge) = Challenges::<T>::close(id) else { return };
    Deposits::<T>::give_back(&challenge);
    // Evidence counts no more only if the chain stood still for eras, in which nobody could have answered, or if a whole
    // era was not enough for the silences before this one. Who is liable then is not known any more.
    let is_charged = Window::<T>::counts(challenge.offence_era) && Judge::<T>::hear(charge_of(&challenge));
    let Challenge { miner, challenger, .. } = challenge;
    Pallet::<T>::deposit_event(Event::Unanswered { challenge: id, miner, challenger, is_charged });
}

fn charge_of(challenge: &Challenge) -> Charge {
    let fault = match challenge.question {
        Question::Leaf { .. } => Fault::WithheldOpening,
        Question::Result { .. } => Fault::MissedDeadline,
    };
    Charge {
        offender: challenge.miner.clone(),
        role: Role::Miner,
        fault,
        offence_era: challenge.offence_era,
        fraction: fraction(fault),
        reporter: Some(challenge.challenger.clone()),
        evidence_hash: Some(challenge.hash()),
    }
}
