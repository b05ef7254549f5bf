//! Faults that consensus finds.

use cuckoo_primitives::{
    docket::Fault,
    registry::{Candidates, CurrentEra},
    AccountId, EraIndex, Role,
};
use frame_support::{traits::Get, weights::Weight};
use sp_runtime::Perbill;
use sp_staking::{
    offence::{OffenceDetails, OnOffenceHandler},
    SessionIndex,
};

use crate::{judge::Charge, judge::Judge, Config, Pallet, WeightInfo, Window};

/// Takes what the offences pallet proves. It tells nothing of what kind an offence is, so all of one validator and era
/// are one case, with the greatest fraction that was named while it waited.
///
/// An offence that costs nothing, or of which evidence counts no more, only chills: the validator's machine wants
/// looking after.
impl<T: Config> OnOffenceHandler<AccountId, (AccountId, ()), Weight> for Pallet<T> {
    fn on_offence(
        offenders: &[OffenceDetails<AccountId, (AccountId, ())>],
        slash_fraction: &[Perbill],
        session: SessionIndex,
    ) -> Weight {
        let offence_era = T::CurrentEra::era_of_session(session);
        // No more can have validated in a session.
        let offenders = offenders.iter().take(T::MaxValidators::get() as usize);
        let mut heard = 0u64;
        for (offence, fraction) in offenders.zip(slash_fraction) {
            hear::<T>(offence, *fraction, offence_era);
            heard = heard.saturating_add(1);
        }
        T::WeightInfo::hear_offence().saturating_mul(heard)
    }
}

fn hear<T: Config>(offence: &OffenceDetails<AccountId, (AccountId, ())>, fraction: Perbill, offence_era: EraIndex) {
    let (offender, ()) = &offence.offender;
    if fraction.is_zero() || !Window::<T>::counts(offence_era) {
        T::Candidates::chill(offender);
        return;
    }
    Judge::<T>::hear(Charge {
        offender: offender.clone(),
        role: T::Candidates::role(offender).unwrap_or(Role::Validator),
        fault: Fault::ConsensusEquivocation,
        offence_era,
        fraction,
        reporter: offence.reporters.first().cloned(),
        evidence_hash: None,
    });
}
