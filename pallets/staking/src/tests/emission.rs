use cuckoo_primitives::{
    registry::{Budgets, RewardPot},
    Balance, CAI, TOTAL_SUPPLY_CAP,
};
use frame_support::assert_ok;

use crate::{mock::*, Emission, EmissionRecord, EraShare, Event, HALF_LIFE_MS};

const STAKING: Balance = 110_000_000 * CAI;
const MINING: Balance = 300_000_000 * CAI;

/// What an era of the test's chain may pay of budgets that are whole.
fn first_budgets() -> Budgets {
    let share = EraShare::of_era(u64::from(SESSIONS_PER_ERA) * SESSION_MS);
    Budgets { staking: share.of(STAKING), mining: share.of(MINING) }
}

fn open(state: &EmissionRecord) -> (Balance, Balance) {
    (state.staking.open, state.mining.open)
}

fn pot() -> Balance {
    Balances::free_balance(Emission::<Test>::pot())
}

#[test]
fn genesis_leaves_both_budgets_whole_and_lets_the_pot_exist() {
    ExtBuilder::default().build_and_execute(|| {
        let state = Stake::emission();
        assert_eq!((state.staking.remaining, state.mining.remaining), (STAKING, MINING));
        assert_eq!((state.emitted(), state.claimed, state.to_come()), (0, 0, STAKING + MINING));
        assert_eq!(pot(), 1);
    });
}

#[test]
fn an_eras_end_opens_its_share() {
    ExtBuilder::default().build_and_execute(|| {
        run_to_era(1);
        let Budgets { staking, mining } = first_budgets();
        System::assert_last_event(Event::BudgetOpened { era: 0, staking, mining }.into());
        System::assert_has_event(Event::EraStarted { era: 1 }.into());
        assert_eq!(Register::offered(), [(0, first_budgets())]);
        assert_eq!(open(&Stake::emission()), (staking, mining));

        run_to_era(2);
        let (ended, second) = Register::offered().pop().unwrap();
        assert_eq!(ended, 1);
        assert!(second.mining < mining && second.staking < staking);
        assert_eq!(open(&Stake::emission()), (staking + second.staking, mining + second.mining));
    });
}

#[test]
fn a_budget_that_is_refused_remains() {
    ExtBuilder::default().build_and_execute(|| {
        Register::refuse();
        run_to_era(2);
        assert_eq!(Register::offered(), [(0, first_budgets()), (1, first_budgets())]);
        let state = Stake::emission();
        assert_eq!((open(&state), state.staking.remaining, state.mining.remaining), ((0, 0), STAKING, MINING));
        System::assert_last_event(Event::EraStarted { era: 2 }.into());
    });
}

#[test]
fn skipped_eras_get_no_budget() {
    ExtBuilder::default().build_and_execute(|| {
        run_to_era(1);
        // No block was made in eras 2 to 4.
        start_session(5 * SESSIONS_PER_ERA + 1);
        let ended: Vec<_> = Register::offered().into_iter().map(|(ended, _)| ended).collect();
        assert_eq!(ended, [0, 1]);
    });
}

#[test]
fn what_is_earned_is_minted_and_the_rest_remains() {
    ExtBuilder::default().build_and_execute(|| {
        run_to_era(1);
        let issuance = Balances::total_issuance();
        let Budgets { staking, mining } = first_budgets();
        Stake::mint(Budgets { staking: staking - 7, mining: 1 });
        Stake::give_back(Budgets { staking: 7, mining: mining - 1 });
        let state = Stake::emission();
        assert_eq!((state.staking.emitted, state.mining.emitted, open(&state)), (staking - 7, 1, (0, 0)));
        assert_eq!(Balances::total_issuance(), issuance + staking - 6);
        assert_eq!(pot(), 1 + staking - 6);
        assert_eq!(state.staking.remaining, STAKING - staking + 7);
    });
}

#[test]
fn no_more_is_minted_or_given_back_than_is_open() {
    ExtBuilder::default().build_and_execute(|| {
        let before = (Stake::emission(), Balances::total_issuance());
        Stake::mint(Budgets { staking: 1, mining: Balance::MAX });
        Stake::give_back(Budgets { staking: Balance::MAX, mining: 1 });
        assert_eq!((Stake::emission(), Balances::total_issuance()), before);

        run_to_era(1);
        let Budgets { staking, mining } = first_budgets();
        Stake::mint(Budgets { staking: Balance::MAX, mining: Balance::MAX });
        let state = Stake::emission();
        assert_eq!((state.staking.emitted, state.mining.emitted, open(&state)), (staking, mining, (0, 0)));
    });
}

#[test]
fn nothing_is_minted_past_the_cap() {
    ExtBuilder::default().build_and_execute(|| {
        run_to_era(1);
        let before = Stake::emission();
        // More than there may be, by a call that only test chains have.
        let room = TOTAL_SUPPLY_CAP - Balances::total_issuance() - before.to_come();
        let too_much = room + BALANCE + 1;
        assert_ok!(Balances::force_set_balance(RuntimeOrigin::root(), ALICE, too_much));
        Stake::mint(Budgets { staking: 1, mining: 1 });
        assert_eq!(Stake::emission(), before);
        assert_ok!(Balances::force_set_balance(RuntimeOrigin::root(), ALICE, too_much - 1));
        Stake::mint(Budgets { staking: 1, mining: 1 });
        assert_eq!(Stake::emission().emitted(), 2);
    });
}

#[test]
fn a_chain_of_long_eras_emits_half_in_four_years() {
    let mut builder = ExtBuilder::default();
    // Days.
    (builder.stake.slot_ms, builder.stake.session_blocks, builder.stake.sessions_per_era) = (6_000, 14_400, 1);
    builder.build_and_execute(|| {
        let days = u32::try_from(HALF_LIFE_MS / 86_400_000).unwrap();
        for day in 1..=days {
            Stake::note_session_started(day);
            let (_, opened) = Register::offered().pop().unwrap();
            Stake::mint(opened);
            System::reset_events();
        }
        let state = Stake::emission();
        for (budget, total) in [(state.staking, STAKING), (state.mining, MINING)] {
            assert!(budget.emitted <= total / 2 + 1 && budget.emitted + Balance::from(days) + 1 >= total / 2);
        }
        assert_eq!(Balances::total_issuance(), 2 * BALANCE + 1 + state.emitted());
    });
}
