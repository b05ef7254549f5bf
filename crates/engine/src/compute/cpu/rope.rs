//! Rotary positions.

use std::sync::Arc;

use parking_lot::Mutex;

use super::math::cos_sin;
use crate::compute::{Rope, RopePairs};

/// The turns of the last step: all layers of a step turn queries and keys alike.
#[derive(Default)]
pub(super) struct LastTurns(Mutex<Arc<Turns>>);

/// Cosines and sines for some positions.
#[derive(Default)]
pub(super) struct Turns {
    frequencies: Vec<f32>,
    positions: Vec<u32>,
    /// For each position all cosines, then all sines.
    numbers: Vec<f32>,
}

impl LastTurns {
    pub(super) fn of(&self, rope: &Rope, positions: &[u32]) -> Arc<Turns> {
        let mut last = self.0.lock();
        if last.positions != positions || last.frequencies != rope.frequencies {
            *last = Arc::new(Turns::new(&rope.frequencies, positions));
        }
        last.clone()
    }
}

impl Turns {
    fn new(frequencies: &[f32], positions: &[u32]) -> Self {
        let pairs = frequencies.len();
        let mut numbers = vec![0.0; 2 * pairs * positions.len()];
        for (numbers, position) in numbers.chunks_exact_mut(2 * pairs.max(1)).zip(positions) {
            for (pair, frequency) in frequencies.iter().enumerate() {
                (numbers[pair], numbers[pair + pairs]) = cos_sin(f64::from(*position) * f64::from(*frequency));
            }
        }
        Self { frequencies: frequencies.to_vec(), positions: positions.to_vec(), numbers }
    }

    /// Turns all heads of the row of the position at `index`.
    pub(super) fn turn(&self, index: usize, pairs: RopePairs, row: &mut [f32]) {
        let count = self.frequencies.len();
        let (cosines, sines) = self.numbers[index * 2 * count..][..2 * count].split_at(count);
        for head in row.chunks_exact_mut(2 * count.max(1)) {
            match pairs {
                RopePairs::Halves => {
                    let (firsts, seconds) = head.split_at_mut(count);
                    let turns = cosines.iter().zip(sines);
                    for ((first, second), (cos, sin)) in firsts.iter_mut().zip(seconds).zip(turns) {
                        (*first, *second) = turned(*first, *second, *cos, *sin);
                    }
                }
                RopePairs::Neighbours => {
                    for (pair, (cos, sin)) in head.chunks_exact_mut(2).zip(cosines.iter().zip(sines)) {
                        (pair[0], pair[1]) = turned(pair[0], pair[1], *cos, *sin);
                    }
                }
            }
        }
    }
}

fn turned(first: f32, second: f32, cos: f32, sin: f32) -> (f32, f32) {
    (first * cos - second * sin, first * sin + second * cos)
}
