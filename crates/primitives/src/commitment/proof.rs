//! That an item is in a list, shown by its root.

use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::bounded::BoundedVec;
use sp_core::ConstU32;

use super::tree::{hash_of, node, split};
use crate::Hash;

/// Longest way, and so the greatest list: 2^20 items.
pub const MAX_PATH: u32 = 20;

/// The way from an item to the root: the hashes beside it, from the bottom up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Path(BoundedVec<Hash, ConstU32<MAX_PATH>>);

/// A way that is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

impl TryFrom<Vec<Hash>> for Path {
    type Error = TooLong;

    fn try_from(siblings: Vec<Hash>) -> Result<Self, TooLong> {
        BoundedVec::try_from(siblings).map(Self).map_err(|_| TooLong)
    }
}

impl Path {
    /// Whether it leads from `item`, at `index` of `count` items, to `root`.
    pub fn leads<Item: Encode + ?Sized>(&self, item: &Item, index: u32, count: u32, root: &Hash) -> bool {
        climb(hash_of(item), &self.0, index as usize, count as usize) == Some(*root)
    }
}

/// The root that the siblings lead to; `None` if they are too many or too few.
fn climb(from: Hash, siblings: &[Hash], index: usize, count: usize) -> Option<Hash> {
    if index >= count {
        return None;
    }
    if count == 1 {
        return siblings.is_empty().then_some(from);
    }
    let (sibling, below) = siblings.split_last()?;
    let left = split(count);
    match index.checked_sub(left) {
        None => climb(from, below, index, left).map(|hash| node(&hash, sibling)),
        Some(index) => climb(from, below, index, count.saturating_sub(left)).map(|hash| node(sibling, &hash)),
    }
}
