use cuckoo_primitives::{AccountId, CandidateStatus, Role, CAI};
use cuckoo_runtime::{Block, Registration, Runtime, RuntimeCall, RuntimeEvent, Stake, Voting};
use frame_support::assert_ok;

use crate::chain::{info, signed, Account, Chain};

type StakeCall = pallet_cuckoo_staking::Call<Runtime>;
type RegistrationCall = pallet_cuckoo_registration::Call<Runtime>;
type VotingCall = pallet_cuckoo_voting::Call<Runtime>;
type StakeError = pallet_cuckoo_staking::Error<Runtime>;

fn free(chain: &mut Chain, who: &Account) -> u128 {
    chain.read(|| cuckoo_runtime::Balances::free_balance(who.id()))
}

fn status(chain: &mut Chain, stash: &Account) -> Option<CandidateStatus> {
    chain.read(|| Registration::candidate(stash.id()).map(|candidate| candidate.status))
}

/// Bonds `bond` CAI and registers a miner with `stake` CAI of it.
fn register_miner(chain: &mut Chain, name: &str, bond: u128, stake: u128) -> (Account, Account) {
    let (stash, operator) = (Account::new(&format!("//{name}//stash")), Account::new(&format!("//{name}")));
    assert_ok!(chain.submit(&stash, StakeCall::bond { value: bond * CAI }));
    let (consent_expires, proof) = operator.consent(chain, &stash, Role::Miner);
    let call = RegistrationCall::register {
        role: Role::Miner,
        operator: operator.id(),
        consent_expires,
        proof,
        self_stake: stake * CAI,
        info: info(name, ""),
    };
    assert_ok!(chain.submit(&stash, call));
    (stash, operator)
}

#[test]
fn a_miner_lives_from_bond_to_withdrawal() {
    let mut chain = Chain::dev();
    let (stash, operator) = register_miner(&mut chain, "Miner3", 50_000, 30_000);
    let funds = free(&mut chain, &stash);
    assert_eq!(status(&mut chain, &stash), Some(CandidateStatus::Pending));

    // A voter joins; both stakes count from the next era.
    let voter = Account::new("//Dave//stash");
    assert_ok!(chain.submit(&voter, StakeCall::bond { value: 10_000 * CAI }));
    assert_ok!(chain.submit(&voter, VotingCall::vote { candidate: stash.id(), amount: 10_000 * CAI }));
    let before = chain.read(|| Registration::candidate_of_operator(operator.id()).unwrap());
    assert_eq!((before.backing, before.next_backing), (0, 40_000 * CAI));
    chain.until_era(1);
    let after = chain.read(|| Registration::candidate_of_operator(operator.id()).unwrap());
    assert_eq!((after.status, after.own_stake, after.backing), (CandidateStatus::Active, 30_000 * CAI, 40_000 * CAI));

    // It steps back at once, leaves, and takes its stake out.
    assert_ok!(chain.submit(&stash, RegistrationCall::chill {}));
    assert_eq!(status(&mut chain, &stash), Some(CandidateStatus::Chilled));
    assert_ok!(chain.submit(&stash, RegistrationCall::deregister {}));
    assert_eq!(status(&mut chain, &stash), None);
    let leaving = chain.era();
    assert_ok!(chain.submit(&stash, StakeCall::unbond { value: 50_000 * CAI }));
    let early = chain.submit(&stash, StakeCall::withdraw_unbonded {});
    assert_eq!(early, Err(StakeError::NothingToWithdraw.into()));
    chain.until_era(leaving + 4);
    assert_ok!(chain.submit(&stash, StakeCall::withdraw_unbonded {}));
    assert!(chain.read(|| Stake::bond_of(stash.id()).is_none()));
    assert!(free(&mut chain, &stash) > funds + 49_999 * CAI, "all but fees is back");

    // Votes on one that left are still their voter's to take back.
    assert_ok!(chain.submit(&voter, VotingCall::unvote { candidate: stash.id(), amount: 10_000 * CAI }));
    assert_eq!(chain.read(|| Voting::voted(&voter.id())), 0);
}

#[test]
fn voted_stake_cannot_unbond() {
    let mut chain = Chain::dev();
    let (stash, _) = register_miner(&mut chain, "Miner3", 50_000, 30_000);
    let all = chain.submit(&stash, StakeCall::unbond { value: 50_000 * CAI });
    assert_eq!(all, Err(StakeError::StillVoted.into()));
    assert_ok!(chain.submit(&stash, StakeCall::unbond { value: 20_000 * CAI }));
}

