//! Fixed draws: whoever implements the draw anew must get these, and a change to it must be one on purpose.

use cuckoo_selection::{select, Candidate, Id, Table};

// Computed with another implementation (Python's hashlib and integers).
const DOUBLING: [u8; 16] = [14, 11, 14, 15, 14, 14, 14, 11, 13, 15, 14, 14, 15, 14, 14, 13];
const WITHOUT_LARGEST: [u8; 16] = [14, 11, 14, 14, 14, 14, 14, 11, 13, 12, 14, 14, 14, 14, 14, 13];
const SMALL_REST: [u8; 16] = [3, 3, 2, 3, 3, 1, 3, 3, 3, 2, 3, 2, 3, 2, 3, 3];
const LARGEST_SHARES: [u8; 16] = [1, 4, 4, 4, 2, 1, 1, 1, 1, 0, 2, 4, 0, 4, 1, 0];

fn id(number: u8) -> Id {
    let mut id = [0; 32];
    id[0] = number;
    id
}

/// Shares 1, 2, 4 ... 2^15 for the ids 0 to 15.
fn doubling() -> Vec<Candidate> {
    (0..16).map(|number| Candidate { id: id(number), share: 1 << number }).collect()
}

fn drawn(table: &Table, excluded: &[u8]) -> Vec<u8> {
    (0..16)
        .map(|seed| table.draw_excluding(&[seed; 32], |id| excluded.contains(&id[0])).expect("somebody is left").id[0])
        .collect()
}

#[test]
fn draws_are_what_they_always_were() {
    let table = Table::new(doubling()).unwrap();
    assert_eq!(drawn(&table, &[]), DOUBLING);
    for seed in 0..16 {
        assert_eq!(select(&[seed; 32], &doubling()), Some(id(DOUBLING[usize::from(seed)])));
    }
}

#[test]
fn draws_without_the_largest_are_what_they_always_were() {
    let table = Table::new(doubling()).unwrap();
    assert_eq!(drawn(&table, &[15]), WITHOUT_LARGEST);
}

#[test]
fn draws_from_a_small_rest_are_what_they_always_were() {
    let table = Table::new(doubling()).unwrap();
    let all_but_the_smallest: Vec<u8> = (4..16).collect();
    assert_eq!(drawn(&table, &all_but_the_smallest), SMALL_REST);
}

#[test]
fn draws_past_128_bits_are_what_they_always_were() {
    let table = Table::new((0..5).map(|number| Candidate { id: id(number), share: u128::MAX }).collect()).unwrap();
    assert_eq!(drawn(&table, &[]), LARGEST_SHARES);
}
