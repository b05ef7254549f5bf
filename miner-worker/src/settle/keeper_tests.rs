//! What the keeper does with a chain that settles as told.

use cuckoo_chain_client::Call;
use cuckoo_primitives::{settlement::SignedVoucher, Balance};

use super::{
    errand::Errand,
    fixture::UNIT,
    stage::{debt, key, view_at, view_without_coordinator, Stage, BLOCKS, COORDINATOR},
    Source,
};
use crate::wallet::fixture::{account, voucher};

#[tokio::test]
async fn vouchers_are_redeemed_once_in_an_era_when_it_is_their_turn() {
    let mut stage = Stage::new(&[100, 50]);
    assert!(stage.at(7, 400).await.is_empty());
    assert_eq!(stage.at(7, 600).await, [2]);
    assert_eq!((stage.settled(1), stage.settled(2)), (100, 50));
    stage.promise(1, 300);
    assert!(stage.at(7, 900).await.is_empty(), "once in an era");
    assert_eq!(stage.at(8, 600).await, [1]);
    assert_eq!(stage.settled(1), 300);
}

#[tokio::test]
async fn a_call_counts_for_the_era_in_which_it_was_sent() {
    let mut stage = Stage::new(&[100]);
    let sent = view_at(7, 990);
    stage.keeper.look(&sent).await;
    let errand = stage.keeper.next(&sent).await.unwrap();
    let outcome = stage.source.submit(errand.call()).await;
    // The next era has begun when the block is final.
    stage.keeper.ended(&errand, outcome, &view_at(8, 10)).await;
    assert_eq!(stage.settled(1), 100);
    stage.promise(1, 200);
    assert_eq!(stage.at(8, 600).await, [1], "the next era's work is paid in the next era");
    assert_eq!(stage.settled(1), 200);
}

#[tokio::test]
async fn a_refusal_counts_for_the_era_in_which_the_call_was_sent() {
    let mut stage = Stage::new(&[100]);
    stage.source.change(|state| state.refused.insert(key(1)));
    let sent = view_at(7, 990);
    stage.keeper.look(&sent).await;
    let errand = stage.keeper.next(&sent).await.unwrap();
    let outcome = stage.source.submit(errand.call()).await;
    // The next era has begun when the chain's answer is known.
    stage.keeper.ended(&errand, outcome, &view_at(8, 10)).await;
    stage.source.change(|state| state.refused.clear());
    assert_eq!(stage.at(8, 600).await, [1], "in the next era it was not tried yet");
    assert_eq!(stage.settled(1), 100);
}

#[tokio::test]
async fn many_vouchers_go_in_batches_the_largest_first() {
    let mut stage = Stage::new(&[21, 22, 23, 24, 25, 26, 27, 28, 29, 20]);
    assert_eq!(stage.at(7, 600).await, [4, 4, 1]);
    assert_eq!(stage.settled(10), 0, "not worth its fee, the protocol's part taken off");
    let calls = stage.calls();
    let Call::Redeem { vouchers } = &calls[0] else { panic!("no redemption") };
    let amounts: Vec<_> = vouchers.iter().map(|signed| signed.voucher.amount / UNIT).collect();
    assert_eq!(amounts, [29, 28, 27, 26]);
}

#[tokio::test]
async fn what_one_voucher_uses_up_is_not_counted_on_for_the_next() {
    let mut stage = Stage::new(&[45, 44, 43]);
    stage.source.change(|state| (state.solvency.escrow, state.cover) = (80 * UNIT, 0));
    let turn = view_at(7, 600);
    stage.keeper.look(&turn).await;
    let Some(Errand::Redeem(redemptions)) = stage.keeper.next(&turn).await else { panic!("no redemption") };
    let amounts: Vec<_> = redemptions.iter().map(|redemption| redemption.signed.voucher.amount / UNIT).collect();
    assert_eq!(amounts, [45, 44], "of 80 the third would get nothing");
}

#[tokio::test]
async fn a_channel_that_the_chain_would_not_open_is_not_sent() {
    let mut stage = Stage::new(&[]);
    stage.keep(voucher(COORDINATOR, 1, UNIT - 1));
    stage.source.change(|state| state.solvency.withdrawing = 1);
    assert!(stage.at(7, 600).await.is_empty());
    assert_eq!(stage.source.change(|state| state.channels_asked), 0, "it is not even read");
}

