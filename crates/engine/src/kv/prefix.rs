//! Blocks that may be read again by texts that begin alike.

use std::collections::{BTreeSet, HashMap};

use crate::compute::{BlockId, BLOCK_TOKENS};

/// Names what a full block holds: its own tokens and, through the block before it, all tokens before them. Exact, since
/// no block leaves the cache before those that follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PrefixKey {
    /// The block before it, `None` at a text's beginning.
    pub(crate) parent: Option<BlockId>,
    pub(crate) tokens: [u32; BLOCK_TOKENS],
}

/// Full blocks by what they hold. Those that nobody holds are evicted least recently used first, but never before those
/// that follow them.
#[derive(Debug, Default)]
pub(super) struct PrefixCache {
    blocks: HashMap<PrefixKey, BlockId>,
    entries: HashMap<BlockId, Entry>,
    /// Those that may be evicted, by when they were last used: nobody holds them and no block follows them.
    evictable: BTreeSet<(u64, BlockId)>,
    /// Those that nobody holds.
    unheld: usize,
    /// Counts uses.
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    key: PrefixKey,
    /// Cached blocks that follow it.
    followers: usize,
    is_held: bool,
    last_used: u64,
}

impl Entry {
    fn is_evictable(&self) -> bool {
        !self.is_held && self.followers == 0
    }
}

impl PrefixCache {
    pub(super) fn find(&self, key: &PrefixKey) -> Option<BlockId> {
        self.blocks.get(key).copied()
    }

    pub(super) fn contains(&self, block: BlockId) -> bool {
        self.entries.contains_key(&block)
    }

    /// Blocks that nobody holds; all of them can be evicted, one after the other.
    pub(super) fn unheld(&self) -> usize {
        self.unheld
    }

    /// Adds a block that somebody holds. The block before it is in the cache and held, the key is not.
    pub(super) fn insert(&mut self, key: PrefixKey, block: BlockId) {
        self.change(key.parent, |entry| entry.followers += 1);
        let entry = Entry { key, followers: 0, is_held: true, last_used: self.clock };
        self.blocks.insert(key, block);
        self.entries.insert(block, entry);
    }

    /// Says whether anybody holds the block; no effect on blocks that are not in the cache.
    pub(super) fn set_held(&mut self, block: BlockId, is_held: bool) {
        let Some(entry) = self.entries.get(&block) else { return };
        match (entry.is_held, is_held) {
            (false, true) => self.unheld -= 1,
            (true, false) => self.unheld += 1,
            _ => return,
        }
        self.clock += 1;
        let now = self.clock;
        self.change(Some(block), |entry| {
            entry.is_held = is_held;
            entry.last_used = now;
        });
    }

    /// Takes out the block that was used least recently, of those that nobody holds and none follows.
    pub(super) fn evict(&mut self) -> Option<BlockId> {
        let (_, block) = *self.evictable.first()?;
        self.remove(block);
        Some(block)
    }

    /// Takes out a block; false if others follow it or it is not there.
    pub(super) fn remove(&mut self, block: BlockId) -> bool {
        let Some(entry) = self.entries.get(&block).filter(|entry| entry.followers == 0) else { return false };
        let (key, is_held, last_used) = (entry.key, entry.is_held, entry.last_used);
        if !is_held {
            self.unheld -= 1;
            self.evictable.remove(&(last_used, block));
        }
        self.entries.remove(&block);
        self.blocks.remove(&key);
        self.change(key.parent, |entry| entry.followers -= 1);
        true
    }

    /// Changes an entry and keeps the order of eviction right.
    fn change(&mut self, block: Option<BlockId>, change: impl FnOnce(&mut Entry)) {
        let Some((block, entry)) = block.and_then(|block| Some((block, self.entries.get_mut(&block)?))) else { return };
        if entry.is_evictable() {
            self.evictable.remove(&(entry.last_used, block));
        }
        change(entry);
        if entry.is_evictable() {
            self.evictable.insert((entry.last_used, block));
        }
    }
}

#[cfg(test)]
impl PrefixCache {
    /// Checks that all that it remembers agrees.
    pub(super) fn check(&self, is_held: impl Fn(BlockId) -> bool) {
        assert_eq!(self.blocks.len(), self.entries.len());
        let mut followers: HashMap<BlockId, usize> = HashMap::new();
        for (block, entry) in &self.entries {
            assert_eq!(self.blocks.get(&entry.key), Some(block), "a block is found by its key");
            assert_eq!(entry.is_held, is_held(*block), "{block:?}: the cache knows who is held");
            assert_eq!(self.evictable.contains(&(entry.last_used, *block)), entry.is_evictable(), "{block:?}");
            if let Some(parent) = entry.key.parent {
                assert!(self.contains(parent), "no block stays without the one before it");
                assert!(!entry.is_held || is_held(parent), "who holds a block holds the one before it");
                *followers.entry(parent).or_default() += 1;
            }
        }
        for (block, entry) in &self.entries {
            assert_eq!(entry.followers, followers.get(block).copied().unwrap_or(0), "followers of {block:?}");
        }
        assert_eq!(self.unheld, self.entries.values().filter(|entry| !entry.is_held).count());
        assert_eq!(self.evictable.len(), self.entries.values().filter(|entry| entry.is_evictable()).count());
    }
}
