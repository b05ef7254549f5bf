//! Escrow, vouchers, debts and what cheats may try, over the real pallets. Every invariant is checked after each block.

use cuckoo_primitives::{
    settlement::{cover, SignedVoucher, Voucher},
    signing::Statement,
    AccountId, Balance, CandidateStatus, EraIndex, Role, CAI,
};
use cuckoo_runtime::{
    configs::TREASURY_SHARE, Balances, Registration, Runtime, RuntimeEvent, Settlement, Stake, System, Treasury, Voting,
};
use frame_support::{assert_ok, traits::Currency};
use pallet_cuckoo_settlement::Event;
use sp_core::Pair;
use sp_runtime::{DispatchError, DispatchResult};

use crate::chain::{Account, Chain};

type StakeCall = pallet_cuckoo_staking::Call<Runtime>;
type StakeError = pallet_cuckoo_staking::Error<Runtime>;
type RegistrationCall = pallet_cuckoo_registration::Call<Runtime>;
type VotingCall = pallet_cuckoo_voting::Call<Runtime>;
type Call = pallet_cuckoo_settlement::Call<Runtime>;
type Error = pallet_cuckoo_settlement::Error<Runtime>;

/// What the coordinator of `dev` has from the start.
const ESCROW: Balance = 10_000 * CAI;
/// What it bonds.
const BOND: Balance = 2_500_000 * CAI;
/// What covers `//Miner1//stash`, which bonds 25,000 CAI.
const COVER: Balance = 62 * CAI + CAI / 2;
/// Eras of `dev` in which vouchers are to be redeemed, after which escrow leaves, and that a debtor has to pay.
const REDEEM_ERAS: EraIndex = 2;
const WITHDRAWAL_ERAS: EraIndex = 3;
const GRACE_ERAS: EraIndex = 1;

fn stash(name: &str) -> Account {
    Account::new(&format!("//{name}//stash"))
}

fn coordinator() -> Account {
    stash("Coordinator")
}

/// A voucher of the coordinator for the first channel of `miner`, signed with the key of `operator`.
fn signed_by(chain: &mut Chain, operator: &str, miner: &Account, amount: Balance) -> SignedVoucher {
    let genesis = chain.read(|| System::block_hash(0));
    let voucher = Voucher { coordinator: coordinator().id(), miner: miner.id(), channel: [1; 16], amount, tasks: 1 };
    let operator = Account::new(operator);
    let signature = operator.pair().sign(voucher.signing_hash(&genesis).as_bytes()).0;
    SignedVoucher { voucher, operator: operator.id(), signature }
}

/// Somebody brings a voucher of the coordinator for `miner`.
pub(crate) fn redeem(chain: &mut Chain, miner: &Account, amount: Balance) -> DispatchResult {
    let voucher = signed_by(chain, "//Coordinator", miner, amount);
    bring(chain, voucher)
}

fn bring(chain: &mut Chain, voucher: SignedVoucher) -> DispatchResult {
    chain.submit(&Account::new("//Eve"), Call::redeem { vouchers: vec![voucher].try_into().unwrap() })
}

fn collect(chain: &mut Chain, miner: &Account) -> DispatchResult {
    chain.submit(&Account::new("//Eve"), Call::collect { coordinator: coordinator().id(), miner: miner.id() })
}

fn deposit(chain: &mut Chain, from: &Account, amount: Balance) -> DispatchResult {
    chain.submit(from, Call::deposit { coordinator: coordinator().id(), amount })
}

fn free(chain: &mut Chain, who: &AccountId) -> Balance {
    chain.read(|| Balances::free_balance(who))
}

fn escrow(chain: &mut Chain) -> Balance {
    chain.read(|| Settlement::solvency(coordinator().id()).escrow)
}

fn owed(chain: &mut Chain) -> Balance {
    chain.read(|| Settlement::solvency(coordinator().id()).owed)
}

fn bonded(chain: &mut Chain, who: &Account) -> Balance {
    chain.read(|| Stake::bond_of(who.id()).map_or(0, |bond| bond.total))
}

