//! A runtime with balances and slashing. Who is a candidate, with which key and how much stake, is a small register that
//! tests fill, and time is what they set.

use core::time::Duration;

use cuckoo_primitives::{
    challenge::{Answer, Demand},
    commitment::{hash_of, path, Leaf},
    evidence::{Evidence, SignedReceipt, SignedSpec},
    fixture,
    registry::{AppliedSlashes, Candidates, CurrentEra, OpenCases, Operators, Slash, MAX_SETTLED},
    signing::Statement,
    task::{began_ms, Receipt, TaskId, TaskSpec},
    AccountId, Balance, EraIndex, Hash, Role, Signature,
};
use frame_support::{
    derive_impl,
    dispatch::DispatchResultWithPostInfo,
    pallet_prelude::{Decode, Encode, ValueQuery},
    storage_alias,
    traits::{ConstU128, ConstU32, Hooks, UnixTime},
    weights::{constants::RocksDbWeight, Weight},
    Blake2_128Concat,
};
use sp_core::{sr25519, Pair};
use sp_runtime::{
    traits::{Dispatchable, IdentityLookup},
    BuildStorage, DispatchError, Perbill,
};

use crate as pallet_cuckoo_slashing;

type Block = frame_system::mocking::MockBlock<Test>;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Balances: pallet_balances,
        Slashing: pallet_cuckoo_slashing,
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

impl pallet_cuckoo_slashing::Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type CurrentEra = Market;
    type Time = Market;
    type Candidates = Market;
    type Operators = Market;
    type Slash = Market;
    type CancelOrigin = frame_system::EnsureRoot<AccountId>;
    type MemoryEras = ConstU32<MEMORY_ERAS>;
    type MaxValidators = ConstU32<MAX_VALIDATORS>;
    type MinStanding = ConstU32<MIN_STANDING>;
    type ChallengeDeposit = ConstU128<DEPOSIT>;
    type WeightInfo = pallet_cuckoo_slashing::weights::SubstrateWeight<Test>;
}

/// A slash as the pallet asked for it.
pub(crate) type Taken = (AccountId, EraIndex, Perbill, Option<AccountId>);

/// What is stored of a candidate.
#[derive(Encode, Decode)]
struct Candidate {
    role: Role,
    chilled: bool,
}

/// For whom a key worked, as what, from which era and until which.
type Service = (AccountId, Role, EraIndex, Option<EraIndex>);

#[storage_alias]
type NowMs = StorageValue<Market, u64, ValueQuery>;
#[storage_alias]
type Keys = StorageMap<Market, Blake2_128Concat, AccountId, Vec<Service>, ValueQuery>;
#[storage_alias]
type Registered = StorageMap<Market, Blake2_128Concat, AccountId, Candidate>;
#[storage_alias]
type Stakes = StorageMap<Market, Blake2_128Concat, AccountId, Balance, ValueQuery>;
#[storage_alias]
type Slashes = StorageValue<Market, Vec<Taken>, ValueQuery>;
/// How many slashes of others a stash has not been settled for.
#[storage_alias]
type Waiting = StorageMap<Market, Blake2_128Concat, AccountId, u32, ValueQuery>;

/// The clock, the candidates, their keys and their stake.
pub struct Market;

impl Market {
    /// `stash` is a candidate, run by operator key number `n`, with [`STAKE`].
    pub(crate) fn enter(stash: &AccountId, n: u8, role: Role) {
        Registered::insert(stash, Candidate { role, chilled: false });
        Stakes::insert(stash, STAKE);
        Self::rotate(stash, n, role);
    }

    /// Operator key number `n` works for `stash` from now on; the one before is retired.
    pub(crate) fn rotate(stash: &AccountId, n: u8, role: Role) {
        Self::retire_keys(stash);
        Keys::append(operator(n), (stash, role, Self::current_era(), None::<EraIndex>));
    }

    /// `stash` is no candidate any more; its keys stay on record.
    pub(crate) fn leave(stash: &AccountId) {
        Registered::remove(stash);
        Self::retire_keys(stash);
    }

    fn retire_keys(stash: &AccountId) {
        let now = Self::current_era();
        Keys::translate_values(|mut services: Vec<Service>| {
            for (_, _, _, until) in services.iter_mut().filter(|(of, _, _, until)| of == stash && until.is_none()) {
                *until = Some(now);
            }
            Some(services)
        });
    }

