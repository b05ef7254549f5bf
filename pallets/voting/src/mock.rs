//! A runtime with this pallet, and a small market in place of the other pallets (file `mock/market.rs`). All pallets
//! together are tested in the runtime.

mod market;

pub(crate) use market::*;

use cuckoo_primitives::{
    registry::{Backing, Slash},
    AccountId, Balance, EraIndex, Role,
};
use frame_support::{
    derive_impl,
    dispatch::{DispatchResult, DispatchResultWithPostInfo, Pays},
    parameter_types,
    traits::{ConstU32, Hooks},
};
use sp_runtime::{
    traits::{Dispatchable, IdentityLookup},
    BuildStorage, DispatchError, Perbill,
};

use crate as pallet_cuckoo_voting;

type Block = frame_system::mocking::MockBlock<Test>;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Voting: pallet_cuckoo_voting,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountId = AccountId;
    type Lookup = IdentityLookup<AccountId>;
}

parameter_types! {
    /// How much of a block paying may take.
    pub static PayoutShare: Perbill = Perbill::from_percent(20);
}

impl pallet_cuckoo_voting::Config for Test {
    type Bonds = Market;
    type Candidates = Market;
    type CurrentEra = Market;
    type AppliedSlashes = Market;
    type RewardPot = Market;
    type Work = Market;
    type PayoutShare = PayoutShare;
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
pub(crate) const VOTER_2: AccountId = AccountId::new([12; 32]);
/// Has no bond.
pub(crate) const STRANGER: AccountId = AccountId::new([11; 32]);

pub(crate) const BOND: Balance = 1_000;
pub(crate) const OWN: Balance = 100;
/// Own stake of candidates must be above this.
pub(crate) const MIN_SELF_STAKE: Balance = 50;
pub(crate) const MIN_VOTE: Balance = 10;
pub(crate) const BONDING_ERAS: EraIndex = 3;

pub(crate) struct ExtBuilder {
    pub(crate) voting: pallet_cuckoo_voting::GenesisConfig<Test>,
    /// How many times [`BOND`] everybody bonds.
    pub(crate) bonds: Balance,
}

impl Default for ExtBuilder {
    fn default() -> Self {
        Self {
            voting: pallet_cuckoo_voting::GenesisConfig {
                min_vote: MIN_VOTE,
                votes: MINERS.map(|miner| (miner.clone(), miner, OWN)).to_vec(),
                ..Default::default()
            },
            bonds: 1,
        }
    }
}

impl ExtBuilder {
    /// Bonds and own stakes that many times as large.
    pub(crate) fn times(mut self, factor: Balance) -> Self {
        self.bonds *= factor;
        self.voting.votes.iter_mut().for_each(|(_, _, amount)| *amount *= factor);
        self
    }

    pub(crate) fn build(self) -> sp_io::TestExternalities {
        let mut ext: sp_io::TestExternalities = RuntimeGenesisConfig::default().build_storage().unwrap().into();
        ext.execute_with(|| {
            System::set_block_number(1);
            for who in MINERS.into_iter().chain([VOTER, VOTER_2]) {
                bond(&who, BOND * self.bonds);
            }
            MINERS.iter().for_each(|miner| enrol(miner, Role::Miner));
            frame_support::traits::BuildGenesisConfig::build(&self.voting);
        });
        ext
    }

    /// Runs `test`, then checks every invariant.
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

/// Checks every invariant.
pub(crate) fn check_all() {
    Voting::do_try_state().unwrap();
    check_market();
}

/// Submits a call as a block would: what a refused one wrote is undone. Returns what it cost, too.
pub(crate) fn dispatch(who: &AccountId, call: crate::Call<Test>) -> DispatchResultWithPostInfo {
    RuntimeCall::from(call).dispatch(RuntimeOrigin::signed(who.clone()))
}

/// Submits a call and says whether it was refused.
pub(crate) fn submit(who: &AccountId, call: crate::Call<Test>) -> DispatchResult {
    dispatch(who, call).map(|_| ()).map_err(|failed| failed.error)
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

/// Settles and says whether that was paid for.
pub(crate) fn settle_pays(voter: &AccountId, candidate: &AccountId) -> Pays {
    let call = crate::Call::<Test>::settle { voter: voter.clone(), candidate: candidate.clone() };
    dispatch(&STRANGER, call).unwrap().pays_fee
}

/// Settles `voter` until no slash waits.
pub(crate) fn settle_fully(voter: &AccountId) {
    let settled = (0..1_000).any(|_| crate::Votes::<Test>::settle_step(voter));
    assert!(settled, "settling comes to an end");
}

/// Slashes `fraction` percent of what was behind `offender` in `era`, once what others cost it has been taken; returns
/// the offender's own loss.
pub(crate) fn slash(offender: &AccountId, era: EraIndex, percent: u32) -> Balance {
    settle_fully(offender);
    Voting::slash(offender, era, Perbill::from_percent(percent), None).expect("the offender is settled")
}

/// Runs blocks until everybody is paid; returns how many it took.
pub(crate) fn pay_all() -> u32 {
    let mut blocks = 0;
    while crate::PayoutRun::<Test>::exists() {
        Voting::on_initialize(System::block_number());
        System::set_block_number(System::block_number() + 1);
        blocks += 1;
        assert!(blocks < 1_000, "the payout comes to an end");
    }
    blocks
}

/// All stake behind `candidate`: what counts now, and what counts from the next era on.
pub(crate) fn backing(candidate: &AccountId) -> (Balance, Balance) {
    Voting::backing(candidate)
}

/// The votes of `voter`: candidate, what counts now, and what counts from the next era on.
pub(crate) fn positions(voter: &AccountId) -> Vec<(AccountId, Balance, Balance)> {
    let mut positions: Vec<_> =
        Voting::positions(voter.clone()).into_iter().map(|it| (it.candidate, it.amount, it.next_amount)).collect();
    positions.sort();
    positions
}
