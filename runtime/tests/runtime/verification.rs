//! What miners sign, and what it can cost them, through all pallets together.

use cuckoo_primitives::{
    challenge::{Answer, ChallengeId, Demand},
    commitment::{hash_of, path, Leaf},
    docket::Fault,
    evidence::{Evidence, SignedDelivered, SignedReceipt, SignedSpec},
    fixture,
    signing::Statement,
    task::{Commitment, Delivered, Receipt, TaskSpec},
    AccountId, Balance, CandidateStatus, Hash, Signature, CAI,
};
use cuckoo_runtime::{Balances, Registration, Runtime, Slashing, Stake, System, Voting};
use frame_support::{assert_ok, traits::fungible::InspectHold};
use sp_core::Pair;
use sp_runtime::DispatchError;

use crate::chain::{Account, Chain};

type Call = pallet_cuckoo_slashing::Call<Runtime>;
type Error = pallet_cuckoo_slashing::Error<Runtime>;
type HoldReason = pallet_cuckoo_slashing::HoldReason;

/// What Miner1 has bonded.
const STAKE: Balance = 25_000 * CAI;
const DEPOSIT: Balance = 10 * CAI;
/// How many tokens a completion has here.
const TOKENS: u32 = 5;

fn stash(name: &str) -> Account {
    Account::new(&format!("//{name}//stash"))
}

fn operator(name: &str) -> Account {
    Account::new(&format!("//{name}"))
}

fn leaves() -> Vec<Leaf> {
    fixture::leaves(&fixture::drawing(), TOKENS)
}

/// What `miner` takes on of a task that begins now, and should be done at once.
fn spec(chain: &mut Chain, miner: &Account) -> TaskSpec {
    let now_ms = chain.read(pallet_timestamp::Now::<Runtime>::get);
    let mut task_id = fixture::TASK;
    task_id[..6].copy_from_slice(&now_ms.to_be_bytes()[2..]);
    let coordinator = operator("Coordinator").id();
    TaskSpec { task_id, coordinator, miner: miner.id(), deadline_ms: now_ms, ..fixture::spec() }
}

fn receipt_of(spec: TaskSpec, leaves: &[Leaf]) -> Receipt {
    Receipt { spec, ..fixture::receipt_of(leaves) }
}

fn sign(chain: &mut Chain, signer: &Account, statement: &impl Statement) -> Signature {
    let genesis = chain.read(|| System::block_hash(0));
    signer.pair().sign(statement.signing_hash(&genesis).as_bytes()).0
}

fn signed(chain: &mut Chain, signer: &Account, receipt: Receipt) -> SignedReceipt {
    SignedReceipt { signature: sign(chain, signer, &receipt), receipt }
}

fn accepted(chain: &mut Chain, signer: &Account, spec: TaskSpec) -> SignedSpec {
    SignedSpec { signature: sign(chain, signer, &spec), spec }
}

/// Two receipts of `miner` for one attempt of a task that begins now, which contradict each other.
pub(crate) fn contradiction(chain: &mut Chain, miner: &Account) -> Evidence {
    let first = receipt_of(spec(chain, miner), &leaves());
    let second = Receipt { output_hash: Hash::zero(), ..first.clone() };
    Evidence::Receipts { first: signed(chain, miner, first), second: signed(chain, miner, second) }
}

/// Evidence of how `miner` drew the token at this place of a task that begins now, if these are the leaves.
fn sampling(chain: &mut Chain, miner: &Account, leaves: &[Leaf], index: u32) -> Evidence {
    let receipt = receipt_of(spec(chain, miner), leaves);
    let hashes: Vec<Hash> = leaves.iter().map(hash_of).collect();
    let leaf_path = path(&hashes, index as usize).unwrap();
    let leaf = leaves[index as usize].clone();
    Evidence::Sampling { receipt: signed(chain, miner, receipt), index, leaf, leaf_path }
}

fn report(chain: &mut Chain, reporter: &Account, evidence: Evidence) -> Result<(), DispatchError> {
    chain.submit(reporter, Call::report { evidence: Box::new(evidence) })
}

/// The coordinator challenges; returns the number.
fn challenge(chain: &mut Chain, demand: Demand) -> Result<ChallengeId, DispatchError> {
    let next = chain.read(pallet_cuckoo_slashing::NextChallenge::<Runtime>::get);
    chain.submit(&operator("Coordinator"), Call::challenge { demand: Box::new(demand) }).map(|()| next)
}

