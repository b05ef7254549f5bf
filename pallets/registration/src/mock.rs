//! A runtime with candidates only; tests set the era, the stake behind candidates and what they are charged with by hand.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use cuckoo_primitives::{
    era::EraAmount,
    registry::{Backing, Candidates as _, CurrentEra, OpenCases, MAX_SETTLED},
    signing::{OperatorConsent, Statement},
    AccountId, Balance, CandidateInfo, EraIndex, Hash, Role, Signature,
};
use frame_support::{
    derive_impl,
    dispatch::{DispatchResult, DispatchResultWithPostInfo},
    traits::ConstU32,
};
use sp_core::{sr25519, Pair};
use sp_runtime::{
    traits::{Dispatchable, IdentityLookup},
    BuildStorage, DispatchError, Perbill,
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
    type OpenCases = Stakes;
    type MaxValidators = ConstU32<MAX_VALIDATORS>;
    type WeightInfo = pallet_cuckoo_registration::weights::SubstrateWeight<Test>;
}

#[derive(Default)]
struct StakesState {
    era: EraIndex,
    own: BTreeMap<AccountId, EraAmount>,
    votes: BTreeMap<AccountId, EraAmount>,
    suspended: BTreeSet<AccountId>,
    /// Own stake that slashes have cost and that is not taken yet.
    due: BTreeMap<AccountId, Balance>,
    /// Slashes that a stash has not been settled for.
    waiting: BTreeMap<AccountId, u32>,
    charged: BTreeSet<AccountId>,
    barred: BTreeSet<AccountId>,
    /// Whom all eras that are over were paid, and by which commission the last of them.
    paid: Vec<(AccountId, Perbill)>,
}

thread_local! {
    static STATE: RefCell<StakesState> = RefCell::new(StakesState::default());
}

/// The era, the stake behind candidates, and the docket.
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

    /// `stash` is charged with an offence, or no more.
    pub(crate) fn charge(stash: &AccountId, charged: bool) {
        STATE.with_borrow_mut(|state| match charged {
            true => state.charged.insert(stash.clone()),
            false => state.charged.remove(stash),
        });
    }

    /// `stash` was slashed too often.
    pub(crate) fn bar(stash: &AccountId) {
        STATE.with_borrow_mut(|state| state.barred.insert(stash.clone()));
    }

    /// Whether `stash` earns nothing.
    pub(crate) fn is_suspended(stash: &AccountId) -> bool {
        STATE.with_borrow(|state| state.suspended.contains(stash))
    }

    /// Whom all eras that are over were paid since this was asked last, and by which commission the last of them.
    pub(crate) fn paid() -> Vec<(AccountId, Perbill)> {
        STATE.with_borrow_mut(|state| std::mem::take(&mut state.paid))
    }

    /// Part of the own stake is lost as soon as that is looked after.
    pub(crate) fn owes(candidate: &AccountId, amount: Balance) {
        STATE.with_borrow_mut(|state| state.due.insert(candidate.clone(), amount));
    }

    /// So many slashes of `stash` wait.
    pub(crate) fn is_behind(stash: &AccountId, slashes: u32) {
        STATE.with_borrow_mut(|state| state.waiting.insert(stash.clone(), slashes));
    }

    fn settle(stash: &AccountId) -> Result<u32, DispatchError> {
        STATE.with_borrow_mut(|state| {
            let waiting = state.waiting.get(stash).copied().unwrap_or(0);
            frame_support::ensure!(waiting <= MAX_SETTLED, PENDING);
            state.waiting.remove(stash);
            Ok(waiting)
        })
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

    fn era_at(_: u64) -> Option<EraIndex> {
        None
    }

    fn era_of_session(index: u32) -> EraIndex {
        index
    }
}

impl OpenCases<AccountId> for Stakes {
    fn has_open_case(stash: &AccountId) -> bool {
        STATE.with_borrow(|state| state.charged.contains(stash))
    }
}

impl Backing<AccountId> for Stakes {
    fn stand(stash: &AccountId, _: Role, amount: Balance) -> Result<u32, DispatchError> {
        frame_support::ensure!(amount <= BOND, NOT_BONDED);
        let taken = Self::settle(stash)?;
        STATE.with_borrow_mut(|state| {
            let own = state.own.entry(stash.clone()).or_default();
            *own = own.add(state.era, amount).unwrap();
            state.suspended.remove(stash);
        });
        Ok(taken)
    }

