//! Rewards and slashes through all pallets together.

use cuckoo_primitives::{
    registry::Backing, runtime_api::runtime_decl_for_market_api::MarketApi, AccountId, CandidateStatus, EraIndex, CAI,
};
use cuckoo_runtime::{Balances, Block, Registration, Runtime, Slashing, Stake, Voting};
use frame_support::{
    assert_ok,
    traits::{fungible::InspectHold, Currency},
};
use pallet_cuckoo_staking::Payee;

use crate::{
    chain::{Account, Chain},
    verification::contradiction,
};

type StakeCall = pallet_cuckoo_staking::Call<Runtime>;
type RegistrationCall = pallet_cuckoo_registration::Call<Runtime>;
type VotingCall = pallet_cuckoo_voting::Call<Runtime>;
type SlashingCall = pallet_cuckoo_slashing::Call<Runtime>;

fn stash(name: &str) -> Account {
    Account::new(&format!("//{name}//stash"))
}

fn operator(name: &str) -> Account {
    Account::new(&format!("//{name}"))
}

fn free(chain: &mut Chain, who: &Account) -> u128 {
    chain.read(|| Balances::free_balance(who.id()))
}

fn bonded(chain: &mut Chain, who: &Account) -> u128 {
    chain.read(|| Stake::bond_of(who.id()).map_or(0, |bond| bond.total))
}

fn pending(chain: &mut Chain, who: &Account) -> u128 {
    chain.read(|| Voting::pending_reward(who.id()))
}

fn issuance(chain: &mut Chain) -> u128 {
    chain.read(<Balances as Currency<AccountId>>::total_issuance)
}

/// `amount` CAI of Dave's, bonded and voted for `candidate`.
fn dave_votes(chain: &mut Chain, candidate: &Account, amount: u128) -> Account {
    let voter = stash("Dave");
    assert_ok!(chain.submit(&voter, StakeCall::bond { value: amount * CAI }));
    assert_ok!(chain.submit(&voter, VotingCall::vote { candidate: candidate.id(), amount: amount * CAI }));
    voter
}

/// Has `reporter` report Miner1, whose case is the only one; returns the era from which it is applied.
pub(crate) fn report(chain: &mut Chain, reporter: &Account) -> EraIndex {
    let evidence = contradiction(chain, &operator("Miner1"));
    assert_ok!(chain.submit(reporter, SlashingCall::report { evidence: Box::new(evidence) }));
    let docket = chain.read(|| Slashing::docket(None, 10));
    assert_eq!(docket.len(), 1);
    assert_eq!(docket[0].1.offender, stash("Miner1").id());
    docket[0].1.apply_in
}

#[test]
fn voting_earns_era_by_era() {
    let mut chain = Chain::dev();
    let (miner, genesis) = (stash("Miner1"), issuance(&mut chain));
    let voter = dave_votes(&mut chain, &miner, 25_000);
    chain.until_era(2);
    chain.until("era 1 is paid", || {
        Voting::pending_reward(stash("Miner1").id()) > 0 && !pallet_cuckoo_voting::PayoutRun::<Runtime>::exists()
    });
    // The miner earned era 0 alone, and era 1 beside the voter with as much stake.
    let (own, votes) = (pending(&mut chain, &miner), pending(&mut chain, &voter));
    assert!(votes > 0 && own > 2 * votes, "{own} {votes}");

    // Everything that was emitted is in the pot; a claim takes it out.
    let emission = chain.read(Stake::emission);
    assert!(emission.emitted() > 0);
    let before = free(&mut chain, &voter);
    assert_ok!(chain.submit(&voter, StakeCall::claim {}));
    let received = free(&mut chain, &voter) + CAI - before;
    assert!(received > votes, "the claim is paid, less a fee of less than a CAI");
    assert_eq!(chain.read(|| Stake::emission().claimed), votes);
    assert!(issuance(&mut chain) > genesis);

    // Restaked, what comes later adds to the bond.
    assert_ok!(chain.submit(&voter, StakeCall::set_payee { payee: Payee::Restake }));
    chain.until_era(3);
    chain.blocks(2);
    let (bond, votes) = (bonded(&mut chain, &voter), pending(&mut chain, &voter));
    assert!(votes > 0);
    assert_ok!(chain.submit(&voter, StakeCall::claim {}));
    assert_eq!(bonded(&mut chain, &voter), bond + votes);
}

