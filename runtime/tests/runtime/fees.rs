use cuckoo_primitives::CAI;
use cuckoo_runtime::{Balances, Runtime};
use frame_support::assert_ok;

use crate::chain::{Account, Chain};

#[test]
fn the_author_gets_the_fee_and_nothing_is_lost() {
    let mut chain = Chain::dev();
    let (sender, receiver) = (Account::new("//Dave"), Account::new("//Eve"));
    let author = Account::new("//Alice//stash");
    let balances = |chain: &mut Chain| {
        chain.read(|| {
            let free = |who: &Account| Balances::free_balance(who.id());
            (free(&sender), free(&receiver), free(&author), Balances::total_issuance())
        })
    };
    let before = balances(&mut chain);
    let call = pallet_balances::Call::<Runtime>::transfer_keep_alive { dest: receiver.id().into(), value: CAI };
    assert_ok!(chain.submit(&sender, call));
    let after = balances(&mut chain);

    let fee = before.0 - after.0 - CAI;
    assert!(fee > CAI / 10_000 && fee < CAI / 20, "a transfer costs {fee} planck");
    assert_eq!(after.1, before.1 + CAI);
    assert_eq!(after.2, before.2 + fee);
    assert_eq!(after.3, before.3);
}
