//! The work that a claim on the faucet must prove, and how to do it.

use crate::{signing::blake2_256, AccountId, Hash};

/// Begins what is hashed, after its own length in one byte.
const DOMAIN: &[u8] = b"cuckoo/faucet/v1";

/// Blocks for which the hash of a block can be used: a claim must be in a block at most this much later.
pub const MAX_BLOCK_AGE: u32 = 64;

/// What a claim is bound to. A nonce solves it if the hash begins with enough zero bits.
///
/// The hash is blake2_256 over, one after the other: 16, `cuckoo/faucet/v1`, the genesis hash, the account's public
/// key, the block hash, the nonce in eight bytes with the lowest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Puzzle {
    /// Hash of the chain's first block.
    pub genesis: Hash,
    /// Who will be paid.
    pub account: AccountId,
    /// Hash of a recent block, so that nobody works ahead.
    pub block_hash: Hash,
}

impl Puzzle {
    /// The hash that `nonce` gives.
    pub fn hash(&self, nonce: u64) -> Hash {
        let domain_len = [DOMAIN.len() as u8];
        let (genesis, block_hash) = (self.genesis.as_bytes(), self.block_hash.as_bytes());
        blake2_256(&[&domain_len, DOMAIN, genesis, self.account.as_ref(), block_hash, &nonce.to_le_bytes()])
    }

    /// Whether the hash of `nonce` begins with at least `difficulty` zero bits.
    pub fn is_solved_by(&self, nonce: u64, difficulty: u32) -> bool {
        leading_zero_bits(&self.hash(nonce)) >= difficulty
    }

    /// The first of `tries` nonces from `first` on that solves it; `None` if none does. Takes 2^`difficulty` hashes in
    /// the mean.
    pub fn solve(&self, difficulty: u32, first: u64, tries: u64) -> Option<u64> {
        (first..first.saturating_add(tries)).find(|nonce| self.is_solved_by(*nonce, difficulty))
    }
}

/// Zero bits before the first that is set, the highest bit of the first byte first.
fn leading_zero_bits(hash: &Hash) -> u32 {
    let bytes = hash.as_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let rest = bytes.get(zeros).map_or(0, |byte| byte.leading_zeros());
    (zeros as u32).saturating_mul(8).saturating_add(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn puzzle() -> Puzzle {
        Puzzle { genesis: Hash::repeat_byte(1), account: AccountId::new([2; 32]), block_hash: Hash::repeat_byte(3) }
    }

    #[test]
    fn zero_bits_are_counted_from_the_front() {
        let bits = |start: &[u8]| {
            let mut hash = [0u8; 32];
            hash[..start.len()].copy_from_slice(start);
            leading_zero_bits(&Hash::from(hash))
        };
        assert_eq!(bits(&[0x80]), 0);
        assert_eq!(bits(&[0x01, 0xff]), 7);
        assert_eq!(bits(&[0, 0x10]), 11);
        assert_eq!(bits(&[]), 256);
    }

    /// Computed apart from this code, with another implementation of blake2b; clients in other languages must find the
    /// same.
    #[test]
    fn the_proof_is_the_documented_one() {
        let hash = |nonce| hex::encode(puzzle().hash(nonce));
        assert_eq!(hash(0), "300e0fbe0aab0f0c8576bbfb97acd219cd1cde078bf596d38e158d2261a07ece");
        assert_eq!(hash(30_907), "00007f397131f8bb3980ccd5f59dcc9c4f863f75a6d3161b78559f40a2f85305");
        assert_eq!(puzzle().solve(8, 0, u64::MAX), Some(712));
        assert_eq!(puzzle().solve(12, 0, u64::MAX), Some(2_140));
        assert_eq!(puzzle().solve(16, 0, u64::MAX), Some(30_907));
    }

    #[test]
    fn a_solution_holds_for_one_account_block_and_chain() {
        let solved = |puzzle: Puzzle| puzzle.is_solved_by(30_907, 16);
        assert!(solved(puzzle()));
        assert!(!puzzle().is_solved_by(30_907, 18));
        assert!(!solved(Puzzle { account: AccountId::new([9; 32]), ..puzzle() }));
        assert!(!solved(Puzzle { block_hash: Hash::zero(), ..puzzle() }));
        assert!(!solved(Puzzle { genesis: Hash::zero(), ..puzzle() }));
    }

    #[test]
    fn the_solver_stops_after_its_tries() {
        assert_eq!(puzzle().solve(16, 0, 30_907), None);
        assert_eq!(puzzle().solve(16, 0, 30_908), Some(30_907));
        assert_eq!(puzzle().solve(16, 30_907, 1), Some(30_907));
        assert_eq!(puzzle().solve(0, u64::MAX, 5), None);
    }

    #[test]
    fn solving_takes_two_to_the_difficulty_hashes() {
        const DIFFICULTY: u32 = 8;
        const PUZZLES: u64 = 1_000;
        let hashes: u64 = (0..PUZZLES)
            .map(|n| {
                let puzzle = Puzzle { block_hash: Hash::from_low_u64_be(n), ..puzzle() };
                puzzle.solve(DIFFICULTY, 0, u64::MAX).unwrap() + 1
            })
            .sum();
        // The standard error of this mean is 3 %.
        let mean = hashes as f64 / PUZZLES as f64;
        assert!((mean / 256.0 - 1.0).abs() < 0.1, "{mean} hashes in the mean");
    }
}
