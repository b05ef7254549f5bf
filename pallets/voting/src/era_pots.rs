//! What may be paid for the eras that are over.

use codec::{Decode, Encode, MaxEncodedLen};
use core::marker::PhantomData;
use cuckoo_primitives::{
    registry::{Budgets, RewardPot, Work},
    AccountId, Balance, EraIndex, Role,
};
use frame_support::{traits::ConstU32, BoundedVec};
use scale_info::TypeInfo;

use crate::{
    authors::AuthorSums,
    fixed::{part, per_unit},
    Authors, Config, OpenPots, Pool,
};

/// Most eras that can wait for being paid at once. If paying falls behind that, an era goes unpaid and its budget stays
/// in the emission.
pub const MAX_OPEN_POTS: u32 = 4;

/// What may be paid for the eras that are over. Only this type reads and writes [`OpenPots`].
pub struct EraPots<T>(PhantomData<T>);

/// What may be paid for one era, and among how much stake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct EraPot {
    /// The era.
    pub(crate) era: EraIndex,
    /// The budgets of the era, in planck.
    pub(crate) budgets: Budgets,
    /// What nobody has been paid of them, in planck.
    pub(crate) unpaid: Budgets,
    /// Backing of the miners that stood through the era, in planck.
    pub(crate) miners: Balance,
    /// Backing of the coordinators that stood through the era, in planck.
    pub(crate) coordinators: Balance,
    /// What the validators did in the era.
    pub(crate) authors: AuthorSums,
}

impl EraPot {
    /// What a candidate earned in this era if that much stood behind it.
    fn share<T: Config>(&self, candidate: &AccountId, role: Role, backing: Balance, blocks: u32) -> Budgets {
        let all = self.miners.saturating_add(self.coordinators).saturating_add(self.authors.backing);
        match role {
            Role::Coordinator => Budgets { staking: part(self.budgets.staking, backing, all), mining: 0 },
            Role::Miner => {
                // Paid work is needed, and more of it than one's share of stake earns nothing.
                let (own_work, all_work) = T::Work::settled(candidate, self.era);
                let by_backing = part(self.budgets.mining, backing, self.miners);
                let active = by_backing.min(part(self.budgets.mining, own_work, all_work));
                Budgets {
                    staking: part(self.budgets.staking, backing, all),
                    mining: T::Work::quality(candidate, self.era).mul_floor(active),
                }
            }
            Role::Validator => {
                let authors = part(self.budgets.staking, self.authors.backing, all);
                let own = backing.saturating_mul(blocks.into());
                Budgets { staking: part(authors, own, self.authors.block_backing), mining: 0 }
            }
        }
    }
}

impl<T: Config> EraPots<T> {
    /// Opens the pot of `ended`, the era before the current one. Returns whether there was room.
    pub(crate) fn open(ended: EraIndex, budgets: Budgets) -> bool {
        let pot = EraPot {
            era: ended,
            budgets,
            unpaid: budgets,
            miners: Pool::<T>::total(Role::Miner, ended),
            coordinators: Pool::<T>::total(Role::Coordinator, ended),
            authors: Authors::<T>::in_era(ended),
        };
        OpenPots::<T>::try_mutate(|pots| pots.try_push(pot)).is_ok()
    }

    /// The eras not before `first` that have an open pot, in order.
    pub(crate) fn open_from(first: EraIndex) -> impl Iterator<Item = EraIndex> {
        OpenPots::<T>::get().into_iter().map(|pot| pot.era).filter(move |era| *era >= first)
    }

    /// Takes out of the pot of `era` what `candidate` earned with `backing` and `blocks`, has it minted, and returns it
    /// in planck. Nothing if there is no such pot.
    pub(crate) fn earn(era: EraIndex, candidate: &AccountId, role: Role, backing: Balance, blocks: u32) -> Balance {
        OpenPots::<T>::mutate(|pots| {
            let Some(pot) = pots.iter_mut().find(|pot| pot.era == era) else { return 0 };
            let share = pot.share::<T>(candidate, role, backing, blocks);
            // The shares come to no more than the budget; were that wrong, the last ones would get less.
            let earned =
                Budgets { staking: share.staking.min(pot.unpaid.staking), mining: share.mining.min(pot.unpaid.mining) };
            let reward = earned.staking.saturating_add(earned.mining);
            // What could not be counted for each planck of stake is not paid.
            if per_unit(reward, backing).is_none() {
                return 0;
            }
            pot.unpaid.staking = pot.unpaid.staking.saturating_sub(earned.staking);
            pot.unpaid.mining = pot.unpaid.mining.saturating_sub(earned.mining);
            T::RewardPot::mint(earned);
            reward
        })
    }

    /// Closes the pots of all eras before `era`, for which everybody has been paid, and gives back what is left.
    pub(crate) fn close_before(era: EraIndex) {
        OpenPots::<T>::mutate(|pots| {
            pots.iter().filter(|pot| pot.era < era).for_each(|pot| T::RewardPot::give_back(pot.unpaid));
            pots.retain(|pot| pot.era >= era);
        });
    }
}

/// The pots, the oldest era first.
pub(crate) type Pots = BoundedVec<EraPot, ConstU32<MAX_OPEN_POTS>>;
