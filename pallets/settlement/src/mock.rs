//! A runtime with balances and settlement; era, roles, bonds and operators are what tests set.

mod market;

use cuckoo_primitives::{
    settlement::{ChannelId, SignedVoucher, Voucher},
    signing::Statement,
    AccountId, Balance, EraIndex, Hash,
};
use frame_support::{
    derive_impl,
    dispatch::DispatchResult,
    traits::{
        fungible::{Balanced, Credit},
        ConstU128, OnUnbalanced,
    },
    weights::constants::RocksDbWeight,
};
use sp_core::{sr25519, Pair};
use sp_runtime::{
    traits::{Dispatchable, IdentityLookup},
    BuildStorage, DispatchError,
};

use crate as pallet_cuckoo_settlement;
pub(crate) use market::Market;

type Block = frame_system::mocking::MockBlock<Test>;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Balances: pallet_balances,
        Settlement: pallet_cuckoo_settlement,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountId = AccountId;
    type Lookup = IdentityLookup<AccountId>;
    type AccountData = pallet_balances::AccountData<Balance>;
    type DbWeight = RocksDbWeight;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = Balance;
    type ExistentialDeposit = ConstU128<ED>;
    type RuntimeHoldReason = RuntimeHoldReason;
    type AccountStore = System;
}

impl pallet_cuckoo_settlement::Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type CurrentEra = Market;
    type Candidates = Market;
    type Operators = Market;
    type Bonds = Market;
    type OwnStake = Market;
    type Treasury = ToTreasury;
    type WeightInfo = pallet_cuckoo_settlement::weights::SubstrateWeight<Test>;
}

/// Gives the account of the treasury what it gets.
pub struct ToTreasury;

impl OnUnbalanced<Credit<AccountId, Balances>> for ToTreasury {
    fn on_nonzero_unbalanced(amount: Credit<AccountId, Balances>) {
        assert!(Balances::resolve(&TREASURY, amount).is_ok());
    }
}

pub(crate) const ED: Balance = 10;
/// What every funded account begins with.
pub(crate) const FUNDS: Balance = 100_000;
pub(crate) const TREASURY: AccountId = AccountId::new([99; 32]);
/// Registered coordinators.
pub(crate) const ANNE: AccountId = AccountId::new([1; 32]);
pub(crate) const CLEO: AccountId = AccountId::new([2; 32]);
/// Registered miners.
pub(crate) const MIKE: AccountId = AccountId::new([11; 32]);
pub(crate) const NORA: AccountId = AccountId::new([12; 32]);
/// Somebody without a role.
pub(crate) const BOB: AccountId = AccountId::new([21; 32]);
/// Somebody who does not exist yet.
pub(crate) const NOBODY: AccountId = AccountId::new([31; 32]);
/// A channel.
pub(crate) const FIRST: ChannelId = [1; 16];
/// Another.
pub(crate) const SECOND: ChannelId = [2; 16];

/// The operator key number `n`.
pub(crate) fn key(n: u8) -> sr25519::Pair {
    sr25519::Pair::from_seed(&[n; 32])
}

/// The account of that key.
pub(crate) fn operator(n: u8) -> AccountId {
    key(n).public().into()
}

/// The key that works for a coordinator from the start.
pub(crate) const ANNES_KEY: u8 = 101;
pub(crate) const CLEOS_KEY: u8 = 102;

pub(crate) fn voucher(coordinator: &AccountId, miner: &AccountId, channel: ChannelId, amount: Balance) -> Voucher {
    Voucher { coordinator: coordinator.clone(), miner: miner.clone(), channel, amount, tasks: 1 }
}

/// Signs with key number `n`.
pub(crate) fn signed_by(n: u8, voucher: Voucher) -> SignedVoucher {
    let signature = key(n).sign(voucher.signing_hash(&System::block_hash(0)).as_bytes()).0;
    SignedVoucher { voucher, operator: operator(n), signature }
}

