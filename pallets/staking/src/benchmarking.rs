//! What the calls and the clock cost at most. Run by `cargo xtask weights`.

// Built for benchmarks alone, which stop where the market is not what they asked for.
#![allow(clippy::expect_used)]

use cuckoo_primitives::{benchmarking::BenchmarkMarket, registry::MAX_SETTLED, AccountId, Balance, CAI};
use frame_benchmarking::v2::*;
use frame_support::{dispatch::DispatchResultWithPostInfo, traits::Get};
use frame_system::RawOrigin;

use crate::{Call, Clock, Config, EraStarts, Error, Event, Ledgers, Pallet, Payee, PayeeOf};

/// What others bond.
const BOND: Balance = CAI * 1_000;

/// A stash behind as many candidates as may be, with so many slashes that it is not settled for.
fn burdened<T: Config>(slashes: u32) -> AccountId {
    let stash = account("stash", 0, 0);
    T::BenchmarkMarket::burden(&stash, slashes);
    stash
}

/// Another stash, so many parts of whose bond unbond.
fn unbonding<T: Config>(chunks: u32) -> AccountId {
    let stash = account("another", 0, 0);
    T::BenchmarkMarket::widest_window();
    T::BenchmarkMarket::bond(&stash, BOND);
    for _ in 0..chunks {
        T::BenchmarkMarket::pass_eras(1);
        Pallet::<T>::unbond(RawOrigin::Signed(stash.clone()).into(), CAI).expect("nothing is voted");
    }
    stash
}

/// A call that is refused in the end. What it wrote is not undone, so that it counts: a call that succeeds may have
/// written some of it, too.
fn refuse<T: Config>(call: impl FnOnce() -> DispatchResultWithPostInfo, error: Error<T>) {
    assert_eq!(call().map_err(|refused| refused.error).err(), Some(error.into()));
}

fn assert_last<T: Config>(event: Event<T>) {
    frame_system::Pallet::<T>::assert_last_event(event.into());
}

// Debts take what is idle, then what unbonds, then what is voted elsewhere, which costs most. Whoever has no bond, or after
// its debts nothing idle or unbonding, is refused by `bond`, `unbond`, `rebond` and `withdraw_unbonded` when it has been
// settled. What is measured of these is both, such a refusal and a success of another stash.
#[benchmarks]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn bond(s: Linear<0, MAX_SETTLED>) {
        let refused = burdened::<T>(s);
        let stash = account("another", 0, 0);
        T::BenchmarkMarket::fund(&stash, BOND * 2);

        #[block]
        {
            refuse::<T>(|| Pallet::<T>::bond(RawOrigin::Signed(refused).into(), CAI), Error::AlreadyBonded);
            Pallet::<T>::bond(RawOrigin::Signed(stash.clone()).into(), BOND).expect("it is funded");
        }

        assert_last::<T>(Event::Bonded { stash, amount: BOND });
    }

    #[benchmark]
    fn bond_extra(s: Linear<0, MAX_SETTLED>) {
        let stash = burdened::<T>(s);

        #[extrinsic_call]
        _(RawOrigin::Signed(stash.clone()), CAI);

        assert_last::<T>(Event::Bonded { stash, amount: CAI });
    }

    #[benchmark]
    fn unbond(s: Linear<0, MAX_SETTLED>) {
        let stash = unbonding::<T>(T::MaxUnlockingChunks::get() - 1);
        let refused = burdened::<T>(s);

        #[block]
        {
            refuse::<T>(|| Pallet::<T>::unbond(RawOrigin::Signed(refused).into(), CAI), Error::StillVoted);
            Pallet::<T>::unbond(RawOrigin::Signed(stash.clone()).into(), CAI).expect("nothing is voted");
        }

        assert_eq!(
            Ledgers::<T>::get(stash).expect("it is bonded").unlocking.len() as u32,
            T::MaxUnlockingChunks::get()
        );
    }

    #[benchmark]
    fn rebond(s: Linear<0, MAX_SETTLED>) {
        let chunks = T::MaxUnlockingChunks::get();
        let stash = unbonding::<T>(chunks);
        let amount = CAI * Balance::from(chunks);
        let refused = burdened::<T>(s);

        #[block]
        {
            refuse::<T>(|| Pallet::<T>::rebond(RawOrigin::Signed(refused).into(), CAI), Error::NotEnoughUnlocking);
            Pallet::<T>::rebond(RawOrigin::Signed(stash.clone()).into(), amount).expect("as much unbonds");
        }

        assert_last::<T>(Event::Rebonded { stash, amount });
    }

    /// The bond ends, and what was set of it with it.
    #[benchmark]
    fn withdraw_unbonded(s: Linear<0, MAX_SETTLED>) {
        let stash = unbonding::<T>(T::MaxUnlockingChunks::get() - 1);
        let origin = RawOrigin::Signed(stash.clone());
        Pallet::<T>::set_payee(origin.clone().into(), Payee::Account(account("payee", 0, 0))).expect("it is bonded");
        T::BenchmarkMarket::pass_eras(1);
        let active = Ledgers::<T>::get(&stash).expect("it is bonded").active;
        Pallet::<T>::unbond(origin.clone().into(), active).expect("nothing is voted");
        let refused = burdened::<T>(s);

        #[block]
        {
            refuse::<T>(|| Pallet::<T>::withdraw_unbonded(RawOrigin::Signed(refused).into()), Error::NothingToWithdraw);
            Pallet::<T>::withdraw_unbonded(origin.into()).expect("all of it is free");
        }

        assert!(!Ledgers::<T>::contains_key(&stash));
        assert_last::<T>(Event::Withdrawn { stash, amount: BOND });
    }

    #[benchmark]
    fn set_payee() {
        let stash: AccountId = account("stash", 0, 0);
        T::BenchmarkMarket::bond(&stash, BOND);
        let payee = Payee::Account(account("payee", 0, 0));

        #[extrinsic_call]
        _(RawOrigin::Signed(stash.clone()), payee.clone());

        assert_eq!(PayeeOf::<T>::get(&stash), payee);
        assert_last::<T>(Event::PayeeSet { stash, payee });
    }

    /// All positions have earned for as many eras as can wait, and all of it is bonded.
    #[benchmark]
    fn claim(s: Linear<0, MAX_SETTLED>) {
        let stash = burdened::<T>(s);
        let origin = RawOrigin::Signed(stash.clone());
        Pallet::<T>::set_payee(origin.clone().into(), Payee::Restake).expect("it is bonded");
        let before = Pallet::<T>::emission().claimed;

        #[extrinsic_call]
        _(origin);

        assert!(Pallet::<T>::emission().claimed > before);
    }

    /// An era starts after so many without blocks that the starts of all on record are forgotten, and the budget of the one
    /// that ended is opened.
    #[benchmark]
    fn note_session_started() {
        T::BenchmarkMarket::widest_window();
        T::BenchmarkMarket::pass_eras(Clock::<T>::bonding_eras() + 1);
        let progress = Pallet::<T>::era_progress();
        let era = progress.era + progress.bonding_eras * 2;

        #[block]
        {
            Pallet::<T>::note_session_started(era * progress.sessions_per_era);
        }

        assert_eq!(Pallet::<T>::era_progress().era, era);
        assert_eq!(EraStarts::<T>::iter_keys().count(), 1);
    }
}
