//! A runtime with candidates only; tests set the era and the stake behind candidates by hand.

use std::{cell::RefCell, collections::BTreeMap};

use cuckoo_primitives::{
    era::EraAmount,
    registry::{Backing, CurrentEra},
    signing::{OperatorConsent, Statement},
    AccountId, Balance, CandidateInfo, EraIndex, Hash, Role, Signature,
};
use frame_support::{derive_impl, dispatch::DispatchResult};
use sp_core::{sr25519, Pair};
use sp_runtime::{
    traits::{Dispatchable, IdentityLookup},
    BuildStorage, DispatchError,
};

use crate as pallet_cuckoo_registration;

type Block = frame_system::mocking::MockBlock<Test>;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Registration: pallet_cuckoo_registration,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountId = AccountId;
    type Lookup = IdentityLookup<AccountId>;
}

impl pallet_cuckoo_registration::Config for Test {
    type Backing = Stakes;
    type CurrentEra = Stakes;
    type WeightInfo = pallet_cuckoo_registration::weights::SubstrateWeight<Test>;
}

#[derive(Default)]
struct StakesState {
    era: EraIndex,
    own: BTreeMap<AccountId, EraAmount>,
    votes: BTreeMap<AccountId, EraAmount>,
}

thread_local! {
    static STATE: RefCell<StakesState> = RefCell::new(StakesState::default());
}

/// The era, and the stake behind candidates.
pub struct Stakes;

impl Stakes {
    pub(crate) fn run_to_era(era: EraIndex) {
        STATE.with_borrow_mut(|state| state.era = era);
    }

    /// Others vote `amount` for `candidate`.
    pub(crate) fn vote(candidate: &AccountId, amount: Balance) {
        STATE.with_borrow_mut(|state| {
            let votes = state.votes.entry(candidate.clone()).or_default();
            *votes = votes.add(state.era, amount).unwrap();
        });
    }

    /// Part of the own stake is lost.
    pub(crate) fn lose(candidate: &AccountId, amount: Balance) {
        STATE.with_borrow_mut(|state| {
            let own = state.own.get_mut(candidate).unwrap();
            *own = own.sub(state.era, amount).unwrap();
        });
    }
}

impl CurrentEra for Stakes {
    fn current_era() -> EraIndex {
        STATE.with_borrow(|state| state.era)
    }

    fn bonding_eras() -> EraIndex {
        BONDING_ERAS
    }
}

impl Backing<AccountId> for Stakes {
    fn back_self(stash: &AccountId, amount: Balance) -> DispatchResult {
        frame_support::ensure!(amount <= BOND, NOT_BONDED);
        STATE.with_borrow_mut(|state| {
            let own = state.own.entry(stash.clone()).or_default();
            *own = own.add(state.era, amount).unwrap();
        });
        Ok(())
    }

    fn release_self(stash: &AccountId) -> Result<Balance, DispatchError> {
        STATE.with_borrow_mut(|state| {
            let own = state.own.entry(stash.clone()).or_default();
            let amount = own.next();
            *own = own.sub(state.era, amount).unwrap();
            Ok(amount)
        })
    }

    fn own_stake(stash: &AccountId) -> (Balance, Balance) {
        STATE.with_borrow(|state| {
            let own = state.own.get(stash).copied().unwrap_or_default();
            (own.at(state.era), own.next())
        })
    }

    fn backing(stash: &AccountId) -> (Balance, Balance) {
        let (own, next_own) = Self::own_stake(stash);
        STATE.with_borrow(|state| {
            let votes = state.votes.get(stash).copied().unwrap_or_default();
            (own + votes.at(state.era), next_own + votes.next())
        })
    }
}

pub(crate) const ALICE: AccountId = AccountId::new([1; 32]);
pub(crate) const BOB: AccountId = AccountId::new([2; 32]);

pub(crate) const BONDING_ERAS: EraIndex = 4;
/// What every stash has bonded.
pub(crate) const BOND: Balance = 1_000;
pub(crate) const NOT_BONDED: DispatchError = DispatchError::Other("not that much bonded");
/// Minimum of miners.
pub(crate) const MIN: Balance = 20;

/// The operator key number `n`.
pub(crate) fn key(n: u8) -> sr25519::Pair {
    sr25519::Pair::from_seed(&[n; 32])
}

