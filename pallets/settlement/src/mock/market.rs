//! The other pallets of the market, as settlement sees them.

use cuckoo_primitives::{
    registry::{Bonds, Candidates, CurrentEra, Freed, Operators, OwnStake, Taken, MAX_SETTLED},
    AccountId, Balance, EraIndex, Role, TOTAL_SUPPLY_CAP,
};
use frame_support::{pallet_prelude::ValueQuery, storage_alias, traits::fungible::Mutate, Blake2_128Concat};
use sp_runtime::Perbill;

use super::{operator, Balances, ANNE, ANNES_KEY, BONDING_ERAS, CLEO, CLEOS_KEY, MIKE, NORA};

/// Roles, bonds, operators and the era.
pub struct Market;

#[storage_alias]
type Era = StorageValue<Market, EraIndex, ValueQuery>;
#[storage_alias]
type Roles = StorageMap<Market, Blake2_128Concat, AccountId, Role>;
#[storage_alias]
type Chilled = StorageMap<Market, Blake2_128Concat, AccountId, (), ValueQuery>;
#[storage_alias]
type Bonded = StorageMap<Market, Blake2_128Concat, AccountId, Balance, ValueQuery>;
/// From when on a bond can be withdrawn.
#[storage_alias]
type Leaving = StorageMap<Market, Blake2_128Concat, AccountId, EraIndex>;
/// How many times stake must be asked for until the slashes before are taken.
#[storage_alias]
type Delays = StorageMap<Market, Blake2_128Concat, AccountId, u32, ValueQuery>;
/// Whom a key serves, or served until an era.
#[storage_alias]
type Serves = StorageMap<Market, Blake2_128Concat, AccountId, (AccountId, Role, Option<EraIndex>)>;

/// What coordinators bond. Test miners bond a fifth of all CAI each, so that a fifth of this covers each.
pub(crate) const COORDINATORS_BOND: Balance = 50_000;

impl Market {
    pub(crate) fn set_up() {
        for (coordinator, key) in [(ANNE, ANNES_KEY), (CLEO, CLEOS_KEY)] {
            Roles::insert(&coordinator, Role::Coordinator);
            Bonded::insert(&coordinator, COORDINATORS_BOND);
            Self::employ(key, &coordinator);
        }
        for miner in [MIKE, NORA] {
            Roles::insert(&miner, Role::Miner);
            Bonded::insert(&miner, TOTAL_SUPPLY_CAP / 5);
        }
    }

    pub(crate) fn run_to(era: EraIndex) {
        Era::put(era);
    }

    pub(crate) fn set_bond(stash: &AccountId, amount: Balance) {
        Bonded::insert(stash, amount);
    }

    /// All that `stash` bonded can be withdrawn from `era` on.
    pub(crate) fn unbond(stash: &AccountId, era: EraIndex) {
        Leaving::insert(stash, era);
    }

    /// Slashes of `stash` wait for so many tries.
    pub(crate) fn delay(stash: &AccountId, tries: u32) {
        Delays::insert(stash, tries);
    }

    /// Key number `key` works for `stash` from now on.
    pub(crate) fn employ(key: u8, stash: &AccountId) {
        Serves::insert(operator(key), (stash, Role::Coordinator, None::<EraIndex>));
    }

    /// Key number `key` has worked for its stash until this era.
    pub(crate) fn retire(key: u8) {
        let era = Era::get();
        Serves::mutate(operator(key), |record| record.as_mut().unwrap().2 = Some(era));
    }

    /// `stash` has no role any more.
    pub(crate) fn deregister(stash: &AccountId) {
        Roles::remove(stash);
    }

    pub(crate) fn is_chilled(stash: &AccountId) -> bool {
        Chilled::contains_key(stash)
    }

    pub(crate) fn bond(stash: &AccountId) -> Balance {
        Bonded::get(stash)
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

impl Candidates<AccountId> for Market {
    fn role(stash: &AccountId) -> Option<Role> {
        Roles::get(stash)
    }

    fn own_stake_floor(_: &AccountId) -> Option<Balance> {
        None
    }

    fn commission(_: &AccountId, _: EraIndex) -> Perbill {
        Perbill::zero()
    }

    fn has_stepped_back(stash: &AccountId) -> bool {
        Self::is_chilled(stash)
    }

    fn chill(stash: &AccountId) -> bool {
        let chilled = !Self::is_chilled(stash);
        Chilled::insert(stash, ());
        chilled
    }
}

impl Operators<AccountId> for Market {
    fn served_by(operator: &AccountId, era: EraIndex) -> Option<(AccountId, Role)> {
        let (stash, role, last) = Self::last_served(operator)?;
        (era <= last).then_some((stash, role))
    }

    fn last_served(operator: &AccountId) -> Option<(AccountId, Role, EraIndex)> {
        let (stash, role, until) = Serves::get(operator)?;
        Some((stash, role, until.unwrap_or_else(Era::get)))
    }
}

impl Bonds<AccountId> for Market {
    fn active(stash: &AccountId) -> Balance {
        Bonded::get(stash)
    }

    fn total(stash: &AccountId) -> Balance {
        Bonded::get(stash)
    }

    fn lasting(stash: &AccountId, through: EraIndex) -> Balance {
        match Leaving::get(stash) {
            Some(free_from) if free_from <= through => 0,
            _ => Bonded::get(stash),
        }
    }

    fn take_active(_: &AccountId, _: Balance, _: Taken<'_, AccountId>) -> Balance {
        0
    }

    fn take_unlocking(_: &AccountId, _: Balance, _: Taken<'_, AccountId>) -> Balance {
        0
    }
}

impl OwnStake<AccountId> for Market {
    fn free(stash: &AccountId, amount: Balance) -> Freed {
        let delays = Delays::get(stash);
        if delays > 0 {
            Delays::insert(stash, delays - 1);
            return Freed { amount: 0, slashes: MAX_SETTLED, is_delayed: true };
        }
        let amount = Bonded::mutate(stash, |bond| {
            let freed = amount.min(*bond);
            *bond -= freed;
            freed
        });
        Balances::mint_into(stash, amount).unwrap();
        Freed { amount, ..Freed::default() }
    }
}
