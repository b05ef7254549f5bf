//! What the calls cost at most. Run by `cargo xtask weights`.

// Built for benchmarks alone, which stop where the market is not what they asked for.
#![allow(clippy::expect_used)]

use alloc::{collections::BTreeSet, vec::Vec};
use cuckoo_primitives::{
    benchmarking::BenchmarkMarket,
    registry::{Bonds, Candidates, CurrentEra, MAX_SETTLED},
    settlement::{Debt, SignedVoucher, Voucher},
    signing::Statement,
    AccountId, Balance, EraIndex, Role, CAI,
};
use frame_benchmarking::v2::*;
use frame_system::{pallet_prelude::BlockNumberFor, RawOrigin};
use sp_runtime::{traits::Zero, Perbill};

use crate::{
    redeem::record, Activity, Call, Channels, Config, DebtBook, Debts, EraSums, Escrow, Event, Owed, Pallet, RatingOf,
    TakenOf, Withdrawal, Withdrawals, Work, WorkIn, WorkOf, ERAS_REMEMBERED, MAX_RATINGS, MAX_VOUCHERS,
};

/// What a voucher is due.
const DUE: Balance = CAI;

/// As many eras as are remembered, none of them the current one, so that the oldest has to go.
fn full<Amount: Copy + core::fmt::Debug>(amount: Amount) -> EraSums<Amount> {
    let eras = (0..ERAS_REMEMBERED).map(|n| (EraIndex::MAX.saturating_sub(n), amount));
    EraSums(eras.collect::<Vec<_>>().try_into().expect("as many are remembered"))
}

/// A coordinator, of which much was taken; and its operator.
fn coordinator<T: Config>(number: u32) -> (AccountId, AccountId) {
    let stash: AccountId = account("coordinator", number, 0);
    let operator = T::BenchmarkMarket::register(&stash, Role::Coordinator);
    TakenOf::<T>::insert(&stash, full(1));
    (stash, operator)
}

/// A miner, which has worked much.
fn miner<T: Config>(number: u32) -> AccountId {
    let stash: AccountId = account("miner", number, 0);
    T::BenchmarkMarket::register(&stash, Role::Miner);
    WorkOf::<T>::insert(&stash, full(Work { paid: 1, poor: 1 }));
    stash
}

fn put_into_escrow<T: Config>(coordinator: &AccountId, amount: Balance) {
    // Some is left, so that the account lives.
    T::BenchmarkMarket::fund(coordinator, amount.saturating_add(CAI));
    Escrow::<T>::deposit(coordinator, coordinator, amount).expect("the funds are free");
}

/// A voucher, of a channel of its own.
fn signed<T: Config>(
    (coordinator, operator): &(AccountId, AccountId),
    miner: &AccountId,
    number: u32,
) -> SignedVoucher {
    let voucher = Voucher {
        coordinator: coordinator.clone(),
        miner: miner.clone(),
        channel: u128::from(number).to_le_bytes(),
        amount: DUE,
        tasks: 1,
    };
    let genesis = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero());
    let signature = T::BenchmarkMarket::sign(operator, &voucher.signing_hash(&genesis));
    SignedVoucher { voucher, operator: operator.clone(), signature }
}

/// So many vouchers of so many coordinators and miners, all of which get some: no two of the same, if that can be.
fn vouchers<T: Config>(count: u32, coordinators: u32, miners: u32) -> Vec<SignedVoucher> {
    WorkIn::<T>::put(full(1));
    let payers: Vec<_> = (0..coordinators).map(coordinator::<T>).collect();
    let payees: Vec<_> = (0..miners).map(miner::<T>).collect();
    // Everyone's turn comes, then again beside somebody else.
    let round = payers.len().max(payees.len());
    let beside = |shift| payers.iter().cycle().zip(payees.iter().cycle().skip(shift)).take(round);
    let mut seen = BTreeSet::new();
    let pairs = (0..round).flat_map(beside).filter(|(payer, payee)| seen.insert((&payer.0, *payee)));
    (0..count).zip(pairs).map(|(number, (payer, payee))| signed::<T>(payer, payee, number)).collect()
}

#[benchmarks]
mod benchmarks {
    use super::*;

    /// Of somebody else, for a coordinator that has left and owes.
    #[benchmark]
    fn deposit() {
        let (from, coordinator): (AccountId, AccountId) = (account("from", 0, 0), account("coordinator", 0, 0));
        T::BenchmarkMarket::fund(&from, 2 * CAI);
        T::BenchmarkMarket::fund(&coordinator, CAI);
        Owed::<T>::insert(&coordinator, CAI);

        #[extrinsic_call]
        _(RawOrigin::Signed(from), coordinator.clone(), CAI);

        assert_eq!(Escrow::<T>::held(&coordinator), CAI);
    }

    /// In place of an older request.
    #[benchmark]
    fn request_withdrawal() {
        let coordinator: AccountId = account("coordinator", 0, 0);
        put_into_escrow::<T>(&coordinator, CAI);
        Withdrawals::<T>::insert(&coordinator, Withdrawal { amount: 1, free_from: 0 });

        #[extrinsic_call]
        _(RawOrigin::Signed(coordinator.clone()), CAI);

        assert_eq!(Withdrawals::<T>::get(&coordinator).expect("it was asked for").amount, CAI);
    }

