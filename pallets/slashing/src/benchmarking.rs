//! What the calls and the steps of the hooks cost at most. Run by `cargo xtask weights`.

// Built for benchmarks alone, which stop where the market is not what they asked for.
#![allow(clippy::expect_used)]

use alloc::{boxed::Box, vec::Vec};
use cuckoo_primitives::{
    benchmarking::BenchmarkMarket,
    docket::{CaseId, Conviction, Fault},
    evidence::{Evidence, SignedReceipt},
    registry::{Candidates, CurrentEra, MAX_SETTLED},
    signing::Statement,
    task::{Finish, Receipt, TaskId},
    AccountId, EraIndex, Hash, Role,
};
use frame_benchmarking::v2::*;
use frame_support::{
    traits::{EnsureOrigin, Get},
    weights::WeightMeter,
};
use frame_system::{pallet_prelude::BlockNumberFor, RawOrigin};
use sp_runtime::{traits::Zero, Perbill};
use sp_staking::offence::{OffenceDetails, OnOffenceHandler};

use crate::{
    docket::NextDue,
    judge::{Charge, Judge},
    Absences, Authors, Call, Cases, Config, Convictions, CriminalRecord, Docket, DueFrom, Event, EvidenceEras, Heard,
    NextCase, OpenCount, Pallet, Produced, Seen, SeenFrom, WeightInfo, ABSENT_AFTER_BLOCKS, MAX_CONVICTIONS,
};

/// Most validators of a session.
const MAX_VALIDATORS: u32 = 256;

fn offender() -> AccountId {
    account("offender", 0, 0)
}

fn reporter() -> AccountId {
    account("reporter", 0, 0)
}

fn assert_last<T: Config>(event: Event<T>) {
    frame_system::Pallet::<T>::assert_last_event(event.into());
}

/// The id of a task that began then.
fn task_of(ms: u64) -> TaskId {
    let [_, _, a, b, c, d, e, f] = ms.to_be_bytes();
    [a, b, c, d, e, f, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]
}

/// Two receipts of `miner`, which contradict each other, for a task of `era`.
fn evidence<T: Config>(miner: &AccountId, era: EraIndex) -> Evidence {
    let genesis = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero());
    let signed = |completion_tokens| {
        let receipt = Receipt {
            task_id: task_of(T::BenchmarkMarket::ran_at(era)),
            attempt: 0,
            coordinator: account("coordinator", 0, 0),
            miner: miner.clone(),
            link: Hash::repeat_byte(1),
            model_root: Hash::repeat_byte(2),
            request_hash: Hash::repeat_byte(3),
            output_hash: Hash::repeat_byte(4),
            prompt_tokens: 1,
            completion_tokens,
            finish: Finish::Stop,
        };
        let signature = T::BenchmarkMarket::sign(miner, &receipt.signing_hash(&genesis));
        SignedReceipt { receipt, signature }
    };
    Evidence::Receipts { first: signed(1), second: signed(2) }
}

/// Puts a case against `stash` on the docket, which is due in the next era; returns its number.
fn file<T: Config>(stash: &AccountId, offence_era: EraIndex) -> CaseId {
    let heard = Judge::<T>::hear(Charge {
        offender: stash.clone(),
        role: Role::Miner,
        fault: Fault::ReceiptEquivocation,
        offence_era,
        fraction: Perbill::from_percent(10),
        reporter: Some(reporter()),
        evidence_hash: Some(Hash::repeat_byte(5)),
    });
    assert!(heard);
    NextCase::<T>::get() - 1
}

/// As many convictions of `stash` as are kept, all of them remembered.
fn convict<T: Config>(stash: &AccountId) {
    let now = T::CurrentEra::current_era();
    for case in 0..MAX_CONVICTIONS {
        let conviction = Conviction {
            case: case.into(),
            fault: Fault::ReceiptEquivocation,
            offence_era: now,
            fraction: Perbill::from_percent(1),
            loss: 1,
            evidence_hash: Some(Hash::repeat_byte(6)),
            applied_in: now,
        };
        CriminalRecord::<T>::add(stash, conviction);
    }
}

#[benchmarks]
mod benchmarks {
    use super::*;

    /// Of the oldest era of which evidence counts, and the offender has to be paid before it steps back.
    #[benchmark]
    fn report() {
        let (offender, reporter) = (offender(), reporter());
        let operator = T::BenchmarkMarket::register(&offender, Role::Miner);
        T::BenchmarkMarket::burden(&offender, 0);
        let era = T::CurrentEra::current_era() - EvidenceEras::<T>::get();
        let evidence = evidence::<T>(&operator, era);

        #[extrinsic_call]
        _(RawOrigin::Signed(reporter), Box::new(evidence));

        assert!(T::Candidates::has_stepped_back(&offender));
        assert_eq!(OpenCount::<T>::get(&offender), 1);
    }

    #[benchmark]
    fn cancel_slash() -> Result<(), BenchmarkError> {
        let offender = offender();
        T::BenchmarkMarket::register(&offender, Role::Miner);
        let case = file::<T>(&offender, 0);
        let origin =
            T::CancelOrigin::try_successful_origin().map_err(|()| BenchmarkError::Stop("someone may cancel"))?;

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, case);

