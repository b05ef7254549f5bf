use cuckoo_primitives::{AccountId, Balance};
use proptest::prelude::*;

use crate::{
    choice::{most_backed, remaining},
    mock::who,
};

fn candidates() -> impl Strategy<Value = Vec<(AccountId, Balance)>> {
    // Few different backings, so that there are ties.
    prop::collection::btree_map(any::<u8>(), 0..5_u128, 0..40)
        .prop_map(|map| map.into_iter().map(|(n, backing)| (who(n), backing)).collect())
}

proptest! {
    #[test]
    fn nobody_left_out_has_more_backing_than_one_chosen(
        candidates in candidates(), count in 0..40_usize, seed in any::<u64>(),
    ) {
        let mut shuffled = candidates.clone();
        let places = shuffled.len().max(1);
        shuffled.rotate_left(seed as usize % places);
        let chosen = most_backed(shuffled, count);

        prop_assert_eq!(chosen.len(), count.min(candidates.len()));
        prop_assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]), "sorted, and nobody twice");
        let (inside, outside): (Vec<_>, Vec<_>) =
            candidates.into_iter().partition(|(stash, _)| chosen.contains(stash));
        for (stash, backing) in &inside {
            for (other, more) in &outside {
                prop_assert!(more < backing || (more == backing && other > stash));
            }
        }
    }

    #[test]
    fn as_many_remain_as_are_required(
        current in prop::collection::btree_set(any::<u8>(), 0..40), minimum in 0..40_usize,
    ) {
        let current: Vec<_> = current.into_iter().map(who).collect();
        let is_active = |stash: &AccountId| AsRef::<[u8; 32]>::as_ref(stash)[0].is_multiple_of(3);
        let remaining = remaining(current.clone(), is_active, minimum);

        let active: Vec<_> = current.iter().filter(|stash| is_active(stash)).cloned().collect();
        prop_assert!(active.iter().all(|stash| remaining.contains(stash)));
        prop_assert_eq!(remaining.len(), active.len().max(minimum.min(current.len())));
        prop_assert!(remaining.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