    #[benchmark]
    fn cancel_withdrawal() {
        let coordinator: AccountId = account("coordinator", 0, 0);
        Withdrawals::<T>::insert(&coordinator, Withdrawal { amount: CAI, free_from: 0 });

        #[extrinsic_call]
        _(RawOrigin::Signed(coordinator.clone()));

        assert!(!Withdrawals::<T>::contains_key(&coordinator));
    }

    #[benchmark]
    fn withdraw() {
        let coordinator: AccountId = account("coordinator", 0, 0);
        put_into_escrow::<T>(&coordinator, CAI);
        Withdrawals::<T>::insert(&coordinator, Withdrawal { amount: CAI, free_from: 0 });

        #[extrinsic_call]
        _(RawOrigin::Signed(coordinator.clone()));

        assert_eq!(Escrow::<T>::held(&coordinator), 0);
    }

    /// Vouchers of so many coordinators and miners, each of another channel. Every coordinator pays all its escrow and has
    /// rated its miners, and every miner has worked in as many eras as are remembered.
    #[benchmark]
    fn redeem(v: Linear<32, MAX_VOUCHERS>, c: Linear<2, 32>, m: Linear<2, 32>) {
        let vouchers = vouchers::<T>(v, c, m);
        for signed in &vouchers {
            put_into_escrow::<T>(&signed.voucher.coordinator, DUE);
            RatingOf::<T>::insert(&signed.voucher.coordinator, &signed.voucher.miner, Perbill::from_percent(50));
        }

        #[extrinsic_call]
        _(RawOrigin::Signed(account("anyone", 0, 0)), vouchers.clone().try_into().expect("so many fit"));

        assert_eq!(Channels::<T>::iter_values().filter(|settled| settled.amount == DUE).count() as u32, v);
        assert_eq!(Owed::<T>::iter().count(), 0);
        let coordinators: BTreeSet<_> = vouchers.iter().map(|signed| &signed.voucher.coordinator).collect();
        let miners: BTreeSet<_> = vouchers.iter().map(|signed| &signed.voucher.miner).collect();
        assert_eq!((coordinators.len() as u32, miners.len() as u32), (c, m));
        assert!(coordinators.into_iter().all(|coordinator| Escrow::<T>::held(coordinator) == 0));
        let now = T::CurrentEra::current_era();
        assert!(miners.iter().all(|miner| Activity::<T>::in_era(miner, now).0 > 0));
        assert!(miners.into_iter().all(|miner| Activity::<T>::quality(miner, now) == Perbill::from_percent(50)));
    }

    /// What it costs besides that escrow has nothing for so many of the vouchers, of so many coordinators and miners, no
    /// two of the same.
    #[benchmark]
    fn record_debts(v: Linear<32, MAX_VOUCHERS>, c: Linear<2, 32>, m: Linear<2, 32>) {
        let vouchers = vouchers::<T>(v, c, m);

        #[block]
        {
            for SignedVoucher { voucher, .. } in &vouchers {
                let debt = DUE.min(DebtBook::<T>::claimable(&voucher.coordinator, &voucher.miner));
                record::<T>(voucher, debt, debt);
            }
        }

        assert_eq!(Debts::<T>::iter_values().filter(|debt| debt.open == DUE).count() as u32, v);
        assert_eq!(Owed::<T>::iter_values().sum::<Balance>(), DUE.saturating_mul(v.into()));
        assert_eq!(Owed::<T>::iter().count() as u32, c);
    }

    /// Of more than all that is in escrow and bonded, which is voted for as many candidates as may be, itself among
    /// them; slashes come first.
    #[benchmark]
    fn collect(s: Linear<0, MAX_SETTLED>) {
        let miner = miner::<T>(0);
        let (coordinator, _) = coordinator::<T>(0);
        T::BenchmarkMarket::burden(&coordinator, s);
        put_into_escrow::<T>(&coordinator, CAI);
        WorkIn::<T>::put(full(1));
        let (open, taken_in) = (Balance::MAX / 2, T::CurrentEra::current_era());
        Debts::<T>::insert(&coordinator, &miner, Debt { open, since: 0, taken: 1, taken_in });
        Owed::<T>::insert(&coordinator, open);
        RatingOf::<T>::insert(&coordinator, &miner, Perbill::from_percent(50));

        #[extrinsic_call]
        _(RawOrigin::Signed(account("anyone", 0, 0)), coordinator.clone(), miner.clone());

        let paid = open - Debts::<T>::get(&coordinator, &miner).expect("some is open").open;
        assert!(paid > CAI);
        assert_eq!((T::Bonds::total(&coordinator), Escrow::<T>::held(&coordinator)), (0, 0));
        assert!(T::Candidates::has_stepped_back(&coordinator));
    }

    /// Of miners that were never rated.
    #[benchmark]
    fn rate(r: Linear<1, MAX_RATINGS>) {
        let (coordinator, operator) = coordinator::<T>(0);
        let quality = Perbill::from_percent(50);
        let ratings: Vec<_> = (0..r).map(|number| (miner::<T>(number), quality)).collect();
        let last = ratings.last().expect("there is one").0.clone();

        #[extrinsic_call]
        _(RawOrigin::Signed(operator), ratings.try_into().expect("so many fit"));

        assert_eq!(RatingOf::<T>::iter_prefix(&coordinator).count() as u32, r);
        frame_system::Pallet::<T>::assert_last_event(Event::<T>::Rated { coordinator, miner: last, quality }.into());
    }
}
