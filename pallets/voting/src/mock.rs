//! A runtime with the whole market: balances, bonds, candidates and votes.

use cuckoo_primitives::{
    registry::{Backing, CurrentEra},
    signing::{OperatorConsent, Statement},
    AccountId, Balance, CandidateInfo, EraIndex, Role,
};
use frame_support::{
    derive_impl,
    dispatch::DispatchResult,
    traits::{ConstU128, ConstU32},
};
use sp_core::{sr25519, Pair};
use sp_runtime::{
    traits::{Dispatchable, IdentityLookup},
    BuildStorage, DispatchError,
};

use crate as pallet_cuckoo_voting;

type Block = frame_system::mocking::MockBlock<Test>;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Balances: pallet_balances,
        Stake: pallet_cuckoo_staking,
        Registration: pallet_cuckoo_registration,
        Voting: pallet_cuckoo_voting,
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
    type VotedStake = Voting;
    type MaxUnlockingChunks = ConstU32<8>;
    type WeightInfo = pallet_cuckoo_staking::weights::SubstrateWeight<Test>;
}

impl pallet_cuckoo_registration::Config for Test {
    type Backing = Voting;
    type CurrentEra = Stake;
    type WeightInfo = pallet_cuckoo_registration::weights::SubstrateWeight<Test>;
}

impl pallet_cuckoo_voting::Config for Test {
    type Bonds = Stake;
    type Candidates = Registration;
    type CurrentEra = Stake;
    type MaxPositions = ConstU32<3>;
    type WeightInfo = pallet_cuckoo_voting::weights::SubstrateWeight<Test>;
}

/// Miners from the start, with [`OWN`] of their bond behind themselves.
pub(crate) const MINER_1: AccountId = AccountId::new([1; 32]);
pub(crate) const MINER_2: AccountId = AccountId::new([2; 32]);
pub(crate) const MINER_3: AccountId = AccountId::new([3; 32]);
pub(crate) const MINER_4: AccountId = AccountId::new([4; 32]);
pub(crate) const MINERS: [AccountId; 4] = [MINER_1, MINER_2, MINER_3, MINER_4];
/// Has bonded, and votes for nobody at first.
pub(crate) const VOTER: AccountId = AccountId::new([10; 32]);
/// Has funds, but no bond.
pub(crate) const STRANGER: AccountId = AccountId::new([11; 32]);

pub(crate) const BALANCE: Balance = 10_000;
pub(crate) const BOND: Balance = 1_000;
pub(crate) const OWN: Balance = 100;
/// Own stake of miners must be above this.
pub(crate) const MIN_SELF_STAKE: Balance = 50;
pub(crate) const MIN_VOTE: Balance = 10;
pub(crate) const SESSIONS_PER_ERA: u32 = 2;
pub(crate) const BONDING_ERAS: EraIndex = 3;

/// The operator key of a miner.
pub(crate) fn key(stash: &AccountId) -> sr25519::Pair {
    let first: &[u8; 32] = stash.as_ref();
    sr25519::Pair::from_seed(&[first[0]; 32])
}

pub(crate) struct ExtBuilder {
    pub(crate) voting: pallet_cuckoo_voting::GenesisConfig<Test>,
}

impl Default for ExtBuilder {
    fn default() -> Self {
        Self {
            voting: pallet_cuckoo_voting::GenesisConfig {
                min_vote: MIN_VOTE,
                votes: MINERS.map(|miner| (miner.clone(), miner, OWN)).to_vec(),
                ..Default::default()
            },
        }
    }
}

impl ExtBuilder {
    fn build(self) -> sp_io::TestExternalities {
        let bonded = || MINERS.into_iter().chain([VOTER]);
        let genesis = RuntimeGenesisConfig {
            balances: pallet_balances::GenesisConfig {
                balances: bonded().chain([STRANGER]).map(|who| (who, BALANCE)).collect(),
                ..Default::default()
            },
            stake: pallet_cuckoo_staking::GenesisConfig {
                sessions_per_era: SESSIONS_PER_ERA,
                bonding_eras: BONDING_ERAS,
                min_bond: 1,
                bonds: bonded().map(|who| (who, BOND)).collect(),
                ..Default::default()
            },
            registration: pallet_cuckoo_registration::GenesisConfig {
                min_self_stake: Role::ALL.map(|role| (role, MIN_SELF_STAKE)).to_vec(),
                candidates: MINERS
                    .map(|miner| (miner.clone(), key(&miner).public().into(), Role::Miner, "Miner".into(), "".into()))
                    .to_vec(),
                ..Default::default()
            },
            voting: self.voting,
            ..Default::default()
        };
        let mut ext: sp_io::TestExternalities = genesis.build_storage().unwrap().into();
        ext.execute_with(|| System::set_block_number(1));
        ext
    }

