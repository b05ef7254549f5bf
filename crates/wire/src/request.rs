//! What exactly was asked, as one hash that receipts carry.

use cuckoo_primitives::{signing::blake2_256, Hash};
use prost::Message;

use crate::link;

/// blake2_256 of the task's protobuf encoding without its attempt, its times and its seed, which stand beside it in what is
/// signed. So all attempts of one task share it that do not go on from others' tokens. prost writes fields in order of their
/// numbers, so gateway and miner get the same bytes.
pub fn request_hash(task: &link::Task) -> Hash {
    let canonical = link::Task { attempt: 0, timeout_ms: 0, deadline_ms: 0, seed: None, ..task.clone() };
    blake2_256(&[&canonical.encode_to_vec()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_share_the_hash_and_prompts_do_not() {
        let task = |attempt, prompt: &str| link::Task {
            task_id: vec![1; 16].into(),
            attempt,
            model: "m".into(),
            timeout_ms: u64::from(attempt) * 7,
            work: Some(link::task::Work::Completion(link::Completion { prompt: prompt.into(), ..Default::default() })),
            deadline_ms: u64::from(attempt),
            seed: Some(link::task::Seed::Nonce(vec![attempt as u8; 32].into())),
            ..Default::default()
        };
        assert_eq!(request_hash(&task(0, "a")), request_hash(&task(3, "a")));
        assert_ne!(request_hash(&task(0, "a")), request_hash(&task(0, "b")));
        let priced = link::Task { price: Some(link::Price::default()), ..task(0, "a") };
        assert_ne!(request_hash(&task(0, "a")), request_hash(&priced));
        let resumed = link::Task { resumed: vec![7], ..task(0, "a") };
        assert_ne!(request_hash(&task(0, "a")), request_hash(&resumed));
    }
}
