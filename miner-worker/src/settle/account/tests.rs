use super::*;
use crate::settle::{stage::Stage, Trust};
use crate::wallet::fixture::{account as number, voucher};

const FORGIVE: Duration = Duration::from_secs(86_400);

fn bucket(held: WrittenOff) -> Bucket {
    Bucket::new(held, Duration::ZERO, Instant::now(), FORGIVE)
}

fn account(workers: u32) -> Arc<Account> {
    let account = Arc::new(Account::new(number(1), workers, bucket(WrittenOff::default())));
    account.cover(Covered { escrow: 1_000, cover: 2_000, owes: 0, unsettled: 0 });
    account
}

/// Takes a task with this ceiling and answers it with a result that costs so much.
fn serve(account: &Arc<Account>, slots: u32, cost: Balance) -> Result<(), Declined> {
    let reservation = account.reserve(cost, slots, Instant::now())?;
    account.delivered(cost);
    drop(reservation);
    Ok(())
}

#[test]
fn without_a_voucher_the_work_ends_after_one_step() {
    let account = account(1);
    serve(&account, 1, 10).unwrap();
    serve(&account, 1, 10).unwrap();
    let declined = serve(&account, 1, 10).unwrap_err();
    assert_eq!(declined, Declined::Behind(Behind { owed: 20, step: 10 }));
    assert_eq!(account.paid(10, Instant::now()), None);
    serve(&account, 1, 10).unwrap();
    // With four slots a step is four results.
    account.paid(20, Instant::now());
    for _ in 0..5 {
        serve(&account, 4, 10).unwrap();
    }
    assert_eq!(account.behind(), Some(Behind { owed: 50, step: 40 }));
}

#[test]
fn what_is_at_stake_stays_within_escrow_and_half_of_the_cover() {
    for (escrow, cover, limit) in [(100, 1_000, 100), (1_000, 200, 100), (100, 0, 0), (0, 100, 0)] {
        let account = account(1);
        account.cover(Covered { escrow, cover, owes: 0, unsettled: 0 });
        let declined = account.reserve(limit + 1, 1, Instant::now()).unwrap_err();
        assert_eq!(declined, Declined::Uncovered { exposure: limit + 1, limit });
        if limit > 0 {
            account.reserve(limit, 1, Instant::now()).unwrap();
        }
    }
}

#[test]
fn vouchers_results_and_running_tasks_are_at_stake_together() {
    let account = account(1);
    account.cover(Covered { escrow: 100, cover: 1_000, owes: 0, unsettled: 50 });
    let running = account.reserve(30, 4, Instant::now()).unwrap();
    account.delivered(10);
    assert!(account.reserve(10, 4, Instant::now()).is_ok());
    let declined = account.reserve(11, 4, Instant::now()).unwrap_err();
    assert_eq!(declined, Declined::Uncovered { exposure: 101, limit: 100 });
    drop(running);
    // A voucher for the result is as much at stake as the result was.
    account.paid(10, Instant::now());
    assert_eq!(account.standing().exposure, Some(60));
    assert!(account.reserve(40, 4, Instant::now()).is_ok());
}

#[test]
fn workers_of_one_miner_share_what_covers_it() {
    let account = account(4);
    assert!(account.reserve(250, 1, Instant::now()).is_ok());
    assert!(account.reserve(251, 1, Instant::now()).is_err());
}

#[test]
fn debts_and_ignorance_stop_paid_work_and_nothing_stops_free_work() {
    let account = account(1);
    account.cover(Covered { escrow: 1_000, cover: 2_000, owes: 1, unsettled: 0 });
    assert_eq!(account.reserve(1, 1, Instant::now()).unwrap_err(), Declined::Owes(1));
    assert!(account.reserve(0, 1, Instant::now()).is_ok());
    let unknown = Arc::new(Account::new(number(1), 1, bucket(WrittenOff::default())));
    assert_eq!(unknown.reserve(1, 1, Instant::now()).unwrap_err(), Declined::Unknown);
    assert!(unknown.reserve(0, 1, Instant::now()).is_ok());
    unknown.delivered(0);
    assert_eq!(unknown.standing().owed, 0);
}

#[test]
fn links_that_end_unpaid_add_up_until_nobody_works_any_more() {
    let account = account(1);
    for link in 0..3 {
        let (_open, written_off) = account.begin_link(0, Instant::now());
        assert_eq!(written_off.map(|off| off.permille), (link > 0).then_some(link * 1_000));
        serve(&account, 1, 10).unwrap();
    }
    let (_open, written_off) = account.begin_link(0, Instant::now());
    assert_eq!(written_off, Some(WrittenOff { amount: 30, permille: 3_000 }));
    assert!(matches!(serve(&account, 1, 10), Err(Declined::LeftUnpaid(_))));
    let wait = account.has_room(Instant::now()).unwrap_err();
    assert!(wait <= FORGIVE, "{wait:?}");
    assert_eq!(account.has_room(Instant::now() + wait), Ok(()));
}

