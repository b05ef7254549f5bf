//! Eras, and values that change only when one starts.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// Number of an era: a whole number of sessions in which backing and rewards are fixed.
pub type EraIndex = u32;

/// Where the chain stands in its current era.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, serde::Serialize, serde::Deserialize)]
pub struct EraProgress {
    /// The current era.
    pub era: EraIndex,
    /// Sessions of this era that have ended.
    pub sessions_done: u32,
    /// Sessions an era has.
    pub sessions_per_era: u32,
    /// Blocks a session has, if no slot stays empty.
    pub session_blocks: u32,
    /// Length of a slot in milliseconds.
    pub slot_ms: u64,
    /// Eras that unbonding takes.
    pub bonding_eras: EraIndex,
}

/// An amount whose changes count from the next era on.
///
/// Reading and writing are O(1) and need no hook at the start of an era: the record holds the amount that counts in
/// the era of its last write and the amount that counts in every later one.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct EraAmount {
    /// Era of the last write.
    era: EraIndex,
    /// Counts in `era`.
    current: u128,
    /// Counts in every era after `era`.
    next: u128,
}

impl EraAmount {
    /// An amount that counts at once. Only genesis may use it: nothing was decided by the smaller amount before it.
    pub const fn counting_now(era: EraIndex, amount: u128) -> Self {
        Self { era, current: amount, next: amount }
    }

    /// The amount that counts in era `now`. `now` must not lie before the last write.
    pub const fn at(&self, now: EraIndex) -> u128 {
        if now > self.era {
            self.next
        } else {
            self.current
        }
    }

    /// The amount that counts from the era after the last write on.
    pub const fn next(&self) -> u128 {
        self.next
    }

    /// Nothing counts now or later.
    pub const fn is_zero_from(&self, now: EraIndex) -> bool {
        self.at(now) == 0 && self.next == 0
    }

    /// `current` counts in era `now`, and `next` in every later one.
    pub const fn of(now: EraIndex, current: u128, next: u128) -> Self {
        Self { era: now, current, next }
    }

    /// A sum of which one part changed from `before` to `after`, each given as what counts in era `now` and in later
    /// ones. The part must be in the sum.
    pub const fn with_part(&self, now: EraIndex, before: (u128, u128), after: (u128, u128)) -> Self {
        Self {
            era: now,
            current: self.at(now).saturating_sub(before.0).saturating_add(after.0),
            next: self.next.saturating_sub(before.1).saturating_add(after.1),
        }
    }

    /// Adds `amount` from the era after `now` on; `None` if the sum does not fit.
    pub fn add(&self, now: EraIndex, amount: u128) -> Option<Self> {
        Some(Self { era: now, current: self.at(now), next: self.next.checked_add(amount)? })
    }

    /// Takes `amount` away from the era after `now` on; `None` if that much is not there.
    pub fn sub(&self, now: EraIndex, amount: u128) -> Option<Self> {
        Some(Self { era: now, current: self.at(now), next: self.next.checked_sub(amount)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_count_from_the_next_era() {
        let amount = EraAmount::default().add(3, 10).unwrap();
        assert_eq!((amount.at(3), amount.at(4), amount.next()), (0, 10, 10));
        let more = amount.add(3, 5).unwrap();
        assert_eq!((more.at(3), more.at(4)), (0, 15));
        let less = more.sub(7, 4).unwrap();
        assert_eq!((less.at(7), less.at(8)), (15, 11));
        assert!(!less.is_zero_from(8));
        assert!(less.sub(9, 11).unwrap().is_zero_from(10));
    }

    #[test]
    fn impossible_changes_are_refused() {
        let amount = EraAmount::counting_now(0, u128::MAX);
        assert_eq!(amount.add(0, 1), None);
        assert_eq!(EraAmount::default().sub(0, 1), None);
    }
}
