//! Time of what touches a candidate, with few voters behind it and with many.
//!
//! Both candidates are in one state, so that nothing differs but the number of voters: not the size of the database, not
//! the eras in which stake joined. The two are measured in turn, each time on the same state, and of all times the
//! medians are compared; so what else the machine does strikes both alike.

use std::time::{Duration, Instant};

use cuckoo_primitives::{
    registry::{Backing, Slash},
    AccountId, Balance, CAI,
};
use cuckoo_runtime::{Stake, Voting};
use frame_support::{storage::transactional::with_transaction_unchecked, traits::PalletInfoAccess};
use sp_runtime::{Perbill, TransactionOutcome};

use crate::{
    chain::{account, check, end_era, into_backend, is_paid, miner, new, pay_some, signed},
    figure,
};

const FEW: u32 = 10;
const MANY: u32 = 100_000;
/// Voters join over so many eras, so that slashes find several layers of stake.
const ERAS: u32 = 5;
/// How often each side is measured. Odd, so that there is one in the middle.
const REPETITIONS: usize = 4_001;
const BOND: Balance = 100 * CAI;
const VOTE: Balance = 10 * CAI;

/// A candidate and some that are, or may be, behind it: as many on either side, so that none is looked at more often
/// than the other.
struct Side {
    candidate: AccountId,
    voters: Vec<AccountId>,
    newcomers: Vec<AccountId>,
}

impl Side {
    fn new(name: &str, candidate: AccountId, voters: u32) -> Self {
        let sample = (0..FEW).map(|n| account(name, n * (voters / FEW))).collect();
        let newcomers = (0..FEW).map(|n| account(&format!("newcomer {name}"), n)).collect();
        Self { candidate, voters: sample, newcomers }
    }
}

pub(crate) fn run() {
    let (few, many) = (Side::new("few", miner(0), FEW), Side::new("many", miner(1), MANY));
    let crowds = [("few", FEW, &few), ("many", MANY, &many)];
    let voters = crowds.iter().flat_map(|(name, count, _)| (0..*count).map(|n| account(name, n)));
    let all: Vec<_> = voters.chain([&few, &many].iter().flat_map(|side| side.newcomers.clone())).collect();
    let mut ext = new(2, all.clone());

    ext.execute_with(|| {
        for who in &all {
            done(Stake::bond(signed(who), BOND));
        }
    });
    into_backend(&mut ext);
    let before = ext.execute_with(stored_bytes);
    for era in 0..ERAS {
        ext.execute_with(|| {
            for (name, count, side) in &crowds {
                for n in (0..*count).filter(|n| n % ERAS == era) {
                    done(Voting::vote(signed(&account(name, n)), side.candidate.clone(), VOTE));
                }
            }
            end_era_and_pay();
        });
        into_backend(&mut ext);
    }
    let bytes = ext.execute_with(stored_bytes) - before;
    figure::print("bytes_per_position", bytes as f64 / f64::from(FEW + MANY), "B");
    figure::print("bytes_per_further_position", ext.execute_with(|| further_position(&few)) as f64, "B");
    ext.execute_with(end_era_and_pay);
    ext.execute_with(check);
    into_backend(&mut ext);

    ext.execute_with(|| {
        let reporter = account("reporter", 0);
        compare("slash", &few, &many, |side, _| {
            let lost = <Voting as Slash<_>>::slash(&side.candidate, 4, Perbill::from_percent(10), Some(&reporter));
            assert!(lost > Some(0));
        });
        compare("vote", &few, &many, |side, n| {
            done(Voting::vote(signed(pick(&side.newcomers, n)), side.candidate.clone(), VOTE));
        });
        compare("claim", &few, &many, |side, n| done(Stake::claim(signed(pick(&side.voters, n)))));
        end_era();
        compare("reward", &few, &many, |side, _| done(<Voting as Backing<_>>::bring_up_to_date(&side.candidate)));
    });
}

fn done<R: core::fmt::Debug, E: core::fmt::Debug>(result: Result<R, E>) {
    result.unwrap();
}

fn pick(accounts: &[AccountId], n: usize) -> &AccountId {
    &accounts[n % accounts.len()]
}

fn end_era_and_pay() {
    end_era();
    while !is_paid() {
        pay_some();
    }
}

/// Prints the median time on both sides, and how they compare.
fn compare(what: &str, few: &Side, many: &Side, act: impl Fn(&Side, usize)) {
    let time = |side: &Side, n: usize| -> Duration {
        with_transaction_unchecked(|| {
            let start = Instant::now();
            act(side, n);
            TransactionOutcome::Rollback(start.elapsed())
        })
    };
    let mut times = [Vec::with_capacity(REPETITIONS), Vec::with_capacity(REPETITIONS)];
    for n in 0..REPETITIONS {
        // Who comes first finds colder caches.
        let order = if n % 2 == 0 { [0, 1] } else { [1, 0] };
        for side in order {
            times[side].push(time([few, many][side], n));
        }
    }
    let [few, many] = times.map(figure::median_us);
    figure::print(&format!("{what}_us_{FEW}_voters"), few, "us");
    figure::print(&format!("{what}_us_{MANY}_voters"), many, "us");
    figure::print(&format!("{what}_ratio"), many / few, "1");
}

/// By how many bytes the storage grows with one more position of a voter that has one.
fn further_position(side: &Side) -> usize {
    let other = miner(if side.candidate == miner(0) { 1 } else { 0 });
    with_transaction_unchecked(|| {
        // Another's vote in this era, so that what both share is not counted for one of them.
        let vote = |who: &AccountId| Voting::vote(signed(who), other.clone(), VOTE);
        done(vote(&side.newcomers[0]));
        let before = stored_bytes();
        done(vote(&side.voters[0]));
        TransactionOutcome::Rollback(stored_bytes() - before)
    })
}

/// Bytes of all keys and values of the voting pallet.
fn stored_bytes() -> usize {
    let prefix = Voting::name_hash();
    let (mut key, mut bytes) = (prefix.to_vec(), 0);
    while let Some(next) = sp_io::storage::next_key(&key).filter(|next| next.starts_with(&prefix)) {
        bytes += next.len() + sp_io::storage::get(&next).map_or(0, |value| value.len());
        key = next;
    }
    bytes
}
