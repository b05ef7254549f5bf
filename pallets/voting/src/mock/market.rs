//! Bonds, candidates, eras and the reward pot, as small as this pallet needs them. All of it lies in storage, so that a
//! refused call undoes it.

use cuckoo_primitives::{
    registry::{AppliedSlashes, Backing, Bonds, Budgets, Candidates, CurrentEra, RewardPot, Rewards, VotedStake, Work},
    AccountId, Balance, EraIndex, Role,
};
use frame_support::{
    dispatch::DispatchResult,
    pallet_prelude::{OptionQuery, ValueQuery},
    storage::with_storage_layer,
    storage_alias, Blake2_128Concat,
};
use sp_runtime::{DispatchError, Perbill};

use super::{settle_fully, Voting, BONDING_ERAS, MIN_SELF_STAKE};

/// Stands for the other pallets.
pub struct Market;

/// (active, unlocking as (free from, amount))
type Bond = (Balance, Vec<(EraIndex, Balance)>);

#[storage_alias]
type Era = StorageValue<Market, EraIndex, ValueQuery>;
#[storage_alias]
type Bonded = StorageMap<Market, Blake2_128Concat, AccountId, Bond, ValueQuery>;
#[storage_alias]
type Roles = StorageMap<Market, Blake2_128Concat, AccountId, Role, OptionQuery>;
#[storage_alias]
type Chilled = StorageMap<Market, Blake2_128Concat, AccountId, bool, ValueQuery>;
#[storage_alias]
type Commissions = StorageMap<Market, Blake2_128Concat, AccountId, Perbill, ValueQuery>;
#[storage_alias]
type Qualities = StorageMap<Market, Blake2_128Concat, AccountId, Perbill, OptionQuery>;
#[storage_alias]
type Applied = StorageValue<Market, EraIndex, OptionQuery>;
/// Minted, claimed and given back, in planck.
#[storage_alias]
type Pot = StorageValue<Market, (Balance, Balance, Balance), ValueQuery>;
/// Planck that slashes took.
#[storage_alias]
type Burned = StorageValue<Market, Balance, ValueQuery>;

impl Market {
    /// What `who` can vote with.
    pub(crate) fn active_of(who: &AccountId) -> Balance {
        Bonded::get(who).0
    }
}

impl CurrentEra for Market {
    fn current_era() -> EraIndex {
        Era::get()
    }

    fn bonding_eras() -> EraIndex {
        BONDING_ERAS
    }

    fn era_at(_: u64) -> Option<EraIndex> {
        None
    }

    fn era_of_session(index: u32) -> EraIndex {
        index
    }
}

impl AppliedSlashes for Market {
    fn applied_through() -> EraIndex {
        Applied::get().unwrap_or(EraIndex::MAX)
    }
}

impl Bonds<AccountId> for Market {
    fn active(stash: &AccountId) -> Balance {
        Bonded::get(stash).0
    }

    fn total(stash: &AccountId) -> Balance {
        let (active, unlocking) = Bonded::get(stash);
        active + unlocking.iter().map(|(_, amount)| amount).sum::<Balance>()
    }

    fn slash_active(stash: &AccountId, amount: Balance, _: Option<&AccountId>) -> Balance {
        let taken = Bonded::mutate(stash, |bond| {
            let taken = amount.min(bond.0);
            bond.0 -= taken;
            taken
        });
        Burned::mutate(|burned| *burned += taken);
        taken
    }

    fn slash_unlocking(stash: &AccountId, amount: Balance, _: Option<&AccountId>) -> Balance {
        let mut taken = 0;
        Bonded::mutate(stash, |bond| {
            for (_, chunk) in bond.1.iter_mut().rev() {
                let here = (*chunk).min(amount - taken);
                *chunk -= here;
                taken += here;
            }
            bond.1.retain(|(_, amount)| *amount > 0);
        });
        Burned::mutate(|burned| *burned += taken);
        taken
    }
}

impl Candidates<AccountId> for Market {
    fn role(stash: &AccountId) -> Option<Role> {
        Roles::get(stash)
    }

    fn own_stake_floor(stash: &AccountId) -> Option<Balance> {
        Roles::get(stash).map(|_| MIN_SELF_STAKE)
    }

    fn commission(stash: &AccountId, _: EraIndex) -> Perbill {
        Commissions::get(stash)
    }

    fn has_stepped_back(stash: &AccountId) -> bool {
        Chilled::get(stash)
    }

    fn chill(stash: &AccountId) -> bool {
        let steps_back = Roles::contains_key(stash) && !Chilled::get(stash);
        if steps_back {
            Chilled::insert(stash, true);
            Voting::suspend(stash);
        }
        steps_back
    }
}

impl RewardPot for Market {
    fn mint(earned: Budgets) {
        Pot::mutate(|pot| pot.0 += earned.staking + earned.mining);
    }

    fn give_back(unearned: Budgets) {
        Pot::mutate(|pot| pot.2 += unearned.staking + unearned.mining);
    }

    fn held() -> Balance {
        let (minted, claimed, _) = Pot::get();
        minted - claimed
    }
}

