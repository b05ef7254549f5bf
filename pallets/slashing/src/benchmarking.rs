//! What the calls and the steps of the hooks cost at most. Run by `cargo xtask weights`.

// Built for benchmarks alone, which stop where the market is not what they asked for.
#![allow(clippy::expect_used)]

use alloc::{boxed::Box, vec::Vec};
use cuckoo_primitives::{
    benchmarking::BenchmarkMarket,
    challenge::{Answer, ChallengeId, Demand},
    commitment::{Leaf, MAX_PATH},
    docket::{CaseId, Conviction, Fault},
    evidence::{Evidence, SignedDelivered, SignedReceipt, SignedSpec},
    fixture,
    registry::{Candidates, CurrentEra, MAX_SETTLED},
    signing::Statement,
    task::{Commitment, Delivered, Drawing, Receipt, TaskId, TaskSpec},
    AccountId, EraIndex, Hash, Role, Signature, CAI,
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
    challenges::NextUnanswered,
    docket::NextDue,
    judge::{Charge, Judge},
    silence, Absences, AnswersDueFrom, Asked, AskedFrom, Authors, Call, Cases, Challenges, Config, Convictions,
    CriminalRecord, Docket, DueFrom, Event, EvidenceEras, Heard, NextCase, NextChallenge, OpenChallenges, OpenCount,
    Pallet, Produced, Questions, Seen, SeenFrom, WeightInfo, ABSENT_AFTER_BLOCKS, MAX_CONVICTIONS,
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

/// Most that a list has that is committed to.
const MOST: u32 = 1 << MAX_PATH;

/// What `miner` takes on of a task of `era`, whose time is over. As costly to draw again as can be: among all candidates, of
/// which `top_p` has to tell how many count.
fn spec<T: Config>(miner: &AccountId, era: EraIndex) -> TaskSpec {
    let began = T::BenchmarkMarket::ran_at(era);
    let mut drawing = Drawing { max_tokens: MOST, ..fixture::drawing() };
    drawing.parameters.top_p = drawing.parameters.top_p.saturating_sub(1);
    let drawing = Some(drawing);
    // It began when the era did, and it may be that no time has passed since.
    let deadline_ms = began.saturating_sub(1);
    TaskSpec { task_id: task_of(began), miner: miner.clone(), deadline_ms, drawing, ..fixture::spec() }
}

/// The first of the leaves that `spec` asks for.
fn leaf(spec: &TaskSpec) -> Leaf {
    fixture::leaf(&spec.drawing.expect("it says so"), 0)
}

/// The receipt for it, which commits to as many tokens as can be; they begin with `token` and `leaf`.
fn receipt(spec: TaskSpec, token: u32, leaf: &Leaf) -> Receipt {
    let ((_, tokens_root), (_, leaves_root)) = (fixture::longest_path(&token), fixture::longest_path(leaf));
    let commitment = Some(Commitment { tokens: MOST, tokens_root, leaves_root });
    Receipt { spec, completion_tokens: MOST, commitment, ..fixture::receipt_of(&[]) }
}

fn sign<T: Config>(miner: &AccountId, statement: &impl Statement) -> Signature {
    let genesis = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero());
    T::BenchmarkMarket::sign(miner, &statement.signing_hash(&genesis))
}

fn signed<T: Config>(miner: &AccountId, receipt: Receipt) -> SignedReceipt {
    SignedReceipt { signature: sign::<T>(miner, &receipt), receipt }
}

/// A miner of which all is as costly as can be, and the oldest era of which evidence of it counts. It has to be paid before
/// it steps back.
fn accused<T: Config>() -> (AccountId, EraIndex) {
    let operator = T::BenchmarkMarket::register(&offender(), Role::Miner);
    T::BenchmarkMarket::burden(&offender(), 0);
    (operator, T::CurrentEra::current_era() - EvidenceEras::<T>::get())
}

fn assert_charged<T: Config>() {
    assert!(T::Candidates::has_stepped_back(&offender()));
    assert_eq!(OpenCount::<T>::get(offender()), 1);
}

/// A miner, and the oldest era about which it can be asked.
fn asked<T: Config>() -> (AccountId, EraIndex) {
    let operator = T::BenchmarkMarket::register(&offender(), Role::Miner);
    T::BenchmarkMarket::burden(&offender(), 0);
    T::BenchmarkMarket::fund(&reporter(), T::ChallengeDeposit::get() + CAI);
    (operator, T::CurrentEra::current_era() + 2 - EvidenceEras::<T>::get())
}

