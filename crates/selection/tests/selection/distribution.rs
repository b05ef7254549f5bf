//! Draws follow the shares. The seeds are fixed, so these tests either always pass or always fail.

use cuckoo_selection::{Candidate, Seed, Table};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const DRAWS: u32 = 1_000_000;
const CANDIDATES: usize = 1_000;
const CAI: u128 = 1_000_000_000_000_000_000;

fn seed(number: u32) -> Seed {
    let mut seed = [0; 32];
    seed[..4].copy_from_slice(&number.to_le_bytes());
    seed
}

/// Shares as unequal as stakes are: the k-th largest is a k-th of the largest, every tenth is a thousand times smaller
/// still, every fiftieth is zero.
fn unequal() -> Table {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let candidates = (1..=CANDIDATES as u128).map(|rank| {
        let share = match rank {
            rank if rank % 50 == 0 => 0,
            rank if rank % 10 == 0 => 10_000 * CAI / rank,
            rank => 10_000_000 * CAI / rank,
        };
        Candidate { id: random.random(), share }
    });
    Table::new(candidates.collect()).expect("ids are distinct")
}

/// How far `counts` are from what the shares of the candidates left by `excluded` say, against what chance allows:
/// Pearson's statistic and the value that it exceeds once in a thousand tries.
fn chi_square(table: &Table, counts: &[u32], excluded: impl Fn(usize) -> bool) -> (f64, f64) {
    let share = |index: usize| if excluded(index) { 0.0 } else { table.candidates()[index].share as f64 };
    let whole: f64 = (0..table.len()).map(share).sum();
    let draws = f64::from(counts.iter().sum::<u32>());
    // The statistic is close to the chi-square distribution only where five or more are expected: the rest is one cell.
    let (mut rare_expected, mut rare_count) = (0.0, 0.0);
    let (mut statistic, mut cells) = (0.0, 0.0);
    for (index, count) in counts.iter().enumerate() {
        let expected = draws * share(index) / whole;
        if expected < 5.0 {
            rare_expected += expected;
            rare_count += f64::from(*count);
        } else {
            statistic += (f64::from(*count) - expected).powi(2) / expected;
            cells += 1.0;
        }
    }
    if rare_expected > 0.0 {
        statistic += (rare_count - rare_expected).powi(2) / rare_expected;
        cells += 1.0;
    }
    (statistic, upper_quantile(cells - 1.0))
}

/// What a chi-square variable with this many degrees of freedom exceeds with probability 0.001 (Wilson and Hilferty).
fn upper_quantile(degrees: f64) -> f64 {
    const NORMAL_QUANTILE: f64 = 3.090_232;
    let spread = 2.0 / (9.0 * degrees);
    degrees * (1.0 - spread + NORMAL_QUANTILE * spread.sqrt()).powi(3)
}

fn count_draws(table: &Table, excluded: impl Fn(usize) -> bool) -> Vec<u32> {
    let index_of = |id: &[u8; 32]| table.candidates().binary_search_by(|candidate| candidate.id.cmp(id)).unwrap();
    let mut counts = vec![0; table.len()];
    for number in 0..DRAWS {
        let drawn = table.draw_excluding(&seed(number), |id| excluded(index_of(id))).expect("somebody has a share");
        counts[index_of(&drawn.id)] += 1;
    }
    counts
}

#[test]
fn a_million_draws_follow_very_unequal_shares() {
    let table = unequal();
    let counts = count_draws(&table, |_| false);
    let (statistic, limit) = chi_square(&table, &counts, |_| false);
    assert!(statistic < limit, "chi-square {statistic:.0} is above {limit:.0}");
    for (candidate, count) in table.candidates().iter().zip(&counts) {
        assert!(candidate.share > 0 || *count == 0, "a candidate without a share was drawn {count} times");
    }
}

#[test]
fn draws_among_the_rest_follow_their_shares() {
    let table = unequal();
    let excluded = |index: usize| index.is_multiple_of(3);
    let counts = count_draws(&table, excluded);
    let (statistic, limit) = chi_square(&table, &counts, excluded);
    assert!(statistic < limit, "chi-square {statistic:.0} is above {limit:.0}");
}

#[test]
fn the_test_notices_a_bias_of_one_percent() {
    let table = unequal();
    let mut counts = count_draws(&table, |_| false);
    let largest = (0..counts.len()).max_by_key(|index| table.candidates()[*index].share).unwrap();
    counts[largest] += DRAWS / 100;
    let (statistic, limit) = chi_square(&table, &counts, |_| false);
    assert!(statistic > limit, "chi-square {statistic:.0} is not above {limit:.0}");
}

#[test]
fn the_quantile_is_that_of_the_tables() {
    assert!((upper_quantile(10.0) - 29.59).abs() < 0.2);
    assert!((upper_quantile(100.0) - 149.45).abs() < 0.2);
    assert!((upper_quantile(1_000.0) - 1143.92).abs() < 0.2);
}
