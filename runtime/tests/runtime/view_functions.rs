//! The pallets' view functions, called as pages and wallets call them: by the name's hash, with encoded arguments.

use codec::{Decode, Encode};
use cuckoo_primitives::{
    candidate::BackingOverview,
    docket::Fault,
    runtime_api::{runtime_decl_for_market_api::MarketApi, runtime_decl_for_settlement_api::SettlementApi},
    settlement::{SignedVoucher, Voucher},
    signing::Statement,
    Role, CAI,
};
use cuckoo_runtime::{Block, Runtime, Slashing, System};
use frame_support::{
    assert_ok,
    view_functions::{ViewFunction, ViewFunctionDispatchError, ViewFunctionId},
};
use pallet_cuckoo_election as election;
use pallet_cuckoo_faucet as faucet;
use pallet_cuckoo_registration as registration;
use pallet_cuckoo_settlement as settlement;
use pallet_cuckoo_slashing as slashing;
use pallet_cuckoo_staking as staking;
use pallet_cuckoo_voting as voting;
use sp_core::Pair;
use sp_runtime::Perbill;

use crate::{
    chain::{Account, Chain},
    economy::report,
    verification::ask_for_leaf,
};

/// What the runtime answers to `question`.
fn ask<Q: ViewFunction + Encode>(chain: &mut Chain, question: Q) -> Q::ReturnType
where
    Q::ReturnType: Decode,
{
    let answer = chain.read(|| Runtime::execute_view_function(Q::id(), question.encode())).expect("it is answered");
    Q::ReturnType::decode(&mut answer.as_slice()).expect("the answer is of the type that the metadata names")
}

fn stash(name: &str) -> Account {
    Account::new(&format!("//{name}//stash"))
}

#[test]
fn a_stash_and_the_era_are_read_as_through_the_runtime_api() {
    let mut chain = Chain::dev();
    let (miner, voter) = (stash("Miner1"), stash("Dave"));
    assert_ok!(chain.submit(&voter, staking::Call::<Runtime>::bond { value: 30_000 * CAI }));
    let payee = staking::Payee::Account(miner.id());
    assert_ok!(chain.submit(&voter, staking::Call::<Runtime>::set_payee { payee: payee.clone() }));
    let vote = voting::Call::<Runtime>::vote { candidate: miner.id(), amount: 25_000 * CAI };
    assert_ok!(chain.submit(&voter, vote));
    assert_ok!(chain.submit(&voter, staking::Call::<Runtime>::unbond { value: 5_000 * CAI }));
    chain.until_era(2);
    chain.until("era 1 is paid", || !voting::PayoutRun::<Runtime>::exists());

    let overview = chain.read(|| <Runtime as MarketApi<Block>>::stash(voter.id())).expect("Dave has bonded");
    let bond = ask(&mut chain, staking::BondOfViewFunction::<Runtime>::new(voter.id())).expect("Dave has bonded");
    assert_eq!((bond.total, bond.active), (30_000 * CAI, 25_000 * CAI));
    assert_eq!((bond.total, bond.active, bond.unlocking), (overview.total, overview.active, overview.unlocking));
    assert_eq!(ask(&mut chain, staking::PayeeViewFunction::<Runtime>::new(voter.id())), payee);
    let positions = ask(&mut chain, voting::PositionsViewFunction::<Runtime>::new(voter.id()));
    assert_eq!((positions.len(), &positions), (1, &overview.positions));
    let reward = ask(&mut chain, voting::PendingRewardViewFunction::<Runtime>::new(voter.id()));
    assert!(reward > 0);
    assert_eq!(reward, overview.reward);

    let era = ask(&mut chain, staking::EraProgressViewFunction::<Runtime>::new());
    assert_eq!(era, chain.read(<Runtime as MarketApi<Block>>::era));
    let emission = ask(&mut chain, staking::EmissionOverviewViewFunction::<Runtime>::new());
    assert!(emission.staking.emitted > 0);
    assert_eq!(emission, chain.read(<Runtime as MarketApi<Block>>::emission));
}

