use cuckoo_primitives::{Balance, CAI};
use cuckoo_runtime::{configs::TREASURY_SHARE, Balances, Runtime, Treasury};
use frame_support::assert_ok;

use crate::chain::{signed_with_tip, Account, Chain};

/// What one transfer with `tip` changed: cost to the sender beyond what it sent, income of the author, income of the
/// treasury, all in planck.
fn transfer(tip: Balance) -> (Balance, Balance, Balance) {
    let mut chain = Chain::dev();
    let (sender, receiver) = (Account::new("//Dave"), Account::new("//Eve"));
    let author = Account::new("//Alice//stash");
    let balances = |chain: &mut Chain| {
        chain.read(|| {
            let free = |who| Balances::free_balance(who);
            let parties = (free(sender.id()), free(author.id()), free(Treasury::account_id()));
            (parties, free(receiver.id()), Balances::total_issuance())
        })
    };
    let (before, received_before, issued_before) = balances(&mut chain);
    let call = pallet_balances::Call::<Runtime>::transfer_keep_alive { dest: receiver.id().into(), value: CAI };
    assert_ok!(chain.block(|| vec![signed_with_tip(&sender, call.into(), tip)]).remove(0));
    let (after, received_after, issued_after) = balances(&mut chain);
    assert_eq!(received_after, received_before + CAI);
    assert_eq!(issued_after, issued_before, "nothing is lost");
    (before.0 - after.0 - CAI, after.1 - before.1, after.2 - before.2)
}

#[test]
fn author_and_treasury_share_the_fee() {
    let (fee, to_author, to_treasury) = transfer(0);
    assert!(fee > CAI / 10_000 && fee < CAI / 20, "a transfer costs {fee} planck");
    assert_eq!(to_treasury, TREASURY_SHARE.mul_floor(fee));
    assert_eq!(to_author, fee - to_treasury);
    assert_eq!(fee / to_treasury, 5, "a fifth is the treasury's");
}

#[test]
fn the_author_gets_the_whole_tip() {
    let tip = 3 * CAI;
    let (cost, to_author, to_treasury) = transfer(tip);
    let fee = cost - tip;
    assert_eq!(to_treasury, TREASURY_SHARE.mul_floor(fee));
    assert_eq!(to_author, fee - to_treasury + tip);
}