/// An account of which so many links have ended, each with a result of this cost that was not paid.
fn left_unpaid(links: u32, cost: Balance) -> Arc<Account> {
    let account = account(1);
    account.cover(Covered { escrow: 1_000_000, cover: 2_000_000, owes: 0, unsettled: 0 });
    for _ in 0..links {
        let _open = account.begin_link(0, Instant::now());
        serve(&account, 1, cost).unwrap();
    }
    let _open = account.begin_link(0, Instant::now());
    account
}

#[test]
fn what_is_paid_late_empties_the_bucket_again() {
    let account = left_unpaid(3, 10);
    assert!(account.has_room(Instant::now()).is_err());
    // At the next link's beginning the coordinator promises two of the three.
    let (_open, written_off) = account.begin_link(20, Instant::now());
    assert_eq!(written_off, Some(WrittenOff { amount: 10, permille: 1_000 }));
    // And the third in the middle of it.
    assert_eq!(account.paid(10, Instant::now()), Some(WrittenOff { amount: 0, permille: 0 }));
    assert_eq!(account.paid(10, Instant::now()), None, "what was never written off is no late payment");
}

#[test]
fn one_planck_buys_nothing_back() {
    let account = left_unpaid(3, 100_000);
    for paid in 1..=100 {
        let written_off = account.paid(1, Instant::now());
        assert_eq!(written_off, Some(WrittenOff { amount: 300_000 - paid, permille: 3_000 }));
    }
    assert!(account.has_room(Instant::now()).is_err());
}

#[test]
fn cheap_payment_after_dear_work_buys_only_its_part() {
    let account = left_unpaid(2, 990);
    // The price falls: a step of the next link costs a hundredth.
    serve(&account, 1, 10).unwrap();
    let (_open, written_off) = account.begin_link(0, Instant::now());
    assert_eq!(written_off, Some(WrittenOff { amount: 1_990, permille: 3_000 }));
    // All that was left unpaid at the low price.
    assert_eq!(account.paid(10, Instant::now()), Some(WrittenOff { amount: 1_980, permille: 2_985 }));
    assert_eq!(account.paid(990, Instant::now()), Some(WrittenOff { amount: 990, permille: 1_493 }));
    assert_eq!(account.paid(990, Instant::now()), Some(WrittenOff { amount: 0, permille: 0 }), "all of it empties it");
}

#[test]
fn after_a_restart_late_payment_counts_in_proportion() {
    let account = Arc::new(Account::new(number(1), 1, bucket(WrittenOff { amount: 60, permille: 3_000 })));
    assert!(account.has_room(Instant::now()).is_err());
    assert_eq!(account.paid(20, Instant::now()), Some(WrittenOff { amount: 40, permille: 2_000 }));
}

#[test]
fn work_that_is_called_bad_is_written_off_at_once_like_a_link_that_ends() {
    let account = account(1);
    let (_open, _) = account.begin_link(0, Instant::now());
    assert_eq!(account.lost(0, Instant::now()), None);
    for lost in 1..=3 {
        let expected = WrittenOff { amount: 10 * Balance::from(lost), permille: lost * 1_000 };
        assert!(account.has_room(Instant::now()).is_ok());
        assert_eq!(account.lost(10, Instant::now()), Some(expected));
    }
    assert!(account.has_room(Instant::now()).is_err());
    assert_eq!(account.standing().owed, 0, "no voucher is waited for");
    assert_eq!(account.begin_link(0, Instant::now()).1, None, "nor is it written off twice");
}

#[test]
fn of_several_slots_one_loss_is_a_part_of_a_step() {
    let account = account(1);
    let (_open, _) = account.begin_link(0, Instant::now());
    for _ in 0..4 {
        serve(&account, 4, 10).unwrap();
        account.paid(10, Instant::now());
    }
    assert_eq!(account.lost(10, Instant::now()), Some(WrittenOff { amount: 10, permille: 250 }));
}

/// Lives through so many hours, in each of which the coordinator has an answer that takes an hour if there is one
/// for it, and calls it bad if it `steals` with so much left unpaid. Returns how many answers it paid and how many
/// it kept for nothing.
fn lives_through(hours: u32, forgive: Duration, steals: impl Fn(u32) -> bool) -> (u32, u32) {
    let (begin, cost) = (Instant::now(), 1_000);
    let bucket = Bucket::new(WrittenOff::default(), Duration::ZERO, begin, forgive);
    let account = Arc::new(Account::new(number(1), 1, bucket));
    account.cover(Covered { escrow: Balance::MAX, cover: Balance::MAX, owes: 0, unsettled: 0 });
    let (mut paid, mut kept) = (0, 0);
    for hour in 1..=hours {
        let now = begin + Duration::from_secs(3_600) * hour;
        let level = account.state.lock().bucket.held(now).permille;
        if account.reserve(cost, 1, now).is_err() {
            continue;
        }
        if steals(level) {
            account.lost(cost, now);
            kept += 1;
        } else {
            account.delivered(cost);
            account.paid(cost, now);
            paid += 1;
        }
    }
    (paid, kept)
}

