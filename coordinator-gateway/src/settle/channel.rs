//! Channels, and what has been promised through them.

use cuckoo_primitives::{settlement::ChannelId, AccountId, Balance};

/// One of a miner's channels with this coordinator.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ChannelKey {
    /// Stash of the miner.
    pub(crate) miner: AccountId,
    /// Which of its channels.
    pub(crate) channel: ChannelId,
}

/// What a coordinator owes for all work of a channel, from its first task on. It only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Promise {
    /// In planck.
    pub(crate) amount: Balance,
    /// How many tasks that was.
    pub(crate) tasks: u64,
}

impl Promise {
    /// With one more task that cost so much.
    pub(crate) fn and(self, cost: Balance) -> Self {
        Self { amount: self.amount.saturating_add(cost), tasks: self.tasks.saturating_add(1) }
    }

    /// The one that promises more; the tasks are only told, so the greater number is as good as any.
    pub(crate) fn or_more(self, other: Self) -> Self {
        Self { amount: self.amount.max(other.amount), tasks: self.tasks.max(other.tasks) }
    }
}
