use cuckoo_primitives::{
    challenge::{Answer, Demand},
    evidence::SignedReceipt,
    fixture, Role, CAI,
};
use cuckoo_runtime::{configs::ProxyKind, Balances, Runtime, RuntimeCall, RuntimeEvent, Stake};
use frame_support::assert_ok;
use sp_runtime::DispatchError;

use crate::chain::{info, Account, Chain};

fn by_proxy(stash: &Account, call: impl Into<RuntimeCall>) -> RuntimeCall {
    pallet_proxy::Call::<Runtime>::proxy {
        real: stash.id().into(),
        force_proxy_type: None,
        call: Box::new(call.into()),
    }
    .into()
}

/// What became of `call` when `proxy` made it in the name of `stash`.
fn outcome(
    chain: &mut Chain,
    proxy: &Account,
    stash: &Account,
    call: impl Into<RuntimeCall>,
) -> Result<(), DispatchError> {
    assert_ok!(chain.submit(proxy, by_proxy(stash, call)));
    let outcome = |event| match event {
        RuntimeEvent::Proxy(pallet_proxy::Event::ProxyExecuted { result }) => Some(result),
        _ => None,
    };
    chain.events().into_iter().find_map(outcome).expect("the call was executed")
}

/// A chain on which `//Dave` is a proxy of `//Dave//stash`.
fn with_proxy(proxy_type: ProxyKind) -> (Chain, Account, Account) {
    let mut chain = Chain::dev();
    let (stash, proxy) = (Account::new("//Dave//stash"), Account::new("//Dave"));
    let appoint = pallet_proxy::Call::<Runtime>::add_proxy { delegate: proxy.id().into(), proxy_type, delay: 0 };
    assert_ok!(chain.submit(&stash, appoint));
    (chain, stash, proxy)
}

fn filtered() -> Result<(), DispatchError> {
    Err(frame_system::Error::<Runtime>::CallFiltered.into())
}

fn transfer() -> RuntimeCall {
    let dest = Account::new("//Eve").id().into();
    pallet_balances::Call::<Runtime>::transfer_allow_death { dest, value: 10 * CAI }.into()
}

#[test]
fn a_governance_proxy_proposes_and_votes_but_cannot_bond_or_transfer() {
    use frame_support::traits::{schedule::DispatchTime, Bounded};
    let (mut chain, stash, proxy) = with_proxy(ProxyKind::Governance);
    let submit = pallet_referenda::Call::<Runtime>::submit {
        proposal_origin: Box::new(frame_system::RawOrigin::Root.into()),
        proposal: Bounded::Inline(vec![0, 0, 0].try_into().unwrap()),
        enactment_moment: DispatchTime::After(0),
    };
    assert_ok!(outcome(&mut chain, &proxy, &stash, submit));
    let vote = pallet_conviction_voting::AccountVote::Split { aye: CAI, nay: 0 };
    let vote = pallet_conviction_voting::Call::<Runtime>::vote { poll_index: 0, vote };
    assert_ok!(outcome(&mut chain, &proxy, &stash, vote));
    let bond = pallet_cuckoo_staking::Call::<Runtime>::bond { value: CAI };
    assert_eq!(outcome(&mut chain, &proxy, &stash, bond), filtered());
    assert_eq!(outcome(&mut chain, &proxy, &stash, transfer()), filtered());
}

#[test]
fn a_non_transfer_proxy_cannot_pay_by_way_of_an_identity() {
    use pallet_identity::{legacy::IdentityInfo, Call, Data};
    let (mut chain, stash, proxy) = with_proxy(ProxyKind::NonTransfer);
    let info = IdentityInfo {
        additional: Default::default(),
        display: Data::Raw(b"Dave".to_vec().try_into().unwrap()),
        legal: Data::None,
        web: Data::None,
        riot: Data::None,
        email: Data::None,
        pgp_fingerprint: None,
        image: Data::None,
        twitter: Data::None,
    };
    assert_ok!(outcome(&mut chain, &proxy, &stash, Call::set_identity { info: Box::new(info) }));
    let thief = proxy.id();
    let refused: [Call<Runtime>; 4] = [
        Call::add_sub { sub: thief.clone().into(), data: Data::None },
        Call::set_subs { subs: vec![(thief.clone(), Data::None)] },
        Call::request_judgement { reg_index: 0, max_fee: CAI },
        Call::set_account_id { index: 0, new: thief.into() },
    ];
    for call in refused {
        assert_eq!(outcome(&mut chain, &proxy, &stash, call), filtered());
    }
    assert_eq!(outcome(&mut chain, &proxy, &stash, transfer()), filtered());
}