#[test]
fn a_commission_is_the_candidates() {
    let mut chain = Chain::dev();
    let miner = stash("Miner1");
    let voter = dave_votes(&mut chain, &miner, 25_000);
    let half = sp_runtime::Perbill::from_percent(5);
    assert_ok!(chain.submit(&miner, RegistrationCall::set_commission { rate: half }));
    chain.until_era(3);
    chain.blocks(2);
    assert_ok!(chain.submit(&miner, StakeCall::claim {}));
    assert_ok!(chain.submit(&voter, StakeCall::claim {}));
    // From era 3 on, two eras after the announcement.
    chain.until_era(4);
    chain.blocks(2);
    let (own, votes) = (pending(&mut chain, &miner), pending(&mut chain, &voter));
    // 5 % of the whole and half of the rest beside half of the rest.
    assert!((own * 95).abs_diff(votes * 105) < 1_000, "{own} {votes}");
}

#[test]
fn two_receipts_for_one_attempt_cost_the_miner_and_its_voters_their_stake() {
    let mut chain = Chain::dev();
    let (miner, reporter) = (stash("Miner1"), stash("Eve"));
    let voter = dave_votes(&mut chain, &miner, 10_000);
    chain.until_era(1);
    let fees = free(&mut chain, &reporter);
    let apply_in = report(&mut chain, &reporter);
    assert_eq!(free(&mut chain, &reporter), fees, "a valid report costs nothing");
    let status = chain.read(|| Registration::candidate(miner.id()).unwrap().status);
    assert_eq!(status, CandidateStatus::Chilled);
    assert_eq!(
        chain.submit(&miner, RegistrationCall::validate {}),
        Err(pallet_cuckoo_registration::Error::<Runtime>::OpenCase.into())
    );

    // Who leaves now is liable all the same.
    assert_ok!(chain.submit(&voter, VotingCall::unvote { candidate: miner.id(), amount: 10_000 * CAI }));
    assert_ok!(chain.submit(&voter, StakeCall::unbond { value: 10_000 * CAI }));
    let leaving = chain.era();

    chain.until_era(apply_in);
    chain.until("the slash is applied", || Slashing::docket(None, 1).is_empty());
    assert_eq!(bonded(&mut chain, &miner), 0);
    assert_eq!(free(&mut chain, &reporter), fees + 2_500 * CAI, "a tenth of the miner's own 25,000 CAI");
    assert_eq!(chain.read(|| Slashing::convictions(miner.id()).len()), 1);

    chain.until_era(leaving + 4);
    let nothing = chain.submit(&voter, StakeCall::withdraw_unbonded {});
    assert!(nothing.is_err(), "all of it is gone: {nothing:?}");
    assert_ok!(chain.submit(&reporter, VotingCall::settle { voter: voter.id(), candidate: miner.id() }));
    assert_eq!(bonded(&mut chain, &voter), 0);
}

#[test]
fn stake_that_moved_after_the_offence_is_slashed_where_it_is() {
    let mut chain = Chain::dev();
    let (miner, other) = (stash("Miner1"), stash("Miner2"));
    let voter = dave_votes(&mut chain, &miner, 10_000);
    chain.until_era(1);
    let apply_in = report(&mut chain, &stash("Eve"));
    let amount = 10_000 * CAI;
    assert_ok!(chain.submit(&voter, VotingCall::revote { from: miner.id(), to: other.id(), amount }));
    chain.until_era(apply_in);
    chain.until("the slash is applied", || Slashing::docket(None, 1).is_empty());
    assert_ok!(chain.submit(&stash("Eve"), VotingCall::settle { voter: voter.id(), candidate: other.id() }));
    assert_eq!(bonded(&mut chain, &voter), 0);
    assert_eq!(chain.read(|| Voting::backing(&other.id()).0), 75_000 * CAI);
}

