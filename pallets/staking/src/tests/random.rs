//! Random sequences of calls, slashes and eras: no planck is lost but by a slash, and every invariant holds after each
//! step.

use cuckoo_primitives::{
    registry::{Bonds, Taken, VotedStake},
    AccountId, Balance,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

use crate::{mock::*, MinBond};

#[derive(Clone, Debug)]
enum Step {
    Bond(Balance),
    BondExtra(Balance),
    Unbond(Balance),
    Rebond(Balance),
    Withdraw,
    Vote(Balance),
    SlashActive(Balance),
    SlashUnlocking(Balance),
    Session(u32),
}

/// What each stash has lost by slashes.
type Losses = BTreeMap<AccountId, Balance>;

fn amount() -> impl Strategy<Value = Balance> {
    prop_oneof![8 => 0..300u128, 1 => 900..1_100u128, 1 => Just(Balance::MAX)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        amount().prop_map(Step::Bond),
        amount().prop_map(Step::BondExtra),
        amount().prop_map(Step::Unbond),
        amount().prop_map(Step::Rebond),
        Just(Step::Withdraw),
        (0..200u128).prop_map(Step::Vote),
        (0..60u128).prop_map(Step::SlashActive),
        (0..60u128).prop_map(Step::SlashUnlocking),
        (1..5u32).prop_map(Step::Session),
    ]
}

/// Votes within the bond, as the voting pallet would keep them.
fn vote(stash: &AccountId, voted: Balance) {
    Register::set(stash.clone(), voted.min(Stake::bond_of(stash.clone()).map_or(0, |bond| bond.active)));
}

fn slash(stash: &AccountId, losses: &mut Losses, slash: impl FnOnce() -> Balance) {
    *losses.entry(stash.clone()).or_default() += slash();
    // What was slashed is voted no more.
    vote(stash, Register::voted(stash));
}

fn run(stash: &AccountId, step: Step, session: &mut u32, losses: &mut Losses) {
    let origin = RuntimeOrigin::signed(stash.clone());
    let before = state_root();
    let result = match step {
        Step::Bond(value) => Stake::bond(origin, value),
        Step::BondExtra(value) => Stake::bond_extra(origin, value),
        Step::Unbond(value) => Stake::unbond(origin, value),
        Step::Rebond(value) => Stake::rebond(origin, value),
        Step::Withdraw => Stake::withdraw_unbonded(origin),
        Step::Vote(voted) => return vote(stash, voted),
        Step::SlashActive(amount) => return slash(stash, losses, || Stake::take_active(stash, amount, Taken::Burned)),
        Step::SlashUnlocking(amount) => {
            return slash(stash, losses, || Stake::take_unlocking(stash, amount, Taken::Burned))
        }
        Step::Session(count) => {
            *session += count;
            return Stake::note_session_started(*session);
        }
    };
    // A refused call changes nothing, even before the transaction layer undoes it.
    if result.is_err() {
        assert_eq!(state_root(), before);
    }
}

fn state_root() -> Vec<u8> {
    sp_io::storage::root(sp_runtime::StateVersion::V1)
}

fn total(who: &AccountId) -> Balance {
    let (free, held, _) = funds(who);
    free + held
}

proptest! {
    #[test]
    fn no_planck_is_lost(steps in proptest::collection::vec((prop::bool::ANY, step()), 1..80)) {
        ExtBuilder::default().build_and_execute(|| {
            let issuance = Balances::total_issuance();
            let (mut session, mut losses) = (0, Losses::new());
            for (alice, step) in steps {
                let stash = if alice { ALICE } else { BOB };
                let before = funds(&stash).2;
                run(&stash, step, &mut session, &mut losses);
                Stake::do_try_state().unwrap();
                assert_eq!(Balances::total_issuance(), issuance - losses.values().sum::<Balance>());
                for stash in [ALICE, BOB] {
                    assert_eq!(total(&stash) + losses.get(&stash).unwrap_or(&0), BALANCE);
                }
                // Only a slash leaves dust.
                let active = funds(&stash).2;
                assert!(active == 0 || active >= MinBond::<Test>::get() || (active <= before && !losses.is_empty()));
            }
            // Whatever happened, everybody can leave with all they had.
            for stash in [ALICE, BOB] {
                vote(&stash, 0);
                let active = funds(&stash).2;
                let origin = || RuntimeOrigin::signed(stash.clone());
                if active > 0 && Stake::unbond(origin(), active).is_err() {
                    run_to_era(Stake::era_progress().era + BONDING_ERAS);
                    Stake::withdraw_unbonded(origin()).unwrap();
                    Stake::unbond(origin(), active).unwrap();
                }
                run_to_era(Stake::era_progress().era + BONDING_ERAS);
                let _nothing_left = Stake::withdraw_unbonded(origin());
                assert_eq!(funds(&stash), (BALANCE - losses.get(&stash).unwrap_or(&0), 0, 0));
            }
        });
    }
}