/// The demand for a leaf, and the answer.
fn opening<T: Config>(miner: &AccountId, era: EraIndex) -> (Demand, Answer) {
    let spec = spec::<T>(miner, era);
    let leaf = leaf(&spec);
    let receipt = signed::<T>(miner, receipt(spec, leaf.token, &leaf));
    let (path, _) = fixture::longest_path(&leaf);
    (Demand::Opening { receipt, index: 0 }, Answer::Leaf { leaf, path })
}

/// The demand for a result, and the answer.
fn result<T: Config>(miner: &AccountId, era: EraIndex) -> (Demand, Answer) {
    let spec = spec::<T>(miner, era);
    let leaf = leaf(&spec);
    let accepted = SignedSpec { signature: sign::<T>(miner, &spec), spec: spec.clone() };
    (Demand::Result { accepted }, Answer::Receipt(signed::<T>(miner, receipt(spec, leaf.token, &leaf))))
}

/// Makes the challenge and returns its number.
fn ask<T: Config>(demand: Demand) -> ChallengeId {
    Pallet::<T>::challenge(RawOrigin::Signed(reporter()).into(), Box::new(demand)).expect("it may be asked");
    NextChallenge::<T>::get() - 1
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

    #[benchmark]
    fn report_receipts() {
        let (operator, era) = accused::<T>();
        let spec = spec::<T>(&operator, era);
        let leaf = leaf(&spec);
        let other = receipt(TaskSpec { request_hash: Hash::zero(), ..spec.clone() }, leaf.token, &leaf);
        let receipt = receipt(spec, leaf.token, &leaf);
        let evidence =
            Evidence::Receipts { first: signed::<T>(&operator, receipt), second: signed::<T>(&operator, other) };

        #[extrinsic_call]
        report(RawOrigin::Signed(reporter()), Box::new(evidence));

        assert_charged::<T>();
    }

    #[benchmark]
    fn report_acceptance() {
        let (operator, era) = accused::<T>();
        let spec = spec::<T>(&operator, era);
        let leaf = leaf(&spec);
        let other = TaskSpec { request_hash: Hash::zero(), ..spec.clone() };
        let accepted = SignedSpec { signature: sign::<T>(&operator, &other), spec: other };
        let receipt = signed::<T>(&operator, receipt(spec, leaf.token, &leaf));
        let evidence = Evidence::Acceptance { accepted, receipt };

        #[extrinsic_call]
        report(RawOrigin::Signed(reporter()), Box::new(evidence));

        assert_charged::<T>();
    }

    #[benchmark]
    fn report_delivery() {
        let (operator, era) = accused::<T>();
        let spec = spec::<T>(&operator, era);
        let leaf = leaf(&spec);
        let TaskSpec { task_id, attempt, link, miner, .. } = spec.clone();
        let delivered = Delivered { task_id, attempt, link, miner, tokens: MOST, tokens_root: Hash::zero() };
        let delivered = SignedDelivered { signature: sign::<T>(&operator, &delivered), delivered };
        let receipt = signed::<T>(&operator, receipt(spec, leaf.token, &leaf));
        let evidence = Evidence::Delivery { delivered, receipt };

        #[extrinsic_call]
        report(RawOrigin::Signed(reporter()), Box::new(evidence));

        assert_charged::<T>();
    }

    /// The longest ways, and a leaf of all candidates.
    #[benchmark]
    fn report_leaf() {
        let (operator, era) = accused::<T>();
        let spec = spec::<T>(&operator, era);
        let leaf = leaf(&spec);
        let token = leaf.token.saturating_add(1);
        let ((token_path, _), (leaf_path, _)) = (fixture::longest_path(&token), fixture::longest_path(&leaf));
        let receipt = signed::<T>(&operator, receipt(spec, token, &leaf));
        let evidence = Evidence::Leaf { receipt, index: 0, token, token_path, leaf, leaf_path };

        #[extrinsic_call]
        report(RawOrigin::Signed(reporter()), Box::new(evidence));

        assert_charged::<T>();
    }

    /// The longest way, and a leaf of all candidates, of which the last was not drawn.
    #[benchmark]
    fn report_sampling() {
        let (operator, era) = accused::<T>();
        let spec = spec::<T>(&operator, era);
        let mut leaf = leaf(&spec);
        let others = leaf.candidates.iter().map(|it| it.token).filter(|token| *token != leaf.token);
        leaf.token = others.last().expect("there are others");
        let (leaf_path, _) = fixture::longest_path(&leaf);
        let receipt = signed::<T>(&operator, receipt(spec, leaf.token, &leaf));
        let evidence = Evidence::Sampling { receipt, index: 0, leaf, leaf_path };

        #[extrinsic_call]
        report(RawOrigin::Signed(reporter()), Box::new(evidence));

        assert_charged::<T>();
    }

    #[benchmark]
    fn report_excess() {
        let (operator, era) = accused::<T>();
        let spec = spec::<T>(&operator, era);
        let leaf = leaf(&spec);
        let receipt = Receipt { completion_tokens: MOST.saturating_add(1), ..receipt(spec, leaf.token, &leaf) };
        let evidence = Evidence::Excess { receipt: signed::<T>(&operator, receipt) };

        #[extrinsic_call]
        report(RawOrigin::Signed(reporter()), Box::new(evidence));

        assert_charged::<T>();
    }

    #[benchmark]
    fn challenge_opening() {
        let (operator, era) = asked::<T>();
        let (demand, _) = opening::<T>(&operator, era);

        #[extrinsic_call]
        challenge(RawOrigin::Signed(reporter()), Box::new(demand));

        assert!(OpenChallenges::<T>::contains_key(0));
    }

    #[benchmark]
    fn challenge_result() {
        let (operator, era) = asked::<T>();
        let (demand, _) = result::<T>(&operator, era);

        #[extrinsic_call]
        challenge(RawOrigin::Signed(reporter()), Box::new(demand));

        assert!(OpenChallenges::<T>::contains_key(0));
    }

    #[benchmark]
    fn answer_leaf() {
        let (operator, era) = asked::<T>();
        let (demand, shown) = opening::<T>(&operator, era);
        let id = ask::<T>(demand);

        #[extrinsic_call]
        answer(RawOrigin::Signed(operator), id, Box::new(shown));

        assert!(!OpenChallenges::<T>::contains_key(id));
    }

    #[benchmark]
    fn answer_receipt() {
        let (operator, era) = asked::<T>();
        let (demand, shown) = result::<T>(&operator, era);
        let id = ask::<T>(demand);

        #[extrinsic_call]
        answer(RawOrigin::Signed(operator), id, Box::new(shown));

        assert!(!OpenChallenges::<T>::contains_key(id));
    }

    #[benchmark]
    fn answer_nothing() {
        let (operator, era) = asked::<T>();
        let (demand, _) = result::<T>(&operator, era);
        let id = ask::<T>(demand);

        #[extrinsic_call]
        answer(RawOrigin::Signed(operator), id, Box::new(Answer::Nothing));

        assert!(!OpenChallenges::<T>::contains_key(id));
    }

    /// No challenge is left of an era that is over.
    #[benchmark]
    fn look_for_unanswered() {
        T::BenchmarkMarket::pass_eras(1);
        let now = T::CurrentEra::current_era();
        AnswersDueFrom::<T>::put(now - 1);
        let found;

        #[block]
        {
            found = Challenges::<T>::next_unanswered(now);
        }

        assert_eq!(found, NextUnanswered::EraDone);
        assert_eq!(AnswersDueFrom::<T>::get(), now);
    }

    /// The miner has to be paid before it steps back. The look that finds the challenge is measured with it.
    #[benchmark]
    fn charge_unanswered() {
        let (operator, era) = asked::<T>();
        let (demand, _) = opening::<T>(&operator, era);
        let id = ask::<T>(demand);
        let due_in = T::CurrentEra::current_era() + 1;
        AnswersDueFrom::<T>::put(due_in);
        T::BenchmarkMarket::pass_eras_unpaid();
        // However many eras that were, evidence counts.
        EvidenceEras::<T>::put(T::CurrentEra::current_era());
        let mut meter = WeightMeter::with_limit(
            T::WeightInfo::look_for_unanswered().saturating_add(T::WeightInfo::charge_unanswered()),
        );

        #[block]
        {
            silence::charge::<T>(&mut meter);
        }

        assert!(!OpenChallenges::<T>::contains_key(id));
        assert_charged::<T>();
    }

    #[benchmark]
    fn forget_question() {
        T::BenchmarkMarket::widest_window();
        Asked::<T>::insert(0, Hash::repeat_byte(1), ());
        T::BenchmarkMarket::pass_eras_unpaid();
        EvidenceEras::<T>::put(1);
        let mut meter = WeightMeter::with_limit(T::WeightInfo::forget_question());

        #[block]
        {
            Questions::<T>::forget(&mut meter);
        }

        assert!(Asked::<T>::iter_key_prefix(0).next().is_none());
        assert_eq!(AskedFrom::<T>::get(), 0);
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