/// The account of operator key number `n`.
pub(crate) fn operator(n: u8) -> AccountId {
    key(n).public().into()
}

pub(crate) fn proof_on(genesis: Hash, n: u8, stash: &AccountId, role: Role) -> Signature {
    let consent = OperatorConsent { stash: stash.clone(), role };
    key(n).sign(consent.signing_hash(&genesis).as_bytes()).0
}

/// Operator key number `n` agrees to work for `stash` on the test's chain.
pub(crate) fn proof(n: u8, stash: &AccountId, role: Role) -> Signature {
    proof_on(System::block_hash(0), n, stash, role)
}

pub(crate) fn info_of(name: &str, introduction: &str, endpoint: &str) -> CandidateInfo {
    let bytes = |text: &str| text.as_bytes().to_vec();
    CandidateInfo {
        name: bytes(name).try_into().unwrap(),
        introduction: bytes(introduction).try_into().unwrap(),
        endpoint: bytes(endpoint).try_into().unwrap(),
    }
}

pub(crate) fn miner_info() -> CandidateInfo {
    info_of("Miner", "Runs on wind.", "")
}

/// Submits a call as a block would: what a refused one wrote is undone.
pub(crate) fn submit(who: &AccountId, call: crate::Call<Test>) -> DispatchResult {
    let done = RuntimeCall::from(call).dispatch(RuntimeOrigin::signed(who.clone()));
    done.map(|_| ()).map_err(|failed| failed.error)
}

/// Registers `stash` as a miner run by operator key number `n`.
pub(crate) fn register_miner(stash: &AccountId, n: u8) -> DispatchResult {
    register_miner_with(stash, n, MIN + 1)
}

pub(crate) fn register_miner_with(stash: &AccountId, n: u8, self_stake: Balance) -> DispatchResult {
    let proof = proof(n, stash, Role::Miner);
    let (role, operator, info) = (Role::Miner, operator(n), miner_info());
    submit(stash, crate::Call::register { role, operator, proof, self_stake, info })
}

/// Replaces the operator of the miner `stash` by key number `n`.
pub(crate) fn set_operator(stash: &AccountId, n: u8) -> DispatchResult {
    let proof = proof(n, stash, Role::Miner);
    submit(stash, crate::Call::set_operator { operator: operator(n), proof })
}

pub(crate) struct ExtBuilder {
    pub(crate) registration: pallet_cuckoo_registration::GenesisConfig<Test>,
}

impl Default for ExtBuilder {
    fn default() -> Self {
        let min_self_stake = vec![(Role::Miner, MIN), (Role::Coordinator, 10 * MIN), (Role::Validator, 5 * MIN)];
        Self { registration: pallet_cuckoo_registration::GenesisConfig { min_self_stake, ..Default::default() } }
    }
}

impl ExtBuilder {
    /// Candidates from the start: stash, number of the operator key, role, endpoint.
    pub(crate) fn candidates(mut self, candidates: &[(AccountId, u8, Role, &str)]) -> Self {
        self.registration.candidates = candidates
            .iter()
            .map(|(stash, n, role, endpoint)| {
                (stash.clone(), operator(*n), *role, "Founder".into(), (*endpoint).into())
            })
            .collect();
        self
    }

    fn build(self) -> sp_io::TestExternalities {
        STATE.with_borrow_mut(|state| *state = StakesState::default());
        let genesis = RuntimeGenesisConfig { registration: self.registration, ..Default::default() };
        let mut ext: sp_io::TestExternalities = genesis.build_storage().unwrap().into();
        ext.execute_with(|| System::set_block_number(1));
        ext
    }

    /// Runs `test`, then checks every invariant.
    pub(crate) fn build_and_execute(self, test: impl FnOnce()) {
        self.build().execute_with(|| {
            test();
            Registration::do_try_state().unwrap();
        });
    }

    /// Runs `corrupt`, and expects the check to name `invariant`.
    pub(crate) fn build_and_expect_broken(self, invariant: &'static str, corrupt: impl FnOnce()) {
        self.build().execute_with(|| {
            Registration::do_try_state().unwrap();
            corrupt();
            assert_eq!(Registration::do_try_state(), Err(DispatchError::Other(invariant)));
        });
    }
}
