//! The worked examples of docs/economics.md, on the real runtime.

use cuckoo_primitives::{challenge::CHALLENGED_WITHIN_MS, Balance, EraIndex, CAI};
use cuckoo_runtime::{
    configs::{
        market::{ChallengeDeposit, PayoutShare, ReporterShare},
        BlockWeights, TREASURY_SHARE,
    },
    Balances, Runtime, RuntimeEvent, Settlement, Slashing, Stake, Voting,
};
use frame_support::assert_ok;
use pallet_cuckoo_slashing::{ANSWER_SHARE, BURNED_SHARE};
use sp_runtime::{Perbill, Percent};

use crate::{
    chain::{Account, Chain},
    settlement::redeem,
    verification::contradiction,
};

type StakeCall = pallet_cuckoo_staking::Call<Runtime>;
type RegistrationCall = pallet_cuckoo_registration::Call<Runtime>;
type VotingCall = pallet_cuckoo_voting::Call<Runtime>;
type SlashingCall = pallet_cuckoo_slashing::Call<Runtime>;

/// What an era of `dev` opens of the staking budget, and of the mining budget, at first.
const DEV_ERA: (Balance, Balance) = (18_120_718_206_097_289_829, 49_420_140_562_083_517_717);

fn opened(chain: &mut Chain) -> Option<(EraIndex, Balance, Balance)> {
    chain.events().into_iter().find_map(|event| match event {
        RuntimeEvent::Stake(pallet_cuckoo_staking::Event::BudgetOpened { era, staking, mining }) => {
            Some((era, staking, mining))
        }
        _ => None,
    })
}

fn stash(name: &str) -> Account {
    Account::new(&format!("//{name}//stash"))
}

/// What `who` could claim now.
fn earned(chain: &mut Chain, who: &Account) -> Balance {
    chain.read(|| Voting::pending_reward(who.id()))
}

fn bonded(chain: &mut Chain, who: &Account) -> Balance {
    chain.read(|| Stake::bond_of(who.id()).map_or(0, |bond| bond.total))
}

/// `//Dave//stash` puts that many CAI behind `candidate`.
fn dave_votes(chain: &mut Chain, candidate: &Account, cai: Balance) -> Account {
    let dave = stash("Dave");
    assert_ok!(chain.submit(&dave, StakeCall::bond { value: cai * CAI }));
    assert_ok!(chain.submit(&dave, VotingCall::vote { candidate: candidate.id(), amount: cai * CAI }));
    dave
}

#[test]
fn the_presets_have_the_parameters_of_the_document() {
    // Slot in ms, slots a session, sessions an era; eras of unbonding, evidence, deferral; drip, cap of an era, bits; eras
    // to redeem, until escrow leaves, of grace.
    let fast = (1_000, 10, 3, 4, 2, 1, 1_000 * CAI, 100_000 * CAI, 16, (2, 3, 1));
    let public = (6_000, 600, 24, 7, 4, 2, 100 * CAI, 10_000 * CAI, 24, (3, 4, 2));
    for (name, expected) in [("dev", fast), ("local", fast), ("testnet", public)] {
        Chain::new(name).read(|| {
            let clock = Stake::era_progress();
            let (evidence, defer) = (
                pallet_cuckoo_slashing::EvidenceEras::<Runtime>::get(),
                pallet_cuckoo_slashing::DeferEras::<Runtime>::get(),
            );
            let faucet = pallet_cuckoo_faucet::FaucetTerms::<Runtime>::get().unwrap();
            let settlement = Settlement::terms();
            let found = (
                clock.slot_ms,
                clock.session_blocks,
                clock.sessions_per_era,
                clock.bonding_eras,
                evidence,
                defer,
                faucet.drip,
                faucet.era_cap,
                faucet.difficulty,
                (settlement.redeem_eras, settlement.withdrawal_eras, settlement.grace_eras),
            );
            assert_eq!(found, expected, "{name}");
            let budgets = Stake::emission();
            assert_eq!((budgets.staking.total, budgets.mining.total), (110_000_000 * CAI, 300_000_000 * CAI));
            assert_eq!(Balances::free_balance(cuckoo_runtime::Faucet::pot()), 10_000_000 * CAI);
        });
    }
}

#[test]
fn every_network_has_the_shares_of_the_document() {
    assert_eq!(PayoutShare::get(), Perbill::from_percent(15));
    assert_eq!(ReporterShare::get(), Perbill::from_percent(10));
    assert_eq!(TREASURY_SHARE, Percent::from_percent(20));
    assert_eq!(ChallengeDeposit::get(), 10 * CAI);
    assert_eq!((ANSWER_SHARE, BURNED_SHARE), (Perbill::from_percent(1), Perbill::from_percent(1)));
    assert_eq!(CHALLENGED_WITHIN_MS, 3_600_000);
    Chain::new("dev").read(|| {
        assert_eq!(Slashing::hook_limit(), BlockWeights::get().max_block.saturating_div(10));
        let terms = Settlement::terms();
        assert_eq!((terms.fee, terms.max_vouchers), (Perbill::from_percent(5), 64));
    });
}