#[test]
fn long_answers_that_are_all_called_bad_come_to_an_end() {
    let forgive = Trust::default().forgive;
    let (_, kept) = lives_through(24 * 30, forgive, |_| true);
    // Three at once, and then one a day.
    assert!((30..=36).contains(&kept), "{kept} answers of an hour each for nothing");
    assert!(matches!(lives_through(24, forgive, |_| true), (0, 3 | 4)), "and hardly one on the first day");
}

#[test]
fn of_all_work_one_part_in_21_can_be_kept_for_nothing() {
    // As if no time passed, by somebody who keeps clear of the limit.
    let (paid, kept) = lives_through(20_000, Duration::MAX / 1_000_000, |level| level < 2_000);
    assert!(kept <= 3 + paid / 20, "{kept} of {paid}");
    assert!(kept >= paid / 21, "whoever gets a bad answer that rarely is served on: {kept} of {paid}");
    assert_eq!(paid + kept, 20_000);
}

#[test]
fn a_cut_link_costs_what_was_at_work_and_one_step_at_most() {
    let account = account(1);
    for _ in 0..4 {
        serve(&account, 4, 100).unwrap();
        account.paid(100, Instant::now());
    }
    for (link, cost, expected) in [(1, 10, 100), (2, 10, 1_100), (3, 1_000, 2_100)] {
        let (_open, _) = account.begin_link(0, Instant::now());
        let cut: Vec<_> = (0..4).filter_map(|_| account.cut_off(cost, Instant::now())).collect();
        assert_eq!(cut.last().map(|off| off.permille), Some(expected), "link {link}");
    }
    assert_eq!(account.standing().written_off, 4_080, "in planck nothing is left out");
}

#[test]
fn dear_work_that_was_paid_once_makes_cutting_links_cheap_once_only() {
    let account = account(1);
    account.cover(Covered { escrow: 1_000_000, cover: 2_000_000, owes: 0, unsettled: 0 });
    for _ in 0..4 {
        serve(&account, 4, 10_000).unwrap();
        account.paid(10_000, Instant::now());
    }
    for link in 0..4 {
        assert!(account.has_room(Instant::now()).is_ok(), "link {link}");
        let (_open, _) = account.begin_link(0, Instant::now());
        for _ in 0..4 {
            account.cut_off(1, Instant::now());
        }
    }
    assert!(account.has_room(Instant::now()).is_err());
}

#[test]
fn what_a_step_costs_is_not_forgotten_when_a_link_ends() {
    let account = account(1);
    for _ in 0..4 {
        serve(&account, 4, 100).unwrap();
        account.paid(100, Instant::now());
    }
    let (_open, _) = account.begin_link(0, Instant::now());
    let lost = account.lost(10, Instant::now());
    assert_eq!(lost, Some(WrittenOff { amount: 10, permille: 33 }), "the last four results cost 310");
}

#[test]
fn what_is_paid_in_time_makes_up_for_a_part_of_what_was_not() {
    let account = left_unpaid(3, 1_000);
    assert!(account.has_room(Instant::now()).is_err());
    account.begin_link(1_000, Instant::now());
    let before = account.standing().written_off;
    serve(&account, 1, 1_000).unwrap();
    let after = account.paid(1_000, Instant::now());
    assert_eq!(after, Some(WrittenOff { amount: before - 50, permille: 1_950 }));
}

#[test]
fn what_was_promised_is_counted_once() {
    let account = account(1);
    let channel = |number| ChannelKey::from(&voucher(1, number, 0).voucher);
    assert_eq!(account.count(&channel(1), 10, 15), 5);
    assert_eq!(account.count(&channel(1), 15, 15), 0, "what came on an earlier link was counted there");
    assert_eq!(account.count(&channel(1), 0, 18), 3);
    assert_eq!(account.count(&channel(2), 0, 18), 18);
}

#[test]
fn a_link_counts_as_long_as_it_lives() {
    let account = account(1);
    let (open, written_off) = account.begin_link(0, Instant::now());
    assert!(account.standing().is_linked && written_off.is_none());
    drop(open);
    assert!(!account.standing().is_linked);
}

#[test]
fn what_is_kept_last_is_what_is_so_last() {
    let stage = Stage::new(&[]);
    let settlement = &stage.settlement;
    let account = settlement.account(&number(1));
    let lose = || ((), account.lost(10, Instant::now()));
    let (said, is_kept) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        settlement.keep_written_off(&account, || {
            let lost = lose();
            // Somebody else loses as much, and would keep its newer figure before this older one if it could.
            scope.spawn(|| {
                settlement.keep_written_off(&account, lose);
                said.send(()).unwrap();
            });
            assert!(is_kept.recv_timeout(Duration::from_millis(300)).is_err(), "it is not its turn");
            lost
        });
        is_kept.recv_timeout(Duration::from_secs(20)).unwrap();
    });
    assert!(settlement.wallet().flush(Duration::from_secs(20)));
    assert_eq!(settlement.wallet().unpaid(&number(1)).amount, account.standing().written_off);
    assert_eq!(account.standing().written_off, 20);
}