        assert!(!Cases::<T>::contains_key(case));
        assert_last::<T>(Event::SlashCancelled { case, offender });
        Ok(())
    }

    /// No case is left of an era that is over.
    #[benchmark]
    fn look_for_due() {
        T::BenchmarkMarket::pass_eras(1);
        let now = T::CurrentEra::current_era();
        DueFrom::<T>::put(now - 1);
        let found;

        #[block]
        {
            found = Docket::<T>::next_due(now);
        }

        assert_eq!(found, NextDue::EraDone);
        assert_eq!(DueFrom::<T>::get(), now);
    }

    /// The offender loses by `s` slashes of others first, and has as many convictions as are kept. The look that finds the
    /// case is measured with it.
    #[benchmark]
    fn apply_case(s: Linear<0, MAX_SETTLED>) {
        let offender = offender();
        T::BenchmarkMarket::fund(&reporter(), cuckoo_primitives::CAI);
        T::BenchmarkMarket::register(&offender, Role::Miner);
        T::BenchmarkMarket::burden(&offender, s);
        convict::<T>(&offender);
        let case = file::<T>(&offender, T::CurrentEra::current_era());
        DueFrom::<T>::put(Cases::<T>::get(case).expect("it waits").apply_in);
        T::BenchmarkMarket::pass_eras_unpaid();
        let mut meter = WeightMeter::with_limit(
            T::WeightInfo::look_for_due().saturating_add(T::WeightInfo::apply_case(MAX_SETTLED)),
        );

        #[block]
        {
            Judge::<T>::apply_due(&mut meter);
        }

        assert!(!Cases::<T>::contains_key(case));
        let convictions = Convictions::<T>::get(&offender);
        assert_eq!(convictions.last().expect("there are some").case, case);
    }

    #[benchmark]
    fn forget_fault() {
        T::BenchmarkMarket::widest_window();
        Heard::<T>::remember(0, Fault::ReceiptEquivocation, &offender(), 0);
        T::BenchmarkMarket::pass_eras_unpaid();
        EvidenceEras::<T>::put(1);
        let mut meter = WeightMeter::with_limit(T::WeightInfo::forget_fault());

        #[block]
        {
            Heard::<T>::forget(&mut meter);
        }

        assert!(Seen::<T>::iter_key_prefix(0).next().is_none());
        assert_eq!(SeenFrom::<T>::get(), 0);
    }

    /// The offender has to be paid before it steps back.
    #[benchmark]
    fn hear_offence() {
        let offender = offender();
        T::BenchmarkMarket::register(&offender, Role::Validator);
        T::BenchmarkMarket::burden(&offender, 0);
        let offence = OffenceDetails { offender: (offender.clone(), ()), reporters: Vec::from([reporter()]) };
        // Sessions are told to the clock only where eras start: the last one is of this era.
        let now = T::CurrentEra::current_era();
        let session = (0u32..).find(|session| T::CurrentEra::era_of_session(*session) == now).expect("it has begun");

        #[block]
        {
            Pallet::<T>::on_offence(&[offence], &[Perbill::from_percent(10)], session);
        }

        assert!(T::Candidates::has_stepped_back(&offender));
        assert_eq!(OpenCount::<T>::get(&offender), 1);
    }

    #[benchmark]
    fn note_author() {
        let author = offender();

        #[block]
        {
            Pallet::<T>::note_author(&author);
        }

        assert_eq!(Produced::<T>::get(), 1);
        assert!(Authors::<T>::contains_key(&author));
    }

    /// `v` validators that authored in the session that ends, and `c` that have been absent for too long.
    #[benchmark]
    fn session_ended(v: Linear<0, MAX_VALIDATORS>, c: Linear<0, MAX_VALIDATORS>) {
        let present = (0..v).map(|n| account::<AccountId>("present", n, 0));
        let absent: Vec<AccountId> = (0..c).map(|n| account("absent", n, 0)).collect();
        let mut validators: Vec<AccountId> = present.collect();
        for validator in &validators {
            Authors::<T>::insert(validator, ());
        }
        for validator in &absent {
            T::BenchmarkMarket::register(validator, Role::Validator);
        }
        T::BenchmarkMarket::pass_eras_unpaid();
        validators.extend(absent.iter().cloned());
        // Enough blocks that one session is too long.
        Produced::<T>::put(ABSENT_AFTER_BLOCKS * validators.len() as u32);

        #[block]
        {
            Pallet::<T>::session_ended(&validators);
        }

        assert_eq!(Absences::<T>::get().len() as u32, c);
        assert_eq!(Authors::<T>::iter_keys().count(), 0);
        let chilled = absent.iter().filter(|validator| T::Candidates::has_stepped_back(validator)).count() as u32;
        // One always stays.
        assert_eq!(chilled, if v < T::MinStanding::get() { c.saturating_sub(T::MinStanding::get()) } else { c });
    }
}
