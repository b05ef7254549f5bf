//! What the noise of a completion follows from, and how miner and coordinator agree on it.

use super::TaskId;
use crate::{signing::blake2_256, Hash};

/// What the noise of a completion follows from.
pub type Seed = [u8; 32];
/// A miner's part of a seed: the next link of a hash chain whose end it showed before it knew any task, see [`follows`].
pub type Share = [u8; 32];

/// Names the chain of the shares in its hashes.
const SHARES: &[u8] = b"cuckoo/seed-share/v1";

/// The seed of a task for which the application named a number: the same number, the same text.
pub fn given(number: u64) -> Seed {
    blake2_256(&[b"cuckoo/seed-given/v1", &number.to_le_bytes()]).0
}

/// The seed of a task for which the application named none.
///
/// The coordinator chooses `nonce` before it knows the miner's share, and the miner's share was fixed before there was a
/// nonce. So neither of them chooses among seeds.
pub fn shared(genesis: &Hash, task_id: &TaskId, nonce: &[u8; 32], share: &Share) -> Seed {
    blake2_256(&[b"cuckoo/seed-shared/v1", genesis.as_bytes(), task_id, nonce, share]).0
}

/// The share that comes before `share` in its chain: showing `share` commits to nothing later, but to all before it.
pub fn before(share: &Share) -> Share {
    blake2_256(&[SHARES, share]).0
}

/// Whether `share` is the next after `last`, or after what the miner showed first.
pub fn follows(last: &Share, share: &Share) -> bool {
    before(share) == *last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_fixed() {
        assert_eq!(hex::encode(given(7)), GIVEN);
        assert_eq!(hex::encode(shared(&Hash::repeat_byte(1), &[2; 16], &[3; 32], &[4; 32])), SHARED);
    }

    const GIVEN: &str = "e94ed343135777f018444ea7bc56cc676921a4af08dafb5814d5b2c3c33a0bb9";
    const SHARED: &str = "a511d68e83b4e355023e4692f72b9a826e30f7f575ec764e9d4f82fc5ec5666b";

    #[test]
    fn every_part_makes_another_seed() {
        let seed =
            |genesis, task, nonce, share| shared(&Hash::repeat_byte(genesis), &[task; 16], &[nonce; 32], &[share; 32]);
        let all = [seed(1, 2, 3, 4), seed(0, 2, 3, 4), seed(1, 0, 3, 4), seed(1, 2, 0, 4), seed(1, 2, 3, 0), given(0)];
        for (index, one) in all.iter().enumerate() {
            assert!(all[..index].iter().all(|other| one != other));
        }
    }

    #[test]
    fn only_the_next_share_follows() {
        let [third, second, first] = [[7; 32], before(&[7; 32]), before(&before(&[7; 32]))];
        assert!(follows(&first, &second) && follows(&second, &third));
        assert!(!follows(&first, &third) && !follows(&first, &first) && !follows(&second, &first));
    }
}
