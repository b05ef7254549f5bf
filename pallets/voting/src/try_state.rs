//! The pallet's invariants, by name.

use alloc::{collections::BTreeMap, vec::Vec};
use cuckoo_primitives::{
    registry::{Bonds, Candidates, CurrentEra, RewardPot, Rewards},
    AccountId, Balance, EraIndex, Role,
};
use frame_support::{ensure, storage::with_transaction};
use sp_runtime::{DispatchError, TransactionOutcome};

use crate::{
    Config, Earned, Marks, OpenPots, Pallet, PoolRecord, Pools, Position, Slashes, Totals, VoterRecord, Voters, Votes,
};

/// What the positions on one candidate come to, slashes that were not yet taken included.
#[derive(Default)]
struct Sums {
    /// Stake that counts in the current era, in planck.
    current: Balance,
    /// Stake that stays, in planck.
    live: Balance,
    /// How many positions.
    positions: u32,
}

impl<T: Config> Pallet<T> {
    /// Checks every invariant; the error names the first that does not hold.
    pub fn do_try_state() -> Result<(), DispatchError> {
        let now = T::CurrentEra::current_era();
        let mut pools = BTreeMap::<AccountId, Sums>::new();
        let mut marks = BTreeMap::<(AccountId, EraIndex), u32>::new();
        for (voter, record) in Voters::<T>::iter() {
            check_voter::<T>(&voter, &record)?;
            for position in &record.positions {
                let pool = Pools::<T>::get(&position.candidate);
                ensure!(pool.is_some(), "behind whom a position is, there is a pool");
                let today = as_of_today(position, pool.as_ref(), record.settled_slash);
                let sums = pools.entry(position.candidate.clone()).or_default();
                sums.current = sums.current.saturating_add(today.counted(now));
                sums.live = sums.live.saturating_add(today.live.total());
                sums.positions = sums.positions.saturating_add(1);
                if position.marked {
                    let start = (position.candidate.clone(), position.touched.saturating_add(1));
                    let held = marks.entry(start).or_default();
                    *held = held.saturating_add(1);
                }
            }
        }
        check_pools::<T>(&pools, now)?;
        check_marks::<T>(&marks)?;
        check_totals::<T>(now)?;
        check_earnings::<T>(now)
    }
}

fn check_voter<T: Config>(voter: &AccountId, record: &VoterRecord<T>) -> Result<(), DispatchError> {
    let live = record.positions.iter().fold(0, |sum: Balance, position| sum.saturating_add(position.live.total()));
    ensure!(live == record.voted, "positions add up to their voter");
    ensure!(record.voted <= T::Bonds::active(voter), "nobody votes more than the active bond");
    ensure!(record.settled_slash <= Slashes::<T>::count(), "nobody was settled for a slash to come");
    ensure!(
        record.voted > 0 || record.reward > 0 || !record.positions.is_empty(),
        "a voter of whom there is nothing to know is forgotten"
    );
    for (place, position) in record.positions.iter().enumerate() {
        ensure!(!position.is_empty(), "a position of which nothing is left is forgotten");
        let later = record.positions.iter().skip(place.saturating_add(1));
        ensure!(!later.into_iter().any(|it| it.candidate == position.candidate), "a voter has one position each");
    }
    Ok(())
}

/// The position after the slashes of its candidate that its voter was not yet settled for.
fn as_of_today(position: &Position, pool: Option<&PoolRecord>, settled: u32) -> Position {
    let mut today = position.clone();
    let slashes = pool.into_iter().flat_map(|pool| pool.slashes.iter()).filter(|slash| slash.number > settled);
    for slash in slashes {
        today.slash(slash.offence_era, slash.keep);
    }
    today
}