#[test]
fn a_non_transfer_proxy_cannot_pay_by_way_of_vouchers() {
    use pallet_cuckoo_registration::Call as Registration;
    use pallet_cuckoo_settlement::{Call as Settlement, Error};
    let (mut chain, stash, proxy) = with_proxy(ProxyKind::NonTransfer);
    let coordinator = Account::new("//Coordinator//stash").id();
    let deposit = Settlement::<Runtime>::deposit { coordinator, amount: 10 * CAI };
    assert_eq!(outcome(&mut chain, &proxy, &stash, deposit), filtered());
    // Who names the operator signs for the escrow.
    let operator = proxy.id();
    let (consent_expires, proof) = proxy.consent(&mut chain, &stash, Role::Coordinator);
    let register = Registration::<Runtime>::register {
        role: Role::Coordinator,
        operator: operator.clone(),
        consent_expires,
        proof,
        self_stake: 2_500_000 * CAI,
        info: info("Dave", "https://dave.example"),
    };
    assert_eq!(outcome(&mut chain, &proxy, &stash, register), filtered());
    let replace = Registration::<Runtime>::set_operator { operator, consent_expires, proof };
    assert_eq!(outcome(&mut chain, &proxy, &stash, replace), filtered());
    let delegate = proxy.id().into();
    let add = pallet_proxy::Call::<Runtime>::add_proxy { delegate, proxy_type: ProxyKind::Staking, delay: 0 };
    assert_eq!(outcome(&mut chain, &proxy, &stash, add), filtered());
    // What only concerns the stash's own escrow is no transfer.
    let request = Settlement::<Runtime>::request_withdrawal { amount: CAI };
    let refused = Err(Error::<Runtime>::NotEnoughEscrow.into());
    assert_eq!(outcome(&mut chain, &proxy, &stash, request), refused);
}

/// Who answers gets a part of the deposit.
#[test]
fn a_proxy_without_transfers_does_not_challenge_but_answers() {
    use pallet_cuckoo_slashing::{Call, Error};
    let (mut chain, stash, proxy) = with_proxy(ProxyKind::NonTransfer);
    let receipt = SignedReceipt { receipt: fixture::receipt(), signature: [0; 64] };
    let challenge = Call::<Runtime>::challenge { demand: Box::new(Demand::Opening { receipt, index: 0 }) };
    assert_eq!(outcome(&mut chain, &proxy, &stash, challenge), filtered());
    let answer = Call::<Runtime>::answer { id: 0, answer: Box::new(Answer::Nothing) };
    let refused = Err(Error::<Runtime>::NoSuchChallenge.into());
    assert_eq!(outcome(&mut chain, &proxy, &stash, answer), refused);
}

#[test]
fn a_staking_proxy_does_not_touch_escrow() {
    use pallet_cuckoo_settlement::Call;
    let (mut chain, stash, proxy) = with_proxy(ProxyKind::Staking);
    let coordinator = Account::new("//Coordinator//stash").id();
    let calls: [Call<Runtime>; 4] = [
        Call::deposit { coordinator, amount: 10 * CAI },
        Call::request_withdrawal { amount: CAI },
        Call::cancel_withdrawal {},
        Call::withdraw {},
    ];
    for call in calls {
        assert_eq!(outcome(&mut chain, &proxy, &stash, call), filtered());
    }
}

#[test]
fn a_staking_proxy_bonds_but_cannot_transfer() {
    let (mut chain, stash, proxy) = with_proxy(ProxyKind::Staking);
    let bond = pallet_cuckoo_staking::Call::<Runtime>::bond { value: 10 * CAI };
    assert_ok!(chain.submit(&proxy, by_proxy(&stash, bond)));
    assert_eq!(chain.read(|| Stake::bond_of(stash.id()).unwrap().active), 10 * CAI);

    let thief = Account::new("//Eve").id();
    let before = chain.read(|| Balances::free_balance(&thief));
    let transfer =
        pallet_balances::Call::<Runtime>::transfer_allow_death { dest: thief.clone().into(), value: 10 * CAI };
    assert_ok!(chain.submit(&proxy, by_proxy(&stash, transfer.clone())));
    let batch = pallet_utility::Call::<Runtime>::batch { calls: vec![transfer.into()] };
    assert_ok!(chain.submit(&proxy, by_proxy(&stash, batch)));
    assert_eq!(chain.read(|| Balances::free_balance(&thief)), before);
}