/// The coordinator asks Miner1 how it drew a token of a task that begins now.
pub(crate) fn ask_for_leaf(chain: &mut Chain, index: u32) -> ChallengeId {
    let miner = operator("Miner1");
    // The first block of an era has no room, and the task must be of the era in which it is asked about.
    chain.make_room();
    let receipt = receipt_of(spec(chain, &miner), &leaves());
    let receipt = signed(chain, &miner, receipt);
    challenge(chain, Demand::Opening { receipt, index }).unwrap()
}

fn answer(chain: &mut Chain, who: &Account, id: ChallengeId, answer: Answer) -> Result<(), DispatchError> {
    chain.submit(who, Call::answer { id, answer: Box::new(answer) })
}

fn shown(index: u32) -> Answer {
    let hashes: Vec<Hash> = leaves().iter().map(hash_of).collect();
    Answer::Leaf { leaf: leaves()[index as usize].clone(), path: path(&hashes, index as usize).unwrap() }
}

fn free(chain: &mut Chain, who: &Account) -> Balance {
    chain.read(|| Balances::free_balance(who.id()))
}

fn held(chain: &mut Chain, who: &Account) -> Balance {
    chain.read(|| Balances::balance_on_hold(&HoldReason::Challenge.into(), &who.id()))
}

fn bonded(chain: &mut Chain, who: &Account) -> Balance {
    chain.read(|| Stake::bond_of(who.id()).map_or(0, |bond| bond.total))
}

fn status(chain: &mut Chain, miner: &Account) -> Option<CandidateStatus> {
    chain.read(|| Registration::candidate(miner.id()).map(|candidate| candidate.status))
}

/// Eras pass in which a challenge would be charged and applied; Miner1 has lost nothing and stands.
fn assert_unharmed(chain: &mut Chain) {
    let era = chain.era();
    for era in era..era + 5 {
        chain.until_era(era);
        chain.block(Vec::new);
    }
    assert_eq!(chain.read(|| (Slashing::docket(None, 10), Slashing::open_challenges(None, 10))), (vec![], vec![]));
    let miner = stash("Miner1");
    assert_eq!(bonded(chain, &miner), STAKE);
    assert_eq!(status(chain, &miner), Some(CandidateStatus::Active));
    assert_eq!(chain.read(|| Slashing::convictions(miner.id())), vec![]);
}

#[test]
fn a_token_that_was_not_drawn_costs_all_that_stood_there() {
    let mut chain = Chain::dev();
    let (miner, reporter, voter) = (stash("Miner1"), stash("Eve"), stash("Dave"));
    assert_ok!(chain.submit(&voter, pallet_cuckoo_staking::Call::<Runtime>::bond { value: 30_000 * CAI }));
    let vote = pallet_cuckoo_voting::Call::<Runtime>::vote { candidate: miner.id(), amount: 30_000 * CAI };
    assert_ok!(chain.submit(&voter, vote));
    chain.until_era(1);
    let before = free(&mut chain, &reporter);

    let mut leaves = leaves();
    leaves[3].token = leaves[3].candidates.iter().find(|it| it.token != leaves[3].token).unwrap().token;
    let evidence = sampling(&mut chain, &operator("Miner1"), &leaves, 3);
    assert_ok!(report(&mut chain, &reporter, evidence));
    assert_eq!(status(&mut chain, &miner), Some(CandidateStatus::Chilled));
    assert_eq!(chain.read(|| Slashing::case(0).unwrap().fault), Fault::FalseDraw);
    assert_eq!(bonded(&mut chain, &miner), STAKE, "it waits");

    chain.until_era(2);
    chain.until("the slash is applied", || Slashing::docket(None, 1).is_empty());
    let candidate = chain.read(|| Registration::candidate(miner.id()).unwrap());
    assert_eq!((candidate.own_stake, candidate.backing, candidate.next_backing), (0, 0, 0));
    assert_eq!(bonded(&mut chain, &miner), 0);
    assert_eq!(free(&mut chain, &reporter), before + STAKE / 10);
    let settle = pallet_cuckoo_voting::Call::<Runtime>::settle { voter: voter.id(), candidate: miner.id() };
    assert_ok!(chain.submit(&reporter, settle));
    assert_eq!((bonded(&mut chain, &voter), chain.read(|| Voting::voted(&voter.id()))), (0, 0));
}

