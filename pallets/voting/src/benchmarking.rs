//! What the calls and the hooks cost at most. Run by `cargo xtask weights`.

// Built for benchmarks alone, which stop where the market is not what they asked for.
#![allow(clippy::expect_used)]

use alloc::vec::Vec;

use cuckoo_primitives::{
    benchmarking::BenchmarkMarket,
    registry::{CurrentEra, VotedStake},
    AccountId, Balance, Role, CAI,
};
use frame_benchmarking::v2::*;
use frame_support::weights::WeightMeter;
use frame_system::RawOrigin;
use sp_runtime::Perbill;

use crate::{
    Call, Config, Earned, Event, OpenPots, Pallet, Payout, PayoutProgress, PayoutRun, Pools, SlashCount, SlashEvent,
    Voters, MAX_OPEN_POTS, MAX_SETTLED,
};

/// A stash behind as many candidates as may be, each with a full record, with so many slashes that it is not settled
/// for; and the candidates, the one that was slashed first and the first to pay for it last.
fn burdened<T: Config>(slashes: u32) -> (AccountId, Vec<AccountId>) {
    let voter = account("voter", 0, 0);
    let candidates = T::BenchmarkMarket::burden(&voter, slashes);
    (voter, candidates)
}

/// What `voter` has behind `candidate` once it is settled.
fn behind<T: Config>(voter: &AccountId, candidate: &AccountId) -> Balance {
    let positions = Pallet::<T>::positions(voter.clone());
    positions.iter().find(|position| position.candidate == *candidate).expect("it is backed").next_amount
}

fn nth(candidates: &[AccountId], n: usize) -> AccountId {
    candidates.get(n).expect("there are many").clone()
}

fn assert_last<T: Config>(event: Event<T>) {
    frame_system::Pallet::<T>::assert_last_event(event.into());
}

fn assert_settled<T: Config>(voter: &AccountId) {
    assert_eq!(Voters::<T>::get(voter).expect("it has votes").settled_slash, SlashCount::<T>::get());
}

/// Fills the records of slashes of `candidates` with old ones, which nobody has to be settled for.
pub fn fill_records<T: Config>(candidates: &[AccountId]) {
    let old = SlashEvent { number: 0, offence_era: 0, applied_in: 0, per_unit: 0, keep: Perbill::one() };
    for candidate in candidates {
        Pools::<T>::mutate(candidate, |pool| {
            let slashes = &mut pool.as_mut().expect("it is backed").slashes;
            while slashes.try_insert(0, old).is_ok() {}
        });
    }
}

#[benchmarks]
mod benchmarks {
    use super::*;

    /// Debts take what is idle before what is voted: a vote that succeeds had no other position pay, and one that other
    /// positions paid for is refused in the end. What is measured costs as much as either: after the debts the voter
    /// bonds more, and votes.
    #[benchmark]
    fn vote(s: Linear<0, MAX_SETTLED>) {
        let (voter, candidates) = burdened::<T>(s);
        let candidate = nth(&candidates, 1);
        let origin = RawOrigin::Signed(voter.clone());

        #[block]
        {
            let taken = <Pallet<T> as VotedStake<AccountId>>::settle(&voter).expect("no more wait");
            assert_eq!(taken, s);
            T::BenchmarkMarket::bond(&voter, CAI);
            Pallet::<T>::vote(origin.into(), candidate.clone(), CAI).expect("it is bonded");
        }

        assert_settled::<T>(&voter);
        assert_last::<T>(Event::Voted { voter, candidate, amount: CAI });
    }

    /// All of it leaves, which joined in all eras of the window.
    #[benchmark]
    fn unvote(s: Linear<0, MAX_SETTLED>) {
        let (voter, candidates) = burdened::<T>(s);
        let candidate = nth(&candidates, 1);
        let amount = behind::<T>(&voter, &candidate);

        #[extrinsic_call]
        _(RawOrigin::Signed(voter.clone()), candidate.clone(), amount);

        assert_settled::<T>(&voter);
        assert_last::<T>(Event::Unvoted { voter, candidate, amount });
    }

    #[benchmark]
    fn revote(s: Linear<0, MAX_SETTLED>) {
        let (voter, candidates) = burdened::<T>(s);
        let (from, to) = (nth(&candidates, 1), nth(&candidates, 2));
        let amount = behind::<T>(&voter, &from);

        #[extrinsic_call]
        _(RawOrigin::Signed(voter.clone()), from.clone(), to.clone(), amount);

        assert_settled::<T>(&voter);
        assert_last::<T>(Event::Revoted { voter, from, to, amount });
    }

    #[benchmark]
    fn settle(s: Linear<0, MAX_SETTLED>) {
        let (voter, candidates) = burdened::<T>(s);
        let candidate = nth(&candidates, 1);

        #[extrinsic_call]
        _(RawOrigin::Signed(account("anyone", 0, 0)), voter.clone(), candidate);

        assert_settled::<T>(&voter);
    }

    /// Each is paid for as many eras as can wait; then the pass ends, and the pots are closed.
    #[benchmark]
    fn payout(c: Linear<0, 30>) {
        let (_, candidates) = burdened::<T>(0);
        let others: Vec<AccountId> = Pools::<T>::iter_keys().filter(|it| !candidates.contains(it)).collect();
        others.iter().for_each(Pools::<T>::remove);
        let order: Vec<AccountId> = Pools::<T>::iter_keys().collect();
        let left: Vec<AccountId> = order.iter().rev().take(c as usize).cloned().collect();
        let visited = order.into_iter().rev().nth(c as usize);
        assert!(visited.is_some());
        let now = T::CurrentEra::current_era();
        PayoutRun::<T>::put(PayoutProgress { before: now, visited });
        assert_eq!(OpenPots::<T>::get().len() as u32, MAX_OPEN_POTS);

        #[block]
        {
            Payout::<T>::proceed(&mut WeightMeter::new());
        }

        assert!(left.iter().all(|it| Earned::<T>::get(it).expect("it earns").paid_before == now));
        assert!(!PayoutRun::<T>::exists() && OpenPots::<T>::get().is_empty());
        assert_last::<T>(Event::ErasPaid { before: now });
    }

    /// Its first block after as many eras as can wait.
    #[benchmark]
    fn note_author() {
        let author = account("author", 0, 0);
        T::BenchmarkMarket::register(&author, Role::Validator);
        T::BenchmarkMarket::burden(&author, 0);

        #[block]
        {
            Pallet::<T>::note_author(&author);
        }

        assert_eq!(Earned::<T>::get(&author).expect("it earns").blocks, 1);
    }
}
