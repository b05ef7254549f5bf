//! How many draws one core makes.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use cuckoo_primitives::CAI;
use cuckoo_selection::{Candidate, Seed, Table};

use super::figure::Figure;

/// How long each measurement draws.
const DURATION: Duration = Duration::from_secs(2);
/// Draws between two looks at the clock.
const BATCH: u64 = 10_000;

/// Prints the figures.
pub(crate) fn run() -> anyhow::Result<()> {
    for (metric, candidates) in [("draws_per_s", 10_000), ("draws_per_s_100k", 100_000)] {
        let value = draws_per_second(&table(candidates)?);
        Figure { bench: "selection", metric, value, unit: "1/s" }.print();
    }
    Ok(())
}

/// Candidates whose stakes fall like 1/n from 10,000,000 CAI, at random places.
fn table(candidates: u32) -> anyhow::Result<Table> {
    let candidate = |rank: u32| {
        let id = cuckoo_primitives::signing::blake2_256(&[&rank.to_le_bytes()]).0;
        Candidate { id, share: 10_000_000 * CAI / u128::from(rank) }
    };
    Ok(Table::new((1..=candidates).map(candidate).collect())?)
}

fn draws_per_second(table: &Table) -> f64 {
    let start = Instant::now();
    let mut draws = 0u64;
    while start.elapsed() < DURATION {
        for number in draws..draws + BATCH {
            let mut seed: Seed = [0; 32];
            seed[..8].copy_from_slice(&number.to_le_bytes());
            black_box(table.draw(black_box(&seed)));
        }
        draws += BATCH;
    }
    draws as f64 / start.elapsed().as_secs_f64()
}
