//! The candidates of one moment, laid out for many draws.

use alloc::vec::Vec;
use core::fmt;

use crate::{length::Length, numbers::Numbers, Seed};

/// Names a candidate: the account of its operator or stash, as the caller decides, the same for all candidates.
pub type Id = [u8; 32];

/// How often an excluded candidate may be drawn before the rest is walked through instead. Walking costs about as much
/// as this many draws for a few thousand candidates.
const MAX_REDRAWS: u32 = 64;

/// Someone who can be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// Who it is.
    pub id: Id,
    /// Its selection share: backing times score, in planck. Zero is never drawn.
    pub share: u128,
}

/// Why a set of candidates cannot be drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SelectionError {
    /// This id appears more than once; which of its shares counts would depend on the order.
    DuplicateId(Id),
}

impl fmt::Display for SelectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateId(id) => {
                f.write_str("candidate 0x")?;
                id.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                f.write_str(" is listed more than once; give each candidate one share")
            }
        }
    }
}

impl core::error::Error for SelectionError {}

/// A set of candidates, built once in O(n log n) and drawn from in O(log n).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Ascending by id, each id once.
    candidates: Vec<Candidate>,
    /// Where on the line each candidate's piece ends: the sum of its share and all before it.
    ends: Vec<Length>,
}

impl Table {
    /// Lays out `candidates`, whose order does not matter. Any shares are fine; their sum may exceed a `u128`.
    pub fn new(mut candidates: Vec<Candidate>) -> Result<Self, SelectionError> {
        candidates.sort_unstable();
        for (first, second) in candidates.iter().zip(candidates.iter().skip(1)) {
            if first.id == second.id {
                return Err(SelectionError::DuplicateId(first.id));
            }
        }
        let ends = candidates
            .iter()
            .scan(Length::ZERO, |end, candidate| {
                *end = end.plus(candidate.share);
                Some(*end)
            })
            .collect();
        Ok(Self { candidates, ends })
    }

    /// The candidate that `seed` stands for, each with probability `share / sum of shares`. `None` if all shares are
    /// zero or there are no candidates.
    pub fn draw(&self, seed: &Seed) -> Option<&Candidate> {
        self.draw_excluding(seed, |_| false)
    }

    /// The candidate that `seed` stands for among those that `is_excluded` does not name, each with probability
    /// `share / sum of their shares`. `None` if none of them has a share.
    ///
    /// The result depends on the seed, the candidates and which of them are excluded; with none excluded it is that of
    /// [`Table::draw`]. It costs O(log n) while the excluded hold little of the line, and O(n) at worst.
    pub fn draw_excluding(&self, seed: &Seed, is_excluded: impl Fn(&Id) -> bool) -> Option<&Candidate> {
        let whole = self.ends.last().filter(|end| **end > Length::ZERO)?;
        let mut numbers = Numbers::new(seed);
        for _ in 0..MAX_REDRAWS {
            let number = numbers.below(whole);
            let drawn = self.candidates.get(self.ends.partition_point(|end| *end <= number))?;
            if !is_excluded(&drawn.id) {
                return Some(drawn);
            }
        }
        self.draw_from_rest(&mut numbers, is_excluded)
    }

    /// Draws on the line that is left when the pieces of excluded candidates are taken out.
    fn draw_from_rest(&self, numbers: &mut Numbers<'_>, is_excluded: impl Fn(&Id) -> bool) -> Option<&Candidate> {
        let rest: Vec<&Candidate> =
            self.candidates.iter().filter(|candidate| candidate.share > 0 && !is_excluded(&candidate.id)).collect();
        let whole = rest.iter().fold(Length::ZERO, |end, candidate| end.plus(candidate.share));
        let number = numbers.below(&whole);
        let mut end = Length::ZERO;
        rest.into_iter().find(|candidate| {
            end = end.plus(candidate.share);
            number < end
        })
    }

    /// The share of the candidate with this id, in planck; `None` if it is not in the table.
    pub fn share_of(&self, id: &Id) -> Option<u128> {
        let index = self.candidates.binary_search_by(|candidate| candidate.id.cmp(id)).ok()?;
        self.candidates.get(index).map(|candidate| candidate.share)
    }

    /// All candidates, ascending by id.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// How many candidates there are, those without a share included.
    pub fn len(&self) -> usize {
        self.candidates.len()
    }

    /// Whether there are no candidates.
    pub fn is_empty(&self) -> bool {
        self.candidates.is_empty()
    }
}