fn status(chain: &mut Chain) -> Option<CandidateStatus> {
    chain.read(|| Registration::candidate(coordinator().id()).map(|candidate| candidate.status))
}

/// The coordinator pays all of its escrow to a friend.
fn empty_escrow(chain: &mut Chain) {
    assert_ok!(redeem(chain, &stash("Ferdie"), ESCROW));
    assert_eq!((escrow(chain), owed(chain)), (0, 0));
}

/// The coordinator owes `amount` to the first miner, and has no escrow.
fn indebted(amount: Balance) -> (Chain, Account) {
    let (mut chain, miner) = (Chain::dev(), stash("Miner1"));
    empty_escrow(&mut chain);
    assert_ok!(redeem(&mut chain, &miner, amount));
    assert_eq!(owed(&mut chain), amount);
    (chain, miner)
}

/// What the transaction of the last block paid for being in it.
fn fee(chain: &mut Chain) -> Balance {
    let fee = chain.events().into_iter().find_map(|event| match event {
        RuntimeEvent::TransactionPayment(pallet_transaction_payment::Event::TransactionFeePaid {
            actual_fee, ..
        }) => Some(actual_fee),
        _ => None,
    });
    fee.expect("there was a transaction")
}

/// What the last block freed of stake for debts, part by part.
fn freed(chain: &mut Chain) -> Vec<Balance> {
    let freed = chain.events().into_iter().filter_map(|event| match event {
        RuntimeEvent::Stake(pallet_cuckoo_staking::Event::FreedForDebt { amount, .. }) => Some(amount),
        _ => None,
    });
    freed.collect()
}

#[test]
fn a_payment_is_shared_to_the_planck() {
    let mut chain = Chain::dev();
    let (miner, treasury) = (stash("Miner1").id(), chain.read(Treasury::account_id));
    let issued = |chain: &mut Chain| chain.read(<Balances as Currency<AccountId>>::total_issuance);
    chain.make_room();
    let before = (free(&mut chain, &miner), free(&mut chain, &treasury), issued(&mut chain));
    assert_ok!(redeem(&mut chain, &stash("Miner1"), 100 * CAI + 7));
    assert_eq!(free(&mut chain, &miner) - before.0, 95 * CAI + 6);
    let of_the_transaction = TREASURY_SHARE.mul_floor(fee(&mut chain));
    assert_eq!(free(&mut chain, &treasury) - before.1 - of_the_transaction, 5 * CAI / 2);
    assert_eq!(before.2 - issued(&mut chain), 5 * CAI / 2 + 1, "the other half of the fee is burned");
    assert_eq!(escrow(&mut chain), ESCROW - 100 * CAI - 7);
}

#[test]
fn what_covers_a_miner_is_the_product_of_the_bonds() {
    let mut chain = Chain::dev();
    let of = |chain: &mut Chain, miner| chain.read(|| Settlement::cover(coordinator().id(), stash(miner).id()));
    assert_eq!(of(&mut chain, "Miner1"), COVER);
    assert_eq!(of(&mut chain, "Miner2"), 3 * COVER);
    assert_eq!(of(&mut chain, "Dave"), 0, "nothing bonded, nothing covered");
}

