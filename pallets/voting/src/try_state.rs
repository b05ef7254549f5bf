//! The pallet's invariants, by name.

use alloc::collections::BTreeMap;
use cuckoo_primitives::{
    era::EraAmount,
    registry::{Bonds, CurrentEra},
    AccountId, Balance, EraIndex,
};
use frame_support::{ensure, traits::Get};
use sp_runtime::DispatchError;

use crate::{Backings, Config, Pallet, Positions, VoterRecord, Voters};

/// What counts in this era, and from the next on.
type Sums = (Balance, Balance);

impl<T: Config> Pallet<T> {
    /// Checks every invariant; the error names the first that does not hold.
    pub fn do_try_state() -> Result<(), DispatchError> {
        let now = T::CurrentEra::current_era();
        let mut voters = BTreeMap::<AccountId, VoterRecord>::new();
        let mut backings = BTreeMap::<AccountId, Sums>::new();
        for (voter, candidate, position) in Positions::<T>::iter() {
            let record = voters.entry(voter).or_default();
            record.voted = record.voted.saturating_add(position.next());
            record.positions = record.positions.saturating_add(1);
            let sums = backings.entry(candidate).or_default();
            *sums = (sums.0.saturating_add(position.at(now)), sums.1.saturating_add(position.next()));
        }
        check_voters::<T>(&voters)?;
        check_backings::<T>(&backings, now)
    }
}

fn check_voters<T: Config>(summed: &BTreeMap<AccountId, VoterRecord>) -> Result<(), DispatchError> {
    let stored: BTreeMap<_, _> = Voters::<T>::iter().collect();
    ensure!(stored == *summed, "positions add up to their voters");
    for (voter, record) in &stored {
        ensure!(record.voted <= T::Bonds::active(voter), "nobody votes more than the active bond");
        ensure!(record.positions <= T::MaxPositions::get(), "nobody has too many positions");
    }
    Ok(())
}

fn check_backings<T: Config>(summed: &BTreeMap<AccountId, Sums>, now: EraIndex) -> Result<(), DispatchError> {
    let sums = |amount: EraAmount| (amount.at(now), amount.next());
    for (candidate, record) in Backings::<T>::iter() {
        ensure!(summed.contains_key(&candidate), "a candidate without positions has no backing");
        let own = Positions::<T>::get(&candidate, &candidate).map_or((0, 0), sums);
        ensure!(sums(record.own) == own, "own stake is the candidate's position on itself");
    }
    for (candidate, expected) in summed {
        ensure!(sums(Backings::<T>::get(candidate).total) == *expected, "positions add up to their candidates");
    }
    Ok(())
}
