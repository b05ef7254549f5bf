//! From a proven fault to the slash.

use core::marker::PhantomData;
use cuckoo_primitives::{
    docket::{Case, CaseId, Conviction, Fault},
    registry::{Candidates, CurrentEra, Slash, MAX_SETTLED},
    AccountId, EraIndex, Hash, Role,
};
use frame_support::weights::WeightMeter;
use sp_runtime::Perbill;

use crate::{docket::NextDue, Config, CriminalRecord, Docket, Event, Heard, Pallet, WeightInfo, Window};

/// Files and applies cases. Owns no storage: it leads a case from owner to owner.
pub(crate) struct Judge<T>(PhantomData<T>);

/// A proven fault of which evidence counts.
pub(crate) struct Charge {
    pub(crate) offender: AccountId,
    pub(crate) role: Role,
    pub(crate) fault: Fault,
    pub(crate) offence_era: EraIndex,
    pub(crate) fraction: Perbill,
    pub(crate) reporter: Option<AccountId>,
    pub(crate) evidence_hash: Option<Hash>,
}

impl<T: Config> Judge<T> {
    /// Makes a charge a case and chills the offender; if it is one already and waits, raises it to a greater fraction.
    /// Returns whether any of it was news.
    pub(crate) fn hear(charge: Charge) -> bool {
        match Heard::<T>::case_of(charge.offence_era, charge.fault, &charge.offender) {
            None => {
                Self::file(charge);
                true
            }
            Some(case) => {
                let raised = Docket::<T>::raise(case, charge.fraction);
                if raised {
                    Pallet::<T>::deposit_event(Event::Raised { case, fraction: charge.fraction });
                }
                raised
            }
        }
    }

    fn file(charge: Charge) {
        let Charge { offender, role, fault, offence_era, fraction, reporter, evidence_hash } = charge;
        let apply_in = Window::<T>::apply_in();
        let case = Docket::<T>::file(Case {
            offender: offender.clone(),
            role,
            fault,
            offence_era,
            fraction,
            reporter: reporter.clone(),
            evidence_hash,
            reported_in: T::CurrentEra::current_era(),
            apply_in,
        });
        Heard::<T>::remember(offence_era, fault, &offender, case);
        // It may have stepped back or left before; its stake answers all the same.
        T::Candidates::chill(&offender);
        Pallet::<T>::deposit_event(Event::Charged {
            case,
            offender,
            fault,
            offence_era,
            fraction,
            reporter,
            evidence_hash,
            apply_in,
        });
    }

    /// Applies the cases that are due in the order in which they were filed, as many as the meter allows. A case whose
    /// offender first loses by others' slashes may take several steps, and those behind it wait.
    pub(crate) fn apply_due(meter: &mut WeightMeter) {
        let now = T::CurrentEra::current_era();
        while meter.try_consume(T::WeightInfo::look_for_due()).is_ok() {
            match Docket::<T>::next_due(now) {
                NextDue::EraDone => {}
                NextDue::Case(id) if meter.try_consume(T::WeightInfo::apply_case(MAX_SETTLED)).is_ok() => {
                    Self::apply(id, now);
                }
                NextDue::Case(_) | NextDue::Nothing => return,
            }
        }
    }

    /// Applies a case, unless that takes another step.
    fn apply(id: CaseId, now: EraIndex) {
        let Some(Case { offender, fault, offence_era, fraction, reporter, evidence_hash, .. }) = Docket::<T>::get(id)
        else {
            return;
        };
        let fraction = CriminalRecord::<T>::escalated(&offender, fraction, offence_era, now);
        // The case is open until its slash is applied, so that nothing that is liable is forgotten before.
        let Some(loss) = T::Slash::slash(&offender, offence_era, fraction, reporter.as_ref()) else { return };
        Docket::<T>::close(id);
        T::Candidates::chill(&offender);
        CriminalRecord::<T>::add(
            &offender,
            Conviction { case: id, fault, offence_era, fraction, loss, evidence_hash, applied_in: now },
        );
        Pallet::<T>::deposit_event(Event::Slashed { case: id, offender, offence_era, fraction, loss, reporter });
    }
}
