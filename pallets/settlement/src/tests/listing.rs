use std::collections::BTreeSet;

use frame_support::assert_ok;

use crate::mock::*;

#[test]
fn channels_and_debts_come_in_pages() {
    ExtBuilder::default().build_and_execute(|| {
        for miner in [MIKE, NORA] {
            for channel in [FIRST, SECOND] {
                assert_ok!(redeem([signed_by(ANNES_KEY, voucher(&ANNE, &miner, channel, 100))]));
            }
        }
        let mut seen = BTreeSet::new();
        let mut after = None;
        while let Some((key, settled)) = Settlement::channels(ANNE, after.clone(), 1).pop() {
            assert_eq!(settled.amount, 100);
            assert!(seen.insert(key.clone()));
            after = Some(key);
        }
        assert_eq!(seen.len(), 4);
        assert_eq!(Settlement::channels(ANNE, None, u32::MAX).len(), 4);
        assert!(Settlement::channels(CLEO, None, 10).is_empty());

        let first = Settlement::debts(ANNE, None, 1);
        let second = Settlement::debts(ANNE, Some(first[0].0.clone()), 1);
        let owed: BTreeSet<_> = first.into_iter().chain(second).map(|(miner, debt)| (miner, debt.open)).collect();
        assert_eq!(owed, BTreeSet::from([(MIKE, 200), (NORA, 200)]));
    });
}
