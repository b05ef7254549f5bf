//! Ids of tasks in URLs, headers and answers.

use cuckoo_primitives::task::TaskId;
use rand::RngCore;

/// A new id; unguessable, as receipts are asked for by it.
pub(super) fn random() -> TaskId {
    let mut id = TaskId::default();
    rand::rng().fill_bytes(&mut id);
    id
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
        let id = random();
        let digits = hex::encode(id);
        assert_eq!(parse(&digits), Some(id));
        assert_eq!(parse(&format!("chatcmpl-{digits}")), Some(id));
        assert_eq!(parse(&format!("cmpl-{digits}")), Some(id));
        assert_eq!(parse(&digits[1..]), None);
        assert_eq!(parse(&"x".repeat(32)), None);
    }
}
