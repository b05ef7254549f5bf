use crate::mock::*;

fn can_spare(planned: &[u8]) -> bool {
    let planned: Vec<_> = planned.iter().map(|n| who(*n)).collect();
    Election::can_spare_keys(planned.iter())
}

#[test]
fn keys_are_spared_down_to_the_minimum() {
    ExtBuilder::limits(3, 2).build_and_execute(|| {
        assert!(can_spare(&[1, 2, 3]));
        Standing::purge(&[3]);
        assert!(!can_spare(&[1, 2, 3]));
        assert!(!can_spare(&[1, 2]));
        assert!(!can_spare(&[]));
    });
}
