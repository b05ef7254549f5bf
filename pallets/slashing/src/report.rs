//! What a report charges its offender with.

use cuckoo_primitives::{
    evidence::{Evidence, Unproven},
    registry::{CurrentEra, Operators},
    AccountId,
};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::{traits::Zero, Perbill};

use crate::{judge::Charge, Config, Error, Window};

/// The charge that `evidence` proves.
pub(crate) fn charge<T: Config>(evidence: &Evidence, reporter: AccountId) -> Result<Charge, Error<T>> {
    let genesis = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero());
    let accusation = evidence.check(&genesis)?;
    let offence_era = T::CurrentEra::era_at(accusation.at_ms)
        .filter(|era| Window::<T>::counts(*era))
        .ok_or(Error::<T>::OutsideEvidenceWindow)?;
    // Whose key it was then answers, and as what it worked then, whatever it does now.
    let (offender, role) =
        T::Operators::served_by(&accusation.operator, offence_era).ok_or(Error::<T>::UnknownOperator)?;
    Ok(Charge {
        offender,
        role,
        fault: accusation.fault,
        offence_era,
        fraction: fraction(evidence),
        reporter: Some(reporter),
        evidence_hash: Some(evidence.hash()),
    })
}

/// How much of the liable stake the fault costs.
fn fraction(evidence: &Evidence) -> Perbill {
    match evidence {
        // It cannot happen by accident, and is proven beyond doubt.
        Evidence::Receipts { .. } => Perbill::one(),
    }
}

impl<T> From<Unproven> for Error<T> {
    fn from(unproven: Unproven) -> Self {
        match unproven {
            Unproven::SameReceipt => Self::SameReceipt,
            Unproven::OtherAttempt => Self::OtherAttempt,
            Unproven::Undated => Self::Undated,
            Unproven::BadSignature => Self::BadSignature,
        }
    }
}
