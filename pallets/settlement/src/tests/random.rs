//! Random sequences of deposits, vouchers, redemptions, withdrawals, unbonding, defaults and eras: nothing is paid twice,
//! nothing more than was signed, no planck is lost or made, and nobody can take what covers another.

use std::collections::BTreeMap;

use cuckoo_primitives::{
    settlement::{ChannelId, SignedVoucher},
    AccountId, Balance, EraIndex,
};
use proptest::prelude::*;
use sp_runtime::Perbill;

use crate::{mock::*, *};

const COORDINATORS: [(AccountId, u8); 2] = [(ANNE, ANNES_KEY), (CLEO, CLEOS_KEY)];
const MINERS: [AccountId; 3] = [MIKE, NORA, BOB];
const CHANNELS: [ChannelId; 2] = [FIRST, SECOND];

#[derive(Clone, Debug)]
enum Step {
    Deposit(usize, usize, Balance),
    Request(usize, Balance),
    Cancel(usize),
    Withdraw(usize),
    /// Coordinator, miner, channel, and by how much the channel's newest amount is passed, or missed.
    Redeem(Vec<(usize, usize, usize, i64)>),
    /// As `Redeem`, with a signature that is not the coordinator's.
    Forge(usize, usize, Balance),
    Collect(usize, usize),
    Bond(usize, Balance),
    /// Coordinator, miner, percents.
    Rate(usize, usize, u32),
    Eras(EraIndex),
}

fn step() -> impl Strategy<Value = Step> {
    let one = || (0..2usize, 0..3usize, 0..2usize, -500..3_000i64);
    prop_oneof![
        4 => (0..2usize, 0..5usize, 1..6_000u128).prop_map(|(c, from, amount)| Step::Deposit(c, from, amount)),
        2 => (0..2usize, 0..8_000u128).prop_map(|(c, amount)| Step::Request(c, amount)),
        1 => (0..2usize).prop_map(Step::Cancel),
        2 => (0..2usize).prop_map(Step::Withdraw),
        8 => prop::collection::vec(one(), 1..6).prop_map(Step::Redeem),
        1 => (0..2usize, 0..3usize, 1..5_000u128).prop_map(|(c, m, amount)| Step::Forge(c, m, amount)),
        4 => (0..2usize, 0..3usize).prop_map(|(c, m)| Step::Collect(c, m)),
        1 => (0..2usize, 0..60_000u128).prop_map(|(c, amount)| Step::Bond(c, amount)),
        2 => (0..2usize, 0..2usize, 0..=100u32).prop_map(|(c, m, percents)| Step::Rate(c, m, percents)),
        3 => (1..4u32).prop_map(Step::Eras),
    ]
}

type Channel = (usize, usize, usize);

/// What happened, kept apart from the pallet.
#[derive(Default)]
struct Books {
    era: EraIndex,
    /// The highest amount that was signed.
    signed: BTreeMap<Channel, Balance>,
    /// What was paid or recorded, by event.
    settled: BTreeMap<(AccountId, AccountId), Balance>,
    recorded: BTreeMap<(AccountId, AccountId), Balance>,
    collected: BTreeMap<(AccountId, AccountId), Balance>,
    /// What miners got.
    earned: BTreeMap<AccountId, Balance>,
    /// Bonds that steps made or took away.
    bonds_changed: i128,
    fees: Balance,
    /// What coordinators think of miners.
    ratings: BTreeMap<(AccountId, AccountId), Perbill>,
    /// What miners were paid in this era, and what ratings take off.
    work: BTreeMap<AccountId, (Balance, Balance)>,
}

impl Books {
    fn vouchers(&mut self, of: &[(usize, usize, usize, i64)]) -> Vec<SignedVoucher> {
        let signed = of.iter().map(|&(c, m, channel, step)| {
            let newest = self.signed.entry((c, m, channel)).or_default();
            let amount = newest.saturating_add_signed(step.into());
            *newest = amount.max(*newest);
            let (coordinator, key) = &COORDINATORS[c];
            signed_by(*key, voucher(coordinator, &MINERS[m], CHANNELS[channel], amount))
        });
        signed.collect()
    }

    fn note(&mut self, event: Event<Test>) {
        let add = |map: &mut BTreeMap<_, Balance>, pair, amount| *map.entry(pair).or_default() += amount;
        match event {
            Event::Redeemed { coordinator, miner, paid, fee, .. } => {
                self.work(&coordinator, &miner, paid);
                *self.earned.entry(miner.clone()).or_default() += paid - fee;
                self.fees += fee;
                add(&mut self.settled, (coordinator, miner), paid);
            }
            Event::DebtRecorded { coordinator, miner, amount, .. } => {
                add(&mut self.settled, (coordinator.clone(), miner.clone()), amount);
                add(&mut self.recorded, (coordinator, miner), amount);
            }
            Event::DebtPaid { coordinator, miner, from_escrow, from_stake, fee } => {
                self.work(&coordinator, &miner, from_escrow + from_stake);
                *self.earned.entry(miner.clone()).or_default() += from_escrow + from_stake - fee;
                self.fees += fee;
                add(&mut self.collected, (coordinator, miner), from_escrow + from_stake);
            }
            Event::Rated { coordinator, miner, quality } => {
                self.ratings.insert((coordinator, miner), quality);
            }
            _ => {}
        }
    }

