use codec::Encode;
use cuckoo_primitives::{AccountId, Balance, CAI};
use cuckoo_runtime::{
    configs::governance::{
        origins::{Origin, ReferendumCanceller, RootOr, SlashCanceller, Treasurer, WhitelistedCaller},
        tracks::Tracks,
        treasury::SMALL_SPEND,
    },
    Balances, OriginCaller, Runtime, RuntimeCall, RuntimeEvent, RuntimeHoldReason, RuntimeOrigin, System, Treasury,
};
use frame_support::{
    assert_noop, assert_ok,
    storage::{with_transaction, TransactionOutcome},
    traits::{
        fungible::{hold::Mutate, InspectHold},
        schedule::DispatchTime,
        tokens::{Fortitude, Precision},
        Bounded, EnsureOrigin, Get,
    },
};
use frame_system::RawOrigin;
use pallet_conviction_voting::{AccountVote, Conviction, Vote};
use pallet_referenda::{ReferendumInfo, ReferendumInfoFor, TracksInfo};
use serde_json::json;
use sp_core::H256;
use sp_runtime::{
    traits::{BlakeTwo256, Dispatchable, Hash},
    DispatchError, TokenError,
};

use crate::chain::{signed, Account, Chain};

type ReferendaCall = pallet_referenda::Call<Runtime>;
type VotingCall = pallet_conviction_voting::Call<Runtime>;
type StakeCall = pallet_cuckoo_staking::Call<Runtime>;

/// Each has ten million CAI; together that is nearly half of all.
const VOTERS: [&str; 6] = ["Alice", "Bob", "Charlie", "Dave", "Eve", "Ferdie"];

fn stash(name: &str) -> Account {
    Account::new(&format!("//{name}//stash"))
}

/// Someone who pays deposits.
fn proposer() -> Account {
    Account::new("//Miner3")
}

fn root() -> OriginCaller {
    RawOrigin::Root.into()
}

/// Notes the preimage of `call`, submits a referendum that would dispatch it as `origin`, and places its deposit.
fn propose(chain: &mut Chain, origin: impl Into<OriginCaller>, call: impl Into<RuntimeCall>) -> u32 {
    let bytes = call.into().encode();
    let (hash, len) = (BlakeTwo256::hash(&bytes), bytes.len() as u32);
    assert_ok!(chain.submit(&proposer(), pallet_preimage::Call::<Runtime>::note_preimage { bytes }));
    let index = chain.read(pallet_referenda::ReferendumCount::<Runtime>::get);
    let submit = ReferendaCall::submit {
        proposal_origin: Box::new(origin.into()),
        proposal: Bounded::Lookup { hash, len },
        enactment_moment: DispatchTime::After(0),
    };
    assert_ok!(chain.submit(&proposer(), submit));
    assert_ok!(chain.submit(&proposer(), ReferendaCall::place_decision_deposit { index }));
    index
}

fn ballot(poll_index: u32, aye: bool, balance: Balance) -> RuntimeCall {
    let vote = AccountVote::Standard { vote: Vote { aye, conviction: Conviction::Locked1x }, balance };
    VotingCall::vote { poll_index, vote }.into()
}

/// All of [`VOTERS`] vote with nearly all that they have, in one block.
fn vote_all(chain: &mut Chain, index: u32, aye: bool) {
    chain.make_room();
    let vote = ballot(index, aye, 9_900_000 * CAI);
    for outcome in chain.block(|| VOTERS.map(|name| signed(&stash(name), vote.clone())).to_vec()) {
        assert_ok!(outcome);
    }
}

fn info(chain: &mut Chain, index: u32) -> pallet_referenda::ReferendumInfoOf<Runtime, ()> {
    chain.read(|| ReferendumInfoFor::<Runtime>::get(index).unwrap())
}

/// Blocks until the referendum is over.
fn until_over(chain: &mut Chain, index: u32) -> u32 {
    (0..1_000)
        .find(|_| {
            chain.block(Vec::new);
            !matches!(info(chain, index), ReferendumInfo::Ongoing(_))
        })
        .expect("the referendum ends")
}

/// An upgrade of the runtime and a change of a parameter at once.
fn reform(code_hash: H256) -> RuntimeCall {
    let calls = vec![
        frame_system::Call::<Runtime>::authorize_upgrade { code_hash }.into(),
        pallet_cuckoo_election::Call::<Runtime>::set_limits { count: 50, minimum: 1 }.into(),
    ];
    pallet_utility::Call::<Runtime>::batch_all { calls }.into()
}