    /// `stash` is back after it was chilled.
    pub(crate) fn validate(stash: &AccountId) {
        Registered::mutate(stash, |candidate| candidate.as_mut().unwrap().chilled = false);
    }

    pub(crate) fn is_chilled(stash: &AccountId) -> bool {
        Registered::get(stash).is_some_and(|candidate| candidate.chilled)
    }

    /// So many slashes of others cost `stash` something that has not been taken.
    pub(crate) fn is_behind(stash: &AccountId, slashes: u32) {
        Waiting::insert(stash, slashes);
    }

    pub(crate) fn stake(stash: &AccountId) -> Balance {
        Stakes::get(stash)
    }

    /// Every slash so far, in order.
    pub(crate) fn slashes() -> Vec<Taken> {
        Slashes::get()
    }

    pub(crate) fn run_to_era(era: EraIndex) {
        Self::run_to(ms(era));
    }

    /// It is `unix_ms` milliseconds after 1970 now.
    pub(crate) fn run_to(unix_ms: u64) {
        NowMs::put(unix_ms);
    }
}

impl UnixTime for Market {
    fn now() -> Duration {
        Duration::from_millis(NowMs::get())
    }
}

impl CurrentEra for Market {
    fn current_era() -> EraIndex {
        ((NowMs::get().max(START_MS) - START_MS) / ERA_MS) as EraIndex
    }

    fn bonding_eras() -> EraIndex {
        BONDING_ERAS
    }

    fn era_at(unix_ms: u64) -> Option<EraIndex> {
        let era = (unix_ms.checked_sub(START_MS)? / ERA_MS) as EraIndex;
        (unix_ms <= NowMs::get() && era + BONDING_ERAS >= Self::current_era()).then_some(era)
    }

    fn era_of_session(index: u32) -> EraIndex {
        index / SESSIONS_PER_ERA
    }
}

impl Candidates<AccountId> for Market {
    fn role(stash: &AccountId) -> Option<Role> {
        Registered::get(stash).map(|candidate| candidate.role)
    }

    fn own_stake_floor(_: &AccountId) -> Option<Balance> {
        None
    }

    fn commission(_: &AccountId, _: EraIndex) -> Perbill {
        Perbill::zero()
    }

    fn has_stepped_back(stash: &AccountId) -> bool {
        Registered::get(stash).is_some_and(|candidate| candidate.chilled)
    }

    fn chill(stash: &AccountId) -> bool {
        Registered::mutate(stash, |candidate| {
            candidate.as_mut().is_some_and(|candidate| !core::mem::replace(&mut candidate.chilled, true))
        })
    }
}

impl Operators<AccountId> for Market {
    fn served_by(operator: &AccountId, era: EraIndex) -> Option<(AccountId, Role)> {
        let worked = |(_, _, from, until): &Service| *from <= era && until.is_none_or(|until| era <= until);
        Keys::get(operator).into_iter().find(worked).map(|(stash, role, _, _)| (stash, role))
    }

    fn last_served(operator: &AccountId) -> Option<(AccountId, Role, EraIndex)> {
        let last = Keys::get(operator).into_iter().last();
        last.map(|(stash, role, _, until)| (stash, role, until.unwrap_or_else(Self::current_era)))
    }
}

impl Slash<AccountId> for Market {
    fn slash(
        offender: &AccountId,
        offence_era: EraIndex,
        fraction: Perbill,
        reporter: Option<&AccountId>,
    ) -> Option<Balance> {
        assert!(Slashing::has_open_case(offender), "as long as the case is open, nothing is forgotten that is liable");
        let waiting = Waiting::get(offender);
        Waiting::insert(offender, waiting.saturating_sub(MAX_SETTLED));
        if waiting > MAX_SETTLED {
            return None;
        }
        Slashes::append((offender.clone(), offence_era, fraction, reporter.cloned()));
        let loss = Stakes::mutate(offender, |stake| {
            let loss = fraction.mul_ceil(*stake);
            *stake -= loss;
            loss
        });
        Some(loss)
    }
}

/// A miner, run by key [`ALICE_KEY`].
pub(crate) const ALICE: AccountId = AccountId::new([1; 32]);
/// A validator, run by key [`BOB_KEY`].
pub(crate) const BOB: AccountId = AccountId::new([2; 32]);
pub(crate) const REPORTER: AccountId = AccountId::new([9; 32]);
/// Somebody who asks miners.
pub(crate) const CLEO: AccountId = AccountId::new([8; 32]);
pub(crate) const ALICE_KEY: u8 = 11;
pub(crate) const BOB_KEY: u8 = 12;

