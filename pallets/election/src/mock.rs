//! A runtime with elections only; tests say who stands, with what backing, and who has keys.

use std::{cell::RefCell, collections::BTreeSet};

use cuckoo_primitives::{AccountId, Balance};
use frame_support::{
    derive_impl,
    traits::{ConstU32, Contains},
};
use frame_system::EnsureRoot;
use sp_runtime::{traits::IdentityLookup, BuildStorage, DispatchError};

use crate as pallet_cuckoo_election;

type Block = frame_system::mocking::MockBlock<Test>;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Election: pallet_cuckoo_election,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountId = AccountId;
    type Lookup = IdentityLookup<AccountId>;
}

pub(crate) const MAX_VALIDATORS: u32 = 25;

impl pallet_cuckoo_election::Config for Test {
    type Candidates = Standing;
    type WithKeys = Standing;
    type LimitsOrigin = EnsureRoot<AccountId>;
    type MaxValidators = ConstU32<MAX_VALIDATORS>;
    type WeightInfo = pallet_cuckoo_election::weights::SubstrateWeight<Test>;
}

#[derive(Default)]
struct StandingState {
    active: Vec<(AccountId, Balance)>,
    without_keys: BTreeSet<AccountId>,
}

thread_local! {
    static STATE: RefCell<StandingState> = RefCell::default();
}

/// Who stands, and who has keys.
pub struct Standing;

impl Standing {
    /// From now on these are active: number of the account, backing.
    pub(crate) fn set(active: &[(u8, Balance)]) {
        STATE.with_borrow_mut(|state| state.active = active.iter().map(|(n, backing)| (who(*n), *backing)).collect());
    }

    /// From now on everyone but these has keys.
    pub(crate) fn purge(without_keys: &[u8]) {
        STATE.with_borrow_mut(|state| state.without_keys = without_keys.iter().map(|n| who(*n)).collect());
    }
}

impl crate::ValidatorCandidates for Standing {
    fn active() -> Vec<(AccountId, Balance)> {
        STATE.with_borrow(|state| state.active.clone())
    }

    fn is_active(stash: &AccountId) -> bool {
        STATE.with_borrow(|state| state.active.iter().any(|(active, _)| active == stash))
    }
}

impl Contains<AccountId> for Standing {
    fn contains(stash: &AccountId) -> bool {
        STATE.with_borrow(|state| !state.without_keys.contains(stash))
    }
}

/// Account number `n`; they are sorted by number.
pub(crate) fn who(n: u8) -> AccountId {
    AccountId::new([n; 32])
}

/// Who validates next when `current` do now, by number.
pub(crate) fn next(current: &[u8], elect: bool) -> Vec<u8> {
    let current = current.iter().map(|n| who(*n)).collect();
    let number = |stash: AccountId| AsRef::<[u8; 32]>::as_ref(&stash)[0];
    Election::next_validators(current, elect).into_iter().map(number).collect()
}

pub(crate) struct ExtBuilder {
    count: u32,
    minimum: u32,
}

impl Default for ExtBuilder {
    fn default() -> Self {
        Self { count: 3, minimum: 2 }
    }
}

impl ExtBuilder {
    pub(crate) fn limits(count: u32, minimum: u32) -> Self {
        Self { count, minimum }
    }

    fn build(self) -> sp_io::TestExternalities {
        STATE.with_borrow_mut(|state| *state = StandingState::default());
        let election = pallet_cuckoo_election::GenesisConfig {
            validator_count: self.count,
            min_validators: self.minimum,
            ..Default::default()
        };
        let genesis = RuntimeGenesisConfig { election, ..Default::default() };
        let mut ext: sp_io::TestExternalities = genesis.build_storage().unwrap().into();
        ext.execute_with(|| System::set_block_number(1));
        ext
    }

    /// Runs `test`, then checks every invariant.
    pub(crate) fn build_and_execute(self, test: impl FnOnce()) {
        self.build().execute_with(|| {
            test();
            Election::do_try_state().unwrap();
        });
    }

    /// Runs `corrupt`, and expects the check to name `invariant`.
    pub(crate) fn build_and_expect_broken(self, invariant: &'static str, corrupt: impl FnOnce()) {
        self.build().execute_with(|| {
            Election::do_try_state().unwrap();
            corrupt();
            assert_eq!(Election::do_try_state(), Err(DispatchError::Other(invariant)));
        });
    }
}
