//! What a report charges its offender with, and what it costs to find out.

use cuckoo_primitives::{
    evidence::{Evidence, Unproven},
    registry::{CurrentEra, Operators},
    AccountId,
};
use frame_support::weights::Weight;
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::traits::Zero;

use crate::{judge::Charge, penalty::fraction, Config, Error, WeightInfo, Window};

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
        fraction: fraction(accusation.fault),
        reporter: Some(reporter),
        evidence_hash: Some(evidence.hash()),
    })
}

/// What a report of `evidence` costs.
pub(crate) fn weight<T: Config>(evidence: &Evidence) -> Weight {
    match evidence {
        Evidence::Receipts { .. } => T::WeightInfo::report_receipts(),
        Evidence::Acceptance { .. } => T::WeightInfo::report_acceptance(),
        Evidence::Delivery { .. } => T::WeightInfo::report_delivery(),
        Evidence::Leaf { .. } => T::WeightInfo::report_leaf(),
        Evidence::Sampling { .. } => T::WeightInfo::report_sampling(),
        Evidence::Excess { .. } => T::WeightInfo::report_excess(),
    }
}

impl<T> From<Unproven> for Error<T> {
    fn from(unproven: Unproven) -> Self {
        match unproven {
            Unproven::NoDifference => Self::NoDifference,
            Unproven::OtherAttempt => Self::OtherAttempt,
            Unproven::NotCommitted => Self::NotCommitted,
            Unproven::WrongPath => Self::WrongPath,
            Unproven::WellDrawn => Self::WellDrawn,
            Unproven::NoExcess => Self::NoExcess,
            Unproven::Undated => Self::Undated,
            Unproven::BadSignature => Self::BadSignature,
        }
    }
}