#[test]
fn an_era_opens_its_share_of_what_remains() {
    let mut chain = Chain::new("testnet");
    chain.block(Vec::new);
    chain.until_era(1);
    assert_eq!(opened(&mut chain), Some((0, 52_175_294_902_454_371_123_568, 142_296_258_824_875_557_609_732)));

    let mut chain = Chain::dev();
    chain.until_era(1);
    assert_eq!(opened(&mut chain), Some((0, DEV_ERA.0, DEV_ERA.1)));
}

#[test]
fn an_era_is_paid_by_role_and_backing() {
    let mut chain = Chain::dev();
    // The miners' paid work is as their backing.
    for (name, paid) in [("Miner1", 25), ("Miner2", 75)] {
        assert_ok!(redeem(&mut chain, &stash(name), paid * CAI));
    }
    chain.until_era(1);
    let of = |chain: &mut Chain, name| earned(chain, &stash(name));
    let (staking, mining) = DEV_ERA;
    // 2,800,000 CAI of stake: 2,500,000 the coordinator's, 200,000 the validator's, 25,000 and 75,000 the miners'.
    for (name, formula, figure) in [
        ("Coordinator", staking * 2_500 / 2_800, 16_179_212_684_015_437_347),
        ("Alice", staking * 200 / 2_800, 1_294_337_014_721_234_987),
        ("Miner1", staking * 25 / 2_800 + mining * 25 / 100, 12_516_827_267_361_033_802),
        ("Miner2", staking * 75 / 2_800 + mining * 75 / 100, 37_550_481_802_083_101_407),
    ] {
        assert_eq!(formula, figure, "{name}");
        let paid = of(&mut chain, name);
        assert!(paid == figure || paid + 1 == figure, "{name} is paid {paid}, up to a planck {figure}");
    }
    // What rounding left of the budgets remains in them once all are paid.
    chain.block(Vec::new);
    let emission = chain.read(Stake::emission);
    assert_eq!((emission.staking.open, emission.mining.open), (0, 0));
    let unpaid = staking + mining - emission.emitted();
    assert!(unpaid <= 6, "{unpaid} planck were not paid");
    assert_eq!(emission.staking.remaining + emission.staking.emitted, 110_000_000 * CAI);
}

#[test]
fn paid_work_beyond_the_share_of_backing_earns_nothing_more() {
    let mut chain = Chain::dev();
    for name in ["Miner1", "Miner2"] {
        assert_ok!(redeem(&mut chain, &stash(name), 30 * CAI));
    }
    chain.until_era(1);
    let (staking, mining) = DEV_ERA;
    // Half of the work each: twice what the backing of the one lets expect, two thirds of the other's.
    for (name, figure) in
        [("Miner1", staking * 25 / 2_800 + mining * 25 / 100), ("Miner2", staking * 75 / 2_800 + mining / 2)]
    {
        let paid = earned(&mut chain, &stash(name));
        assert!(paid.abs_diff(figure) <= 1, "{name} is paid {paid}, up to a planck {figure}");
    }
    // Nobody is paid for the next era, in which nobody has worked.
    chain.until_era(2);
    let emission = chain.read(Stake::emission);
    assert!(emission.mining.emitted <= mining * 75 / 100, "{} planck", emission.mining.emitted);
}

#[test]
fn what_a_coordinator_finds_poor_earns_less_of_the_mining_budget() {
    let mut chain = Chain::dev();
    let operator = Account::new("//Coordinator");
    let rate = |percents| {
        let ratings = vec![(stash("Miner1").id(), Perbill::from_percent(percents))];
        pallet_cuckoo_settlement::Call::<Runtime>::rate { ratings: ratings.try_into().unwrap() }
    };
    let by_the_stash = chain.submit(&stash("Coordinator"), rate(0));
    assert_eq!(by_the_stash, Err(pallet_cuckoo_settlement::Error::<Runtime>::NotAnOperator.into()));
    // Of its 25 CAI the first miner earns 5 before it is rated, and 20 after.
    for (name, paid) in [("Miner1", 5), ("Miner2", 75)] {
        assert_ok!(redeem(&mut chain, &stash(name), paid * CAI));
    }
    assert_ok!(chain.submit(&operator, rate(40)));
    assert_ok!(redeem(&mut chain, &stash("Miner1"), 25 * CAI));
    let era = chain.era();
    let quality = chain.read(|| Settlement::quality(stash("Miner1").id(), era));
    assert_eq!(quality, Perbill::from_percent(52));

    chain.until_era(1);
    let (staking, mining) = DEV_ERA;
    for (name, mined) in [("Miner1", mining / 4 * 52 / 100), ("Miner2", mining * 75 / 100)] {
        let backing = if name == "Miner1" { 25 } else { 75 };
        let (paid, figure) = (earned(&mut chain, &stash(name)), staking * backing / 2_800 + mined);
        assert!(paid.abs_diff(figure) <= 2, "{name} is paid {paid}, up to two planck {figure}");
    }
    // What is taken off is paid to nobody.
    chain.block(Vec::new);
    let emission = chain.read(Stake::emission);
    assert!(emission.mining.emitted <= mining * 88 / 100, "{} planck", emission.mining.emitted);
}

