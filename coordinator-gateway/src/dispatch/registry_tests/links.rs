//! Links that come, go and are replaced.

use super::*;

#[test]
fn models_and_their_kinds_are_known_by_offers() {
    let registry = registry();
    let error = |want: Want<'_>| registry.acquire(want, &[]).err().unwrap();
    assert!(matches!(error(want(0)), DispatchError::UnknownModel { .. }));
    let link = link(&registry, 1, 1, 1);
    let embedding = Want { kind: ModelKind::Embedding, ..want(0) };
    assert!(matches!(error(embedding), DispatchError::WrongKind { .. }));
    registry.remove(&link);
    assert!(matches!(error(want(0)), DispatchError::NoMiner { .. }));
    assert!(registry.models().is_empty());
}

#[test]
fn a_newer_link_replaces_that_of_the_same_channel_and_no_other() {
    let registry = registry();
    let other = link_of_channel(&registry, 1, 0, 1, 1);
    let older = link_of_channel(&registry, 1, 1, 1, 1);
    let newer = Arc::new(Link::unheard(AccountId::from([1; 32]), 1));
    let replaced = registry.admit(newer.clone(), 1).unwrap().unwrap();
    assert_eq!(replaced.serial(), older.serial());
    registry.remove(&older);
    assert_eq!(registry.links().len(), 2, "an old link's end does not concern the new one");
    registry.remove(&newer);
    assert_eq!(registry.links()[0].serial(), other.serial());
}

#[test]
fn an_operator_has_so_many_links() {
    let registry = registry();
    let links: Vec<_> = (0..32).map(|channel| link_of_channel(&registry, 1, channel, 1, 1)).collect();
    let link = |channel| Arc::new(Link::unheard(AccountId::from([1; 32]), channel));
    assert!(registry.admit(link(32), 1).is_err());
    assert!(registry.admit(link(31), 1).unwrap().is_some(), "in the place of an older one there is room");
    registry.remove(&links[0]);
    assert!(registry.admit(link(32), 1).unwrap().is_none());
}

#[test]
fn the_end_of_a_lost_links_task_serves_those_who_wait_for_others() {
    let registry = paying(10, 1_000);
    let _links = [link(&registry, 1, 1, 9), link(&registry, 2, 1, 9)];
    let Ok(Acquired::Now(mut slot)) = registry.acquire(paid(0, 10), &[]) else { panic!() };
    let Ok(Acquired::Later(mut waiting)) = registry.acquire(paid(1, 10), &[]) else { panic!() };
    let lost = slot.link().clone();
    registry.remove(&lost);
    let ceiling = slot.take_ceiling();
    drop(slot);
    assert!(waiting.try_recv().is_err());
    drop(ceiling);
    assert_ne!(waiting.try_recv().unwrap().unwrap().link().serial(), lost.serial());
}