#[test]
fn a_debt_takes_what_is_idle_then_what_unbonds_then_votes_and_chills() {
    let mut chain = Chain::dev();
    let (coordinator, miner) = (coordinator(), stash("Miner1"));
    assert_ok!(chain.submit(&coordinator, StakeCall::bond_extra { value: 30 * CAI }));
    assert_ok!(chain.submit(&coordinator, StakeCall::unbond { value: 20 * CAI }));
    empty_escrow(&mut chain);
    assert_ok!(redeem(&mut chain, &miner, 60 * CAI));
    let since = chain.era();
    assert_eq!(owed(&mut chain), 60 * CAI);
    assert_eq!(collect(&mut chain, &miner), Err(Error::GraceRuns.into()));
    assert_eq!(status(&mut chain), Some(CandidateStatus::Active));

    chain.until_era(since + GRACE_ERAS);
    chain.make_room();
    let before = (free(&mut chain, &coordinator.id()), free(&mut chain, &miner.id()));
    assert_ok!(collect(&mut chain, &miner));
    // 10 CAI were idle, 20 on their way out.
    assert_eq!(freed(&mut chain), [10 * CAI, 20 * CAI, 30 * CAI]);
    assert_eq!(free(&mut chain, &miner.id()) - before.1, 57 * CAI);
    assert_eq!(free(&mut chain, &coordinator.id()), before.0, "what stake paid passes through");
    let bond = chain.read(|| Stake::bond_of(coordinator.id())).unwrap();
    assert_eq!((bond.total, bond.active, bond.unlocking), (BOND - 30 * CAI, BOND - 30 * CAI, vec![]));
    assert_eq!(chain.read(|| Voting::voted(&coordinator.id())), BOND - 30 * CAI);
    assert_eq!((status(&mut chain), owed(&mut chain), escrow(&mut chain)), (Some(CandidateStatus::Chilled), 0, 0));
    // It may come back.
    assert_ok!(chain.submit(&coordinator, RegistrationCall::validate {}));
    assert_eq!(collect(&mut chain, &miner), Err(Error::NoDebt.into()));
}

#[test]
fn votes_for_a_coordinator_do_not_pay_its_debts() {
    let mut chain = Chain::dev();
    let (coordinator, voter, miner) = (coordinator(), stash("Dave"), stash("Miner1"));
    assert_ok!(chain.submit(&voter, StakeCall::bond { value: 10_000 * CAI }));
    assert_ok!(chain.submit(&voter, VotingCall::vote { candidate: coordinator.id(), amount: 10_000 * CAI }));
    empty_escrow(&mut chain);
    assert_ok!(redeem(&mut chain, &miner, COVER));
    let since = chain.era();
    chain.until_era(since + GRACE_ERAS);
    assert_ok!(collect(&mut chain, &miner));
    assert_eq!(bonded(&mut chain, &coordinator), BOND - COVER);
    let backing = chain.read(|| Registration::candidate(coordinator.id())).unwrap();
    assert_eq!((backing.own_stake, backing.backing), (BOND - COVER, BOND - COVER + 10_000 * CAI));
    assert_ok!(chain.submit(&voter, VotingCall::unvote { candidate: coordinator.id(), amount: 10_000 * CAI }));
    assert_ok!(chain.submit(&voter, StakeCall::unbond { value: 10_000 * CAI }));
}

#[test]
fn a_coordinator_of_which_nothing_is_free_pays_all_the_same() {
    let (mut chain, miner) = indebted(COVER);
    let coordinator = coordinator();
    // All but what the account needs to live, and what is left of it is locked by a vote.
    let vote = pallet_conviction_voting::AccountVote::Standard {
        vote: pallet_conviction_voting::Vote { aye: true, conviction: pallet_conviction_voting::Conviction::Locked6x },
        balance: BOND,
    };
    let submit = pallet_referenda::Call::<Runtime>::submit {
        proposal_origin: Box::new(frame_system::RawOrigin::Root.into()),
        proposal: frame_support::traits::Bounded::Inline(vec![0, 0, 0].try_into().unwrap()),
        enactment_moment: frame_support::traits::schedule::DispatchTime::After(0),
    };
    assert_ok!(chain.submit(&stash("Dave"), submit));
    assert_ok!(chain.submit(&coordinator, pallet_conviction_voting::Call::<Runtime>::vote { poll_index: 0, vote }));
    let dest = stash("Dave").id().into();
    assert_ok!(chain.submit(&coordinator, pallet_balances::Call::<Runtime>::transfer_all { dest, keep_alive: true }));
    assert!(free(&mut chain, &coordinator.id()) < CAI);
    let next = chain.era() + GRACE_ERAS;
    chain.until_era(next);
    assert_ok!(collect(&mut chain, &miner));
    assert_eq!((owed(&mut chain), bonded(&mut chain, &coordinator)), (0, BOND - COVER));
}

