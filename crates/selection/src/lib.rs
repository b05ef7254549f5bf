//! Stake-weighted choice: who, of many candidates with a share each, a seed stands for.
//!
//! A draw depends on nothing but the seed and the set of candidates, so that anyone who knows both can repeat it and
//! see that nobody was preferred. It is exact: with the seed's hash taken as random, a candidate is drawn with
//! probability `share / sum of shares`, with no rounding and no modulo bias. All arithmetic is on integers, so every
//! machine, and the chain, gets the same answer.
//!
//! How a draw works:
//! 1. The candidates are sorted by id and laid end to end on a line, each as long as its share ([`Table`]).
//! 2. blake2b of the seed and a counter gives a stream of 256-bit numbers. Each is cut to as many bits as the line's
//!    length has, and those that fall past the end are skipped, so what remains is uniform on the line.
//! 3. Whose piece the first number falls on is drawn; if that candidate is excluded, the next number counts.
//!
//! ```
//! use cuckoo_selection::{Candidate, Table};
//!
//! let small = Candidate { id: [1; 32], share: 25_000 };
//! let large = Candidate { id: [2; 32], share: 75_000 };
//! let table = Table::new(vec![small, large])?;
//! let drawn_large = (0..100u8).filter(|task| table.draw(&[*task; 32]) == Some(&large)).count();
//! assert!((60..90).contains(&drawn_large));
//! # Ok::<(), cuckoo_selection::SelectionError>(())
//! ```

#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::panic,
        clippy::float_arithmetic
    )
)]
#![warn(missing_docs)]

extern crate alloc;

mod length;
mod numbers;
mod table;

pub use table::{Candidate, Id, SelectionError, Table};

/// What a draw is derived from: 32 bytes that nobody can choose to their liking.
pub type Seed = [u8; 32];

/// Draws one of `candidates`, in any order, as [`Table::draw`] does; for a single draw.
///
/// `None` if every share is zero, there are no candidates, or an id appears twice.
pub fn select(seed: &Seed, candidates: &[Candidate]) -> Option<Id> {
    let table = Table::new(candidates.to_vec()).ok()?;
    table.draw(seed).map(|drawn| drawn.id)
}
