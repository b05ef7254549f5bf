//! Gives blocks to texts and takes them back.

use crate::{
    api::EngineError,
    compute::{BlockId, BLOCK_TOKENS},
    kv::prefix::{PrefixCache, PrefixKey},
};

/// Which block is whose: each is free, held by one or more texts, or kept in the cache.
///
/// A text is promised all blocks that it may need before it begins, so that none runs out midway; it takes them as it
/// grows, so that what the cache holds is given up only when it must be.
#[derive(Debug)]
pub(crate) struct BlockPool {
    /// Texts that hold each block.
    holders: Vec<u32>,
    free: Vec<BlockId>,
    /// Blocks that texts were promised and have not taken.
    promised: usize,
    cache: PrefixCache,
    /// Whether texts that begin alike share blocks.
    shares: bool,
}

/// What one text holds. Goes back by [`BlockPool::release`] or [`BlockPool::discard`].
#[must_use]
#[derive(Debug)]
pub(crate) struct Holding {
    /// In the text's order.
    blocks: Vec<BlockId>,
    /// This many of them, from the beginning, are in the cache: full, and never written again.
    known: usize,
    promised: usize,
}

/// How the blocks are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KvUsage {
    pub(crate) blocks: usize,
    pub(crate) held: usize,
    pub(crate) cached: usize,
}

impl Holding {
    pub(crate) fn blocks(&self) -> &[BlockId] {
        &self.blocks
    }

    /// Tokens at the text's beginning whose blocks are in the cache.
    pub(crate) fn known_tokens(&self) -> usize {
        self.known * BLOCK_TOKENS
    }

    /// Names the first block that is not in the cache; `None` if `text` does not fill it.
    pub(crate) fn next_key(&self, text: &[u32]) -> Option<PrefixKey> {
        let tokens = text.get(self.known_tokens()..)?.first_chunk()?;
        let parent = self.known.checked_sub(1).and_then(|before| self.blocks.get(before)).copied();
        Some(PrefixKey { parent, tokens: *tokens })
    }
}

impl BlockPool {
    /// A pool of free blocks, numbered from 0.
    pub(crate) fn new(blocks: usize, shares: bool) -> Self {
        let count = u32::try_from(blocks).unwrap_or(u32::MAX);
        Self {
            holders: vec![0; count as usize],
            // The first ones go first, so that memory is touched only as far as it is needed.
            free: (0..count).rev().map(BlockId).collect(),
            promised: 0,
            cache: PrefixCache::default(),
            shares,
        }
    }

    /// Blocks that `tokens` tokens take.
    pub(crate) const fn blocks_for(tokens: usize) -> usize {
        tokens.div_ceil(BLOCK_TOKENS)
    }

    pub(crate) fn usage(&self) -> KvUsage {
        let (blocks, cached) = (self.holders.len(), self.cache.unheld());
        KvUsage { blocks, held: blocks - self.free.len() - cached, cached }
    }

    /// Promises a text of at most `most_tokens` tokens all its blocks, or nothing if there are not enough. Blocks of
    /// its beginning `text` that are in the cache are its own at once, as long as they end within `text`.
    pub(crate) fn reserve(&mut self, text: &[u32], most_tokens: usize) -> Option<Holding> {
        let mut holding = Holding { blocks: Vec::new(), known: 0, promised: 0 };
        while let Some(block) = self.known_next(&holding, text) {
            self.push_known(&mut holding, block);
        }
        let missing = Self::blocks_for(most_tokens).saturating_sub(holding.blocks.len());
        if self.free.len() + self.cache.unheld() < self.promised + missing {
            self.release(holding);
            return None;
        }
        self.promised += missing;
        holding.promised = missing;
        Some(holding)
    }

    /// Goes on with blocks of `text` that have come into the cache since, for a text that has read no further than what
    /// it knows. Returns how many tokens they hold.
    pub(crate) fn share(&mut self, holding: &mut Holding, text: &[u32]) -> usize {
        let before = holding.known;
        while holding.blocks.len() == holding.known && holding.promised > 0 {
            let Some(block) = self.known_next(holding, text) else { break };
            self.push_known(holding, block);
            holding.promised -= 1;
            self.promised -= 1;
        }
        (holding.known - before) * BLOCK_TOKENS
    }

