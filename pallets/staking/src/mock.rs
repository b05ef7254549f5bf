//! A runtime with balances and bonds; time, votes, rewards and due slashes are what tests set by hand.

use std::time::Duration;

use cuckoo_primitives::{
    registry::{AppliedSlashes, Bonds, Budgets, Debts, RewardPot, Rewards, Taken, VotedStake, MAX_SETTLED},
    AccountId, Balance, EraIndex,
};
use frame_support::{
    derive_impl,
    dispatch::{DispatchResult, DispatchResultWithPostInfo},
    ensure, parameter_types, storage_alias,
    traits::{ConstU32, UnixTime},
    Blake2_128Concat, PalletId,
};
use sp_runtime::{
    traits::{Dispatchable, IdentityLookup},
    BuildStorage, DispatchError, Perbill,
};

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
    type ExistentialDeposit = ExistentialDeposit;
    type AccountStore = System;
}

parameter_types! {
    pub static ExistentialDeposit: Balance = 1;
    pub const PotId: PalletId = PalletId(*b"cuck/pot");
    pub const ReporterShare: Perbill = Perbill::from_percent(10);
}

impl pallet_cuckoo_staking::Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type VotedStake = Register;
    type AppliedSlashes = Register;
    type Debts = Register;
    type Rewards = Register;
    type Time = Register;
    type PotId = PotId;
    type ReporterShare = ReporterShare;
    type MaxUnlockingChunks = ConstU32<3>;
    type WeightInfo = pallet_cuckoo_staking::weights::SubstrateWeight<Test>;
}

#[storage_alias]
type Voted = StorageMap<Mock, Blake2_128Concat, AccountId, Balance>;
#[storage_alias]
type DueSlashes = StorageMap<Mock, Blake2_128Concat, AccountId, (Balance, Balance)>;
#[storage_alias]
type Waiting = StorageMap<Mock, Blake2_128Concat, AccountId, u32>;
#[storage_alias]
type Earned = StorageMap<Mock, Blake2_128Concat, AccountId, Balance>;
#[storage_alias]
type Refusing = StorageValue<Mock, bool>;
#[storage_alias]
type Offered = StorageValue<Mock, Vec<(EraIndex, Budgets)>>;
#[storage_alias]
type AppliedThrough = StorageValue<Mock, EraIndex>;
#[storage_alias]
type Owes = StorageMap<Mock, Blake2_128Concat, AccountId, Balance>;
#[storage_alias]
type Now = StorageValue<Mock, u64>;

/// Answers for the voting pallet and the clock on the wall.
pub struct Register;

impl Register {
    /// `stash` has voted `voted` planck.
    pub(crate) fn set(stash: AccountId, voted: Balance) {
        Voted::insert(stash, voted);
    }

    /// `stash` loses so much of what is active and of what unbonds when it is settled.
    pub(crate) fn owes(stash: AccountId, active: Balance, unlocking: Balance) {
        DueSlashes::insert(stash, (active, unlocking));
    }

    /// So many slashes of `stash` wait.
    pub(crate) fn is_behind(stash: &AccountId, slashes: u32) {
        Waiting::insert(stash, slashes);
    }

    /// `stash` earns `amount` planck of the staking budget.
    pub(crate) fn earn(stash: AccountId, amount: Balance) {
        let mut state = crate::EmissionState::<Test>::get();
        let missing = amount.saturating_sub(state.staking.open);
        state.staking.remaining -= missing;
        state.staking.open += missing;
        crate::EmissionState::<Test>::put(state);
        Stake::mint(Budgets { staking: amount, mining: 0 });
        Self::record(stash, amount);
    }

    /// `stash` is owed `amount` planck, whether they were minted or not.
    pub(crate) fn record(stash: AccountId, amount: Balance) {
        Earned::mutate(stash, |earned| *earned = Some(earned.unwrap_or(0) + amount));
    }

    pub(crate) fn earned(stash: &AccountId) -> Balance {
        Earned::get(stash).unwrap_or(0)
    }

    /// From now on no era's budget is taken.
    pub(crate) fn refuse() {
        Refusing::put(true);
    }

    /// The eras that ended, and what could be paid for them.
    pub(crate) fn offered() -> Vec<(EraIndex, Budgets)> {
        Offered::get().unwrap_or_default()
    }

    /// Slashes that are due after `era` have not been applied.
    pub(crate) fn applied_through(era: EraIndex) {
        AppliedThrough::put(era);
    }

    /// `stash` owes `amount` planck to miners.
    pub(crate) fn owe(stash: &AccountId, amount: Balance) {
        Owes::insert(stash, amount);
    }

    pub(crate) fn set_time(unix_ms: u64) {
        Now::put(unix_ms);
    }
}

impl VotedStake<AccountId> for Register {
    fn voted(stash: &AccountId) -> Balance {
        Voted::get(stash).unwrap_or(0)
    }