#[test]
fn a_stash_is_shown_after_slashes_that_have_not_been_taken_from_it() {
    let mut chain = Chain::dev();
    let miner = stash("Miner1");
    let voter = dave_votes(&mut chain, &miner, 10_000);
    assert_ok!(chain.submit(&voter, StakeCall::bond_extra { value: 6_000 * CAI }));
    assert_ok!(chain.submit(&voter, StakeCall::unbond { value: 5_000 * CAI }));
    chain.until_era(1);
    let apply_in = report(&mut chain, &stash("Eve"));
    chain.until_era(apply_in);
    chain.until("the slash is applied", || Slashing::docket(None, 1).is_empty());

    let shown = |chain: &mut Chain| {
        let overview = chain.read(|| <Runtime as MarketApi<Block>>::stash(voter.id())).expect("it has bonded");
        let unlocking = overview.unlocking.iter().map(|part| part.amount).collect::<Vec<_>>();
        (overview.total, overview.active, overview.voted, unlocking)
    };
    let after_all_slashes = (6_000 * CAI, 1_000 * CAI, 0, vec![5_000 * CAI]);
    assert_eq!(chain.read(|| Balances::total_balance_on_hold(&voter.id())), 16_000 * CAI, "nothing is taken yet");
    assert_eq!(shown(&mut chain), after_all_slashes);
    assert_ok!(chain.submit(&stash("Eve"), VotingCall::settle { voter: voter.id(), candidate: miner.id() }));
    assert_eq!(chain.read(|| Balances::total_balance_on_hold(&voter.id())), 6_000 * CAI);
    assert_eq!(shown(&mut chain), after_all_slashes);
}

#[test]
fn stake_that_came_after_the_offence_is_untouched() {
    let mut chain = Chain::dev();
    let miner = stash("Miner1");
    chain.until_era(1);
    let apply_in = report(&mut chain, &stash("Eve"));
    let voter = dave_votes(&mut chain, &miner, 10_000);
    chain.until_era(apply_in);
    chain.until("the slash is applied", || Slashing::docket(None, 1).is_empty());
    chain.until_era(apply_in + 1);
    assert_ok!(chain.submit(&voter, VotingCall::unvote { candidate: miner.id(), amount: 10_000 * CAI }));
    assert_eq!(bonded(&mut chain, &voter), 10_000 * CAI);
}

#[test]
fn governance_can_cancel_a_case() {
    let mut chain = Chain::dev();
    let miner = stash("Miner1");
    chain.until_era(1);
    let apply_in = report(&mut chain, &stash("Eve"));
    let case = chain.read(|| Slashing::docket(None, 1)[0].0);
    let cancel = SlashingCall::cancel_slash { case };
    assert!(chain.submit(&operator("Bob"), cancel.clone()).is_err());
    let sudo = pallet_sudo::Call::<Runtime>::sudo { call: Box::new(cancel.into()) };
    assert_ok!(chain.submit(&operator("Alice"), sudo));
    assert!(chain.read(|| Slashing::docket(None, 1)).is_empty());
    assert_ok!(chain.submit(&miner, RegistrationCall::validate {}));
    chain.until_era(apply_in + 1);
    chain.blocks(2);
    assert_eq!(bonded(&mut chain, &miner), 25_000 * CAI);
}

#[test]
fn blocks_pay_their_validators() {
    let mut chain = Chain::dev();
    let alice = stash("Alice");
    chain.until_era(1);
    chain.blocks(3);
    assert!(pending(&mut chain, &alice) > 0);
}
