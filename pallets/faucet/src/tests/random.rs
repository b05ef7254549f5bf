//! Random sequences of claims, blocks and eras: no planck is lost or made, no era pays more than its cap, and nobody
//! gets more than one drip in an era.

use std::collections::BTreeMap;

use cuckoo_primitives::{AccountId, Balance, EraIndex};
use frame_support::{
    traits::{fungible::Mutate, tokens::Preservation},
    weights::Weight,
};
use proptest::prelude::*;

use crate::{mock::*, Event};

#[derive(Clone, Debug)]
enum Step {
    /// Account, blocks back, whether the proof is good.
    Claim(u64, u64, bool),
    /// The account gives all it has away.
    Spend(u64),
    FillUp(Balance),
    Blocks(u64),
    Eras(u32),
    Idle(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => (0..8u64, 0..80u64, prop::bool::weighted(0.8)).prop_map(|(n, back, good)| Step::Claim(n, back, good)),
        4 => (0..8u64).prop_map(Step::Spend),
        1 => (0..200u128).prop_map(Step::FillUp),
        1 => (1..20u64).prop_map(Step::Blocks),
        2 => (1..3u32).prop_map(Step::Eras),
        2 => (0..2_000_000_000u64).prop_map(Step::Idle),
    ]
}

fn run(step: &Step, era: &mut EraIndex) {
    let transfer = |from: &AccountId, to: &AccountId, amount| {
        let _refused_or_done = Balances::transfer(from, to, amount, Preservation::Expendable);
    };
    match step {
        Step::Claim(n, back, good) => {
            let block = System::block_number() - back;
            let nonce = if *good { solve(&account(*n), block) } else { fail(&account(*n), block) };
            let claim = call(&account(*n), block, nonce);
            let valid = validity(&claim).is_ok();
            // What the pool takes is paid, and nothing else is.
            assert_eq!(submit(RuntimeOrigin::none(), claim).is_ok(), valid);
            assert!(*good || !valid);
        }
        Step::Spend(n) => transfer(&account(*n), &RICH, Balances::free_balance(account(*n))),
        Step::FillUp(amount) => transfer(&RICH, &Faucet::pot(), *amount),
        Step::Blocks(count) => run_to_block(System::block_number() + count),
        Step::Eras(count) => {
            *era += count;
            Eras::run_to(*era);
        }
        Step::Idle(room) => {
            idle(Weight::from_parts(*room, u64::MAX));
        }
    }
}

proptest! {
    #[test]
    fn the_pot_pays_within_its_terms(pot in 20..2_000u128, steps in proptest::collection::vec(step(), 1..80)) {
        ExtBuilder { pot, ..Default::default() }.build_and_execute(|| {
            let issuance = Balances::total_issuance();
            let mut era = 0;
            let mut dripped: BTreeMap<(EraIndex, AccountId), Balance> = BTreeMap::new();
            for step in &steps {
                System::reset_events();
                run(step, &mut era);
                Faucet::do_try_state().unwrap();
                for record in System::events() {
                    if let RuntimeEvent::Faucet(Event::Dripped { account, amount, era: of }) = record.event {
                        assert_eq!((of, amount), (era, DRIP));
                        assert_eq!(dripped.insert((era, account), amount), None);
                    }
                }
                let paid: Balance = dripped.range((era, AccountId::new([0; 32]))..).map(|(_, amount)| amount).sum();
                assert!(paid <= ERA_CAP);
                assert_eq!(Balances::total_issuance(), issuance);
                assert!(Balances::free_balance(Faucet::pot()) >= ED);
            }
        });
    }
}