fn check_pools<T: Config>(summed: &BTreeMap<AccountId, Sums>, now: EraIndex) -> Result<(), DispatchError> {
    for (candidate, pool) in Pools::<T>::iter() {
        let nothing = Sums::default();
        let sums = summed.get(&candidate).unwrap_or(&nothing);
        ensure!(pool.positions == sums.positions, "a pool counts its positions");
        ensure!(pool.live.total() >= sums.live, "a pool is no smaller than what is behind it");
        ensure!(pool.backing(now) >= sums.current, "a pool counts no less than what is behind it");
        // Each slash rounds each layer of each position.
        let rounded = (pool.slashes.len() as Balance).saturating_mul(sums.positions.into()).saturating_mul(64);
        ensure!(pool.live.total().saturating_sub(sums.live) <= rounded, "a pool is larger by rounding only");
        let own = Voters::<T>::get(&candidate)
            .and_then(|voter| voter.positions.into_iter().find(|position| position.candidate == candidate))
            .map_or((0, 0), |own| (own.counted(now), own.live.total()));
        ensure!((pool.own.at(now), pool.own.next()) == own, "own stake is the candidate's position on itself");
        ensure!(
            pool.registered == T::Candidates::role(&candidate).is_some(),
            "a pool knows whether its candidate is registered"
        );
        ensure!(pool.registered || pool.stands_from.is_none(), "only registered candidates stand");
        ensure!(Earned::<T>::contains_key(&candidate), "for whom there is a pool, earnings are counted");
    }
    ensure!(summed.keys().all(Pools::<T>::contains_key), "behind whom a position is, there is a pool");
    Ok(())
}

fn check_marks<T: Config>(held: &BTreeMap<(AccountId, EraIndex), u32>) -> Result<(), DispatchError> {
    let stored: BTreeMap<_, _> =
        Marks::<T>::iter().map(|(candidate, era, mark)| ((candidate, era), mark.held)).collect();
    ensure!(stored == *held, "marks are held by those who need them");
    for (candidate, era, mark) in Marks::<T>::iter() {
        let paid_before = Earned::<T>::get(&candidate).map_or(0, |earnings| earnings.paid_before);
        ensure!(mark.per_unit.is_some() == (era <= paid_before), "a mark is made when its era starts");
    }
    Ok(())
}

fn check_totals<T: Config>(now: EraIndex) -> Result<(), DispatchError> {
    for role in Role::ALL {
        let pools = Pools::<T>::iter_values().filter(|pool| pool.role == role);
        let sum = pools.fold((0, 0), |sum: (Balance, Balance), pool| {
            let (current, next) = pool.in_total(now);
            (sum.0.saturating_add(current), sum.1.saturating_add(next))
        });
        let total = Totals::<T>::get(role);
        ensure!((total.at(now), total.at(now.saturating_add(1))) == sum, "totals are those of the pools");
    }
    Ok(())
}

fn check_earnings<T: Config>(now: EraIndex) -> Result<(), DispatchError> {
    ensure!(
        Earned::<T>::iter_values().all(|earnings| earnings.paid_before <= now),
        "nobody is paid for an era that is not over"
    );
    // What happens if everybody claims now.
    let (owed, held) = with_transaction(|| {
        let voters: Vec<_> = Voters::<T>::iter_keys().chain(Earned::<T>::iter_keys()).collect();
        let owed = voters.iter().map(|voter| {
            Votes::<T>::settled_in_full(voter).store();
            <Pallet<T> as Rewards<AccountId>>::take(voter).unwrap_or(Balance::MAX)
        });
        let owed = owed.fold(0, |sum: Balance, reward| sum.saturating_add(reward));
        TransactionOutcome::Rollback(Ok::<_, DispatchError>((owed, T::RewardPot::held())))
    })?;
    ensure!(owed <= held, "what is owed is in the reward pot");
    let pots = OpenPots::<T>::get();
    ensure!(pots.iter().all(|pot| pot.era < now), "only eras that are over have a pot");
    ensure!(
        pots.iter().zip(pots.iter().skip(1)).all(|(earlier, later)| earlier.era < later.era),
        "pots are in order of their eras"
    );
    ensure!(
        pots.iter().all(|pot| { pot.unpaid.staking <= pot.budgets.staking && pot.unpaid.mining <= pot.budgets.mining }),
        "no pot has more than its budgets"
    );
    Ok(())
}