#[test]
fn candidates_are_read_as_through_the_runtime_api() {
    let mut chain = Chain::dev();
    let (miner, operator) = (stash("Miner1"), Account::new("//Miner1"));
    let rate = Perbill::from_percent(5);
    // In the era in which it registered, a candidate without voters sets what it likes.
    chain.until_era(1);
    assert_ok!(chain.submit(&miner, registration::Call::<Runtime>::set_commission { rate }));

    let candidate = ask(&mut chain, registration::CandidateViewFunction::<Runtime>::new(miner.id()));
    assert_eq!(candidate.as_ref().map(|it| (it.role, &it.operator)), Some((Role::Miner, &operator.id())));
    assert_eq!(candidate, chain.read(|| <Runtime as MarketApi<Block>>::candidate(miner.id())));
    let served = ask(&mut chain, registration::CandidateOfOperatorViewFunction::<Runtime>::new(operator.id()));
    assert_eq!(served, candidate);
    assert_eq!(ask(&mut chain, registration::CandidateViewFunction::<Runtime>::new(operator.id())), None);

    let page = |after, limit| registration::CandidatesViewFunction::<Runtime>::new(Role::Miner, after, limit);
    let all = ask(&mut chain, page(None, u32::MAX));
    assert_eq!(all.len(), 2);
    assert_eq!(ask(&mut chain, page(None, 1)), all[..1]);
    assert_eq!(ask(&mut chain, page(Some(all[0].stash.clone()), 1)), all[1..]);

    let commission = ask(&mut chain, registration::CommissionOfViewFunction::<Runtime>::new(miner.id()));
    let changes = vec![registration::CommissionChange { from: 3, rate }];
    assert_eq!(commission, Some(registration::CommissionOverview { rate: Perbill::zero(), changes }));
    let backing = ask(&mut chain, voting::BackingOfViewFunction::<Runtime>::new(miner.id()));
    let stake = 25_000 * CAI;
    let expected = BackingOverview { own_stake: stake, next_own_stake: stake, backing: stake, next_backing: stake };
    assert_eq!(backing, expected);
}

#[test]
fn the_docket_is_read_as_through_the_runtime_api() {
    let mut chain = Chain::dev();
    let miner = stash("Miner1");
    chain.until_era(1);
    let apply_in = report(&mut chain, &stash("Eve"));
    let page = |after, limit| slashing::DocketViewFunction::<Runtime>::new(after, limit);
    let docket = ask(&mut chain, page(None, u32::MAX));
    assert_eq!(docket, chain.read(|| <Runtime as MarketApi<Block>>::docket(None, u32::MAX)));
    let (number, case) = docket[0].clone();
    assert_eq!((case.fault, &case.offender), (Fault::ReceiptEquivocation, &miner.id()));
    assert_eq!(ask(&mut chain, page(Some(number), 10)), []);
    assert_eq!(ask(&mut chain, slashing::CaseViewFunction::<Runtime>::new(number)), Some(case));

    chain.until_era(apply_in);
    chain.until("the slash is applied", || Slashing::docket(None, 1).is_empty());
    assert_eq!(ask(&mut chain, slashing::CaseViewFunction::<Runtime>::new(number)), None);
    let convictions = ask(&mut chain, slashing::ConvictionsViewFunction::<Runtime>::new(miner.id()));
    assert_eq!(convictions.iter().map(|it| (it.case, it.loss)).collect::<Vec<_>>(), [(number, 25_000 * CAI)]);
}

#[test]
fn challenges_are_read_as_through_the_runtime_api() {
    let mut chain = Chain::dev();
    let miner = stash("Miner1").id();
    let ids: Vec<u64> = (0..3).map(|index| ask_for_leaf(&mut chain, index)).collect();
    assert_eq!(ids, [0, 1, 2]);
    let page = |after, limit| slashing::OpenChallengesViewFunction::<Runtime>::new(after, limit);
    let all = ask(&mut chain, page(None, u32::MAX));
    assert_eq!(all.len(), 3);
    assert_eq!(all, chain.read(|| <Runtime as MarketApi<Block>>::challenges(None, u32::MAX)));
    assert_eq!(ask(&mut chain, page(Some(all[0].0), 1)), all[1..2]);
    let against = |miner, after| slashing::ChallengesAgainstViewFunction::<Runtime>::new(miner, after, 10);
    let asked = ask(&mut chain, against(miner.clone(), Some(0)));
    assert_eq!(asked.iter().map(|(id, it)| (*id, &it.miner)).collect::<Vec<_>>(), [(1, &miner), (2, &miner)]);
    assert_eq!(asked, chain.read(|| <Runtime as MarketApi<Block>>::challenges_against(miner, Some(0), 10)));
    assert_eq!(ask(&mut chain, against(stash("Miner2").id(), None)), []);
    let one = ask(&mut chain, slashing::OpenChallengeViewFunction::<Runtime>::new(2));
    assert_eq!(one, all.into_iter().find(|(id, _)| *id == 2).map(|(_, challenge)| challenge));
}

