//! Ids of tasks in URLs, headers and answers.

use cuckoo_primitives::task::TaskId;
use rand::RngCore;
use std::time::{SystemTime, UNIX_EPOCH};
use uuid::Builder;

/// A new id: a UUIDv7, whose time dates the task for evidence and whose 74 random bits nobody guesses, as receipts are
/// asked for by it.
pub(super) fn new() -> TaskId {
    let unix_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let mut random = [0; 10];
    rand::rng().fill_bytes(&mut random);
    Builder::from_unix_timestamp_millis(u64::try_from(unix_ms).unwrap_or(u64::MAX), &random).into_uuid().into_bytes()
}

/// Reads an id from a URL: 32 hex digits, with or without the prefix that an answer's id has.
pub(super) fn parse(text: &str) -> Option<TaskId> {
    let digits = ["chatcmpl-", "cmpl-"].iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text);
    if digits.len() != 2 * size_of::<TaskId>() {
        return None;
    }
    hex::decode(digits).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_ids_are_tasks_ids() {
        let id = new();
        let digits = hex::encode(id);
        assert_eq!(parse(&digits), Some(id));
        assert_eq!(parse(&format!("chatcmpl-{digits}")), Some(id));
        assert_eq!(parse(&format!("cmpl-{digits}")), Some(id));
        assert_eq!(parse(&digits[1..]), None);
        assert_eq!(parse(&"x".repeat(32)), None);
    }

    #[test]
    fn ids_are_dated_and_differ() {
        let (one, other) = (new(), new());
        assert_ne!(one, other);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
        let began = cuckoo_primitives::task::began_ms(&one).expect("a task has a date");
        assert!(began <= now && now - began < 60_000);
    }
}
