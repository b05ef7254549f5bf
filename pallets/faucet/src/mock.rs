//! A runtime with balances and the faucet; the era is what tests set.

use cuckoo_primitives::{faucet::Puzzle, registry::CurrentEra, AccountId, Balance, EraIndex, Hash};
use frame_support::{
    derive_impl,
    dispatch::DispatchResult,
    pallet_prelude::ValueQuery,
    parameter_types, storage_alias,
    traits::{ConstU128, ConstU32, Hooks},
    weights::{constants::RocksDbWeight, Weight},
    PalletId,
};
use sp_runtime::{
    traits::{Dispatchable, IdentityLookup, ValidateUnsigned},
    transaction_validity::{TransactionSource, TransactionValidity},
    BuildStorage, DispatchError,
};

use crate as pallet_cuckoo_faucet;

type Block = frame_system::mocking::MockBlock<Test>;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Balances: pallet_balances,
        Faucet: pallet_cuckoo_faucet,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountId = AccountId;
    type Lookup = IdentityLookup<AccountId>;
    type AccountData = pallet_balances::AccountData<Balance>;
    type BlockHashCount = frame_system::config_preludes::TestBlockHashCount<ConstU32<256>>;
    type DbWeight = RocksDbWeight;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = Balance;
    type ExistentialDeposit = ConstU128<ED>;
    type AccountStore = System;
}

parameter_types! {
    pub const FaucetPalletId: PalletId = PalletId(*b"ccofauct");
}

impl pallet_cuckoo_faucet::Config for Test {
    type Currency = Balances;
    type CurrentEra = Eras;
    type PalletId = FaucetPalletId;
    type WeightInfo = pallet_cuckoo_faucet::weights::SubstrateWeight<Test>;
}

#[storage_alias]
type Era = StorageValue<Eras, EraIndex, ValueQuery>;

/// The era.
pub struct Eras;

impl Eras {
    pub(crate) fn run_to(era: EraIndex) {
        Era::put(era);
    }
}

impl CurrentEra for Eras {
    fn current_era() -> EraIndex {
        Era::get()
    }

    fn bonding_eras() -> EraIndex {
        7
    }

    fn era_at(_: u64) -> Option<EraIndex> {
        None
    }

    fn era_of_session(index: u32) -> EraIndex {
        index
    }
}

pub(crate) const ED: Balance = 10;
pub(crate) const POT: Balance = 10_000;
pub(crate) const DRIP: Balance = 100;
/// Five claims.
pub(crate) const ERA_CAP: Balance = 599;
pub(crate) const DIFFICULTY: u32 = 6;
/// The block in which tests begin.
pub(crate) const FIRST_BLOCK: u64 = 100;
pub(crate) const ALICE: AccountId = AccountId::new([1; 32]);
pub(crate) const BOB: AccountId = AccountId::new([2; 32]);
/// Has more than the faucet gives.
pub(crate) const RICH: AccountId = AccountId::new([9; 32]);

/// The account number `n`, without a balance.
pub(crate) fn account(n: u64) -> AccountId {
    AccountId::new(Hash::from_low_u64_be(1_000 + n).0)
}

fn puzzle(account: &AccountId, block: u64) -> Puzzle {
    Puzzle { genesis: System::block_hash(0), account: account.clone(), block_hash: System::block_hash(block) }
}

/// A nonce that solves the puzzle of `account` and `block`.
pub(crate) fn solve(account: &AccountId, block: u64) -> u64 {
    puzzle(account, block).solve(DIFFICULTY, 0, u64::MAX).unwrap()
}

/// A nonce that does not.
pub(crate) fn fail(account: &AccountId, block: u64) -> u64 {
    (0..).find(|nonce| !puzzle(account, block).is_solved_by(*nonce, DIFFICULTY)).unwrap()
}

pub(crate) fn call(account: &AccountId, block_number: u64, nonce: u64) -> crate::Call<Test> {
    crate::Call::claim { account: account.clone(), block_number, nonce }
}

/// What the pool says to a call.
pub(crate) fn validity(call: &crate::Call<Test>) -> TransactionValidity {
    Faucet::validate_unsigned(TransactionSource::External, call)
}

/// Submits a call as a block would: what a refused one wrote is undone.
pub(crate) fn submit(origin: RuntimeOrigin, call: crate::Call<Test>) -> DispatchResult {
    let done = RuntimeCall::from(call).dispatch(origin);
    done.map(|_| ()).map_err(|failed| failed.error)
}

/// Claims for `account` with a good proof over the block before this one.
pub(crate) fn claim(account: &AccountId) -> DispatchResult {
    let block = System::block_number() - 1;
    submit(RuntimeOrigin::none(), call(account, block, solve(account, block)))
}

/// Goes on to block `number`; every block on the way has a hash, and those beyond 256 are forgotten.
pub(crate) fn run_to_block(number: u64) {
    while System::block_number() < number {
        let parent = System::block_number();
        System::initialize(&(parent + 1), &Hash::from_low_u64_be(7_000 + parent), &Default::default());
    }
}

/// Forgets what a block with this much room forgets.
pub(crate) fn idle(room: Weight) -> Weight {
    Faucet::on_idle(System::block_number(), room)
}

pub(crate) struct ExtBuilder {
    pub(crate) pot: Balance,
    pub(crate) faucet: pallet_cuckoo_faucet::GenesisConfig<Test>,
}

impl Default for ExtBuilder {
    fn default() -> Self {
        let terms = crate::Terms { drip: DRIP, era_cap: ERA_CAP, difficulty: DIFFICULTY };
        Self { pot: POT, faucet: pallet_cuckoo_faucet::GenesisConfig { terms: Some(terms), ..Default::default() } }
    }
}

impl ExtBuilder {
    fn build(self) -> sp_io::TestExternalities {
        let genesis = RuntimeGenesisConfig {
            balances: pallet_balances::GenesisConfig {
                balances: vec![(Faucet::pot(), self.pot), (RICH, 100_000)],
                ..Default::default()
            },
            faucet: self.faucet,
            ..Default::default()
        };
        let mut ext: sp_io::TestExternalities = genesis.build_storage().unwrap().into();
        ext.execute_with(|| run_to_block(FIRST_BLOCK));
        ext
    }

    /// Runs `test`, then checks every invariant.
    pub(crate) fn build_and_execute(self, test: impl FnOnce()) {
        self.build().execute_with(|| {
            test();
            Faucet::do_try_state().unwrap();
        });
    }

    /// Runs `corrupt`, and expects the check to name `invariant`.
    pub(crate) fn build_and_expect_broken(self, invariant: &'static str, corrupt: impl FnOnce()) {
        self.build().execute_with(|| {
            Faucet::do_try_state().unwrap();
            corrupt();
            assert_eq!(Faucet::do_try_state(), Err(DispatchError::Other(invariant)));
        });
    }
}