/// Anne's voucher for Mike's first channel.
pub(crate) fn for_mike(amount: Balance) -> SignedVoucher {
    signed_by(ANNES_KEY, voucher(&ANNE, &MIKE, FIRST, amount))
}

/// Dispatches a call as a block would: what a refused one wrote is undone.
pub(crate) fn dispatch(who: &AccountId, call: crate::Call<Test>) -> DispatchResult {
    let done = RuntimeCall::from(call).dispatch(RuntimeOrigin::signed(who.clone()));
    done.map(|_| ()).map_err(|failed| failed.error)
}

pub(crate) fn deposit(coordinator: &AccountId, amount: Balance) -> DispatchResult {
    dispatch(coordinator, crate::Call::deposit { coordinator: coordinator.clone(), amount })
}

pub(crate) fn redeem(vouchers: impl IntoIterator<Item = SignedVoucher>) -> DispatchResult {
    let vouchers = vouchers.into_iter().collect::<Vec<_>>().try_into().unwrap();
    dispatch(&BOB, crate::Call::redeem { vouchers })
}

pub(crate) fn collect(coordinator: &AccountId, miner: &AccountId) -> DispatchResult {
    dispatch(&BOB, crate::Call::collect { coordinator: coordinator.clone(), miner: miner.clone() })
}

/// What the miner has got since the start.
pub(crate) fn earned(miner: &AccountId) -> Balance {
    Balances::free_balance(miner).saturating_sub(FUNDS)
}

/// The pallet's events since the last look.
pub(crate) fn events() -> Vec<crate::Event<Test>> {
    let records = System::events();
    System::reset_events();
    let ours = records.into_iter().filter_map(|record| match record.event {
        RuntimeEvent::Settlement(event) => Some(event),
        _ => None,
    });
    ours.collect()
}

pub(crate) struct ExtBuilder {
    pub(crate) settlement: pallet_cuckoo_settlement::GenesisConfig<Test>,
}

impl Default for ExtBuilder {
    fn default() -> Self {
        Self {
            settlement: pallet_cuckoo_settlement::GenesisConfig {
                redeem_eras: REDEEM_ERAS,
                withdrawal_eras: WITHDRAWAL_ERAS,
                grace_eras: GRACE_ERAS,
                ..Default::default()
            },
        }
    }
}

pub(crate) const REDEEM_ERAS: EraIndex = 2;
pub(crate) const WITHDRAWAL_ERAS: EraIndex = 3;
pub(crate) const GRACE_ERAS: EraIndex = 2;
pub(crate) const BONDING_ERAS: EraIndex = 7;

impl ExtBuilder {
    pub(crate) fn build(self) -> sp_io::TestExternalities {
        let funded = [ANNE, CLEO, MIKE, NORA, BOB, TREASURY].map(|who| (who, FUNDS));
        let mut storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
        pallet_balances::GenesisConfig::<Test> { balances: funded.to_vec(), ..Default::default() }
            .assimilate_storage(&mut storage)
            .unwrap();
        let mut ext: sp_io::TestExternalities = storage.into();
        ext.execute_with(|| {
            System::initialize(&1, &Hash::repeat_byte(7), &Default::default());
            Market::set_up();
            frame_support::traits::BuildGenesisConfig::build(&self.settlement);
        });
        ext
    }

    /// Runs `test`, then checks every invariant.
    pub(crate) fn build_and_execute(self, test: impl FnOnce()) {
        self.build().execute_with(|| {
            test();
            Settlement::do_try_state().unwrap();
        });
    }

    /// Runs `corrupt`, and expects the check to name `invariant`.
    pub(crate) fn build_and_expect_broken(self, invariant: &'static str, corrupt: impl FnOnce()) {
        self.build().execute_with(|| {
            Settlement::do_try_state().unwrap();
            corrupt();
            assert_eq!(Settlement::do_try_state(), Err(DispatchError::Other(invariant)));
        });
    }
}