#[tokio::test]
async fn a_voucher_that_is_passed_over_is_found_out_and_left_alone() {
    let mut stage = Stage::new(&[100, 50, 70]);
    stage.source.change(|state| state.refused.insert(key(3)));
    // With the others, then by itself.
    assert_eq!(stage.at(7, 600).await, [3, 1]);
    assert_eq!((stage.settled(1), stage.settled(2), stage.settled(3)), (100, 50, 0));
    assert!(stage.refused()[0].contains("Uncovered"), "{:?}", stage.refused());
    assert!(stage.at(7, 610).await.is_empty(), "nothing has changed");
    stage.source.change(|state| state.solvency.escrow += UNIT);
    assert!(stage.at(7, 620).await.is_empty(), "dust is no news");
    stage.source.change(|state| {
        state.refused.clear();
        state.solvency.escrow += 100 * UNIT;
    });
    assert_eq!(stage.at(7, 630).await, [1]);
    assert_eq!(stage.settled(3), 70);
    assert!(stage.refused().is_empty());
}

#[tokio::test]
async fn every_refusal_lapses_with_its_era() {
    for refusal in ["Uncovered", "TooSmall", "UnknownSigner"] {
        let mut stage = Stage::new(&[100]);
        stage.source.change(|state| {
            state.refused.insert(key(1));
            state.refusal = refusal;
        });
        assert_eq!(stage.at(7, 600).await, [1]);
        assert!(stage.refused()[0].contains(refusal), "{:?}", stage.refused());
        stage.source.change(|state| state.refused.clear());
        assert!(stage.at(7, 900).await.is_empty());
        assert_eq!(stage.at(8, 600).await, [1], "{refusal}");
        assert!(stage.refused().is_empty());
    }
}

#[tokio::test]
async fn a_voucher_that_is_signed_anew_is_sent_again_at_once() {
    let mut stage = Stage::new(&[100]);
    stage.source.change(|state| {
        state.refused.insert(key(1));
        state.refusal = "SignerExpired";
    });
    assert_eq!(stage.at(7, 600).await, [1]);
    assert!(stage.at(7, 700).await.is_empty());
    stage.source.change(|state| state.refused.clear());
    stage.keep(SignedVoucher { operator: account(9), ..voucher(COORDINATOR, 1, 100 * UNIT) });
    assert_eq!(stage.within(&view_at(7, 710)).await, [1]);
    assert_eq!(stage.settled(1), 100);
}

#[tokio::test]
async fn dust_in_escrow_costs_one_fee_in_an_era_at_most() {
    let mut stage = Stage::new(&[100, 90]);
    stage.source.change(|state| {
        state.cover = 0;
        state.solvency.escrow = 0;
        // Which is urgent.
        state.solvency.owed = UNIT;
        state.refused.extend([key(1), key(2)]);
    });
    for permille in 10..30 {
        stage.source.change(|state| state.solvency.escrow = Balance::from(permille % 21) * UNIT);
        assert!(stage.at(7, 10 * permille).await.is_empty(), "{permille}");
    }
    stage.source.change(|state| state.solvency.escrow = 0);
    assert_eq!(stage.at(7, 600).await, [1], "there might be more than was read");
    for permille in 61..90 {
        stage.source.change(|state| state.solvency.escrow = Balance::from(permille % 21) * UNIT);
        assert!(stage.at(7, 10 * permille).await.is_empty(), "{permille}");
    }
    stage.source.change(|state| {
        state.refused.clear();
        state.solvency.escrow = 300 * UNIT;
    });
    assert_eq!(stage.within(&view_at(7, 950)).await, [2]);
}

#[tokio::test]
async fn what_is_urgent_is_redeemed_at_once() {
    let mut stage = Stage::new(&[100]);
    stage.source.change(|state| state.solvency.withdrawing = 1);
    assert_eq!(stage.at(7, 0).await, [1]);
}

#[tokio::test]
async fn vouchers_from_before_a_long_absence_are_redeemed_at_once() {
    let mut stage = Stage::new(&[100]);
    assert_eq!(stage.at(9, 0).await, [1]);
    let mut stage = Stage::new(&[100]);
    assert!(stage.at(8, 0).await.is_empty());
}

#[tokio::test]
async fn debts_are_collected_after_the_grace_by_whoever_has_vouchers() {
    let mut stage = Stage::new(&[100]);
    stage.source.change(|state| {
        state.settled.insert(key(1), 100 * UNIT);
        state.solvency.escrow = 0;
        state.solvency.owed = 80 * UNIT;
        state.debts = vec![debt(200, 40, 7), debt(77, 40, 7)];
    });
    assert!(stage.at(8, 0).await.is_empty());
    assert_eq!(stage.at(9, 0).await, [0]);
    let call = Call::Collect { coordinator: account(COORDINATOR), miner: account(200) };
    assert_eq!(stage.calls(), [call]);
}

