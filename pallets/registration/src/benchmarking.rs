//! What the calls cost at most. Run by `cargo xtask weights`.

// Built for benchmarks alone, which stop where the market is not what they asked for.
#![allow(clippy::expect_used)]

use cuckoo_primitives::{
    benchmarking::BenchmarkMarket,
    registry::{Backing, CurrentEra, MAX_SETTLED},
    signing::{OperatorConsent, Statement},
    AccountId, Balance, CandidateInfo, EraIndex, Role, Signature, CAI,
};
use frame_benchmarking::v2::*;
use frame_system::{pallet_prelude::BlockNumberFor, RawOrigin};
use sp_runtime::{traits::Zero, Perbill};

use crate::{
    Call, CandidateRecord, Candidates, Commissions, Config, Event, MinSelfStake, Operators, Pallet, Retired, RoleOf,
    ValidatorCount, MAX_RETIRED_OPERATORS,
};

/// Validators are counted besides what is written of others.
const ROLE: Role = Role::Validator;
/// The first key that no candidate has.
const NEW_KEY: u32 = 100;

fn stash() -> AccountId {
    account("stash", 0, 0)
}

fn other_stash() -> AccountId {
    account("stash", 1, 0)
}

fn assert_last<T: Config>(event: Event<T>) {
    frame_system::Pallet::<T>::assert_last_event(event.into());
}

/// What `operator` agrees to: until when, and the proof.
fn consent<T: Config>(operator: &AccountId, stash: &AccountId) -> (EraIndex, Signature) {
    let expires = T::CurrentEra::current_era().saturating_add(T::CurrentEra::bonding_eras());
    let genesis = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero());
    let consent = OperatorConsent { stash: stash.clone(), role: ROLE, expires };
    (expires, T::BenchmarkMarket::sign(operator, &consent.signing_hash(&genesis)))
}

/// The record of a candidate, which says of itself as much as it may.
fn record<T: Config>(stash: &AccountId, role: Role) -> CandidateRecord {
    Candidates::<T>::get(role, stash).expect("it is registered")
}

/// `stash` replaces its operator so many times.
fn rotate<T: Config>(stash: &AccountId, times: u32) {
    for number in 0..times {
        let key = T::BenchmarkMarket::key(number);
        let (expires, proof) = consent::<T>(&key, stash);
        Pallet::<T>::set_operator(RawOrigin::Signed(stash.clone()).into(), key, expires, proof)
            .expect("there is room for another");
    }
}

/// A key that worked for another candidate, and will be free for others when the window has passed.
fn used_key<T: Config>() -> AccountId {
    let other = other_stash();
    T::BenchmarkMarket::register(&other, ROLE);
    let key = T::BenchmarkMarket::key(NEW_KEY);
    let (expires, proof) = consent::<T>(&key, &other);
    let origin = RawOrigin::Signed(other);
    Pallet::<T>::set_operator(origin.clone().into(), key.clone(), expires, proof).expect("the key is new");
    Pallet::<T>::deregister(origin.into()).expect("it is registered");
    key
}

// `s` is the number of slashes that are taken first.
#[benchmarks]
mod benchmarks {
    use super::*;

    /// As many of its operators retired as may be and can be forgotten, its new one worked for another, stake of its
    /// former candidacy is still behind it.
    #[benchmark]
    fn register(s: Linear<0, MAX_SETTLED>) {
        let stash = stash();
        T::BenchmarkMarket::widest_window();
        T::BenchmarkMarket::register(&stash, ROLE);
        let info: CandidateInfo = record::<T>(&stash, ROLE).info;
        let voter = account("voter", 0, 0);
        T::BenchmarkMarket::bond(&voter, CAI);
        T::BenchmarkMarket::vote(&voter, &stash, CAI);
        rotate::<T>(&stash, MAX_RETIRED_OPERATORS - 1);
        Pallet::<T>::deregister(RawOrigin::Signed(stash.clone()).into()).expect("it is registered");
        let operator = used_key::<T>();
        T::BenchmarkMarket::burden(&stash, s);
        let self_stake: Balance = MinSelfStake::<T>::get(ROLE) + CAI;
        let (expires, proof) = consent::<T>(&operator, &stash);
        let validators = ValidatorCount::<T>::get();
        assert_eq!(Retired::<T>::get(&stash).len() as u32, MAX_RETIRED_OPERATORS);

        let origin = RawOrigin::Signed(stash.clone());

        #[block]
        {
            // Debts take what is idle before what is voted: who has stake for its candidacy had no other position pay, and
            // whose other positions paid is refused in the end. This costs as much as either.
            assert_eq!(T::Backing::bring_up_to_date(&stash), Ok(s));
            T::BenchmarkMarket::bond(&stash, self_stake);
            Pallet::<T>::register(origin.into(), ROLE, operator.clone(), expires, proof, self_stake, info)
                .expect("it may stand");
        }

        assert!(Retired::<T>::get(&stash).is_empty());
        assert_eq!(ValidatorCount::<T>::get(), validators + 1);
        assert_last::<T>(Event::Registered { candidate: stash, operator, role: ROLE });
    }

