//! A task, and the receipt with which a miner answers for its result.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use crate::{
    signing::{blake2_256, Statement},
    AccountId, Hash,
};

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

/// What a miner claims to have done in one attempt of a task; signed with its operator key.
///
/// Two different receipts of one miner for the same attempt on the same link are equivocation, see
/// [`Receipt::contradicts`]. Nobody can trick an honest miner into it, not even over a restart: a link's hash covers a
/// fresh nonce of the miner's own, so it never returns, and on one link a miner takes each attempt once.
#[derive(
    Clone,
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
pub struct Receipt {
    /// The task.
    pub task_id: TaskId,
    /// Which try of the task, counted from 0.
    pub attempt: u32,
    /// Operator of the coordinator that set the task.
    pub coordinator: AccountId,
    /// Operator of the miner that signs.
    pub miner: AccountId,
    /// The link over which the task came: the signing hash of the [`CoordinatorProof`](crate::link::CoordinatorProof)
    /// that opened it. The coordinator's signature over this hash shows that there was such a link.
    pub link: Hash,
    /// sha256 over the model's files, as its manifest defines it.
    pub model_root: Hash,
    /// blake2_256 of the encoded task as it crossed the link.
    pub request_hash: Hash,
    /// blake2_256 of the output, see [`OutputHasher`].
    pub output_hash: Hash,
    /// Tokens read.
    pub prompt_tokens: u32,
    /// Tokens produced.
    pub completion_tokens: u32,
    /// Why it ended.
    pub finish: Finish,
}

impl Statement for Receipt {
    const DOMAIN: &'static [u8] = b"cuckoo/receipt/v1";
}

impl Receipt {
    /// Whether a miner that signed both equivocated: they differ and are for the same attempt on the same link.
    pub fn contradicts(&self, other: &Self) -> bool {
        let is_same_attempt = self.miner == other.miner
            && self.link == other.link
            && self.task_id == other.task_id
            && self.attempt == other.attempt;
        is_same_attempt && self != other
    }
}

/// Running blake2_256 over the pieces of an output, one after the other with nothing between them.
///
/// So it does not depend on where the miner cut the pieces, and whoever has the answer can check the receipt: for chat
/// and completions `output_hash` is blake2_256 of the whole text in UTF-8, for embeddings of all vectors in the order of
/// the inputs as little-endian f32. How many vectors there are follows from the request.
#[derive(Clone, Default)]
pub struct OutputHasher(blake2::Blake2b<blake2::digest::consts::U32>);

impl OutputHasher {
    /// Adds the next piece: the UTF-8 text of a chunk, or the little-endian f32 values of one embedding.
    pub fn update(&mut self, piece: &[u8]) {
        use blake2::Digest;
        self.0.update(piece);
    }

    /// The hash over all pieces.
    pub fn finish(self) -> Hash {
        use blake2::Digest;
        let digest: [u8; 32] = self.0.finalize().into();
        Hash::from(digest)
    }
}

/// The seed of the draw for one attempt: anyone can recompute it from the receipt's ids and the block that was final.
pub fn selection_seed(genesis: &Hash, task_id: &TaskId, attempt: u32, finalised: &Hash) -> Hash {
    blake2_256(&[b"cuckoo/selection/v1", genesis.as_bytes(), task_id, &attempt.to_le_bytes(), finalised.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt() -> Receipt {
        Receipt {
            task_id: [1; 16],
            attempt: 2,
            coordinator: AccountId::from([3; 32]),
            miner: AccountId::from([4; 32]),
            link: Hash::repeat_byte(5),
            model_root: Hash::repeat_byte(6),
            request_hash: Hash::repeat_byte(7),
            output_hash: Hash::repeat_byte(8),
            prompt_tokens: 9,
            completion_tokens: 10,
            finish: Finish::Length,
        }
    }

    #[test]
    fn what_a_receipt_signs_is_fixed() {
        let hash = receipt().signing_hash(&Hash::repeat_byte(11));
        assert_eq!(hex::encode(hash), "73edf39a0f5c821da051c10fa9b551b961f88b1af4f93effe312ed1bf9d4c9d5");
    }

    #[test]
    fn only_other_words_for_the_same_attempt_on_the_same_link_contradict() {
        let one = receipt();
        assert!(!one.contradicts(&one));
        assert!(one.contradicts(&Receipt { output_hash: Hash::zero(), ..one.clone() }));
        assert!(one.contradicts(&Receipt { request_hash: Hash::zero(), ..one.clone() }));
        assert!(one.contradicts(&Receipt { prompt_tokens: 0, ..one.clone() }));
        for elsewhere in [
            Receipt { link: Hash::zero(), ..one.clone() },
            Receipt { task_id: [0; 16], ..one.clone() },
            Receipt { attempt: 3, ..one.clone() },
            Receipt { miner: AccountId::from([0; 32]), ..one.clone() },
        ] {
            assert!(!one.contradicts(&Receipt { output_hash: Hash::zero(), ..elsewhere }));
        }
    }

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

    #[test]
    fn the_output_hash_is_that_of_the_whole_output() {
        let hash = |pieces: &[&[u8]]| {
            let mut hasher = OutputHasher::default();
            pieces.iter().for_each(|piece| hasher.update(piece));
            hasher.finish()
        };
        assert_eq!(hash(&[b"ab", b"", b"c"]), blake2_256(&[b"abc"]));
        assert_eq!(hash(&[b"a", b"bc"]), blake2_256(&[b"abc"]));
        assert_ne!(hash(&[b"ab", b"c"]), hash(&[b"c", b"ab"]));
    }
}
