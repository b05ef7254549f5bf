use cuckoo_primitives::{runtime_api::MAX_CANDIDATES_PER_PAGE, AccountId, CandidateStatus, Role};
use frame_support::assert_ok;

use crate::{mock::*, Call};

fn stash(n: u8) -> AccountId {
    AccountId::new([n; 32])
}

fn stashes(after: Option<&AccountId>, limit: u32) -> Vec<AccountId> {
    Registration::candidates(Role::Miner, after.cloned(), limit).into_iter().map(|candidate| candidate.stash).collect()
}

#[test]
fn pages_together_hold_every_candidate_of_the_role_once() {
    let coordinator = (ALICE, 200, Role::Coordinator, "http://127.0.0.1:7701");
    ExtBuilder::default().candidates(&[coordinator]).build_and_execute(|| {
        for n in 10..20 {
            assert_ok!(register_miner(&stash(n), n));
        }
        let all = stashes(None, MAX_CANDIDATES_PER_PAGE);
        assert_eq!(all.len(), 10);
        let mut paged = Vec::new();
        loop {
            let page = stashes(paged.last(), 3);
            if page.is_empty() {
                break;
            }
            paged.extend(page);
        }
        assert_eq!(paged, all);
        assert_eq!(stashes(None, 0), []);
        assert_eq!(Registration::candidates(Role::Coordinator, None, u32::MAX).len(), 1);
        assert_eq!(Registration::candidates(Role::Validator, None, 10), []);
    });
}

#[test]
fn a_page_goes_on_after_a_candidate_that_left() {
    ExtBuilder::default().build_and_execute(|| {
        for n in 10..20 {
            assert_ok!(register_miner(&stash(n), n));
        }
        let all = stashes(None, 10);
        assert_ok!(submit(&all[3], Call::deregister {}));
        assert_eq!(stashes(Some(&all[3]), 10), all[4..]);
    });
}

#[test]
fn a_page_is_bounded() {
    ExtBuilder::default().build_and_execute(|| {
        for n in 0..MAX_CANDIDATES_PER_PAGE + 1 {
            let mut bytes = [0; 32];
            bytes[..4].copy_from_slice(&n.to_le_bytes());
            crate::Roster::<Test>::enter(&AccountId::new(bytes), Role::Miner, operator(1), miner_info()).unwrap();
        }
        assert_eq!(stashes(None, u32::MAX).len(), MAX_CANDIDATES_PER_PAGE as usize);
        // These shortcuts left a state that no call can reach.
        let _cleared = crate::Candidates::<Test>::clear(u32::MAX, None);
        let _cleared = crate::RoleOf::<Test>::clear(u32::MAX, None);
    });
}

#[test]
fn the_status_follows_stake_and_chill() {
    ExtBuilder::default().build_and_execute(|| {
        let status = || Registration::candidate(ALICE).unwrap().status;
        assert_ok!(register_miner(&ALICE, 1));
        assert_eq!(status(), CandidateStatus::Pending);
        Stakes::run_to_era(1);
        assert_eq!(status(), CandidateStatus::Active);
        // What was lost in this era still counts in it.
        Stakes::lose(&ALICE, 1);
        assert_eq!(status(), CandidateStatus::Active);
        Stakes::run_to_era(2);
        assert_eq!(status(), CandidateStatus::BelowMinimum);
        assert_ok!(submit(&ALICE, Call::chill {}));
        assert_eq!(status(), CandidateStatus::Chilled);
    });
}

#[test]
fn votes_of_others_are_backing_and_not_own_stake() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 1));
        Stakes::run_to_era(1);
        Stakes::vote(&ALICE, 500);
        let candidate = Registration::candidate(ALICE).unwrap();
        assert_eq!((candidate.own_stake, candidate.backing), (MIN + 1, MIN + 1));
        assert_eq!(candidate.next_backing, MIN + 501);
        Stakes::run_to_era(2);
        assert_eq!(Registration::candidate(ALICE).unwrap().backing, MIN + 501);
    });
}
