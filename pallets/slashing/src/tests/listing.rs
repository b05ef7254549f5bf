use cuckoo_primitives::{
    challenge::{ChallengeId, MAX_CHALLENGES_PER_PAGE},
    docket::MAX_CASES_PER_PAGE,
    AccountId, Role,
};
use frame_support::assert_ok;

use super::offences::offence;
use crate::mock::*;

#[test]
fn the_docket_is_read_in_pages() {
    ExtBuilder::default().build_and_execute(|| {
        const CASES: u64 = MAX_CASES_PER_PAGE as u64 + 20;
        for n in 0..CASES {
            let mut stash = [0; 32];
            stash[..8].copy_from_slice(&n.to_le_bytes());
            offence(&[AccountId::new(stash)], 1, 0);
        }
        assert_eq!(Slashing::docket(None, u32::MAX).len() as u32, MAX_CASES_PER_PAGE);
        let mut listed = Vec::new();
        let mut after = None;
        loop {
            let page = Slashing::docket(after, 50);
            let Some((last, _)) = page.last() else { break };
            after = Some(*last);
            listed.extend(page.iter().map(|(id, _)| *id));
            for (id, case) in page {
                assert_eq!(Slashing::case(id), Some(case));
            }
        }
        listed.sort_unstable();
        assert_eq!(listed, (0..CASES).collect::<Vec<_>>());
        // A page may begin after a case that is gone.
        let first = Slashing::docket(None, 2);
        cancel(first[0].0).unwrap();
        assert_eq!(Slashing::docket(Some(first[0].0), 1), first[1..]);
    });
}

#[test]
fn open_challenges_are_read_in_pages() {
    ExtBuilder::default().build_and_execute(|| {
        let bens_key = 60;
        Market::enter(&CLEO, bens_key, Role::Miner);
        // Every fourth is another miner's.
        let asked = u64::from(MAX_CHALLENGES_PER_PAGE) + 20;
        for n in 0..asked {
            let key = if n % 4 == 0 { bens_key } else { ALICE_KEY };
            assert_ok!(challenge(&CLEO, opening(key, task_id(ms(0), n as u8), 0)));
        }
        assert_eq!(Slashing::open_challenges(None, u32::MAX).len() as u32, MAX_CHALLENGES_PER_PAGE);
        let walk = |page: &dyn Fn(Option<ChallengeId>) -> Vec<ChallengeId>| {
            let mut listed: Vec<ChallengeId> = Vec::new();
            loop {
                let next = page(listed.last().copied());
                if next.is_empty() {
                    return listed;
                }
                listed.extend(next);
            }
        };
        let numbers = |page: Vec<(ChallengeId, _)>| page.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
        let mut all = walk(&|after| numbers(Slashing::open_challenges(after, 50)));
        all.sort_unstable();
        assert_eq!(all, (0..asked).collect::<Vec<_>>());
        // Of one miner in the order in which they were made.
        let (bens, alices): (Vec<_>, Vec<_>) = (0..asked).partition(|n| n % 4 == 0);
        assert_eq!(walk(&|after| numbers(Slashing::challenges_against(CLEO, after, 10))), bens);
        assert_eq!(walk(&|after| numbers(Slashing::challenges_against(ALICE, after, u32::MAX))), alices);
        assert_eq!(Slashing::challenges_against(BOB, None, 10), vec![]);
        // A page may begin after a challenge that is over.
        assert_ok!(answer(&ALICE, 1, shown(0)));
        assert_eq!(numbers(Slashing::challenges_against(ALICE, Some(1), 2)), [2, 3]);
        assert_eq!((Slashing::open_challenge(1), Slashing::open_challenge(2).is_some()), (None, true));
    });
}