/// What whoever reports or asks begins with.
pub(crate) const FUNDS: Balance = 100_000;
pub(crate) const DEPOSIT: Balance = 1_050;
pub(crate) const ED: Balance = 10;
pub(crate) const STAKE: Balance = 1_000_000;
pub(crate) const BONDING_ERAS: EraIndex = 7;
pub(crate) const EVIDENCE_ERAS: EraIndex = 4;
pub(crate) const DEFER_ERAS: EraIndex = 2;
pub(crate) const MEMORY_ERAS: EraIndex = 10;
pub(crate) const SESSIONS_PER_ERA: u32 = 3;
pub(crate) const MAX_VALIDATORS: u32 = 8;
pub(crate) const MIN_STANDING: u32 = 2;

/// Half an hour.
pub(crate) const ERA_MS: u64 = 1_800_000;
const START_MS: u64 = 1_700_000_000_000;

/// When `era` begins.
pub(crate) fn ms(era: EraIndex) -> u64 {
    START_MS + u64::from(era) * ERA_MS
}

/// The operator key number `n`.
pub(crate) fn key(n: u8) -> sr25519::Pair {
    sr25519::Pair::from_seed(&[n; 32])
}

/// The account of operator key number `n`.
pub(crate) fn operator(n: u8) -> AccountId {
    key(n).public().into()
}

/// The id of task number `n` that began at `unix_ms`.
pub(crate) fn task_id(unix_ms: u64, n: u8) -> TaskId {
    let mut id = [n; 16];
    id[..6].copy_from_slice(&unix_ms.to_be_bytes()[2..]);
    id[6] = 0x70;
    id[8] = 0x80;
    id
}

/// What operator key number `n` takes on of a task, for a minute.
pub(crate) fn spec(n: u8, task_id: TaskId) -> TaskSpec {
    let deadline_ms = began_ms(&task_id).map_or(0, |began| began + 60_000);
    TaskSpec { task_id, miner: operator(n), deadline_ms, ..fixture::spec() }
}

/// The leaves of every receipt here.
pub(crate) fn leaves() -> Vec<Leaf> {
    fixture::leaves(&fixture::drawing(), LEAVES)
}

/// How many there are.
pub(crate) const LEAVES: u32 = 5;

/// What operator key number `n` answered for a task.
pub(crate) fn receipt(n: u8, task_id: TaskId) -> Receipt {
    receipt_of(n, task_id, &leaves())
}

/// The same, if it had drawn these.
pub(crate) fn receipt_of(n: u8, task_id: TaskId, leaves: &[Leaf]) -> Receipt {
    Receipt { spec: spec(n, task_id), ..fixture::receipt_of(leaves) }
}

/// The signature of operator key number `n`.
pub(crate) fn sign(n: u8, statement: &impl Statement) -> Signature {
    key(n).sign(statement.signing_hash(&System::block_hash(0)).as_bytes()).0
}

/// `receipt`, signed by operator key number `n`.
pub(crate) fn signed(n: u8, receipt: Receipt) -> SignedReceipt {
    SignedReceipt { signature: sign(n, &receipt), receipt }
}

/// What operator key number `n` accepted.
pub(crate) fn accepted(n: u8, spec: TaskSpec) -> SignedSpec {
    SignedSpec { signature: sign(n, &spec), spec }
}

/// The demand that operator key number `n` shows how it drew a token of a task.
pub(crate) fn opening(n: u8, task_id: TaskId, index: u32) -> Demand {
    Demand::Opening { receipt: signed(n, receipt(n, task_id)), index }
}

/// The demand that operator key number `n` shows what came of a task.
pub(crate) fn result(n: u8, task_id: TaskId) -> Demand {
    Demand::Result { accepted: accepted(n, spec(n, task_id)) }
}

/// The leaf at this place, as an answer.
pub(crate) fn shown(index: u32) -> Answer {
    let leaves = leaves();
    let hashes: Vec<Hash> = leaves.iter().map(hash_of).collect();
    Answer::Leaf { leaf: leaves[index as usize].clone(), path: path(&hashes, index as usize).unwrap() }
}

