//! Which attempts a link has brought.

use std::collections::HashSet;

use super::attempt::AttemptId;

/// All attempts that this miner has accepted on one link.
///
/// Two different receipts for one attempt on one link are equivocation, so an attempt is taken once, and none is
/// forgotten while the link lasts: when there is no more room, the link is closed and another dialled; 450,000
/// of them take 11 MiB. Nothing has to outlive the link, since receipts name it by a hash that covers this miner's fresh nonce.
#[derive(Debug)]
pub(super) struct Accepted {
    known: HashSet<AttemptId>,
    capacity: usize,
}

impl Accepted {
    /// Room for `capacity` attempts.
    pub(super) fn new(capacity: usize) -> Self {
        Self { known: HashSet::new(), capacity }
    }

    /// Whether this attempt was accepted before.
    pub(super) fn contains(&self, id: &AttemptId) -> bool {
        self.known.contains(id)
    }

    /// Takes note of an attempt that is accepted; false if it was before or cannot be remembered.
    pub(super) fn insert(&mut self, id: AttemptId) -> bool {
        !self.is_full() && self.known.insert(id)
    }

    /// Whether no more can be accepted.
    pub(super) fn is_full(&self) -> bool {
        self.known.len() >= self.capacity
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(task: u8, attempt: u32) -> AttemptId {
        AttemptId { task_id: [task; 16], attempt }
    }

    #[test]
    fn an_attempt_is_accepted_once() {
        let mut accepted = Accepted::new(10);
        assert!(accepted.insert(id(1, 0)));
        assert!(!accepted.insert(id(1, 0)));
        assert!(accepted.insert(id(1, 1)));
        assert!(accepted.insert(id(2, 0)));
        assert!(accepted.contains(&id(1, 1)) && !accepted.contains(&id(3, 0)));
    }

    #[test]
    fn nothing_is_forgotten_to_make_room() {
        let mut accepted = Accepted::new(2);
        assert!(accepted.insert(id(1, 0)));
        assert!(!accepted.is_full());
        assert!(accepted.insert(id(2, 0)));
        assert!(accepted.is_full());
        assert!(!accepted.insert(id(3, 0)));
        assert!(accepted.contains(&id(1, 0)) && !accepted.contains(&id(3, 0)));
    }
}
