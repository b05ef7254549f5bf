//! A chain whose eras pass without blocks.

use cuckoo_primitives::{signing::blake2_256, AccountId, Balance, Role, CAI};
use cuckoo_runtime::{Registration, Runtime, RuntimeGenesisConfig, RuntimeOrigin, Stake, System, Voting};
use frame_support::{
    traits::{BuildGenesisConfig, Hooks},
    weights::Weight,
};

/// What every account begins with.
const FUNDS: Balance = 1_500 * CAI;
/// Own stake of every candidate.
pub(crate) const OWN_STAKE: Balance = 1_000 * CAI;

/// Accounts of one kind have numbers.
pub(crate) fn account(kind: &str, number: u32) -> AccountId {
    AccountId::new(blake2_256(&[kind.as_bytes(), &number.to_le_bytes()]).0)
}

pub(crate) fn miner(number: u32) -> AccountId {
    account("miner", number)
}

pub(crate) fn signed(who: &AccountId) -> RuntimeOrigin {
    RuntimeOrigin::signed(who.clone())
}

/// A chain with so many miners, beside whom `others` have funds. The minimum of own stake is low, so that the supply
/// has room for a hundred thousand of them.
pub(crate) fn new(miners: u32, others: Vec<AccountId>) -> sp_io::TestExternalities {
    let mut config = RuntimeGenesisConfig::default();
    let stashes: Vec<AccountId> = (0..miners).map(miner).collect();
    config.balances.balances = stashes.iter().cloned().chain(others).map(|who| (who, FUNDS)).collect();
    config.stake.bonds = stashes.iter().map(|stash| (stash.clone(), OWN_STAKE)).collect();
    config.registration.min_self_stake = Role::ALL.iter().map(|role| (*role, OWN_STAKE / 2)).collect();
    config.registration.candidates = stashes
        .iter()
        .enumerate()
        .map(|(n, stash)| {
            (stash.clone(), account("operator", n as u32), Role::Miner, format!("miner {n}"), String::new())
        })
        .collect();
    config.voting.votes = stashes.iter().map(|stash| (stash.clone(), stash.clone(), OWN_STAKE)).collect();
    let mut ext = sp_io::TestExternalities::default();
    ext.execute_with(|| {
        config.build();
        System::set_block_number(1);
    });
    into_backend(&mut ext);
    ext
}

/// Moves what was written from the block's own changes to the database below them.
pub(crate) fn into_backend(ext: &mut sp_io::TestExternalities) {
    ext.execute_with(System::reset_events);
    ext.commit_all().expect("no transaction is open");
}

/// The era ends; its budgets are opened, and nobody is paid yet.
pub(crate) fn end_era() {
    let progress = Stake::era_progress();
    Stake::note_session_started((progress.era + 1) * progress.sessions_per_era);
    assert_eq!(Stake::era_progress().era, progress.era + 1);
}

/// The next block pays candidates; returns its weight.
pub(crate) fn pay_some() -> Weight {
    System::set_block_number(System::block_number() + 1);
    Voting::on_initialize(System::block_number())
}

/// Whether everybody is paid.
pub(crate) fn is_paid() -> bool {
    !pallet_cuckoo_voting::PayoutRun::<Runtime>::exists()
}

/// Every invariant holds.
pub(crate) fn check() {
    Stake::do_try_state().unwrap();
    Registration::do_try_state().unwrap();
    Voting::do_try_state().unwrap();
}
