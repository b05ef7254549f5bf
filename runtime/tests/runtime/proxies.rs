use cuckoo_primitives::CAI;
use cuckoo_runtime::{configs::ProxyKind, Balances, Runtime, RuntimeCall, Stake};
use frame_support::assert_ok;

use crate::chain::{Account, Chain};

fn by_proxy(stash: &Account, call: impl Into<RuntimeCall>) -> RuntimeCall {
    pallet_proxy::Call::<Runtime>::proxy {
        real: stash.id().into(),
        force_proxy_type: None,
        call: Box::new(call.into()),
    }
    .into()
}

#[test]
fn a_staking_proxy_bonds_but_cannot_transfer() {
    let mut chain = Chain::dev();
    let (stash, proxy) = (Account::new("//Dave//stash"), Account::new("//Dave"));
    let appoint = pallet_proxy::Call::<Runtime>::add_proxy {
        delegate: proxy.id().into(),
        proxy_type: ProxyKind::Staking,
        delay: 0,
    };
    assert_ok!(chain.submit(&stash, appoint));

    let bond = pallet_cuckoo_staking::Call::<Runtime>::bond { value: 10 * CAI };
    assert_ok!(chain.submit(&proxy, by_proxy(&stash, bond)));
    assert_eq!(chain.read(|| Stake::bond_of(&stash.id()).unwrap().active), 10 * CAI);

    let thief = Account::new("//Eve").id();
    let before = chain.read(|| Balances::free_balance(&thief));
    let transfer =
        pallet_balances::Call::<Runtime>::transfer_allow_death { dest: thief.clone().into(), value: 10 * CAI };
    assert_ok!(chain.submit(&proxy, by_proxy(&stash, transfer.clone())));
    let batch = pallet_utility::Call::<Runtime>::batch { calls: vec![transfer.into()] };
    assert_ok!(chain.submit(&proxy, by_proxy(&stash, batch)));
    assert_eq!(chain.read(|| Balances::free_balance(&thief)), before);
}