#[test]
fn friends_get_no_more_than_what_covers_them_and_leave_honest_miners_theirs() {
    let (mut chain, honest) = (Chain::dev(), stash("Miner1"));
    empty_escrow(&mut chain);
    // Made-up accounts get nothing of the stake.
    for n in 0..5 {
        let friend = Account::new(&format!("//friend//{n}"));
        assert_eq!(redeem(&mut chain, &friend, Balance::MAX), Err(Error::Uncovered.into()));
    }
    // Those that bond get their part, however much was signed.
    let friends = ["Alice", "Bob", "Charlie", "Dave", "Eve"].map(stash);
    let mut taken = 0;
    for friend in &friends {
        if bonded(&mut chain, friend) == 0 {
            assert_ok!(chain.submit(friend, StakeCall::bond { value: 9_000_000 * CAI }));
        }
        assert_ok!(redeem(&mut chain, friend, Balance::MAX));
        taken += cover(BOND, bonded(&mut chain, friend));
    }
    assert_eq!(owed(&mut chain), taken);
    let next = chain.era() + GRACE_ERAS;
    chain.until_era(next);
    for friend in &friends {
        assert_ok!(collect(&mut chain, friend));
    }
    assert_eq!(bonded(&mut chain, &coordinator()), BOND - taken);

    // The honest miner comes last and has what it would have had, had it come first.
    assert_eq!(chain.read(|| Settlement::cover(coordinator().id(), honest.id())), COVER);
    let before = free(&mut chain, &honest.id());
    assert_ok!(redeem(&mut chain, &honest, COVER));
    let next = chain.era() + GRACE_ERAS;
    chain.until_era(next);
    assert_ok!(collect(&mut chain, &honest));
    assert_eq!(free(&mut chain, &honest.id()) - before, COVER / 20 * 19);
}

#[test]
fn a_coordinator_that_pays_its_escrow_to_a_friend_costs_a_miner_the_grace_period() {
    // Within half of its cover, as an honest miner keeps.
    let due = COVER / 2;
    let (mut chain, miner) = (Chain::dev(), stash("Miner1"));
    let before = free(&mut chain, &miner.id());
    assert_ok!(redeem(&mut chain, &miner, due));
    assert_eq!(free(&mut chain, &miner.id()) - before, due / 20 * 19, "paid at once by an honest one");

    let (mut chain, miner) = indebted(due);
    let (before, since) = (free(&mut chain, &miner.id()), chain.era());
    chain.until_era(since + GRACE_ERAS);
    assert_ok!(collect(&mut chain, &miner));
    assert_eq!(free(&mut chain, &miner.id()) - before, due / 20 * 19, "and later by a cheat's stake");
}

#[test]
fn a_huge_claim_neither_blocks_the_escrow_nor_is_it_lost() {
    let (mut chain, friend, honest) = (Chain::dev(), stash("Miner2"), stash("Miner1"));
    let all = 1_000_000 * CAI;
    assert_ok!(redeem(&mut chain, &friend, all));
    let settled = |chain: &mut Chain| {
        chain.read(|| Settlement::settled(coordinator().id(), stash("Miner2").id(), [1; 16]).amount)
    };
    assert_eq!(settled(&mut chain), ESCROW + 3 * COVER, "what was paid and what is owed");
    assert_eq!(owed(&mut chain), 3 * COVER);
    // New escrow pays whoever comes.
    assert_ok!(deposit(&mut chain, &coordinator(), 100 * CAI));
    let before = free(&mut chain, &honest.id());
    assert_ok!(redeem(&mut chain, &honest, 40 * CAI));
    assert_eq!(free(&mut chain, &honest.id()) - before, 38 * CAI);
    // The rest of the same voucher is due still.
    assert_ok!(redeem(&mut chain, &friend, all));
    assert_eq!(settled(&mut chain), ESCROW + 3 * COVER + 60 * CAI);
    assert_eq!(owed(&mut chain), 3 * COVER);
}