    /// A coordinator has the most to say.
    #[benchmark]
    fn update_info() {
        let stash = stash();
        T::BenchmarkMarket::register(&stash, Role::Coordinator);
        let info = record::<T>(&stash, Role::Coordinator).info;

        #[extrinsic_call]
        _(RawOrigin::Signed(stash.clone()), info.clone());

        assert_eq!(record::<T>(&stash, Role::Coordinator).info, info);
        assert_last::<T>(Event::InfoUpdated { candidate: stash });
    }

    /// All retired operators can be forgotten, and the new one worked for another.
    #[benchmark]
    fn set_operator() {
        let stash = stash();
        T::BenchmarkMarket::widest_window();
        T::BenchmarkMarket::register(&stash, ROLE);
        rotate::<T>(&stash, MAX_RETIRED_OPERATORS - 1);
        let operator = used_key::<T>();
        T::BenchmarkMarket::pass_eras(T::CurrentEra::bonding_eras());
        let retired = record::<T>(&stash, ROLE).operator;
        let (expires, proof) = consent::<T>(&operator, &stash);

        #[extrinsic_call]
        _(RawOrigin::Signed(stash.clone()), operator.clone(), expires, proof);

        assert_eq!(Retired::<T>::get(&stash).into_inner(), [retired.clone()]);
        assert_last::<T>(Event::OperatorSet { candidate: stash, operator, retired });
    }

    /// It has to be paid for as many eras as can wait.
    #[benchmark]
    fn chill() {
        let stash = stash();
        T::BenchmarkMarket::register(&stash, ROLE);
        T::BenchmarkMarket::burden(&stash, 0);

        #[extrinsic_call]
        _(RawOrigin::Signed(stash.clone()));

        assert!(record::<T>(&stash, ROLE).chilled);
        assert_last::<T>(Event::Chilled { candidate: stash });
    }

    #[benchmark]
    fn validate(s: Linear<0, MAX_SETTLED>) {
        let stash = stash();
        T::BenchmarkMarket::register(&stash, ROLE);
        Pallet::<T>::chill(RawOrigin::Signed(stash.clone()).into()).expect("it stands");
        T::BenchmarkMarket::burden(&stash, s);

        #[extrinsic_call]
        _(RawOrigin::Signed(stash.clone()));

        assert!(!record::<T>(&stash, ROLE).chilled);
        assert_last::<T>(Event::Validated { candidate: stash });
    }

    #[benchmark]
    fn deregister(s: Linear<0, MAX_SETTLED>) {
        let stash = stash();
        T::BenchmarkMarket::register(&stash, ROLE);
        rotate::<T>(&stash, MAX_RETIRED_OPERATORS - 1);
        T::BenchmarkMarket::burden(&stash, s);
        let operator = record::<T>(&stash, ROLE).operator;

        #[extrinsic_call]
        _(RawOrigin::Signed(stash.clone()));

        assert!(!RoleOf::<T>::contains_key(&stash));
        assert!(Operators::<T>::get(&operator).expect("it is on record").retired_in.is_some());
    }

    /// All of them can be forgotten.
    #[benchmark]
    fn forget_operators() {
        let stash = stash();
        T::BenchmarkMarket::register(&stash, ROLE);
        rotate::<T>(&stash, MAX_RETIRED_OPERATORS - 1);
        Pallet::<T>::deregister(RawOrigin::Signed(stash.clone()).into()).expect("it is registered");
        T::BenchmarkMarket::pass_eras(T::CurrentEra::bonding_eras());

        #[extrinsic_call]
        _(RawOrigin::Signed(account("anyone", 0, 0)), stash.clone());

        assert!(Retired::<T>::get(&stash).is_empty());
        assert_last::<T>(Event::OperatorsForgotten { candidate: stash, count: MAX_RETIRED_OPERATORS });
    }

    #[benchmark]
    fn set_commission(s: Linear<0, MAX_SETTLED>) {
        let stash = stash();
        T::BenchmarkMarket::register(&stash, ROLE);
        T::BenchmarkMarket::burden(&stash, s);
        let rate = Perbill::from_percent(5);

        #[extrinsic_call]
        _(RawOrigin::Signed(stash.clone()), rate);

        let record = Commissions::<T>::get(&stash);
        assert_eq!(record.raise.expect("it is announced").rate, rate);
    }
}
