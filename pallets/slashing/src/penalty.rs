//! How much faults cost.

use cuckoo_primitives::docket::Fault;
use sp_runtime::Perbill;

/// How much of the liable stake `fault` costs, before earlier convictions are counted. Consensus names its own fractions.
pub(crate) fn fraction(fault: Fault) -> Perbill {
    match fault {
        // None of them can happen by accident, and each is proven beyond doubt.
        Fault::ReceiptEquivocation
        | Fault::ConsensusEquivocation
        | Fault::Misdelivery
        | Fault::LeafMismatch
        | Fault::FalseDraw => Perbill::one(),
        // Miscounted for its own profit, or unwilling to show what it did: most of the stake is left, to lose by a repetition.
        Fault::Excess | Fault::WithheldOpening => Perbill::from_percent(20),
        // A machine that is down for long may do that.
        Fault::MissedDeadline => Perbill::from_parts(5_000_000),
    }
}
