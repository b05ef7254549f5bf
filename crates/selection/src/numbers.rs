//! Uniform numbers from a seed.

use blake2::{Blake2b512, Digest};

use crate::{length::Length, Seed};

/// Keeps these hashes apart from any other use of the same seed.
const DOMAIN: &[u8] = b"cuckoo/draw/v1";

/// After so many numbers in a row that fall past the end, zero is returned. A number does so with probability below one
/// half, so this has probability below 2^-256; it is there so that the loop has an end.
const MAX_SKIPPED: u32 = 256;

/// The stream of 256-bit numbers that a seed stands for: the halves of `blake2b512(domain ++ seed ++ counter)` with
/// the counter from 0 on as four little-endian bytes.
pub(crate) struct Numbers<'a> {
    seed: &'a Seed,
    counter: u32,
    second_half: Option<[u8; 32]>,
}

impl<'a> Numbers<'a> {
    /// The stream of `seed`, from its beginning.
    pub(crate) fn new(seed: &'a Seed) -> Self {
        Self { seed, counter: 0, second_half: None }
    }

    /// The next number that is below `end`, uniform on `0..end`; zero if `end` is.
    pub(crate) fn below(&mut self, end: &Length) -> Length {
        for _ in 0..MAX_SKIPPED {
            let number = end.cut(&self.next());
            if number < *end {
                return number;
            }
        }
        Length::ZERO
    }

    fn next(&mut self) -> [u8; 32] {
        if let Some(half) = self.second_half.take() {
            return half;
        }
        let hash: [u8; 64] = Blake2b512::new()
            .chain_update(DOMAIN)
            .chain_update(self.seed)
            .chain_update(self.counter.to_le_bytes())
            .finalize()
            .into();
        self.counter = self.counter.wrapping_add(1);
        let (first, second) = hash.split_at(32);
        self.second_half = second.try_into().ok();
        first.try_into().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_below_the_end() {
        let end = Length::ZERO.plus(5);
        let seed = [9; 32];
        let mut numbers = Numbers::new(&seed);
        for _ in 0..1_000 {
            assert!(numbers.below(&end) < end);
        }
    }

    #[test]
    fn below_zero_ends() {
        assert_eq!(Numbers::new(&[0; 32]).below(&Length::ZERO), Length::ZERO);
    }
}
