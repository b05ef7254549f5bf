//! A task, what a miner takes on of it, and what it signs for.

mod delivered;
mod receipt;
pub mod seed;
mod spec;

pub use delivered::{Delivered, SIGNED_EVERY};
pub use receipt::{Commitment, OutputHasher, Receipt};
pub use spec::{Drawing, TaskSpec, GREEDY_CANDIDATES};

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use crate::{signing::blake2_256, Hash};

/// Names a task: a UUIDv7 (RFC 9562) that the gateway chooses when the task begins, see [`began_ms`].
pub type TaskId = [u8; 16];

/// When a task began, in milliseconds after 1970; `None` if its id is no UUIDv7.
///
/// The gateway reads that time off its clock, and a miner takes no task whose time is far from its own. So both sides
/// agreed on it before anything was signed, and what they sign about the task is dated by it.
pub fn began_ms(task_id: &TaskId) -> Option<u64> {
    let [a, b, c, d, e, f, version, _, variant, ..] = *task_id;
    (version & 0xf0 == 0x70 && variant & 0xc0 == 0x80).then(|| u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
}

/// Why generation ended.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// The model ended its answer, a stop string appeared, or the task has no length (embeddings).
    Stop,
    /// The task's token limit or the model's context was reached.
    Length,
    /// The client went away or the task's time was over: the receipt is for what had been sent by then.
    Cancelled,
}

/// The seed of the draw for one attempt: anyone can recompute it from the receipt's ids and the block that was final.
pub fn selection_seed(genesis: &Hash, task_id: &TaskId, attempt: u32, finalised: &Hash) -> Hash {
    blake2_256(&[b"cuckoo/selection/v1", genesis.as_bytes(), task_id, &attempt.to_le_bytes(), finalised.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_dated_by_its_uuid() {
        // The example of RFC 9562, A.6: 2022-02-22, 19:22:22 UTC.
        let id: TaskId = hex::decode("017f22e279b07cc398c4dc0c0c07398f").unwrap().try_into().unwrap();
        assert_eq!(began_ms(&id), Some(1_645_557_742_000));
        let with = |at: usize, byte: u8| {
            let mut other = id;
            other[at] = byte;
            began_ms(&other)
        };
        assert_eq!(with(6, 0x4c), None);
        assert_eq!(with(8, 0xd8), None);
        assert_eq!(with(15, 0), Some(1_645_557_742_000));
        assert_eq!(began_ms(&[0; 16]), None);
    }
}
