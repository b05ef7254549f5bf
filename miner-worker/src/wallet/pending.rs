//! What a wallet has been given and has not written yet.

use std::collections::BTreeMap;

use cuckoo_primitives::{settlement::SignedVoucher, AccountId, Balance, EraIndex};

use super::{
    holdings::{day_of, ChannelKey, Earned, Holdings},
    record::Entry,
};

/// What waits to be written: of each channel and coordinator the newest only, so that it stays small however slow the
/// disk is.
#[derive(Debug, Default)]
pub(super) struct Pending {
    vouchers: BTreeMap<ChannelKey, Waiting>,
    generations: BTreeMap<AccountId, u32>,
    unpaid: BTreeMap<AccountId, (Balance, u32)>,
}

#[derive(Debug)]
struct Waiting {
    signed: SignedVoucher,
    era: EraIndex,
    /// It was promised now, and not before.
    is_earned: bool,
}

impl Waiting {
    /// What waits when another voucher of the channel comes after this one: the higher, of equals the newer.
    fn followed_by(self, newer: Self) -> Self {
        let is_earned = self.is_earned || newer.is_earned;
        let highest = if newer.signed.voucher.amount >= self.signed.voucher.amount { newer } else { self };
        Self { is_earned, ..highest }
    }
}

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        self.vouchers.is_empty() && self.generations.is_empty() && self.unpaid.is_empty()
    }

    pub(super) fn voucher(&mut self, signed: SignedVoucher, era: EraIndex, is_earned: bool) {
        let key = ChannelKey::from(&signed.voucher);
        let newer = Waiting { signed, era, is_earned };
        match self.vouchers.remove(&key) {
            Some(older) => self.vouchers.insert(key, older.followed_by(newer)),
            None => self.vouchers.insert(key, newer),
        };
    }

    pub(super) fn generation(&mut self, coordinator: AccountId, generation: u32) {
        self.generations.insert(coordinator, generation);
    }

    pub(super) fn unpaid(&mut self, coordinator: AccountId, amount: Balance, permille: u32) {
        self.unpaid.insert(coordinator, (amount, permille));
    }

    /// Takes back what could not be written: vouchers where none as high has come since, and all else where nothing
    /// has.
    pub(super) fn put_back(&mut self, older: Self) {
        for (key, older) in older.vouchers {
            match self.vouchers.remove(&key) {
                Some(newer) => self.vouchers.insert(key, older.followed_by(newer)),
                None => self.vouchers.insert(key, older),
            };
        }
        for (coordinator, generation) in older.generations {
            self.generations.entry(coordinator).or_insert(generation);
        }
        for (coordinator, unpaid) in older.unpaid {
            self.unpaid.entry(coordinator).or_insert(unpaid);
        }
    }

    /// The records to write at this time over what is held already.
    pub(super) fn entries(&self, held: &Holdings, now_s: u64) -> Vec<Entry> {
        let day = day_of(now_s);
        let mut earned: BTreeMap<&AccountId, Earned> = BTreeMap::new();
        let mut entries = Vec::new();
        for (key, Waiting { signed, era, is_earned }) in &self.vouchers {
            let before = held.vouchers().get(key);
            if before.is_some_and(|held| held.amount() > signed.voucher.amount || held.signed == *signed) {
                continue;
            }
            entries.push(Entry::Voucher { signed: signed.clone(), era: *era });
            if *is_earned {
                let (amount, tasks) = before.map_or((0, 0), |held| (held.amount(), held.signed.voucher.tasks));
                let today = earned
                    .entry(&key.coordinator)
                    .or_insert_with(|| held.earned().get(&(day, key.coordinator.clone())).copied().unwrap_or_default());
                today.amount = today.amount.saturating_add(signed.voucher.amount.saturating_sub(amount));
                today.tasks = today.tasks.saturating_add(signed.voucher.tasks.saturating_sub(tasks));
            }
        }
        entries.extend(earned.into_iter().map(|(coordinator, Earned { amount, tasks })| Entry::Earned {
            coordinator: coordinator.clone(),
            day,
            amount,
            tasks,
        }));
        entries.extend(self.generations.iter().map(|(coordinator, generation)| Entry::Generation {
            coordinator: coordinator.clone(),
            generation: *generation,
        }));
        entries.extend(self.unpaid.iter().map(|(coordinator, (amount, permille))| Entry::Unpaid {
            coordinator: coordinator.clone(),
            amount: *amount,
            permille: *permille,
        }));
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wallet::{
        fixture::{account, voucher, GENESIS},
        record::Seed,
    };

    const NOON: u64 = 20_000 * 86_400 + 43_200;

    fn held() -> Holdings {
        Holdings::new(GENESIS, Seed([1; 32]), 0)
    }

    fn amounts(entries: &[Entry]) -> Vec<Balance> {
        let amount = |entry: &Entry| match entry {
            Entry::Voucher { signed, .. } => Some(signed.voucher.amount),
            _ => None,
        };
        entries.iter().filter_map(amount).collect()
    }

    #[test]
    fn of_many_vouchers_of_a_channel_the_highest_is_written() {
        let mut pending = Pending::default();
        for amount in [5, 9, 7] {
            pending.voucher(voucher(1, 1, amount), 2, true);
        }
        pending.voucher(voucher(1, 2, 1), 2, true);
        let entries = pending.entries(&held(), NOON);
        assert_eq!(amounts(&entries), [9, 1]);
        let day = Entry::Earned { coordinator: account(1), day: 20_000, amount: 10, tasks: 6 };
        assert!(entries.contains(&day), "{entries:?}");
    }

    #[test]
    fn a_day_adds_up_over_many_writes() {
        let mut held = held();
        for (time_s, amount) in [(NOON, 5), (NOON + 60, 8), (NOON + 86_400, 20)] {
            let mut pending = Pending::default();
            pending.voucher(voucher(1, 1, amount), 2, true);
            pending.entries(&held, time_s).iter().for_each(|entry| held.apply(time_s, entry));
        }
        let days: Vec<_> = held.earned().iter().map(|((day, _), earned)| (*day, earned.amount)).collect();
        assert_eq!(days, [(20_000, 8), (20_001, 12)]);
    }

    #[test]
    fn what_is_held_already_is_not_written_again() {
        let mut held = held();
        held.apply(0, &Entry::Voucher { signed: voucher(1, 1, 5), era: 1 });
        let mut pending = Pending::default();
        pending.voucher(voucher(1, 1, 5), 2, true);
        assert_eq!(pending.entries(&held, NOON), []);
        let mut imported = Pending::default();
        imported.voucher(voucher(1, 1, 6), 2, false);
        let entries = imported.entries(&held, NOON);
        assert_eq!(
            (amounts(&entries), entries.len()),
            (vec![6], 1),
            "what was earned elsewhere is no earning of today"
        );
    }

    #[test]
    fn what_could_not_be_written_waits_behind_what_is_newer() {
        let mut older = Pending::default();
        older.voucher(voucher(1, 1, 5), 2, true);
        older.voucher(voucher(2, 1, 6), 2, true);
        older.generation(account(1), 1);
        older.unpaid(account(1), 7, 100);
        let mut pending = Pending::default();
        pending.voucher(voucher(1, 1, 8), 2, false);
        pending.generation(account(1), 2);
        pending.put_back(older);
        let entries = pending.entries(&held(), NOON);
        assert_eq!(amounts(&entries), [8, 6]);
        assert!(entries.contains(&Entry::Generation { coordinator: account(1), generation: 2 }), "{entries:?}");
        assert!(entries.contains(&Entry::Unpaid { coordinator: account(1), amount: 7, permille: 100 }));
        assert!(entries.iter().any(|entry| matches!(entry, Entry::Earned { amount: 8, .. })), "{entries:?}");
    }

    #[test]
    fn what_could_not_be_written_is_not_lost_to_something_lower() {
        let mut older = Pending::default();
        older.voucher(voucher(1, 1, 9), 2, false);
        let mut pending = Pending::default();
        pending.voucher(voucher(1, 1, 4), 3, true);
        pending.put_back(older);
        assert_eq!(amounts(&pending.entries(&held(), NOON)), [9]);
        // Of equals the newer counts, which may be by another key.
        let by_new_key = SignedVoucher { operator: account(9), ..voucher(1, 1, 9) };
        let mut newer = Pending::default();
        newer.voucher(by_new_key.clone(), 4, true);
        newer.put_back(pending);
        assert!(newer.entries(&held(), NOON).contains(&Entry::Voucher { signed: by_new_key, era: 4 }));
    }
}