    fn leave(stash: &AccountId) -> Result<(Balance, u32), DispatchError> {
        let taken = Self::settle(stash)?;
        STATE.with_borrow_mut(|state| {
            let own = state.own.entry(stash.clone()).or_default();
            let amount = own.next();
            *own = own.sub(state.era, amount).unwrap();
            Ok((amount, taken))
        })
    }

    fn suspend(stash: &AccountId) {
        STATE.with_borrow_mut(|state| assert!(state.suspended.insert(stash.clone())));
    }

    fn resume(stash: &AccountId) {
        STATE.with_borrow_mut(|state| assert!(state.suspended.remove(stash)));
    }

    fn bring_up_to_date(stash: &AccountId) -> Result<u32, DispatchError> {
        let taken = Self::settle(stash)?;
        if let Some(lost) = STATE.with_borrow_mut(|state| state.due.remove(stash)) {
            Self::lose(stash, lost);
        }
        let last = Self::current_era().saturating_sub(1);
        let paid = (stash.clone(), Registration::commission(stash, last));
        STATE.with_borrow_mut(|state| state.paid.push(paid));
        Ok(taken)
    }

    fn may_stand(stash: &AccountId) -> bool {
        STATE.with_borrow(|state| !state.barred.contains(stash))
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
pub(crate) const MAX_VALIDATORS: u32 = 3;
/// What every stash has bonded.
pub(crate) const BOND: Balance = 1_000;
pub(crate) const NOT_BONDED: DispatchError = DispatchError::Other("not that much bonded");
/// Too many slashes wait.
pub(crate) const PENDING: DispatchError = DispatchError::Other("settle until no slash waits");
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

/// Operator key number `n` signs `consent` on the chain with that genesis hash.
pub(crate) fn sign(genesis: Hash, n: u8, consent: OperatorConsent) -> Signature {
    key(n).sign(consent.signing_hash(&genesis).as_bytes()).0
}

/// The latest era in which a consent may end now.
pub(crate) fn latest() -> EraIndex {
    Stakes::current_era() + BONDING_ERAS
}

/// Operator key number `n` agrees to work for `stash` on the test's chain, for as long as it may.
pub(crate) fn proof(n: u8, stash: &AccountId, role: Role) -> Signature {
    let consent = OperatorConsent { stash: stash.clone(), role, expires: latest() };
    sign(System::block_hash(0), n, consent)
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

/// Submits a call as a block would: what a refused one wrote is undone. Returns what it cost, too.
pub(crate) fn dispatch(who: &AccountId, call: crate::Call<Test>) -> DispatchResultWithPostInfo {
    RuntimeCall::from(call).dispatch(RuntimeOrigin::signed(who.clone()))
}

/// Submits a call and says whether it was refused.
pub(crate) fn submit(who: &AccountId, call: crate::Call<Test>) -> DispatchResult {
    dispatch(who, call).map(|_| ()).map_err(|failed| failed.error)
}

/// Registers `stash` as a miner run by operator key number `n`.
pub(crate) fn register_miner(stash: &AccountId, n: u8) -> DispatchResult {
    register_miner_with(stash, n, MIN + 1)
}

pub(crate) fn register_miner_with(stash: &AccountId, n: u8, self_stake: Balance) -> DispatchResult {
    register(stash, n, Role::Miner, self_stake)
}

/// Registers `stash` as a candidate of `role`, one without an endpoint, run by operator key number `n`.
pub(crate) fn register(stash: &AccountId, n: u8, role: Role, self_stake: Balance) -> DispatchResult {
    submit(stash, registering(stash, n, role, self_stake))
}

/// The call by which `stash` registers like that.
pub(crate) fn registering(stash: &AccountId, n: u8, role: Role, self_stake: Balance) -> crate::Call<Test> {
    let (operator, consent_expires, proof, info) = (operator(n), latest(), proof(n, stash, role), miner_info());
    crate::Call::register { role, operator, consent_expires, proof, self_stake, info }
}

/// Replaces the operator of the miner `stash` by key number `n`.
pub(crate) fn set_operator(stash: &AccountId, n: u8) -> DispatchResult {
    let (operator, consent_expires, proof) = (operator(n), latest(), proof(n, stash, Role::Miner));
    submit(stash, crate::Call::set_operator { operator, consent_expires, proof })
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