    /// Runs `test`, then checks every invariant of the market.
    pub(crate) fn build_and_execute(self, test: impl FnOnce()) {
        self.build().execute_with(|| {
            test();
            check_all();
        });
    }

    /// Runs `corrupt`, and expects the check to name `invariant`.
    pub(crate) fn build_and_expect_broken(self, invariant: &'static str, corrupt: impl FnOnce()) {
        self.build().execute_with(|| {
            check_all();
            corrupt();
            assert_eq!(Voting::do_try_state(), Err(DispatchError::Other(invariant)));
        });
    }
}

/// Checks every invariant of the market.
pub(crate) fn check_all() {
    Stake::do_try_state().unwrap();
    Registration::do_try_state().unwrap();
    Voting::do_try_state().unwrap();
}

/// Submits a call as a block would: what a refused one wrote is undone.
pub(crate) fn submit(who: &AccountId, call: impl Into<RuntimeCall>) -> DispatchResult {
    let done = call.into().dispatch(RuntimeOrigin::signed(who.clone()));
    done.map(|_| ()).map_err(|failed| failed.error)
}

pub(crate) fn vote(voter: &AccountId, candidate: &AccountId, amount: Balance) -> DispatchResult {
    submit(voter, crate::Call::vote { candidate: candidate.clone(), amount })
}

pub(crate) fn unvote(voter: &AccountId, candidate: &AccountId, amount: Balance) -> DispatchResult {
    submit(voter, crate::Call::unvote { candidate: candidate.clone(), amount })
}

pub(crate) fn revote(voter: &AccountId, from: &AccountId, to: &AccountId, amount: Balance) -> DispatchResult {
    submit(voter, crate::Call::revote { from: from.clone(), to: to.clone(), amount })
}

pub(crate) fn settle(voter: &AccountId, candidate: &AccountId) -> DispatchResult {
    submit(&STRANGER, crate::Call::settle { voter: voter.clone(), candidate: candidate.clone() })
}

pub(crate) fn register(stash: &AccountId, self_stake: Balance) -> DispatchResult {
    let consent = OperatorConsent { stash: stash.clone(), role: Role::Miner };
    let proof = key(stash).sign(consent.signing_hash(&System::block_hash(0)).as_bytes()).0;
    let info = CandidateInfo { name: b"Miner".to_vec().try_into().unwrap(), ..Default::default() };
    let operator = key(stash).public().into();
    submit(stash, pallet_cuckoo_registration::Call::register { role: Role::Miner, operator, proof, self_stake, info })
}

pub(crate) fn deregister(stash: &AccountId) -> DispatchResult {
    submit(stash, pallet_cuckoo_registration::Call::deregister {})
}

/// Starts sessions until `era` runs.
pub(crate) fn run_to_era(era: EraIndex) {
    while Stake::current_era() < era {
        let progress = Stake::era_progress();
        Stake::note_session_started(progress.era * SESSIONS_PER_ERA + progress.sessions_done + 1);
    }
}

/// All stake behind `candidate`: what counts now, and what counts from the next era on.
pub(crate) fn backing(candidate: &AccountId) -> (Balance, Balance) {
    Voting::backing(candidate)
}

/// The votes of `voter`: candidate, what counts now, and what counts from the next era on.
pub(crate) fn positions(voter: &AccountId) -> Vec<(AccountId, Balance, Balance)> {
    let mut positions: Vec<_> =
        Voting::positions(voter).into_iter().map(|it| (it.candidate, it.amount, it.next_amount)).collect();
    positions.sort();
    positions
}