#[test]
fn stake_does_not_leave_while_a_debt_is_on_record() {
    let coordinator = coordinator();
    let leave = |chain: &mut Chain| {
        assert_ok!(chain.submit(&coordinator, RegistrationCall::deregister {}));
        assert_ok!(chain.submit(&coordinator, StakeCall::unbond { value: BOND }));
        chain.era() + chain.read(Stake::era_progress).bonding_eras
    };
    // One that owes nothing leaves in time.
    let mut honest = Chain::dev();
    let free_from = leave(&mut honest);
    honest.until_era(free_from);
    assert_ok!(honest.submit(&coordinator, StakeCall::withdraw_unbonded {}));
    assert_eq!(bonded(&mut honest, &coordinator), 0);

    // One that stops paying has unbonded before, and is out of office when the voucher comes.
    let (mut chain, miner) = (Chain::dev(), stash("Miner1"));
    empty_escrow(&mut chain);
    let free_from = leave(&mut chain);
    chain.until_era(free_from - 2);
    assert_ok!(redeem(&mut chain, &miner, COVER));
    chain.until_era(free_from);
    assert_eq!(chain.submit(&coordinator, StakeCall::withdraw_unbonded {}), Err(StakeError::OwesDebts.into()));
    let before = free(&mut chain, &miner.id());
    assert_ok!(collect(&mut chain, &miner));
    assert_eq!(freed(&mut chain), [COVER], "of what unbonds");
    assert_eq!(free(&mut chain, &miner.id()) - before, COVER / 20 * 19);
    assert_ok!(chain.submit(&coordinator, StakeCall::withdraw_unbonded {}));
    assert_eq!(bonded(&mut chain, &coordinator), 0);
}

#[test]
fn stake_that_is_on_its_way_out_covers_no_new_work() {
    let coordinator = coordinator();
    let mut chain = Chain::dev();
    let of = |chain: &mut Chain| {
        chain.read(|| {
            let (coordinator, miner) = (self::coordinator().id(), stash("Miner1").id());
            (Settlement::cover(coordinator.clone(), miner.clone()), Settlement::claimable(coordinator, miner))
        })
    };
    assert_eq!(of(&mut chain), (COVER, COVER));
    assert_ok!(chain.submit(&coordinator, RegistrationCall::deregister {}));
    assert_ok!(chain.submit(&coordinator, StakeCall::unbond { value: BOND }));
    let free_from = chain.era() + chain.read(Stake::era_progress).bonding_eras;
    chain.until_era(free_from - REDEEM_ERAS - 2);
    assert_eq!(of(&mut chain), (COVER, COVER), "it is still there when what is signed now is redeemed");
    chain.until_era(free_from - REDEEM_ERAS - 1);
    assert_eq!(of(&mut chain), (0, COVER));
    // Nor when it could long have left, and is kept.
    chain.until_era(free_from + 1);
    assert_eq!(of(&mut chain), (0, COVER));
    assert_ok!(chain.submit(&coordinator, StakeCall::withdraw_unbonded {}));
    assert_eq!(of(&mut chain), (0, 0));
}

#[test]
fn whoever_pays_the_debt_frees_the_stake() {
    let (mut chain, miner) = indebted(COVER);
    let coordinator = coordinator();
    assert_ok!(chain.submit(&coordinator, RegistrationCall::deregister {}));
    assert_ok!(chain.submit(&coordinator, StakeCall::unbond { value: BOND }));
    let free_from = chain.era() + chain.read(Stake::era_progress).bonding_eras;
    chain.until_era(free_from);
    assert_eq!(chain.submit(&coordinator, StakeCall::withdraw_unbonded {}), Err(StakeError::OwesDebts.into()));
    assert_ok!(deposit(&mut chain, &stash("Bob"), COVER));
    assert_ok!(collect(&mut chain, &miner));
    assert!(freed(&mut chain).is_empty());
    assert_ok!(chain.submit(&coordinator, StakeCall::withdraw_unbonded {}));
}