#[test]
fn settlement_is_read_as_through_the_runtime_api() {
    let mut chain = Chain::dev();
    let (coordinator, miner) = (stash("Coordinator").id(), stash("Miner1").id());
    let genesis = chain.read(|| System::block_hash(0));
    let signer = Account::new("//Coordinator");
    // Two channels; escrow pays all of one, and of the other all but 40 CAI.
    let signed = |channel, amount| {
        let voucher = Voucher { coordinator: coordinator.clone(), miner: miner.clone(), channel, amount, tasks: 3 };
        let signature = signer.pair().sign(voucher.signing_hash(&genesis).as_bytes()).0;
        SignedVoucher { voucher, operator: signer.id(), signature }
    };
    let vouchers = vec![signed([1; 16], 1_000 * CAI), signed([2; 16], 9_040 * CAI)].try_into().unwrap();
    assert_ok!(chain.submit(&signer, settlement::Call::<Runtime>::redeem { vouchers }));

    let terms = ask(&mut chain, settlement::TermsViewFunction::<Runtime>::new());
    assert_eq!(terms, chain.read(<Runtime as SettlementApi<Block>>::terms));
    let solvency = ask(&mut chain, settlement::SolvencyViewFunction::<Runtime>::new(coordinator.clone()));
    assert_eq!((solvency.escrow, solvency.owed, solvency.stake), (0, 40 * CAI, 2_500_000 * CAI));
    assert_eq!(solvency, chain.read(|| <Runtime as SettlementApi<Block>>::solvency(coordinator.clone())));
    let cover = ask(&mut chain, settlement::CoverViewFunction::<Runtime>::new(coordinator.clone(), miner.clone()));
    assert_eq!(cover, 22 * CAI + CAI / 2);
    let api = chain.read(|| <Runtime as SettlementApi<Block>>::cover(coordinator.clone(), miner.clone()));
    assert_eq!(cover, api);

    let rating = settlement::RatingViewFunction::<Runtime>::new(coordinator.clone(), miner.clone());
    let rating = ask(&mut chain, rating);
    assert!(rating.is_one());
    let api = chain.read(|| <Runtime as SettlementApi<Block>>::rating(coordinator.clone(), miner.clone()));
    assert_eq!(rating, api);

    let of = |channel| settlement::SettledViewFunction::<Runtime>::new(coordinator.clone(), miner.clone(), channel);
    let settled = ask(&mut chain, of([2; 16]));
    assert_eq!((settled.amount, settled.tasks), (9_040 * CAI, 3));
    assert_eq!(ask(&mut chain, of([3; 16])).amount, 0);
    let settled_of = |channel| <Runtime as SettlementApi<Block>>::settled(coordinator.clone(), miner.clone(), channel);
    assert_eq!(settled, chain.read(|| settled_of([2; 16])));
    let page = |after, limit| settlement::ChannelsViewFunction::<Runtime>::new(coordinator.clone(), after, limit);
    let all = ask(&mut chain, page(None, u32::MAX));
    assert_eq!(all.len(), 2);
    assert_eq!(ask(&mut chain, page(Some(all[0].0.clone()), 1)), all[1..]);
    let api = chain.read(|| <Runtime as SettlementApi<Block>>::channels(coordinator.clone(), None, u32::MAX));
    assert_eq!(all, api);
    let debts = ask(&mut chain, settlement::DebtsViewFunction::<Runtime>::new(coordinator.clone(), None, 10));
    assert_eq!(debts.iter().map(|(miner, debt)| (miner, debt.open)).collect::<Vec<_>>(), [(&miner, 40 * CAI)]);
    let api = chain.read(|| <Runtime as SettlementApi<Block>>::debts(coordinator.clone(), None, 10));
    assert_eq!(debts, api);
}

#[test]
fn the_faucet_and_the_election_say_what_they_go_by() {
    let mut chain = Chain::dev();
    let terms = ask(&mut chain, faucet::TermsViewFunction::<Runtime>::new()).expect("there is a faucet");
    assert!(terms.drip > 0 && terms.difficulty > 0);
    assert_eq!(ask(&mut chain, faucet::LeftViewFunction::<Runtime>::new()), terms.era_cap);

    let limits = |count, minimum| election::LimitsOverview { count, minimum };
    assert_eq!(ask(&mut chain, election::LimitsViewFunction::<Runtime>::new()), limits(21, 1));
    let set = election::Call::<Runtime>::set_limits { count: 5, minimum: 2 };
    let sudo = pallet_sudo::Call::<Runtime>::sudo { call: Box::new(set.into()) };
    assert_ok!(chain.submit(&Account::new("//Alice"), sudo));
    assert_eq!(ask(&mut chain, election::LimitsViewFunction::<Runtime>::new()), limits(5, 2));
}

#[test]
fn what_is_no_question_is_refused() {
    let mut chain = Chain::dev();
    let id = staking::BondOfViewFunction::<Runtime>::id();
    let unknown = ViewFunctionId { suffix: [0; 16], ..id.clone() };
    let answer = chain.read(|| Runtime::execute_view_function(unknown, Vec::new()));
    assert!(matches!(answer, Err(ViewFunctionDispatchError::NotFound(_))), "{answer:?}");
    let answer = chain.read(|| Runtime::execute_view_function(id, vec![1, 2, 3]));
    assert!(matches!(answer, Err(ViewFunctionDispatchError::Codec)), "{answer:?}");
}