#[tokio::test]
async fn debts_to_this_miner_are_collected_without_any_voucher() {
    let mut stage = Stage::new(&[]);
    assert!(stage.at(7, 0).await.is_empty());
    assert!(stage.report().coordinators.is_empty(), "who owes nothing is no concern");
    stage.source.change(|state| {
        state.solvency.owed = 40 * UNIT;
        state.debts = vec![debt(200, 40, 7)];
    });
    assert_eq!(stage.at(8, 0).await, [0]);
    assert!(stage.at(8, 10).await.is_empty());
}

#[tokio::test]
async fn debts_of_a_coordinator_that_left_are_collected_without_any_voucher() {
    let mut stage = Stage::new(&[]);
    stage.source.change(|state| {
        state.solvency.owed = 40 * UNIT;
        state.debts = vec![debt(200, 40, 7)];
        state.debtors = vec![account(COORDINATOR)];
    });
    let view = |block| view_without_coordinator(8 * BLOCKS + block, 8);
    assert!(stage.within(&view(0)).await.is_empty(), "it is only heard of");
    assert_eq!(stage.within(&view(1)).await, [0]);
    let call = Call::Collect { coordinator: account(COORDINATOR), miner: account(200) };
    assert_eq!(stage.calls(), [call]);
}

#[tokio::test]
async fn who_has_debts_is_read_once_in_an_era() {
    let mut stage = Stage::new(&[]);
    let asked = |stage: &Stage| stage.source.change(|state| std::mem::take(&mut state.debtors_asked));
    stage.source.change(|state| state.hides_debtors = true);
    stage.within(&view_at(7, 0)).await;
    assert!(stage.report().reading_trouble.unwrap().contains("who has debts"));
    stage.source.change(|state| state.hides_debtors = false);
    for permille in [10, 20, 30] {
        stage.within(&view_at(7, permille)).await;
    }
    assert_eq!(asked(&stage), 2, "again only as it could not be read");
    assert_eq!(stage.report().reading_trouble, None);
    stage.within(&view_at(8, 0)).await;
    assert_eq!(asked(&stage), 1);
}

#[tokio::test]
async fn whatever_pays_more_at_once_goes_first() {
    for (open, expected) in [(30, [1_usize, 0]), (100, [1, 0]), (101, [0, 1])] {
        let mut stage = Stage::new(&[100]);
        stage.source.change(|state| {
            state.solvency.owed = open * UNIT;
            state.solvency.withdrawing = 1;
            state.debts = vec![debt(200, open, 5)];
        });
        assert_eq!(stage.at(7, 0).await, expected, "a debt of {open}");
    }
}

#[tokio::test]
async fn a_debt_that_was_refused_in_the_grace_is_collected_after_it() {
    let mut stage = Stage::new(&[]);
    stage.source.change(|state| {
        state.solvency.owed = 40 * UNIT;
        state.debts = vec![debt(200, 40, 7)];
        // Somebody else was faster with what escrow there is.
        state.refuses_debts = Some("GraceRuns");
    });
    assert_eq!(stage.at(8, 0).await, [0]);
    assert!(stage.refused()[0].contains("GraceRuns"));
    assert!(stage.at(8, 10).await.is_empty());
    stage.source.change(|state| {
        state.solvency.escrow = 0;
        state.refuses_debts = None;
    });
    assert!(stage.at(8, 20).await.is_empty());
    assert_eq!(stage.at(9, 0).await, [0]);
    assert!(stage.refused().is_empty());
}

#[tokio::test]
async fn a_debt_to_an_account_that_is_gone_says_whom_to_send_what() {
    let mut stage = Stage::new(&[]);
    stage.source.change(|state| {
        state.solvency.owed = 40 * UNIT;
        state.debts = vec![debt(200, 40, 7)];
        state.refuses_debts = Some("MinerCannotReceive");
    });
    assert_eq!(stage.at(8, 0).await, [0]);
    let refused = stage.refused();
    assert!(refused[0].contains("to mend it, send") && refused[0].contains(&account(200).to_string()), "{refused:?}");
}

#[tokio::test]
async fn an_era_is_as_long_as_its_blocks() {
    let mut stage = Stage::new(&[100]);
    assert!(stage.within(&super::stage::view(7 * BLOCKS + 49, 7)).await.is_empty());
    assert_eq!(stage.within(&super::stage::view(7 * BLOCKS + 50, 7)).await, [1]);
}