/// `receipt`, and another of the same attempt that `change` made of it, both signed by operator key number `n`.
pub(crate) fn evidence_of(n: u8, receipt: Receipt, change: impl FnOnce(&mut Receipt)) -> Evidence {
    let mut other = receipt.clone();
    change(&mut other);
    Evidence::Receipts { first: signed(n, receipt), second: signed(n, other) }
}

/// Operator key number `n` contradicted itself in `era`, in its task number `task`.
pub(crate) fn evidence(n: u8, era: EraIndex, task: u8) -> Evidence {
    evidence_of(n, receipt(n, task_id(ms(era), task)), |other| other.output_hash = Hash::zero())
}

pub(crate) fn report(evidence: Evidence) -> DispatchResultWithPostInfo {
    submit(RuntimeOrigin::signed(REPORTER), crate::Call::report { evidence: Box::new(evidence) })
}

pub(crate) fn challenge(who: &AccountId, demand: Demand) -> DispatchResultWithPostInfo {
    submit(RuntimeOrigin::signed(who.clone()), crate::Call::challenge { demand: Box::new(demand) })
}

pub(crate) fn answer(who: &AccountId, id: u64, answer: Answer) -> DispatchResultWithPostInfo {
    submit(RuntimeOrigin::signed(who.clone()), crate::Call::answer { id, answer: Box::new(answer) })
}

pub(crate) fn cancel(case: u64) -> DispatchResultWithPostInfo {
    submit(RuntimeOrigin::root(), crate::Call::cancel_slash { case })
}

/// Submits a call as a block would: what a refused one wrote is undone.
pub(crate) fn submit(origin: RuntimeOrigin, call: crate::Call<Test>) -> DispatchResultWithPostInfo {
    RuntimeCall::from(call).dispatch(origin)
}

/// Runs the hook of the next block and returns what it took.
pub(crate) fn next_block() -> Weight {
    System::set_block_number(System::block_number() + 1);
    let weight = Slashing::on_initialize(System::block_number());
    assert!(weight.all_lte(Slashing::hook_limit()));
    weight
}

/// Moves to `era` and runs blocks of it until all cases that are due have been applied, at least one.
pub(crate) fn run_to_era(era: EraIndex) {
    Market::run_to_era(era);
    next_block();
    for _ in 0..1_000 {
        if Slashing::applied_through() == era {
            return;
        }
        next_block();
    }
    panic!("all that is due in era {era} is applied");
}

/// The events of this pallet so far.
pub(crate) fn events() -> Vec<crate::Event<Test>> {
    let ours = |event| match event {
        RuntimeEvent::Slashing(event) => Some(event),
        _ => None,
    };
    System::events().into_iter().filter_map(|record| ours(record.event)).collect()
}

pub(crate) struct ExtBuilder {
    pub(crate) slashing: pallet_cuckoo_slashing::GenesisConfig<Test>,
}

impl Default for ExtBuilder {
    fn default() -> Self {
        Self {
            slashing: pallet_cuckoo_slashing::GenesisConfig {
                evidence_eras: EVIDENCE_ERAS,
                defer_eras: DEFER_ERAS,
                ..Default::default()
            },
        }
    }
}

impl ExtBuilder {
    fn build(self) -> sp_io::TestExternalities {
        let balances = pallet_balances::GenesisConfig {
            balances: [CLEO, REPORTER].map(|who| (who, FUNDS)).to_vec(),
            ..Default::default()
        };
        let genesis = RuntimeGenesisConfig { balances, slashing: self.slashing, ..Default::default() };
        let mut ext: sp_io::TestExternalities = genesis.build_storage().unwrap().into();
        ext.execute_with(|| {
            System::set_block_number(1);
            Market::run_to_era(0);
            Market::enter(&ALICE, ALICE_KEY, Role::Miner);
            Market::enter(&BOB, BOB_KEY, Role::Validator);
        });
        ext
    }

    /// Runs `test`, then checks every invariant.
    pub(crate) fn build_and_execute(self, test: impl FnOnce()) {
        self.build().execute_with(|| {
            test();
            Slashing::do_try_state().unwrap();
        });
    }

    /// Runs `corrupt`, and expects the check to name `invariant`.
    pub(crate) fn build_and_expect_broken(self, invariant: &'static str, corrupt: impl FnOnce()) {
        self.build().execute_with(|| {
            Slashing::do_try_state().unwrap();
            corrupt();
            assert_eq!(Slashing::do_try_state(), Err(DispatchError::Other(invariant)));
        });
    }
}
