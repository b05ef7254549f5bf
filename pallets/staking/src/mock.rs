//! A runtime with balances and bonds, and a vote register that tests set by hand.

use std::{cell::RefCell, collections::BTreeMap};

use cuckoo_primitives::{registry::VotedStake, AccountId, Balance, EraIndex};
use frame_support::{
    derive_impl,
    traits::{ConstU128, ConstU32},
};
use sp_runtime::{traits::IdentityLookup, BuildStorage, DispatchError};

use crate as pallet_cuckoo_staking;

type Block = frame_system::mocking::MockBlock<Test>;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Balances: pallet_balances,
        Stake: pallet_cuckoo_staking,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountId = AccountId;
    type Lookup = IdentityLookup<AccountId>;
    type AccountData = pallet_balances::AccountData<Balance>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = Balance;
    type ExistentialDeposit = ConstU128<1>;
    type AccountStore = System;
}

impl pallet_cuckoo_staking::Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type VotedStake = VoteRegister;
    type MaxUnlockingChunks = ConstU32<3>;
    type WeightInfo = pallet_cuckoo_staking::weights::SubstrateWeight<Test>;
}

thread_local! {
    static VOTED: RefCell<BTreeMap<AccountId, Balance>> = const { RefCell::new(BTreeMap::new()) };
}

/// What each stash has voted.
pub struct VoteRegister;

impl VoteRegister {
    pub(crate) fn set(stash: AccountId, voted: Balance) {
        VOTED.with(|register| register.borrow_mut().insert(stash, voted));
    }
}

impl VotedStake<AccountId> for VoteRegister {
    fn voted(stash: &AccountId) -> Balance {
        VOTED.with(|register| register.borrow().get(stash).copied().unwrap_or(0))
    }
}

pub(crate) const ALICE: AccountId = AccountId::new([1; 32]);
pub(crate) const BOB: AccountId = AccountId::new([2; 32]);
/// Has no balance.
pub(crate) const POOR: AccountId = AccountId::new([9; 32]);

pub(crate) const BALANCE: Balance = 1_000;
pub(crate) const MIN_BOND: Balance = 10;
pub(crate) const SESSIONS_PER_ERA: u32 = 3;
pub(crate) const BONDING_ERAS: EraIndex = 4;

pub(crate) struct ExtBuilder {
    pub(crate) stake: pallet_cuckoo_staking::GenesisConfig<Test>,
}

impl Default for ExtBuilder {
    fn default() -> Self {
        Self {
            stake: pallet_cuckoo_staking::GenesisConfig {
                slot_ms: 1_000,
                session_blocks: 10,
                sessions_per_era: SESSIONS_PER_ERA,
                bonding_eras: BONDING_ERAS,
                min_bond: MIN_BOND,
                ..Default::default()
            },
        }
    }
}

impl ExtBuilder {
    pub(crate) fn bonds(mut self, bonds: &[(AccountId, Balance)]) -> Self {
        self.stake.bonds = bonds.to_vec();
        self
    }

    fn build(self) -> sp_io::TestExternalities {
        VOTED.with(|register| register.borrow_mut().clear());
        let genesis = RuntimeGenesisConfig {
            balances: pallet_balances::GenesisConfig {
                balances: vec![(ALICE, BALANCE), (BOB, BALANCE)],
                ..Default::default()
            },
            stake: self.stake,
            ..Default::default()
        };
        let mut ext: sp_io::TestExternalities = genesis.build_storage().unwrap().into();
        ext.execute_with(|| System::set_block_number(1));
        ext
    }

    /// Runs `test`, then checks every invariant.
    pub(crate) fn build_and_execute(self, test: impl FnOnce()) {
        self.build().execute_with(|| {
            test();
            Stake::do_try_state().unwrap();
        });
    }

    /// Runs `corrupt`, and expects the check to name `invariant`.
    pub(crate) fn build_and_expect_broken(self, invariant: &'static str, corrupt: impl FnOnce()) {
        self.build().execute_with(|| {
            Stake::do_try_state().unwrap();
            corrupt();
            assert_eq!(Stake::do_try_state(), Err(DispatchError::Other(invariant)));
        });
    }
}

/// Starts sessions until `era` runs.
pub(crate) fn run_to_era(era: EraIndex) {
    while Stake::era_progress().era < era {
        let progress = Stake::era_progress();
        Stake::note_session_started(progress.era * SESSIONS_PER_ERA + progress.sessions_done + 1);
    }
}

/// Free and held balance of `who`, and its active bond.
pub(crate) fn funds(who: &AccountId) -> (Balance, Balance, Balance) {
    use frame_support::traits::fungible::{Inspect, InspectHold};
    let active = Stake::bond_of(who).map_or(0, |bond| bond.active);
    (Balances::balance(who), Balances::total_balance_on_hold(who), active)
}

/// What unbonds of `who`: amounts and the eras in which they are free.
pub(crate) fn unlocking(who: &AccountId) -> Vec<(Balance, EraIndex)> {
    let bond = Stake::bond_of(who).unwrap();
    bond.unlocking.iter().map(|chunk| (chunk.amount, chunk.free_from)).collect()
}