    fn work(&mut self, coordinator: &AccountId, miner: &AccountId, paid: Balance) {
        let quality = self.ratings.get(&(coordinator.clone(), miner.clone())).copied().unwrap_or(Perbill::one());
        let (sum, poor) = self.work.entry(miner.clone()).or_default();
        *sum += paid;
        *poor += paid - quality.mul_floor(paid);
    }

    fn check(&self) {
        for miner in [MIKE, NORA] {
            let (paid, poor) = self.work.get(&miner).copied().unwrap_or_default();
            let expected = if paid == 0 { Perbill::one() } else { Perbill::from_rational(paid - poor, paid) };
            assert_eq!(Settlement::quality(miner, self.era), expected);
        }
        for (c, (coordinator, _)) in COORDINATORS.iter().enumerate() {
            let mut owed = 0;
            for (m, miner) in MINERS.iter().enumerate() {
                let pair = (coordinator.clone(), miner.clone());
                let of = |map: &BTreeMap<_, Balance>| map.get(&pair).copied().unwrap_or(0);
                let mut settled = 0;
                for (number, channel) in CHANNELS.iter().enumerate() {
                    let amount = Settlement::settled(coordinator.clone(), miner.clone(), *channel).amount;
                    let signed = self.signed.get(&(c, m, number)).copied().unwrap_or(0);
                    assert!(amount <= signed, "a channel is settled beyond what was signed");
                    settled += amount;
                }
                assert_eq!(settled, of(&self.settled), "what is settled was paid or recorded");
                let open = Debts::<Test>::get(coordinator, miner).map_or(0, |debt| debt.open);
                assert_eq!(of(&self.recorded), of(&self.collected) + open, "a debt is open until it is paid");
                owed += open;
            }
            assert_eq!(Settlement::solvency(coordinator.clone()).owed, owed);
        }
    }
}

fn run(step: &Step, books: &mut Books) {
    let payer = |n: usize| [ANNE, CLEO, MIKE, NORA, BOB][n].clone();
    let coordinator = |c: usize| COORDINATORS[c].0.clone();
    let _refused_or_done = match step {
        Step::Deposit(c, from, amount) => {
            dispatch(&payer(*from), Call::deposit { coordinator: coordinator(*c), amount: *amount })
        }
        Step::Request(c, amount) => dispatch(&coordinator(*c), Call::request_withdrawal { amount: *amount }),
        Step::Cancel(c) => dispatch(&coordinator(*c), Call::cancel_withdrawal {}),
        Step::Withdraw(c) => dispatch(&coordinator(*c), Call::withdraw {}),
        Step::Redeem(of) => redeem(books.vouchers(of)),
        Step::Forge(c, m, amount) => {
            let newest = books.signed.get(&(*c, *m, 0)).copied().unwrap_or(0);
            let forged = voucher(&coordinator(*c), &MINERS[*m], FIRST, newest + amount);
            let done = redeem([signed_by(55, forged)]);
            assert!(done.is_err());
            done
        }
        Step::Collect(c, m) => collect(&coordinator(*c), &MINERS[*m]),
        Step::Bond(c, amount) => {
            books.bonds_changed += *amount as i128 - Market::bond(&coordinator(*c)) as i128;
            Market::set_bond(&coordinator(*c), *amount);
            Ok(())
        }
        Step::Rate(c, m, percents) => {
            let ratings = vec![(MINERS[*m].clone(), Perbill::from_percent(*percents))];
            dispatch(&operator(COORDINATORS[*c].1), Call::rate { ratings: ratings.try_into().unwrap() })
        }
        Step::Eras(count) => {
            books.era += count;
            books.work.clear();
            Market::run_to(books.era);
            Ok(())
        }
    };
}

/// All CAI: what accounts have, and the coordinators' bonds, which stand apart here.
fn wealth() -> i128 {
    let bonds: Balance = COORDINATORS.iter().map(|(stash, _)| Market::bond(stash)).sum();
    (Balances::total_issuance() + bonds) as i128
}

fn total(who: &AccountId) -> Balance {
    use frame_support::traits::fungible::Inspect;
    <Balances as Inspect<_>>::total_balance(who)
}

proptest! {
    #[test]
    fn nothing_is_paid_twice_and_no_planck_is_lost(steps in prop::collection::vec(step(), 1..120)) {
        ExtBuilder::default().build_and_execute(|| {
            let mut books = Books::default();
            let (before, treasury) = (wealth(), total(&TREASURY));
            for step in &steps {
                System::reset_events();
                let miners: Vec<_> = MINERS.iter().map(total).collect();
                let earned: Vec<_> = MINERS.iter().map(|miner| books.earned.get(miner).copied().unwrap_or(0)).collect();
                run(step, &mut books);
                events().into_iter().for_each(|event| books.note(event));
                Settlement::do_try_state().unwrap();
                books.check();
                let to_treasury = total(&TREASURY) - treasury;
                let burned = books.fees - to_treasury;
                assert!(to_treasury <= burned && burned <= to_treasury + steps.len() as u128 * 6);
                assert_eq!(wealth(), before + books.bonds_changed - burned as i128, "no planck is lost or made");
                // What a miner gets is what events say, and a deposit is all that it ever gives.
                for (n, miner) in MINERS.iter().enumerate() {
                    let now = books.earned.get(miner).copied().unwrap_or(0);
                    let gave = if let Step::Deposit(_, from, amount) = step { if *from == n + 2 { *amount } else { 0 } } else { 0 };
                    let change = total(miner) as i128 - miners[n] as i128;
                    let got = (now - earned[n]) as i128;
                    assert!(change == got || change == -(gave as i128), "{miner} changed by {change}");
                }
            }
        });
    }
}
