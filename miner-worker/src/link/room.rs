//! Room on the disk for what attempts under way will leave there.

use std::sync::{
    atomic::{AtomicU64, Ordering},
    Arc,
};

/// Tokens that all attempts under way may produce, of which it has to be kept how they were drawn.
///
/// An answer that cannot be kept cannot be signed for: better not to begin it.
#[derive(Clone, Debug, Default)]
pub(super) struct TakenOn(Arc<AtomicU64>);

/// Room for the tokens of one attempt, for as long as this value lives.
#[derive(Debug)]
pub(super) struct Room {
    taken_on: TakenOn,
    tokens: u32,
}

impl TakenOn {
    /// Room for so many tokens more, if there `is_room` for all of them together.
    pub(super) fn room(&self, tokens: u32, is_room: impl Fn(u32) -> bool) -> Option<Room> {
        let with = |taken: u64| {
            let all = taken.saturating_add(tokens.into());
            u32::try_from(all).is_ok_and(&is_room).then_some(all)
        };
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, with).ok()?;
        Some(Room { taken_on: self.clone(), tokens })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.taken_on.0.fetch_sub(self.tokens.into(), Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_under_way_take_room_until_they_end() {
        let taken_on = TakenOn::default();
        let room = |tokens| taken_on.room(tokens, |all| all <= 10);
        let first = room(6).unwrap();
        assert!(room(5).is_none());
        let second = room(4).unwrap();
        assert!(room(1).is_none());
        drop(first);
        let third = room(6).unwrap();
        drop((second, third));
        assert!(room(11).is_none());
        assert!(room(10).is_some());
    }

    #[test]
    fn more_than_can_be_counted_is_too_much() {
        let taken_on = TakenOn::default();
        let _most = taken_on.room(u32::MAX, |_| true).unwrap();
        assert!(taken_on.room(1, |_| true).is_none());
    }
}