fn authorized(chain: &mut Chain) -> Option<H256> {
    chain.read(|| System::authorized_upgrade().map(|upgrade| *upgrade.code_hash()))
}

#[test]
fn a_referendum_authorizes_an_upgrade_of_the_runtime() {
    let mut chain = Chain::dev();
    let code_hash = H256::repeat_byte(7);
    let index = propose(&mut chain, root(), reform(code_hash));
    vote_all(&mut chain, index, true);

    let blocks = until_over(&mut chain, index);
    assert!(matches!(info(&mut chain, index), ReferendumInfo::Approved(..)));
    assert!((30..420).contains(&blocks), "confirmed for an era, before the decision period ended: {blocks}");
    assert_eq!(authorized(&mut chain), None, "it is enacted an era later");

    chain.blocks(31);
    assert_eq!(authorized(&mut chain), Some(code_hash));
    chain.read(|| assert_eq!(pallet_cuckoo_election::ValidatorCount::<Runtime>::get(), 50));

    // Both deposits come back.
    let reserved = |chain: &mut Chain| chain.read(|| Balances::reserved_balance(proposer().id()));
    let before = reserved(&mut chain);
    assert_ok!(chain.submit(&proposer(), ReferendaCall::refund_decision_deposit { index }));
    assert_ok!(chain.submit(&proposer(), ReferendaCall::refund_submission_deposit { index }));
    assert_eq!(before - reserved(&mut chain), 10_010 * CAI);
}

#[test]
fn a_referendum_without_a_majority_is_rejected() {
    let mut chain = Chain::dev();
    let index = propose(&mut chain, root(), reform(H256::repeat_byte(7)));
    vote_all(&mut chain, index, false);
    assert_ok!(chain.submit(&stash("Miner4"), ballot(index, true, 9_900_000 * CAI)));
    until_over(&mut chain, index);
    assert!(matches!(info(&mut chain, index), ReferendumInfo::Rejected(..)));
    chain.blocks(31);
    assert_eq!(authorized(&mut chain), None);
}

#[test]
fn a_referendum_cancels_another_one() {
    let mut chain = Chain::dev();
    let bad = propose(&mut chain, root(), reform(H256::repeat_byte(7)));
    let cancel = propose(&mut chain, Origin::ReferendumCanceller, ReferendaCall::cancel { index: bad });
    vote_all(&mut chain, cancel, true);
    let blocks = until_over(&mut chain, cancel);
    assert!(blocks < 10, "it takes less than a session: {blocks}");
    chain.blocks(2);
    assert!(matches!(info(&mut chain, bad), ReferendumInfo::Cancelled(..)));
}

#[test]
fn nobody_proposes_with_a_power_of_another_pallet() {
    let mut chain = Chain::dev();
    let submit = ReferendaCall::submit {
        proposal_origin: Box::new(RawOrigin::Signed(stash("Alice").id()).into()),
        proposal: Bounded::Inline(vec![0; 4].try_into().unwrap()),
        enactment_moment: DispatchTime::After(0),
    };
    let refused = chain.submit(&proposer(), submit);
    assert_eq!(refused, Err(pallet_referenda::Error::<Runtime>::NoTrack.into()));
}

#[test]
fn bonded_stake_votes_and_stays_locked_when_it_is_free() {
    let mut chain = Chain::dev();
    let (dave, bonded) = (stash("Dave"), 9_990_000 * CAI);
    assert_ok!(chain.submit(&dave, StakeCall::bond { value: bonded }));
    let index = propose(&mut chain, root(), reform(H256::repeat_byte(7)));
    assert_ok!(chain.submit(&dave, ballot(index, true, bonded)));
    let ReferendumInfo::Ongoing(status) = info(&mut chain, index) else { panic!("it is being decided") };
    assert_eq!(status.tally.support, bonded);
    let more = chain.submit(&dave, ballot(index, true, 10_000_001 * CAI));
    assert_eq!(more, Err(pallet_conviction_voting::Error::<Runtime>::InsufficientFunds.into()));

    // What is not bonded is not locked: the lock is met by the bond.
    let transfer = |value: Balance| pallet_balances::Call::<Runtime>::transfer_allow_death {
        dest: Account::new("//Eve").id().into(),
        value,
    };
    assert_ok!(chain.submit(&dave, transfer(9_000 * CAI)));

    assert_ok!(chain.submit(&dave, StakeCall::unbond { value: bonded }));
    let era = chain.era();
    chain.until_era(era + 4);
    assert_ok!(chain.submit(&dave, StakeCall::withdraw_unbonded {}));
    assert_eq!(chain.submit(&dave, transfer(9_000 * CAI)), Err(TokenError::Frozen.into()));
}