impl Work<AccountId> for Market {
    fn activity(_: &AccountId, _: EraIndex) -> Perbill {
        Perbill::one()
    }

    fn quality(miner: &AccountId, _: EraIndex) -> Perbill {
        Qualities::get(miner).unwrap_or(Perbill::one())
    }
}

/// Adds to the active bond of `who`.
pub(crate) fn bond(who: &AccountId, amount: Balance) {
    Bonded::mutate(who, |bond| bond.0 += amount);
}

/// Starts to release `amount`, which must not be voted.
pub(crate) fn unbond(who: &AccountId, amount: Balance) -> DispatchResult {
    with_storage_layer(|| {
        <Voting as VotedStake<_>>::settle(who)?;
        let free = Market::active(who).checked_sub(<Voting as VotedStake<_>>::voted(who));
        if free.is_none_or(|free| free < amount) {
            return Err(DispatchError::Other("still voted"));
        }
        Bonded::mutate(who, |bond| {
            bond.0 -= amount;
            bond.1.push((Era::get() + BONDING_ERAS, amount));
        });
        Ok(())
    })
}

/// Frees what has finished unbonding, once all slashes have been taken, and returns it.
pub(crate) fn withdraw(who: &AccountId) -> Balance {
    settle_fully(who);
    let now = Era::get().min(Market::applied_through());
    Bonded::mutate(who, |bond| {
        let free = bond.1.iter().filter(|(free_from, _)| *free_from <= now).map(|(_, amount)| amount).sum();
        bond.1.retain(|(free_from, _)| *free_from > now);
        free
    })
}

/// What `who` has bonded, what unbonds included.
pub(crate) fn bonded(who: &AccountId) -> Balance {
    Market::total(who)
}

/// Takes the bond of `who` away, without telling the pallet.
pub(crate) fn take_bond(who: &AccountId) {
    Bonded::remove(who);
}

/// Takes what `who` has earned out of the pot, once all slashes have been taken.
pub(crate) fn claim(who: &AccountId) -> Balance {
    settle_fully(who);
    let claimed = <Voting as Rewards<_>>::take(who).unwrap();
    Pot::mutate(|pot| pot.1 += claimed);
    claimed
}

/// Makes `who` a candidate, without telling the pallet.
pub(crate) fn enrol(who: &AccountId, role: Role) {
    Roles::insert(who, role);
}

/// Makes `who` a candidate of `role` with `own` behind itself.
pub(crate) fn register(who: &AccountId, role: Role, own: Balance) -> DispatchResult {
    with_storage_layer(|| {
        Roles::insert(who, role);
        Chilled::remove(who);
        Voting::stand(who, role, own).map(|_| ())
    })
}

pub(crate) fn deregister(who: &AccountId) -> Result<Balance, DispatchError> {
    with_storage_layer(|| {
        Roles::remove(who);
        Voting::leave(who).map(|(amount, _)| amount)
    })
}

pub(crate) fn chill(who: &AccountId) -> bool {
    <Market as Candidates<_>>::chill(who)
}

pub(crate) fn is_chilled(who: &AccountId) -> bool {
    Chilled::get(who)
}

fn bring_up_to_date(who: &AccountId) {
    settle_fully(who);
    Voting::bring_up_to_date(who).unwrap();
}

/// Brings a chilled candidate back if its own stake is enough; returns whether it is back.
pub(crate) fn validate(who: &AccountId) -> bool {
    bring_up_to_date(who);
    let back = Chilled::get(who) && Roles::contains_key(who) && Voting::own_stake(who).1 > MIN_SELF_STAKE;
    if back {
        Chilled::insert(who, false);
        Voting::resume(who);
    }
    back
}

pub(crate) fn set_commission(who: &AccountId, percent: u32) {
    bring_up_to_date(who);
    Commissions::insert(who, Perbill::from_percent(percent));
}

pub(crate) fn set_quality(miner: &AccountId, percent: u32) {
    Qualities::insert(miner, Perbill::from_percent(percent));
}

/// Slashes that were due after this era wait.
pub(crate) fn set_applied_through(era: Option<EraIndex>) {
    Applied::set(era);
}

pub(crate) fn now() -> EraIndex {
    Era::get()
}

/// Ends the era, for which `staking` and `mining` planck may be paid, without paying anybody.
pub(crate) fn end_era(staking: Balance, mining: Balance) -> bool {
    let ended = Era::get();
    Era::put(ended + 1);
    <Voting as Rewards<AccountId>>::era_ended(ended, Budgets { staking, mining })
}

/// Ends eras in which nothing is earned until `era` runs.
pub(crate) fn run_to_era(era: EraIndex) {
    while Era::get() < era {
        end_era(0, 0);
        super::pay_all();
    }
}

/// Minted, claimed, and given back to the budgets.
pub(crate) fn pot() -> (Balance, Balance, Balance) {
    Pot::get()
}

/// What slashes have burned.
pub(crate) fn burned() -> Balance {
    Burned::get()
}

pub(super) fn check_market() {
    let (minted, claimed, _) = Pot::get();
    assert!(claimed <= minted, "nobody claims what was not minted");
}
