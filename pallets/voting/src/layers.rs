//! Stake by the era in which it began to count.

use alloc::vec::Vec;
use codec::{Decode, Encode, MaxEncodedLen};
use cuckoo_primitives::{Balance, EraIndex};
use frame_support::{traits::ConstU32, BoundedVec};
use scale_info::TypeInfo;
use sp_runtime::Perbill;

/// Longest time in eras that unbonding may take, and so that stake stays liable after it left. Every era of it can bring a
/// candidate a slash of each kind, which all have to be on record.
pub const MAX_WINDOW_ERAS: u32 = 17;

/// One layer for each era of the window, one for the current era, one for the next, and one for all before.
const MAX_LAYERS: u32 = MAX_WINDOW_ERAS.saturating_add(3);

/// Stake that began to count in one era.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Layer {
    /// The first era in which it counts.
    pub(crate) from: EraIndex,
    /// Planck.
    pub(crate) amount: Balance,
}

/// Stake by the era in which it began to count, the oldest first, no layer empty. Eras that no offence can tell apart
/// any more share the first layer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Layers(BoundedVec<Layer, ConstU32<MAX_LAYERS>>);

impl Layers {
    /// Everything, in planck: what counts from the next era on.
    pub(crate) fn total(&self) -> Balance {
        sum(self.0.iter())
    }

    /// What counts in `era` of it, in planck.
    pub(crate) fn counted(&self, era: EraIndex) -> Balance {
        sum(self.0.iter().filter(|layer| layer.from <= era))
    }

    /// Whether there is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds stake that counts from era `from` on. Returns whether there was room: always, if the layers are merged in
    /// every era in which they change.
    #[must_use]
    pub(crate) fn add(&mut self, from: EraIndex, amount: Balance) -> bool {
        match self.0.binary_search_by_key(&from, |layer| layer.from) {
            Ok(place) => {
                if let Some(layer) = self.0.get_mut(place) {
                    layer.amount = layer.amount.saturating_add(amount);
                }
                true
            }
            Err(place) => self.0.try_insert(place, Layer { from, amount }).is_ok(),
        }
    }

    /// Takes `amount` away, the youngest first, and returns what was taken of which layer; `None` if there is less.
    pub(crate) fn take_youngest(&mut self, amount: Balance) -> Option<Vec<Layer>> {
        if self.total() < amount {
            return None;
        }
        let mut missing = amount;
        let mut taken = Vec::new();
        for layer in self.0.iter_mut().rev() {
            let here = missing.min(layer.amount);
            if here > 0 {
                layer.amount = layer.amount.saturating_sub(here);
                missing = missing.saturating_sub(here);
                taken.push(Layer { from: layer.from, amount: here });
            }
        }
        self.drop_empty();
        Some(taken)
    }

    /// Takes stake away that was added from era `part.from` on, wherever it has been merged to.
    pub(crate) fn remove(&mut self, part: Layer) {
        // The last layer that is not younger: layers are merged into one that is at least as old as they were.
        if let Some(layer) = self.0.iter_mut().rev().find(|layer| layer.from <= part.from) {
            layer.amount = layer.amount.saturating_sub(part.amount);
        }
        self.drop_empty();
    }

    /// What began to count in era `from`.
    pub(crate) fn at(&self, from: EraIndex) -> Balance {
        sum(self.0.iter().filter(|layer| layer.from == from))
    }

    /// Takes from what counted in `offence_era` all but `keep`, rounded down in each layer. Returns what it took.
    pub(crate) fn slash(&mut self, offence_era: EraIndex, keep: Perbill) -> Balance {
        let mut lost: Balance = 0;
        for layer in self.0.iter_mut().filter(|layer| layer.from <= offence_era) {
            let kept = keep.mul_floor(layer.amount);
            lost = lost.saturating_add(layer.amount.saturating_sub(kept));
            layer.amount = kept;
        }
        self.drop_empty();
        lost
    }

    /// Makes one layer of all that began to count in era `oldest` or before: no offence can tell them apart any more.
    pub(crate) fn merge_until(&mut self, oldest: EraIndex) {
        let merged = self.counted(oldest);
        let mut first = true;
        for layer in self.0.iter_mut().filter(|layer| layer.from <= oldest) {
            // The first layer takes all; it keeps its era, which is the oldest of those that it stands for.
            layer.amount = if first { merged } else { 0 };
            first = false;
        }
        self.drop_empty();
    }

    fn drop_empty(&mut self) {
        self.0.retain(|layer| layer.amount > 0);
    }
}

fn sum<'a>(layers: impl Iterator<Item = &'a Layer>) -> Balance {
    layers.fold(0, |sum: Balance, layer| sum.saturating_add(layer.amount))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(parts: &[(EraIndex, Balance)]) -> Layers {
        let mut layers = Layers::default();
        assert!(parts.iter().all(|(from, amount)| layers.add(*from, *amount)));
        layers
    }

    #[test]
    fn stake_counts_from_its_era_on() {
        let stake = layers(&[(0, 5), (3, 7), (3, 1), (4, 2)]);
        assert_eq!((stake.counted(2), stake.counted(3), stake.total()), (5, 13, 15));
    }

    #[test]
    fn the_youngest_leaves_first() {
        let mut stake = layers(&[(0, 5), (3, 7), (4, 2)]);
        assert_eq!(stake.take_youngest(15), None);
        let taken = stake.take_youngest(4).unwrap();
        assert_eq!(taken, [Layer { from: 4, amount: 2 }, Layer { from: 3, amount: 2 }]);
        assert_eq!(stake, layers(&[(0, 5), (3, 5)]));
    }

    #[test]
    fn a_slash_takes_only_what_was_there() {
        let mut stake = layers(&[(0, 5), (3, 7), (4, 2)]);
        assert_eq!(stake.slash(3, Perbill::from_percent(50)), 3 + 4);
        assert_eq!(stake, layers(&[(0, 2), (3, 3), (4, 2)]));
        assert_eq!(stake.slash(3, Perbill::zero()), 5);
        assert_eq!(stake, layers(&[(4, 2)]));
    }

    #[test]
    fn merged_layers_are_still_found() {
        let mut stake = layers(&[(1, 5), (3, 7), (6, 2)]);
        stake.merge_until(3);
        assert_eq!(stake, layers(&[(1, 12), (6, 2)]));
        stake.remove(Layer { from: 3, amount: 7 });
        stake.remove(Layer { from: 6, amount: 2 });
        assert_eq!(stake, layers(&[(1, 5)]));
        stake.remove(Layer { from: 1, amount: 5 });
        assert!(stake.is_empty());
    }

    #[test]
    fn as_many_layers_fit_as_the_window_has_eras() {
        let mut stake = Layers::default();
        for era in 0..200 {
            assert!(stake.add(era + 1, 1));
            stake.merge_until(era.saturating_sub(MAX_WINDOW_ERAS));
        }
        assert_eq!(stake.total(), 200);
    }
}
