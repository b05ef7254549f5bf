//! Who is drawn.

use super::*;

#[test]
fn only_those_alike_go_on_with_what_was_begun() {
    let registry = registry();
    let _many: Vec<_> = (10..20).map(|id| of_class(&registry, id, 1_000_000, "cpu")).collect();
    let _alike = of_class(&registry, 1, 1, "gpu");
    let Ok(Acquired::Now(slot)) = registry.acquire(want_alike(1, alike("gpu")), &[]) else { panic!("no slot") };
    assert_eq!(slot.link().operator_id(), [1; 32]);
    let Err(DispatchError::NoMiner { reason }) = registry.acquire(want_alike(2, alike("tpu")), &[]).map(drop) else {
        panic!("nobody is")
    };
    assert!(reason.contains("go on"), "{reason}");
}

#[test]
fn those_alike_are_waited_for_while_they_are_there() {
    let registry = registry();
    let _other = of_class(&registry, 10, 1_000_000, "cpu");
    let link = of_class(&registry, 1, 1, "gpu");
    let waits = |number| match registry.acquire(want_alike(number, alike("gpu")), &[]) {
        Ok(Acquired::Later(granted)) => granted,
        _ => panic!("not queued"),
    };
    let Ok(Acquired::Now(slot)) = registry.acquire(want_alike(1, alike("gpu")), &[]) else { panic!("no slot") };
    let (mut served, mut left) = (waits(2), waits(3));
    assert!(served.try_recv().is_err(), "the other one is free, and not asked");
    drop(slot);
    let _slot = served.try_recv().unwrap().unwrap_or_else(|error| panic!("{error:?}"));
    registry.remove(&link);
    assert!(matches!(left.try_recv(), Ok(Err(DispatchError::NoMiner { .. }))));
}

#[test]
fn shares_hold_among_those_that_are_free() {
    let registry = registry();
    // A giant that is busy, and so many idle ones without slots that the free ones are few.
    let _giant = link(&registry, 100, 1_000_000, 1);
    let _held = now(&registry, 1);
    let _links = [link(&registry, 1, 100, 10_000), link(&registry, 2, 300, 10_000)];
    for crowd in [0u8, 50] {
        let _crowd: Vec<_> = (0..crowd).map(|id| link(&registry, 101 + id, 10, 0)).collect();
        let mut drawn = HashMap::new();
        for task in 0..2_000 {
            *drawn.entry(now(&registry, task).link().operator_id()[0]).or_insert(0u32) += 1;
        }
        // Expected 1,500; five standard deviations are 97.
        assert!((1_403..=1_597).contains(&drawn[&2]), "{drawn:?}");
        assert_eq!(drawn.len(), 2);
    }
}

#[test]
fn equal_seeds_draw_equal_miners() {
    let draw = || {
        let registry = registry();
        let _links: Vec<_> = (0..20).map(|id| link(&registry, id, 1 + u128::from(id), 1)).collect();
        (0..10).map(|task| now(&registry, task).link().operator_id()).collect::<Vec<_>>()
    };
    assert_eq!(draw(), draw());
}

#[test]
fn a_miner_is_drawn_by_its_backing_however_many_links_it_has() {
    let registry = registry();
    let _one = link(&registry, 1, 300, 10_000);
    let many: Vec<_> = (0..4).map(|channel| link_of_channel(&registry, 2, channel, 100, 10_000)).collect();
    let mut drawn = HashMap::new();
    for task in 0..2_000 {
        *drawn.entry(now(&registry, task).link().id()).or_insert(0u32) += 1;
    }
    let of_many: Vec<u32> = many.iter().map(|link| drawn.get(&link.id()).copied().unwrap_or(0)).collect();
    // Expected 500, 125 on each; five standard deviations are 97 and 54.
    assert!((403..=597).contains(&of_many.iter().sum::<u32>()), "{of_many:?}");
    assert!(of_many.iter().all(|drawn| (71..=179).contains(drawn)), "{of_many:?}");
    let operators = [AccountId::from([1; 32]), AccountId::from([2; 32])];
    let report = registry.report(operators.iter().map(|it| (it, it)));
    assert_eq!((report.linked, report.linked_backing), (2, 400));
    let report = report.each[1].0.as_ref().unwrap();
    assert_eq!((report.backing, report.free_slots, report.offers.len()), (100, 40_000, 4));
    // Those that stay have the part of the one that leaves.
    registry.remove(&many[0]);
    drop(many);
    let report = registry.report(operators.iter().map(|it| (it, it)));
    assert_eq!((report.linked, report.linked_backing), (2, 400));
}