#[test]
fn stake_that_votes_in_a_referendum_can_be_slashed() {
    let mut chain = Chain::dev();
    let (dave, bonded) = (stash("Dave"), 9_990_000 * CAI);
    assert_ok!(chain.submit(&dave, StakeCall::bond { value: bonded }));
    let index = propose(&mut chain, root(), reform(H256::repeat_byte(7)));
    assert_ok!(chain.submit(&dave, ballot(index, true, bonded)));
    chain.read(|| {
        let reason = RuntimeHoldReason::Stake(pallet_cuckoo_staking::HoldReason::Bonded);
        let burn = |force| Balances::burn_held(&reason, &dave.id(), bonded, Precision::Exact, force);
        // Tried and undone: the bond's own record knows nothing of it.
        let burnt = with_transaction(|| {
            let polite = burn(Fortitude::Polite);
            let forced = burn(Fortitude::Force);
            let left = Balances::balance_on_hold(&reason, &dave.id());
            TransactionOutcome::Rollback(Ok::<_, DispatchError>((polite.is_ok(), forced, left)))
        });
        assert_eq!(burnt, Ok((false, Ok(bonded), 0)), "only a slash that insists reaches what votes lock");
    });
}

#[test]
fn every_power_has_a_track() {
    let mut chain = Chain::dev();
    chain.read(|| {
        assert_ok!(Tracks::check_integrity());
        let powers = [
            root(),
            Origin::WhitelistedCaller.into(),
            Origin::ReferendumCanceller.into(),
            Origin::SlashCanceller.into(),
            Origin::Treasurer.into(),
            Origin::SmallSpender.into(),
        ];
        let tracks: Vec<_> = powers.iter().map(|power| Tracks::track_for(power).unwrap()).collect();
        assert_eq!(tracks, Tracks::track_ids().collect::<Vec<_>>());
        assert!(Tracks::track_for(&RawOrigin::None.into()).is_err());
    });
}

#[test]
fn periods_follow_the_clock_of_the_network() {
    const MINUTE: u32 = 60;
    const DAY: u32 = 24 * 60 * MINUTE;
    // In seconds: a decision about root and its confirmation, the shortest lock, a slash's lift from submission to
    // enactment at best.
    for (preset, slot, decision, confirm, lock, lift) in
        [("dev", 1, 7 * MINUTE, 30, 2 * MINUTE, 5), ("testnet", 6, 14 * DAY, DAY, 7 * DAY, 220 * MINUTE)]
    {
        Chain::new(preset).read(|| {
            let root = Tracks::info(0).unwrap();
            assert_eq!((root.decision_period * slot, root.confirm_period * slot), (decision, confirm), "{preset}");
            let locking: u32 = <Runtime as pallet_conviction_voting::Config>::VoteLockingPeriod::get();
            assert_eq!(locking * slot, lock, "{preset}");
            assert!(Tracks::tracks().all(|track| track.info.min_enactment_period <= locking), "{preset}");
            let slash = Tracks::info(Tracks::track_for(&Origin::SlashCanceller.into()).unwrap()).unwrap();
            let blocks = slash.prepare_period + slash.confirm_period + slash.min_enactment_period;
            assert_eq!(blocks * slot, lift, "{preset}");
        });
    }
}

