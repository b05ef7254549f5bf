//! An attempt to sign for, in tests and benchmarks of whoever checks what was signed.

use alloc::vec::Vec;
use codec::Encode;
use cuckoo_sampler::{draw, Candidate, Noise, Parameters, ONE};

use crate::{
    commitment::{hash_of, node, root, Leaf, Path, MAX_PATH, PROJECTED_EVERY},
    task::{Commitment, Drawing, Finish, Receipt, TaskSpec},
    AccountId, Hash,
};

/// Begun at 2022-02-22, 19:22:22 UTC: the example of RFC 9562, A.6.
pub const TASK: [u8; 16] =
    [0x01, 0x7f, 0x22, 0xe2, 0x79, 0xb0, 0x7c, 0xc3, 0x98, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f];
/// When it began, in milliseconds after 1970.
pub const TASK_BEGAN_MS: u64 = 1_645_557_742_000;

/// A draw at temperature 1 among 64, from position 0 on, of up to 100 tokens.
pub fn drawing() -> Drawing {
    Drawing {
        parameters: Parameters { temperature: ONE, top_k: 64, top_p: ONE },
        seed: [7; 32],
        is_shaped: false,
        first_position: 0,
        max_tokens: 100,
    }
}

/// The spec of [`TASK`].
pub fn spec() -> TaskSpec {
    TaskSpec {
        task_id: TASK,
        attempt: 0,
        link: Hash::repeat_byte(9),
        coordinator: AccountId::from([3; 32]),
        miner: AccountId::from([4; 32]),
        model_root: Hash::repeat_byte(6),
        numeric_class: Hash::repeat_byte(2),
        request_hash: Hash::repeat_byte(5),
        deadline_ms: TASK_BEGAN_MS.saturating_add(60_000),
        drawing: Some(drawing()),
    }
}

/// An honest leaf at this position.
pub fn leaf(drawing: &Drawing, position: u32) -> Leaf {
    let count = drawing.candidates() as u32;
    let one = |at: u32| Candidate {
        token: at.wrapping_mul(7_919).wrapping_add(position) % 49_152,
        logit: (at as i32).saturating_mul(-9_000),
    };
    let candidates: Vec<Candidate> = (0..count).map(one).collect();
    let token = draw(&drawing.parameters, &Noise::new(&drawing.seed, position), &candidates).unwrap_or_default();
    let projection = position.is_multiple_of(PROJECTED_EVERY).then_some([1; 16]);
    Leaf { token, candidates: candidates.try_into().unwrap_or_default(), projection }
}

/// The first so many leaves of a completion.
pub fn leaves(drawing: &Drawing, count: u32) -> Vec<Leaf> {
    let first = drawing.first_position;
    (first..first.saturating_add(count)).map(|position| leaf(drawing, position)).collect()
}

/// What commits to these leaves.
pub fn commitment(leaves: &[Leaf]) -> Commitment {
    let tokens: Vec<Hash> = leaves.iter().map(|leaf| hash_of(&leaf.token)).collect();
    let hashes: Vec<Hash> = leaves.iter().map(hash_of).collect();
    Commitment { tokens: leaves.len() as u32, tokens_root: root(&tokens), leaves_root: root(&hashes) }
}

/// A receipt for [`spec`], of these leaves.
pub fn receipt_of(leaves: &[Leaf]) -> Receipt {
    Receipt {
        spec: spec(),
        output_hash: Hash::repeat_byte(8),
        prompt_tokens: 9,
        completion_tokens: leaves.len() as u32,
        finish: Finish::Length,
        commitment: Some(commitment(leaves)),
    }
}

/// A receipt for [`spec`], of ten tokens.
pub fn receipt() -> Receipt {
    receipt_of(&leaves(&drawing(), 10))
}

/// The way of `item` to the root of a list of 2^[`MAX_PATH`] items, whose first it is; and that root.
pub fn longest_path<Item: Encode>(item: &Item) -> (Path, Hash) {
    let siblings: Vec<Hash> = (0..MAX_PATH).map(|height| Hash::repeat_byte(height as u8)).collect();
    let root = siblings.iter().fold(hash_of(item), |below, sibling| node(&below, sibling));
    (Path::try_from(siblings).unwrap_or_default(), root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_path_leads() {
        let (path, root) = longest_path(&7u32);
        assert!(path.leads(&7u32, 0, 1 << MAX_PATH, &root));
        assert!(!path.leads(&7u32, 0, 1 << (MAX_PATH - 1), &root));
    }
}