#[test]
fn escrow_that_was_asked_back_counts_for_nobody_however_long_it_stays() {
    let mut chain = Chain::dev();
    let coordinator = coordinator();
    let asked_in = chain.era();
    assert_ok!(chain.submit(&coordinator, Call::request_withdrawal { amount: ESCROW }));
    let solvency = |chain: &mut Chain| chain.read(|| Settlement::solvency(stash("Coordinator").id()));
    let asked = solvency(&mut chain);
    assert_eq!((asked.escrow, asked.withdrawing), (ESCROW, ESCROW));
    assert_eq!(asked.withdraw_from, Some(asked_in + WITHDRAWAL_ERAS));
    chain.until_era(asked_in + WITHDRAWAL_ERAS - 1);
    assert_eq!(chain.submit(&coordinator, Call::withdraw {}), Err(Error::WithdrawalTooEarly.into()));

    // It lies ready for long, and others come to rely on what is deposited later, which stays.
    chain.until_era(asked_in + WITHDRAWAL_ERAS + 3);
    assert_ok!(deposit(&mut chain, &stash("Bob"), 500 * CAI));
    let later = solvency(&mut chain);
    assert_eq!(later.escrow - later.withdrawing, 500 * CAI);
    let before = free(&mut chain, &coordinator.id());
    assert_ok!(chain.submit(&coordinator, Call::withdraw {}));
    let paid = fee(&mut chain);
    assert_eq!(free(&mut chain, &coordinator.id()), before + ESCROW - paid);
    assert_eq!(escrow(&mut chain), 500 * CAI);
    assert_ok!(redeem(&mut chain, &stash("Miner1"), 500 * CAI));
}

#[test]
fn a_stolen_key_counts_only_as_long_as_honest_vouchers_need() {
    let mut chain = Chain::dev();
    let (coordinator, honest, thief) = (coordinator(), stash("Miner1"), stash("Ferdie"));
    let new = Account::new("//Coordinator2");
    let (consent_expires, proof) = new.consent(&mut chain, &coordinator, Role::Coordinator);
    let call = RegistrationCall::set_operator { operator: new.id(), consent_expires, proof };
    assert_ok!(chain.submit(&coordinator, call));
    let replaced_in = chain.era();
    chain.until_era(replaced_in + REDEEM_ERAS);
    // What the old key signed is not lost within the time in which miners redeem.
    assert_ok!(redeem(&mut chain, &honest, 10 * CAI));
    chain.until_era(replaced_in + REDEEM_ERAS + 1);
    assert_eq!(redeem(&mut chain, &thief, 10 * CAI), Err(Error::SignerExpired.into()));
    assert_eq!(redeem(&mut chain, &honest, 20 * CAI), Err(Error::SignerExpired.into()));
    let signed = signed_by(&mut chain, "//Coordinator2", &honest, 20 * CAI);
    assert_ok!(bring(&mut chain, signed));
    assert_eq!(escrow(&mut chain), ESCROW - 20 * CAI);
}

#[test]
fn a_thief_of_the_key_gets_nothing_of_the_stake() {
    let mut chain = Chain::dev();
    empty_escrow(&mut chain);
    let thief = Account::new("//thief");
    assert_eq!(redeem(&mut chain, &thief, Balance::MAX), Err(Error::Uncovered.into()));
    assert_eq!(bonded(&mut chain, &coordinator()), BOND);
}

#[test]
fn one_call_pays_what_can_be_paid_and_says_what_it_skipped() {
    let (mut chain, first, second) = (Chain::dev(), stash("Miner1"), stash("Miner2"));
    assert_ok!(redeem(&mut chain, &first, 10 * CAI));
    let stale = signed_by(&mut chain, "//Coordinator", &first, 10 * CAI);
    let foreign = signed_by(&mut chain, "//Eve", &first, 90 * CAI);
    let good = signed_by(&mut chain, "//Coordinator", &second, 20 * CAI);
    let before = free(&mut chain, &second.id());
    let vouchers = vec![stale.clone(), good, foreign].try_into().unwrap();
    assert_ok!(chain.submit(&Account::new("//Eve"), Call::redeem { vouchers }));
    let skipped: Vec<_> = chain
        .events()
        .into_iter()
        .filter_map(|event| match event {
            RuntimeEvent::Settlement(Event::Skipped { index, reason }) => Some((index, reason)),
            _ => None,
        })
        .collect();
    let why = |index: u32, reason: Error| (index, DispatchError::from(reason));
    assert_eq!(skipped, [why(0, Error::NothingDue), why(2, Error::UnknownSigner)]);
    assert_eq!(free(&mut chain, &second.id()) - before, 19 * CAI);
    assert_eq!(bring(&mut chain, stale), Err(Error::NothingDue.into()));
}
