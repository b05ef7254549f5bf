//! What holds for any candidates and any seed.

use std::collections::BTreeSet;

use cuckoo_selection::{select, Candidate, Id, SelectionError, Table};
use proptest::{collection, prelude::*};

fn id(number: u16) -> Id {
    let mut id = [0; 32];
    id[30..].copy_from_slice(&number.to_be_bytes());
    id
}

fn share() -> impl Strategy<Value = u128> {
    prop_oneof![Just(0), 1..10u128, any::<u128>(), Just(u128::MAX)]
}

/// Candidates with distinct ids in any order.
fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
    collection::btree_map(any::<u16>(), share(), 0..40)
        .prop_map(|shares| shares.into_iter().map(|(number, share)| Candidate { id: id(number), share }).collect())
        .prop_shuffle()
}

proptest! {
    #[test]
    fn order_does_not_matter(candidates in candidates(), seed: [u8; 32]) {
        let sorted: Vec<_> = candidates.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        prop_assert_eq!(select(&seed, &candidates), select(&seed, &sorted));
        prop_assert_eq!(Table::new(candidates), Table::new(sorted));
    }

    #[test]
    fn somebody_with_a_share_is_drawn_if_there_is_one(candidates in candidates(), seed: [u8; 32]) {
        let table = Table::new(candidates.clone()).unwrap();
        match table.draw(&seed) {
            Some(drawn) => prop_assert!(drawn.share > 0 && candidates.contains(drawn)),
            None => prop_assert!(candidates.iter().all(|candidate| candidate.share == 0)),
        }
    }

    #[test]
    fn one_draw_is_the_same_as_the_tables(candidates in candidates(), seed: [u8; 32]) {
        let table = Table::new(candidates.clone()).unwrap();
        prop_assert_eq!(select(&seed, &candidates), table.draw(&seed).map(|drawn| drawn.id));
        prop_assert_eq!(table.draw_excluding(&seed, |_| false), table.draw(&seed));
    }

    #[test]
    fn the_excluded_are_not_drawn_and_the_rest_is(
        candidates in candidates(), seed: [u8; 32], excluded in collection::btree_set(any::<u8>(), 0..200),
    ) {
        let is_excluded = |id: &Id| excluded.contains(&id[31]);
        let table = Table::new(candidates.clone()).unwrap();
        match table.draw_excluding(&seed, is_excluded) {
            Some(drawn) => prop_assert!(drawn.share > 0 && !is_excluded(&drawn.id)),
            None => prop_assert!(candidates.iter().all(|candidate| candidate.share == 0 || is_excluded(&candidate.id))),
        }
    }

    #[test]
    fn excluding_others_does_not_change_who_is_drawn(candidates in candidates(), seed: [u8; 32]) {
        let table = Table::new(candidates).unwrap();
        if let Some(drawn) = table.draw(&seed) {
            prop_assert_eq!(table.draw_excluding(&seed, |id| *id != drawn.id), Some(drawn));
        }
    }

    #[test]
    fn shares_are_found_by_id(candidates in candidates(), absent: u16) {
        let table = Table::new(candidates.clone()).unwrap();
        prop_assert_eq!(table.len(), candidates.len());
        for candidate in &candidates {
            prop_assert_eq!(table.share_of(&candidate.id), Some(candidate.share));
        }
        let known = candidates.iter().any(|candidate| candidate.id == id(absent));
        prop_assert_eq!(table.share_of(&id(absent)).is_some(), known);
    }
}

#[test]
fn a_duplicate_id_is_refused() {
    let twice =
        vec![Candidate { id: id(7), share: 1 }, Candidate { id: id(8), share: 1 }, Candidate { id: id(7), share: 2 }];
    assert_eq!(select(&[0; 32], &twice), None);
    let error = Table::new(twice).unwrap_err();
    assert_eq!(error, SelectionError::DuplicateId(id(7)));
    assert!(error.to_string().contains("0007 is listed more than once"), "{error}");
}

#[test]
fn nobody_is_drawn_from_an_empty_table() {
    assert!(Table::default().is_empty());
    assert_eq!(Table::default().draw(&[1; 32]), None);
}

#[test]
fn a_single_candidate_with_the_smallest_share_is_always_drawn() {
    let table = Table::new(vec![Candidate { id: id(1), share: 1 }, Candidate { id: id(2), share: 0 }]).unwrap();
    for seed in 0..=255 {
        assert_eq!(table.draw(&[seed; 32]).map(|drawn| drawn.id), Some(id(1)));
    }
}

#[test]
fn the_largest_shares_of_many_do_not_overflow() {
    let all: Vec<_> = (0..10_000).map(|number| Candidate { id: id(number), share: u128::MAX }).collect();
    let table = Table::new(all).unwrap();
    let drawn: BTreeSet<_> = (0..=255).filter_map(|seed| table.draw(&[seed; 32])).collect();
    assert!(drawn.len() > 200, "256 draws from 10,000 equals hit {} of them", drawn.len());
}