    /// Takes the blocks that are missing for `tokens` tokens.
    pub(crate) fn grow(&mut self, holding: &mut Holding, tokens: usize) -> Result<(), EngineError> {
        while holding.blocks.len() < Self::blocks_for(tokens) {
            let block = match holding.promised {
                0 => None,
                _ => self.free.pop().or_else(|| self.cache.evict()),
            };
            let block = block.ok_or_else(|| EngineError::Internal("a text outgrew what it was promised".into()))?;
            holding.promised -= 1;
            self.promised -= 1;
            self.hold(block);
            holding.blocks.push(block);
        }
        Ok(())
    }

    /// Keeps the full blocks of `text`, which was read as a whole, for others that begin alike. A block that is in the
    /// cache already takes the place of the text's own, which holds the same.
    pub(crate) fn keep(&mut self, holding: &mut Holding, text: &[u32]) {
        while self.shares {
            let Some(key) = holding.next_key(text) else { return };
            let Some(own) = holding.blocks.get_mut(holding.known) else { return };
            match self.cache.find(&key) {
                Some(known) => {
                    let own = std::mem::replace(own, known);
                    self.hold(known);
                    self.let_go(own);
                }
                None => self.cache.insert(key, *own),
            }
            holding.known += 1;
        }
    }

    /// Takes everything back; what is in the cache stays there.
    pub(crate) fn release(&mut self, holding: Holding) {
        self.promised -= holding.promised;
        // From the end, so that the beginning, which more texts may share, counts as used last.
        for block in holding.blocks.into_iter().rev() {
            self.let_go(block);
        }
    }

    /// Takes everything back from a text whose computation failed. What nobody else holds leaves the cache: it may be
    /// what is wrong, and others would fail by it too.
    pub(crate) fn discard(&mut self, holding: Holding) {
        for block in holding.blocks.iter().take(holding.known).rev() {
            let is_shared = self.holders.get(block.0 as usize) != Some(&1);
            if is_shared || !self.cache.remove(*block) {
                break;
            }
        }
        self.release(holding);
    }

    fn known_next(&self, holding: &Holding, text: &[u32]) -> Option<BlockId> {
        self.cache.find(&holding.next_key(text)?)
    }

    fn push_known(&mut self, holding: &mut Holding, block: BlockId) {
        self.hold(block);
        holding.blocks.push(block);
        holding.known += 1;
    }

    fn hold(&mut self, block: BlockId) {
        if let Some(holders) = self.holders.get_mut(block.0 as usize) {
            *holders += 1;
            self.cache.set_held(block, true);
        }
    }

    fn let_go(&mut self, block: BlockId) {
        let Some(holders) = self.holders.get_mut(block.0 as usize) else { return };
        *holders -= 1;
        if *holders > 0 {
            return;
        }
        if self.cache.contains(block) {
            self.cache.set_held(block, false);
        } else {
            self.free.push(block);
        }
    }
}

#[cfg(test)]
impl BlockPool {
    /// Checks that each block is free, held or cached, and that the sums add up for these holdings, which are all.
    pub(crate) fn check<'a>(&self, holdings: impl IntoIterator<Item = &'a Holding>) {
        let mut holders = vec![0; self.holders.len()];
        let mut promised = 0;
        for holding in holdings {
            promised += holding.promised;
            assert!(holding.known <= holding.blocks.len());
            for (at, block) in holding.blocks.iter().enumerate() {
                holders[block.0 as usize] += 1;
                assert_eq!(self.cache.contains(*block), at < holding.known, "a text knows which blocks are cached");
            }
        }
        assert_eq!(self.holders, holders, "holders of each block");
        assert_eq!(self.promised, promised);
        let mut is_free = vec![false; self.holders.len()];
        for block in &self.free {
            assert!(!std::mem::replace(&mut is_free[block.0 as usize], true), "{block:?} is free twice");
        }
        for (at, holders) in self.holders.iter().enumerate() {
            let is_cached = self.cache.contains(BlockId(at as u32));
            assert_eq!(is_free[at], *holders == 0 && !is_cached, "block {at} is free, held or cached");
        }
        assert!(self.promised <= self.free.len() + self.cache.unheld(), "promises can be kept");
        assert!(self.shares || self.cache.unheld() == 0);
        self.cache.check(|block| self.holders[block.0 as usize] > 0);
    }
}

#[cfg(test)]
mod tests;