#[test]
fn a_raise_of_the_commission_counts_two_eras_later() {
    let mut chain = Chain::dev();
    let miner = stash("Miner1");
    let dave = dave_votes(&mut chain, &miner, 25_000);
    chain.until_era(1);
    // Half of the stake behind the miner is Dave's from now on, and half of what it earns.
    assert_ok!(chain.submit(&miner, RegistrationCall::set_commission { rate: Perbill::from_percent(5) }));
    let mut before = (earned(&mut chain, &miner), earned(&mut chain, &dave));
    assert_eq!(before.1, 0, "what was voted in era 0 counts from era 1 on");
    let mut shares = Vec::new();
    for era in 2..=4 {
        chain.until_era(era);
        let now = (earned(&mut chain, &miner), earned(&mut chain, &dave));
        let (own, others) = (now.0 - before.0, now.1 - before.1);
        shares.push(Perbill::from_rational(own, own + others));
        before = now;
    }
    // Eras 1 and 2 by halves; of era 3 the operator has 5 % and half of 95 %: 52.5 %.
    let near = |share: &Perbill, thousandths: u32| share.deconstruct().abs_diff(thousandths * 1_000_000) <= 1;
    assert!(near(&shares[0], 500) && near(&shares[1], 500) && near(&shares[2], 525), "{shares:?}");
}

#[test]
fn rewards_wait_until_they_are_claimed() {
    let mut chain = Chain::dev();
    let miner = stash("Miner1");
    chain.until_era(2);
    let waiting = earned(&mut chain, &miner);
    let payee = pallet_cuckoo_staking::Payee::Restake;
    assert_ok!(chain.submit(&miner, StakeCall::set_payee { payee }));
    assert_ok!(chain.submit(&miner, StakeCall::claim {}));
    assert_eq!(bonded(&mut chain, &miner), 25_000 * CAI + waiting);
    assert_eq!(earned(&mut chain, &miner), 0);
    assert!(chain.submit(&miner, StakeCall::claim {}).is_err());
}

#[test]
fn a_miner_that_contradicts_itself_loses_all_that_stood_there_and_the_reporter_a_tenth_of_its_own() {
    let mut chain = Chain::dev();
    let (miner, operator, reporter) = (stash("Miner1"), Account::new("//Miner1"), stash("Eve"));
    let dave = dave_votes(&mut chain, &miner, 30_000);
    chain.until_era(1);
    // In era 1 Dave's stake counts; 10,000 CAI of it leave in time for era 2, 5,000 CAI of others come for it.
    assert_ok!(chain.submit(&dave, VotingCall::unvote { candidate: miner.id(), amount: 10_000 * CAI }));
    let ferdie = stash("Ferdie");
    assert_ok!(chain.submit(&ferdie, StakeCall::bond { value: 5_000 * CAI }));
    assert_ok!(chain.submit(&ferdie, VotingCall::vote { candidate: miner.id(), amount: 5_000 * CAI }));
    let evidence = contradiction(&mut chain, &operator);
    let free = |chain: &mut Chain| chain.read(|| Balances::free_balance(reporter.id()));
    let issued_beside_rewards =
        |chain: &mut Chain| chain.read(|| Balances::total_issuance() - Stake::emission().emitted());
    let (before, issued) = (free(&mut chain), issued_beside_rewards(&mut chain));

    let report = SlashingCall::report { evidence: Box::new(evidence) };
    assert_ok!(chain.submit(&reporter, report.clone()));
    assert_eq!(free(&mut chain), before, "a valid report is free");
    assert!(chain.submit(&reporter, report).is_err(), "and only the first one is valid");
    let fee = before - free(&mut chain);

    // It waits for an era. Until then nothing is taken, and nobody who is liable gets away.
    let reported_in = chain.era();
    assert_eq!(chain.read(|| Slashing::docket(None, 10))[0].1.apply_in, reported_in + 1);
    assert_eq!(bonded(&mut chain, &miner), 25_000 * CAI);
    chain.until_era(reported_in + 1);
    chain.block(Vec::new);
    assert_eq!(bonded(&mut chain, &miner), 0);
    assert_eq!(free(&mut chain), before - fee + 2_500 * CAI, "a tenth of 25,000");
    // Dave is settled whoever asks for it: what was voted in era 1 is lost, whether it left or not.
    assert_ok!(chain.submit(&ferdie, VotingCall::settle { voter: dave.id(), candidate: miner.id() }));
    assert_eq!(bonded(&mut chain, &dave), 0);
    assert_eq!(free(&mut chain), before - fee + 2_500 * CAI, "of others' losses the reporter gets nothing");
    assert_eq!(bonded(&mut chain, &ferdie), 5_000 * CAI, "what came later is not liable");
    // All but the reporter's share of 55,000 is burned.
    assert_eq!(issued_beside_rewards(&mut chain), issued - 52_500 * CAI);
}
