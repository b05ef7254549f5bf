//! Which attempts this miner has signed for.

use std::collections::{HashSet, VecDeque};

use cuckoo_primitives::task::TaskId;
use parking_lot::Mutex;

/// Attempts that are remembered: hours of work of a busy miner, in a few megabytes.
const CAPACITY: usize = 65_536;

/// The attempts for which a receipt was signed, the newest [`CAPACITY`] of them, of all coordinators together.
///
/// Two different receipts for one attempt are equivocation, so a second one is never signed, whoever asks for it and
/// over whichever link. The memory ends with the process; task ids are random, so an honest coordinator never repeats
/// one.
pub struct SignedAttempts {
    inner: Mutex<Inner>,
    capacity: usize,
}

#[derive(Default)]
struct Inner {
    known: HashSet<(TaskId, u32)>,
    order: VecDeque<(TaskId, u32)>,
}

impl Default for SignedAttempts {
    fn default() -> Self {
        Self::with_capacity(CAPACITY)
    }
}

impl SignedAttempts {
    fn with_capacity(capacity: usize) -> Self {
        Self { inner: Mutex::default(), capacity }
    }

    /// Whether a receipt was signed for this attempt.
    pub fn contains(&self, task_id: TaskId, attempt: u32) -> bool {
        self.inner.lock().known.contains(&(task_id, attempt))
    }

    /// Takes note that a receipt is about to be signed; false if one was before.
    pub fn claim(&self, task_id: TaskId, attempt: u32) -> bool {
        let mut inner = self.inner.lock();
        if !inner.known.insert((task_id, attempt)) {
            return false;
        }
        inner.order.push_back((task_id, attempt));
        if inner.order.len() > self.capacity {
            if let Some(oldest) = inner.order.pop_front() {
                inner.known.remove(&oldest);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_is_claimed_once() {
        let signed = SignedAttempts::default();
        assert!(signed.claim([1; 16], 0));
        assert!(!signed.claim([1; 16], 0));
        assert!(signed.claim([1; 16], 1));
        assert!(signed.claim([2; 16], 0));
        assert!(signed.contains([1; 16], 1) && !signed.contains([3; 16], 0));
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let signed = SignedAttempts::with_capacity(2);
        for attempt in 0..3 {
            assert!(signed.claim([1; 16], attempt));
        }
        assert!(!signed.contains([1; 16], 0));
        assert!(signed.contains([1; 16], 1) && signed.contains([1; 16], 2));
        assert_eq!(signed.inner.lock().known.len(), 2);
    }
}