#[test]
fn what_an_honest_miner_signs_is_no_evidence() {
    let mut chain = Chain::dev();
    let (miner, eve) = (operator("Miner1"), stash("Eve"));
    for index in 0..TOKENS {
        let evidence = sampling(&mut chain, &miner, &leaves(), index);
        assert_eq!(report(&mut chain, &eve, evidence), Err(Error::WellDrawn.into()));
    }
    let spec = spec(&mut chain, &miner);
    let receipt = receipt_of(spec.clone(), &leaves());
    let Commitment { tokens_root, .. } = receipt.commitment.unwrap();
    let first = signed(&mut chain, &miner, receipt.clone());
    let again = signed(&mut chain, &miner, receipt.clone());
    let accepted = accepted(&mut chain, &miner, spec.clone());
    // The same attempt after the link was made anew, with another answer.
    let other_link = Receipt { output_hash: Hash::zero(), ..receipt.clone() };
    let other_link = Receipt { spec: TaskSpec { link: Hash::zero(), ..spec.clone() }, ..other_link };
    let other_link = signed(&mut chain, &miner, other_link);
    // What it had sent by the third token, and by the last.
    let TaskSpec { task_id, attempt, link, miner: by, .. } = spec;
    let mut delivered = |tokens, tokens_root| {
        let delivered = Delivered { task_id, attempt, link, miner: by.clone(), tokens, tokens_root };
        SignedDelivered { signature: sign(&mut chain, &miner, &delivered), delivered }
    };
    let (some, all) = (delivered(3, Hash::repeat_byte(3)), delivered(TOKENS, tokens_root));
    for (evidence, refusal) in [
        (Evidence::Receipts { first: first.clone(), second: again }, Error::NoDifference),
        (Evidence::Receipts { first: first.clone(), second: other_link }, Error::OtherAttempt),
        (Evidence::Acceptance { accepted, receipt: first.clone() }, Error::NoDifference),
        (Evidence::Delivery { delivered: some, receipt: first.clone() }, Error::NotCommitted),
        (Evidence::Delivery { delivered: all, receipt: first.clone() }, Error::NoDifference),
        (Evidence::Excess { receipt: first }, Error::NoExcess),
    ] {
        assert_eq!(report(&mut chain, &eve, evidence), Err(refusal.into()));
    }
    assert_unharmed(&mut chain);
}

#[test]
fn a_miner_that_does_not_show_a_leaf_loses_a_fifth() {
    let mut chain = Chain::dev();
    let (miner, coordinator) = (stash("Miner1"), operator("Coordinator"));
    chain.until_era(1);
    let id = ask_for_leaf(&mut chain, 3);
    assert_eq!(held(&mut chain, &coordinator), DEPOSIT);
    let asked_in = chain.era();
    let before = free(&mut chain, &coordinator);

    chain.until_era(asked_in + 1);
    chain.block(Vec::new);
    assert!(chain.read(|| Slashing::open_challenge(id).is_some()), "it may still answer");
    chain.until_era(asked_in + 2);
    chain.block(Vec::new);
    assert_eq!((held(&mut chain, &coordinator), free(&mut chain, &coordinator)), (0, before + DEPOSIT));
    let case = chain.read(|| Slashing::case(0).unwrap());
    assert_eq!((case.fault, case.offender), (Fault::WithheldOpening, miner.id()));
    assert_eq!((case.offence_era, case.apply_in), (asked_in, asked_in + 3));
    assert_eq!(status(&mut chain, &miner), Some(CandidateStatus::Chilled));

    chain.until_era(asked_in + 3);
    chain.block(Vec::new);
    assert_eq!(bonded(&mut chain, &miner), 20_000 * CAI);
    assert_eq!(free(&mut chain, &coordinator), before + DEPOSIT + 500 * CAI, "a tenth of 5,000");
}

#[test]
fn a_miner_that_shows_no_result_loses_half_a_hundredth() {
    let mut chain = Chain::dev();
    let miner = stash("Miner1");
    chain.until_era(1);
    chain.make_room();
    let spec = spec(&mut chain, &operator("Miner1"));
    let accepted = accepted(&mut chain, &operator("Miner1"), spec);
    assert_ok!(challenge(&mut chain, Demand::Result { accepted }));
    for era in 2..=4 {
        chain.until_era(era);
        chain.block(Vec::new);
    }
    assert_eq!(bonded(&mut chain, &miner), STAKE - 125 * CAI);
    assert_eq!(chain.read(|| Slashing::convictions(miner.id())[0].fault), Fault::MissedDeadline);
}

