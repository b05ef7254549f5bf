//! What was read on the chain, and when.

use cuckoo_primitives::BlockNumber;

/// What was read on the chain, and the height of the finalised block as of which it was so.
///
/// Answers may arrive in another order than that of their blocks; so one takes the place of another only by
/// [`At::follow`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At<T> {
    /// Height of the block.
    pub block: BlockNumber,
    /// What was so after it.
    pub value: T,
}

impl<T> At<T> {
    /// Goes on with `reading`, unless that is older.
    pub(crate) fn follow(&mut self, reading: Self) {
        if reading.block >= self.block {
            *self = reading;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_reading_changes_nothing() {
        let mut known = At { block: 5, value: "five" };
        known.follow(At { block: 4, value: "late" });
        assert_eq!(known.value, "five");
        known.follow(At { block: 5, value: "again" });
        assert_eq!(known.value, "again");
        known.follow(At { block: 6, value: "six" });
        assert_eq!(known, At { block: 6, value: "six" });
    }
}