#[test]
fn votes_cannot_exceed_the_bond() {
    let mut chain = Chain::dev();
    let voter = Account::new("//Dave//stash");
    assert_ok!(chain.submit(&voter, StakeCall::bond { value: 100 * CAI }));
    let miner = Account::new("//Miner1//stash").id();
    assert_ok!(chain.submit(&voter, VotingCall::vote { candidate: miner.clone(), amount: 60 * CAI }));
    let more = chain.submit(&voter, VotingCall::vote { candidate: miner, amount: 41 * CAI });
    assert_eq!(more, Err(pallet_cuckoo_voting::Error::<Runtime>::ExceedsBond.into()));
}

#[test]
fn a_foreign_operator_key_cannot_be_registered() {
    let mut chain = Chain::dev();
    let (stash, operator) = (Account::new("//Miner3//stash"), Account::new("//Miner3"));
    assert_ok!(chain.submit(&stash, StakeCall::bond { value: 50_000 * CAI }));
    // Consent was given to another stash.
    let (consent_expires, proof) = operator.consent(&mut chain, &Account::new("//Miner4//stash"), Role::Miner);
    let call = RegistrationCall::register {
        role: Role::Miner,
        operator: operator.id(),
        consent_expires,
        proof,
        self_stake: 30_000 * CAI,
        info: info("Miner3", ""),
    };
    let refused = chain.submit(&stash, call);
    assert_eq!(refused, Err(pallet_cuckoo_registration::Error::<Runtime>::BadProof.into()));
}

#[test]
fn eras_follow_sessions() {
    let mut chain = Chain::dev();
    for session in 1..=7 {
        chain.next_session();
        let progress = chain.read(Stake::era_progress);
        assert_eq!((progress.era, progress.sessions_done), (session / 3, session % 3));
        let started = chain.events().into_iter().find_map(|event| match event {
            RuntimeEvent::Stake(pallet_cuckoo_staking::Event::EraStarted { era }) => Some(era),
            _ => None,
        });
        assert_eq!(started, (session % 3 == 0).then_some(session / 3));
    }
}

#[test]
fn candidates_come_in_pages() {
    use cuckoo_primitives::runtime_api::runtime_decl_for_market_api::MarketApi;
    let mut chain = Chain::dev();
    register_miner(&mut chain, "Miner3", 30_000, 30_000);
    register_miner(&mut chain, "Miner4", 30_000, 30_000);
    let page = |chain: &mut Chain, after: Option<AccountId>| {
        let page = chain.read(|| <Runtime as MarketApi<Block>>::candidates(Role::Miner, after, 3));
        page.into_iter().map(|candidate| candidate.stash).collect::<Vec<_>>()
    };
    let first = page(&mut chain, None);
    assert_eq!(first.len(), 3);
    let second = page(&mut chain, first.last().cloned());
    assert_eq!(second.len(), 1);
    assert!(page(&mut chain, second.last().cloned()).is_empty());
    let mut all: Vec<_> = first.into_iter().chain(second).collect();
    all.sort();
    let mut expected: Vec<_> = (1..=4).map(|n| Account::new(&format!("//Miner{n}//stash")).id()).collect();
    expected.sort();
    assert_eq!(all, expected);
}

#[test]
fn a_stash_sees_its_bond_and_votes() {
    use cuckoo_primitives::runtime_api::runtime_decl_for_market_api::MarketApi;
    let mut chain = Chain::dev();
    let voter = Account::new("//Dave//stash");
    let miner = Account::new("//Miner1//stash").id();
    assert_eq!(chain.read(|| <Runtime as MarketApi<Block>>::stash(voter.id())), None);
    let calls: [RuntimeCall; 3] = [
        StakeCall::bond { value: 100 * CAI }.into(),
        VotingCall::vote { candidate: miner.clone(), amount: 60 * CAI }.into(),
        StakeCall::unbond { value: 30 * CAI }.into(),
    ];
    for call in calls {
        assert_ok!(chain.block(|| vec![signed(&voter, call)]).remove(0));
    }
    let overview = chain.read(|| <Runtime as MarketApi<Block>>::stash(voter.id())).unwrap();
    assert_eq!((overview.total, overview.active, overview.voted), (100 * CAI, 70 * CAI, 60 * CAI));
    assert_eq!(overview.unlocking.len(), 1);
    assert_eq!((overview.unlocking[0].amount, overview.unlocking[0].free_from), (30 * CAI, 4));
    assert_eq!(overview.positions.len(), 1);
    let position = &overview.positions[0];
    assert_eq!((&position.candidate, position.amount, position.next_amount), (&miner, 0, 60 * CAI));
}