#[test]
fn a_miner_that_shows_its_leaf_loses_nothing_and_is_paid_for_the_trouble() {
    let mut chain = Chain::dev();
    let (miner, coordinator) = (operator("Miner1"), operator("Coordinator"));
    let id = ask_for_leaf(&mut chain, 3);
    let (before, issued) = (free(&mut chain, &miner), chain.read(Balances::total_issuance));
    let asked = free(&mut chain, &coordinator);
    assert_eq!(answer(&mut chain, &miner, id, shown(2)), Err(Error::WrongAnswer.into()));
    let fee = before - free(&mut chain, &miner);
    assert_ok!(answer(&mut chain, &miner, id, shown(3)));
    assert_eq!(free(&mut chain, &miner), before - fee + DEPOSIT / 100, "a valid answer is free");
    assert_eq!(free(&mut chain, &coordinator), asked + DEPOSIT - DEPOSIT / 50);
    assert_eq!(held(&mut chain, &coordinator), 0);
    assert_eq!(chain.read(Balances::total_issuance), issued - DEPOSIT / 100);
    assert_unharmed(&mut chain);
}

#[test]
fn a_coordinator_that_lies_cannot_hurt_an_honest_miner() {
    let mut chain = Chain::dev();
    let (miner, coordinator, stranger) = (operator("Miner1"), operator("Coordinator"), operator("Eve"));
    let spec = spec(&mut chain, &miner);
    let receipt = receipt_of(spec.clone(), &leaves());

    // It makes statements in the miner's name.
    let forged = signed(&mut chain, &coordinator, Receipt { output_hash: Hash::zero(), ..receipt.clone() });
    let honest = signed(&mut chain, &miner, receipt.clone());
    let made_up = Evidence::Receipts { first: honest.clone(), second: forged.clone() };
    assert_eq!(report(&mut chain, &coordinator, made_up), Err(Error::BadSignature.into()));
    let opening = Demand::Opening { receipt: forged, index: 0 };
    assert_eq!(challenge(&mut chain, opening), Err(Error::BadSignature.into()));
    let never = accepted(&mut chain, &coordinator, TaskSpec { attempt: 1, ..spec.clone() });
    assert_eq!(challenge(&mut chain, Demand::Result { accepted: never }), Err(Error::BadSignature.into()));

    // It asks for a token that never was, and for a result before its time.
    let beyond = Demand::Opening { receipt: honest.clone(), index: TOKENS };
    assert_eq!(challenge(&mut chain, beyond), Err(Error::NoSuchToken.into()));
    let later = accepted(&mut chain, &miner, TaskSpec { deadline_ms: spec.deadline_ms + 600_000, ..spec.clone() });
    assert_eq!(challenge(&mut chain, Demand::Result { accepted: later }), Err(Error::TooEarlyToAsk.into()));

    // It says that it never got the result, and the miner shows it to all.
    let took = accepted(&mut chain, &miner, spec.clone());
    let id = challenge(&mut chain, Demand::Result { accepted: took.clone() }).unwrap();
    for (who, nothing) in [(&coordinator, Answer::Nothing), (&stranger, Answer::Nothing)] {
        assert_eq!(answer(&mut chain, who, id, nothing), Err(Error::NotTheMiner.into()));
    }
    assert_ok!(answer(&mut chain, &miner, id, Answer::Receipt(honest)));
    assert_eq!(challenge(&mut chain, Demand::Result { accepted: took }), Err(Error::AlreadyAsked.into()));

    // It cancels a task, and asks for what came of it.
    let cancelled = accepted(&mut chain, &miner, TaskSpec { attempt: 2, ..spec });
    let id = challenge(&mut chain, Demand::Result { accepted: cancelled }).unwrap();
    assert_ok!(answer(&mut chain, &miner, id, Answer::Nothing));
    assert_unharmed(&mut chain);
}

#[test]
fn on_a_fast_chain_a_miner_is_asked_in_the_era_of_its_task() {
    let mut chain = Chain::dev();
    let spec = spec(&mut chain, &operator("Miner1"));
    let accepted = accepted(&mut chain, &operator("Miner1"), spec);
    chain.until_era(1);
    assert_eq!(challenge(&mut chain, Demand::Result { accepted }), Err(Error::TooLateToAsk.into()));
    let coordinator: AccountId = operator("Coordinator").id();
    assert_eq!(chain.read(|| Balances::balance_on_hold(&HoldReason::Challenge.into(), &coordinator)), 0);
}
