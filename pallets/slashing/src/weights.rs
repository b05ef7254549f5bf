//! What the calls and hooks cost: reads and writes counted by hand, plus a generous allowance for the work between
//! them.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weight of each call, and of each step of the hooks.
pub trait WeightInfo {
    /// See `Pallet::report`.
    fn report() -> Weight;
    /// See `Pallet::cancel_slash`.
    fn cancel_slash() -> Weight;
    /// A look at the docket.
    fn look_for_due() -> Weight;
    /// A step of applying a case, in which the offender loses by `s` slashes of others before its own.
    fn apply_case(s: u32) -> Weight;
    /// A fault, or an era of them, is forgotten.
    fn forget_fault() -> Weight;
    /// Consensus names an offender.
    fn hear_offence() -> Weight;
    /// See `Pallet::note_author`.
    fn note_author() -> Weight;
    /// See `Pallet::session_ended`: `v` validators that worked, `c` that were absent for too long.
    fn session_ended(v: u32, c: u32) -> Weight;
}

/// Execution in picoseconds and proof size in bytes of a call, apart from its database accesses.
const CALL: Weight = Weight::from_parts(50_000_000, 16_384);
/// Execution in picoseconds and proof size in bytes of a small step, apart from its database accesses.
const STEP: Weight = Weight::from_parts(5_000_000, 4_096);
/// The same of a slash of another that the offender is settled for first; with nine reads and writes besides, of the two
/// candidates whose backing answers for it.
const SETTLED: Weight = Weight::from_parts(60_000_000, 32_768);
/// Verifying one sr25519 signature.
const VERIFY: Weight = Weight::from_parts(100_000_000, 0);
/// To chill a candidate: reads of role, candidate, era; and in voting of pool, totals, pots and marks. Writes of
/// candidate, pool, totals, earnings, marks.
const CHILL: (u64, u64) = (16, 8);
/// To slash: the pool and its rewards; then its own voter with all of its positions, whose pools shrink where bonded
/// stake must answer for stake that left; ledger, hold and account of offender and reporter.
const SLASH: (u64, u64) = (120, 80);

/// Weights for a runtime, by its database.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> SubstrateWeight<T> {
    fn accesses(reads_writes: (u64, u64)) -> Weight {
        T::DbWeight::get().reads_writes(reads_writes.0, reads_writes.1)
    }

    // Reads: seen, next case, open count, era, DeferEras. Writes: case, next case, due, open count, seen.
    fn file() -> Weight {
        Self::accesses((5, 5)).saturating_add(Self::accesses(CHILL))
    }
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    // Reads: genesis hash, era and clock (3), EvidenceEras, operator; then as `file`.
    fn report() -> Weight {
        CALL.saturating_add(VERIFY.saturating_mul(2))
            .saturating_add(Self::accesses((6, 0)))
            .saturating_add(Self::file())
    }
    // Reads: case, open count. Writes: case, due, open count.
    fn cancel_slash() -> Weight {
        CALL.saturating_add(Self::accesses((2, 3)))
    }
    // Reads: era, DueFrom, the first key of due. Writes: DueFrom.
    fn look_for_due() -> Weight {
        STEP.saturating_add(Self::accesses((3, 1)))
    }
    // Reads: case, open count, convictions. Writes: case, due, open count, convictions.
    fn apply_case(s: u32) -> Weight {
        CALL.saturating_add(Self::accesses((3, 4)))
            .saturating_add(Self::accesses(CHILL))
            .saturating_add(Self::accesses(SLASH))
            .saturating_add(SETTLED.saturating_add(Self::accesses((9, 9))).saturating_mul(s.into()))
    }
    // Reads: era, SeenFrom, EvidenceEras, the first key of seen. Writes: one of seen and SeenFrom.
    fn forget_fault() -> Weight {
        STEP.saturating_add(Self::accesses((4, 1)))
    }
    // Reads: era and clock (2), EvidenceEras, role, case; then as `file`. Writes: case.
    fn hear_offence() -> Weight {
        CALL.saturating_add(Self::accesses((5, 1))).saturating_add(Self::file())
    }
    // Reads: produced. Writes: produced, authors.
    fn note_author() -> Weight {
        STEP.saturating_add(Self::accesses((1, 2)))
    }
    // Reads: absences, produced, and for each validator authors twice. Writes: absences, produced, authors.
    fn session_ended(v: u32, c: u32) -> Weight {
        let validators = u64::from(v).saturating_add(c.into());
        let chills = CALL.saturating_add(Self::accesses(CHILL)).saturating_mul(u64::from(c));
        CALL.saturating_add(STEP.saturating_mul(validators))
            .saturating_add(Self::accesses((
                validators.saturating_mul(2).saturating_add(2),
                validators.saturating_add(2),
            )))
            .saturating_add(chills)
    }
}