    fn settle(stash: &AccountId) -> Result<u32, DispatchError> {
        ensure!(Waiting::get(stash).unwrap_or(0) <= MAX_SETTLED, PENDING);
        let taken = Waiting::take(stash).unwrap_or(0);
        let Some((active, unlocking)) = DueSlashes::take(stash) else { return Ok(taken) };
        Stake::take_active(stash, active, Taken::Burned);
        Stake::take_unlocking(stash, unlocking, Taken::Burned);
        let voted = Self::voted(stash).min(Stake::active(stash));
        Self::set(stash.clone(), voted);
        Ok(taken)
    }

    fn settle_in_full(stash: &AccountId) {
        Waiting::remove(stash);
        Self::settle(stash).unwrap();
    }
}

impl Rewards<AccountId> for Register {
    fn era_ended(ended: EraIndex, budgets: Budgets) -> bool {
        let mut offered = Self::offered();
        offered.push((ended, budgets));
        Offered::put(offered);
        Refusing::get() != Some(true)
    }

    fn take(stash: &AccountId) -> Result<Balance, DispatchError> {
        Ok(Earned::take(stash).unwrap_or(0))
    }
}

impl AppliedSlashes for Register {
    fn applied_through() -> EraIndex {
        AppliedThrough::get().unwrap_or(EraIndex::MAX)
    }
}

impl Debts<AccountId> for Register {
    fn owed(stash: &AccountId) -> Balance {
        Owes::get(stash).unwrap_or(0)
    }
}

impl UnixTime for Register {
    fn now() -> Duration {
        Duration::from_millis(Now::get().unwrap_or(0))
    }
}

/// Too many slashes wait.
pub(crate) const PENDING: DispatchError = DispatchError::Other("settle until no slash waits");

pub(crate) const ALICE: AccountId = AccountId::new([1; 32]);
pub(crate) const BOB: AccountId = AccountId::new([2; 32]);
/// Has no balance.
pub(crate) const POOR: AccountId = AccountId::new([9; 32]);

pub(crate) const BALANCE: Balance = 1_000;
pub(crate) const MIN_BOND: Balance = 10;
pub(crate) const SESSIONS_PER_ERA: u32 = 3;
pub(crate) const BONDING_ERAS: EraIndex = 4;
pub(crate) const SESSION_MS: u64 = 10_000;
/// When session 0 started.
pub(crate) const GENESIS_MS: u64 = 1_800_000_000_000;

pub(crate) struct ExtBuilder {
    pub(crate) stake: pallet_cuckoo_staking::GenesisConfig<Test>,
    existential_deposit: Balance,
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
            existential_deposit: 1,
        }
    }
}

impl ExtBuilder {
    pub(crate) fn bonds(mut self, bonds: &[(AccountId, Balance)]) -> Self {
        self.stake.bonds = bonds.to_vec();
        self
    }

    pub(crate) fn existential_deposit(mut self, deposit: Balance) -> Self {
        self.existential_deposit = deposit;
        self
    }

    fn build(self) -> sp_io::TestExternalities {
        ExistentialDeposit::set(self.existential_deposit);
        let genesis = RuntimeGenesisConfig {
            balances: pallet_balances::GenesisConfig {
                balances: vec![(ALICE, BALANCE), (BOB, BALANCE)],
                ..Default::default()
            },
            stake: self.stake,
            ..Default::default()
        };
        let mut ext: sp_io::TestExternalities = genesis.build_storage().unwrap().into();
        ext.execute_with(|| {
            System::set_block_number(1);
            Register::set_time(GENESIS_MS);
        });
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
        start_session(progress.era * SESSIONS_PER_ERA + progress.sessions_done + 1);
    }
}

/// Starts session `index` when it is due.
pub(crate) fn start_session(index: u32) {
    Register::set_time(GENESIS_MS + u64::from(index) * SESSION_MS);
    Stake::note_session_started(index);
}

/// Submits a call as a block would: what a refused one wrote is undone. Returns what it cost, too.
pub(crate) fn dispatch(who: &AccountId, call: crate::Call<Test>) -> DispatchResultWithPostInfo {
    RuntimeCall::from(call).dispatch(RuntimeOrigin::signed(who.clone()))
}

/// Submits a call and says whether it was refused.
pub(crate) fn submit(who: &AccountId, call: crate::Call<Test>) -> DispatchResult {
    dispatch(who, call).map(|_| ()).map_err(|failed| failed.error)
}

/// Free and held balance of `who`, and its active bond.
pub(crate) fn funds(who: &AccountId) -> (Balance, Balance, Balance) {
    use frame_support::traits::fungible::{Inspect, InspectHold};
    (Balances::balance(who), Balances::total_balance_on_hold(who), crate::Ledger::<Test>::active(who))
}

/// What unbonds of `who`: amounts and the eras in which they are free.
pub(crate) fn unlocking(who: &AccountId) -> Vec<(Balance, EraIndex)> {
    let bond = crate::Ledger::<Test>::view(who).unwrap();
    bond.unlocking.iter().map(|chunk| (chunk.amount, chunk.free_from)).collect()
}