#[test]
fn a_power_is_root_s_too_and_nobody_else_s() {
    fn admits<Who: EnsureOrigin<RuntimeOrigin>>(power: Origin) {
        let others = [
            Origin::WhitelistedCaller,
            Origin::ReferendumCanceller,
            Origin::SlashCanceller,
            Origin::Treasurer,
            Origin::SmallSpender,
        ];
        for other in others {
            assert_eq!(Who::ensure_origin(other.into()).is_ok(), other == power, "{other:?} for {power:?}");
        }
        assert!(Who::ensure_origin(RuntimeOrigin::root()).is_ok());
        assert!(Who::ensure_origin(RuntimeOrigin::signed(stash("Alice").id())).is_err());
    }
    admits::<RootOr<WhitelistedCaller>>(Origin::WhitelistedCaller);
    admits::<RootOr<ReferendumCanceller>>(Origin::ReferendumCanceller);
    admits::<RootOr<SlashCanceller>>(Origin::SlashCanceller);
    admits::<RootOr<Treasurer>>(Origin::Treasurer);
}

#[test]
fn the_treasury_pays_what_a_power_may_spend() {
    let mut chain = Chain::dev();
    let fund = pallet_balances::Call::<Runtime>::transfer_keep_alive {
        dest: chain.read(Treasury::account_id).into(),
        value: 100_000 * CAI,
    };
    assert_ok!(chain.submit(&stash("Dave"), fund));
    let beneficiary = AccountId::new([9; 32]);
    let spend = |amount: Balance| {
        RuntimeCall::from(pallet_treasury::Call::<Runtime>::spend {
            asset_kind: Box::new(()),
            amount,
            beneficiary: Box::new(beneficiary.clone().into()),
            valid_from: None,
        })
    };
    chain.read(|| {
        assert_noop!(
            spend(SMALL_SPEND + 1).dispatch(Origin::SmallSpender.into()).map_err(|refused| refused.error),
            pallet_treasury::Error::<Runtime>::InsufficientPermission
        );
        assert_noop!(
            spend(1).dispatch(Origin::WhitelistedCaller.into()).map_err(|refused| refused.error),
            DispatchError::BadOrigin
        );
        assert_ok!(spend(SMALL_SPEND).dispatch(Origin::SmallSpender.into()));
        assert_ok!(spend(SMALL_SPEND + 1).dispatch(Origin::Treasurer.into()));
    });
    for index in 0..2 {
        assert_ok!(chain.submit(&proposer(), pallet_treasury::Call::<Runtime>::payout { index }));
    }
    assert_eq!(chain.read(|| Balances::free_balance(&beneficiary)), 2 * SMALL_SPEND + 1);
}

#[test]
fn root_marks_a_call_that_a_fast_track_then_dispatches() {
    let mut chain = Chain::dev();
    let code_hash = H256::repeat_byte(7);
    let call = reform(code_hash);
    let mark = pallet_whitelist::Call::<Runtime>::whitelist_call { call_hash: BlakeTwo256::hash_of(&call) };
    let refused = chain.submit(&stash("Dave"), mark.clone());
    assert_eq!(refused, Err(DispatchError::BadOrigin));
    let sudo = pallet_sudo::Call::<Runtime>::sudo { call: Box::new(mark.into()) };
    assert_ok!(chain.submit(&Account::new("//Alice"), sudo));

    let dispatch = pallet_whitelist::Call::<Runtime>::dispatch_whitelisted_call_with_preimage { call: Box::new(call) };
    let index = propose(&mut chain, Origin::WhitelistedCaller, dispatch);
    vote_all(&mut chain, index, true);
    let blocks = until_over(&mut chain, index);
    assert!(blocks < 10, "{blocks}");
    chain.blocks(2);
    assert_eq!(authorized(&mut chain), Some(code_hash));
}

#[test]
fn a_chain_without_a_sudo_key_refuses_sudo() {
    let mut chain = Chain::with("dev", json!({ "sudo": { "key": null } }));
    chain.block(Vec::new);
    let remark = frame_system::Call::<Runtime>::remark { remark: vec![1] };
    let sudo = pallet_sudo::Call::<Runtime>::sudo { call: Box::new(remark.clone().into()) };
    let refused = chain.submit(&Account::new("//Alice"), sudo);
    assert_eq!(refused, Err(pallet_sudo::Error::<Runtime>::RequireSudo.into()));
    let claim = pallet_sudo::Call::<Runtime>::set_key { new: Account::new("//Alice").id().into() };
    let refused = chain.submit(&Account::new("//Alice"), claim);
    assert_eq!(refused, Err(pallet_sudo::Error::<Runtime>::RequireSudo.into()));
    assert!(!chain.events().iter().any(|event| matches!(event, RuntimeEvent::Sudo(_))));
}
