//! The tree over a list.

use alloc::vec::Vec;
use codec::Encode;

use super::{proof::Path, MAX_PATH};
use crate::{signing::blake2_256, Hash};

/// The hash of an item.
pub fn hash_of<Item: Encode + ?Sized>(item: &Item) -> Hash {
    item.using_encoded(|bytes| blake2_256(&[&[0], bytes]))
}

/// The hash of two subtrees.
pub(crate) fn node(left: &Hash, right: &Hash) -> Hash {
    blake2_256(&[&[1], left.as_bytes(), right.as_bytes()])
}

/// Length of the left part of a list of `count` items, which are two or more: the greatest power of two below.
pub(super) fn split(count: usize) -> usize {
    count.div_ceil(2).checked_next_power_of_two().unwrap_or(1)
}

/// The root over items of which these are the hashes; of none it is blake2_256 of nothing.
pub fn root(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => blake2_256(&[]),
        [only] => *only,
        several => {
            let (left, right) = several.split_at_checked(split(several.len())).unwrap_or((several, &[]));
            node(&root(left), &root(right))
        }
    }
}

/// The way from the item at `index` up to the root over items of which these are the hashes; `None` if there is no such
/// item, or if there are more than 2^[`MAX_PATH`].
pub fn path(hashes: &[Hash], index: usize) -> Option<Path> {
    let mut siblings = Vec::new();
    hashes.get(index)?;
    collect(hashes, index, &mut siblings);
    Path::try_from(siblings).ok()
}

/// Siblings from the item upwards.
fn collect(hashes: &[Hash], index: usize, siblings: &mut Vec<Hash>) {
    if hashes.len() < 2 || siblings.len() > MAX_PATH as usize {
        return;
    }
    let Some((left, right)) = hashes.split_at_checked(split(hashes.len())) else { return };
    match index.checked_sub(left.len()) {
        None => {
            collect(left, index, siblings);
            siblings.push(root(right));
        }
        Some(index) => {
            collect(right, index, siblings);
            siblings.push(root(left));
        }
    }
}

/// The tree over a list that grows. Takes one hash for each binary digit of its length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// Roots of the whole subtrees, the largest first: one for each digit 1 of `count`.
    subtrees: Vec<Hash>,
    count: u32,
}

impl Tree {
    /// Adds an item.
    pub fn push<Item: Encode + ?Sized>(&mut self, item: &Item) {
        let mut hash = hash_of(item);
        for _ in 0..self.count.trailing_ones() {
            let Some(left) = self.subtrees.pop() else { break };
            hash = node(&left, &hash);
        }
        self.subtrees.push(hash);
        self.count = self.count.saturating_add(1);
    }

    /// How many items there are.
    pub fn len(&self) -> u32 {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The root over all items so far.
    pub fn root(&self) -> Hash {
        let mut smallest_first = self.subtrees.iter().rev();
        match smallest_first.next() {
            None => root(&[]),
            Some(smallest) => smallest_first.fold(*smallest, |right, left| node(left, &right)),
        }
    }
}

impl<Item: Encode> FromIterator<Item> for Tree {
    fn from_iter<Items: IntoIterator<Item = Item>>(items: Items) -> Self {
        let mut tree = Self::default();
        items.into_iter().for_each(|item| tree.push(&item));
        tree
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(count: u32) -> Vec<Hash> {
        (0..count).map(|item| hash_of(&item)).collect()
    }

    #[test]
    fn roots_are_fixed() {
        assert_eq!(hex::encode(root(&[])), "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
        assert_eq!(root(&hashes(1)), blake2_256(&[&[0], &[0; 4]]));
        let [a, b, c] = [0, 1, 2].map(|item: u32| hash_of(&item));
        assert_eq!(root(&hashes(3)), blake2_256(&[&[1], node(&a, &b).as_bytes(), c.as_bytes()]));
    }

    #[test]
    fn a_tree_that_grows_is_the_tree_over_the_list() {
        let mut tree = Tree::default();
        for count in 0..70 {
            assert_eq!((tree.len(), tree.root()), (count, root(&hashes(count))));
            assert_eq!(tree, (0..count).collect());
            tree.push(&count);
        }
    }

    #[test]
    fn every_item_has_a_way_up_and_nothing_else_has() {
        for count in 1..35 {
            let hashes = hashes(count);
            let root = root(&hashes);
            for index in 0..count {
                let path = path(&hashes, index as usize).unwrap();
                assert!(path.leads(&index, index, count, &root), "{index} of {count}");
                assert!(!path.leads(&(index + 1), index, count, &root));
                for (other_index, other_count) in [(index + 1, count), (index, count + 1), (index, index)] {
                    // A list that is longer elsewhere may have the same way for an item; its root is another.
                    let is_same = path.leads(&index, other_index, other_count, &root);
                    assert!(!is_same || other_index == index, "{index} of {count} as {other_index} of {other_count}");
                }
            }
            assert!(path(&hashes, count as usize).is_none());
        }
    }
}
