use cuckoo_primitives::{docket::MAX_CASES_PER_PAGE, AccountId};

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
