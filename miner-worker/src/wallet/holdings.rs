//! What the records of a wallet add up to.

use std::collections::BTreeMap;

use cuckoo_primitives::{
    settlement::{channel_of, ChannelId, SignedVoucher, Voucher},
    AccountId, Balance, EraIndex, Hash,
};

use super::record::{Entry, Record, Seed};

/// Days of earnings that are kept.
const DAYS_KEPT: u32 = 400;
const DAY_S: u64 = 86_400;

/// Names a channel among all: the stashes of both sides, and which of their channels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelKey {
    /// Stash of the coordinator that pays.
    pub coordinator: AccountId,
    /// Stash of the miner that is paid.
    pub miner: AccountId,
    /// Which of their channels.
    pub channel: ChannelId,
}

impl From<&Voucher> for ChannelKey {
    fn from(voucher: &Voucher) -> Self {
        Self { coordinator: voucher.coordinator.clone(), miner: voucher.miner.clone(), channel: voucher.channel }
    }
}

/// The newest voucher of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The voucher.
    pub signed: SignedVoucher,
    /// The era in which it came.
    pub era: EraIndex,
    /// When it came, in seconds since 1970.
    pub received_s: u64,
}

impl Held {
    /// What it promises, in planck.
    pub fn amount(&self) -> Balance {
        self.signed.voucher.amount
    }
}

/// What was promised on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Earned {
    /// In planck.
    pub amount: Balance,
    /// Tasks.
    pub tasks: u64,
}

/// What a coordinator has left unpaid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unpaid {
    /// What is held against it, less what came late and what is forgiven, in planck.
    pub amount: Balance,
    /// How full its bucket was at that time, in thousandths of a step.
    pub permille: u32,
    /// When that was, in seconds since 1970.
    pub at_s: u64,
}

/// Everything that a wallet holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holdings {
    genesis: Hash,
    seed: Seed,
    made_s: u64,
    vouchers: BTreeMap<ChannelKey, Held>,
    generations: BTreeMap<AccountId, (u32, u64)>,
    earned: BTreeMap<(u32, AccountId), Earned>,
    unpaid: BTreeMap<AccountId, Unpaid>,
}

impl Holdings {
    /// A wallet that holds nothing yet.
    pub(crate) fn new(genesis: Hash, seed: Seed, made_s: u64) -> Self {
        Self {
            genesis,
            seed,
            made_s,
            vouchers: BTreeMap::new(),
            generations: BTreeMap::new(),
            earned: BTreeMap::new(),
            unpaid: BTreeMap::new(),
        }
    }

    /// What these records add up to; `None` if they do not begin as a wallet does.
    pub(crate) fn of(records: impl IntoIterator<Item = Record>) -> Option<Self> {
        let mut records = records.into_iter();
        let Record { time_s, entry: Entry::Wallet { genesis, seed }, .. } = records.next()? else { return None };
        let mut holdings = Self::new(genesis, seed, time_s);
        records.for_each(|record| holdings.apply(record.time_s, &record.entry));
        Some(holdings)
    }

    /// Takes note of one more record.
    pub(crate) fn apply(&mut self, time_s: u64, entry: &Entry) {
        match entry {
            // Only the first says what wallet this is.
            Entry::Wallet { .. } => {}
            Entry::Voucher { signed, era } => {
                let key = ChannelKey::from(&signed.voucher);
                let is_newer = self.vouchers.get(&key).is_none_or(|held| signed.voucher.amount >= held.amount());
                if is_newer {
                    self.vouchers.insert(key, Held { signed: signed.clone(), era: *era, received_s: time_s });
                }
            }
            Entry::Generation { coordinator, generation } => {
                let newest = self.generations.entry(coordinator.clone()).or_default();
                if *generation >= newest.0 {
                    *newest = (*generation, time_s);
                }
            }
            Entry::Earned { coordinator, day, amount, tasks } => {
                self.earned.insert((*day, coordinator.clone()), Earned { amount: *amount, tasks: *tasks });
            }
            Entry::Unpaid { coordinator, amount, permille } => {
                let unpaid = Unpaid { amount: *amount, permille: *permille, at_s: time_s };
                self.unpaid.insert(coordinator.clone(), unpaid);
            }
        }
    }

    /// The records that a new file needs to hold as much, each with its time.
    pub(crate) fn records(&self, now_s: u64) -> Vec<(u64, Entry)> {
        let first = Entry::Wallet { genesis: self.genesis, seed: self.seed.clone() };
        // Twice, so that damage to one of them does not lose the seed.
        let mut records = vec![(self.made_s, first.clone()), (self.made_s, first)];
        records.extend(self.generations.iter().map(|(coordinator, (generation, time_s))| {
            (*time_s, Entry::Generation { coordinator: coordinator.clone(), generation: *generation })
        }));
        records.extend(
            self.vouchers
                .values()
                .map(|held| (held.received_s, Entry::Voucher { signed: held.signed.clone(), era: held.era })),
        );
        let oldest = day_of(now_s).saturating_sub(DAYS_KEPT);
        records.extend(self.earned.iter().filter(|((day, _), _)| *day >= oldest).map(
            |((day, coordinator), earned)| {
                let Earned { amount, tasks } = *earned;
                (
                    u64::from(*day).saturating_mul(DAY_S),
                    Entry::Earned { coordinator: coordinator.clone(), day: *day, amount, tasks },
                )
            },
        ));
        records.extend(self.unpaid.iter().map(|(coordinator, unpaid)| {
            let Unpaid { amount, permille, at_s } = *unpaid;
            (at_s, Entry::Unpaid { coordinator: coordinator.clone(), amount, permille })
        }));
        records
    }

    /// The chain on which its vouchers count.
    pub fn genesis(&self) -> Hash {
        self.genesis
    }

    /// The newest voucher of every channel.
    pub fn vouchers(&self) -> &BTreeMap<ChannelKey, Held> {
        &self.vouchers
    }

    /// What was promised, by day (since 1970, UTC) and coordinator.
    pub fn earned(&self) -> &BTreeMap<(u32, AccountId), Earned> {
        &self.earned
    }

    /// What each coordinator has left unpaid.
    pub fn unpaid(&self) -> &BTreeMap<AccountId, Unpaid> {
        &self.unpaid
    }

    /// Which of its channels with this coordinator is in use.
    pub(crate) fn generation(&self, coordinator: &AccountId) -> u32 {
        self.generations.get(coordinator).map_or(0, |(generation, _)| *generation)
    }

    /// The channel of that generation.
    pub(crate) fn channel(&self, coordinator: &AccountId, generation: u32) -> ChannelId {
        channel_of(&self.seed.0, coordinator, generation)
    }

    /// The secret that its channels follow from.
    pub(crate) fn seed(&self) -> &Seed {
        &self.seed
    }
}

/// The day of a time, both counted from 1970, UTC.
pub(crate) fn day_of(time_s: u64) -> u32 {
    u32::try_from(time_s / DAY_S).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wallet::fixture::{account, voucher, GENESIS};

    fn empty() -> Holdings {
        Holdings::new(GENESIS, Seed([1; 32]), 100)
    }

    fn put(holdings: &mut Holdings, signed: SignedVoucher) {
        holdings.apply(200, &Entry::Voucher { signed, era: 4 });
    }

    #[test]
    fn of_each_channel_the_highest_voucher_counts_and_of_equal_ones_the_last() {
        let mut holdings = empty();
        put(&mut holdings, voucher(1, 1, 10));
        put(&mut holdings, voucher(1, 1, 7));
        put(&mut holdings, voucher(1, 2, 3));
        put(&mut holdings, voucher(2, 1, 4));
        let amounts: Vec<Balance> = holdings.vouchers().values().map(Held::amount).collect();
        assert_eq!(amounts, [10, 3, 4]);
        let by_new_key = SignedVoucher { operator: account(9), ..voucher(1, 1, 10) };
        put(&mut holdings, by_new_key.clone());
        assert_eq!(holdings.vouchers()[&ChannelKey::from(&by_new_key.voucher)].signed, by_new_key);
    }

    #[test]
    fn a_new_file_holds_as_much_as_the_old_one() {
        let mut holdings = empty();
        put(&mut holdings, voucher(1, 1, 10));
        put(&mut holdings, voucher(2, 1, 4));
        let day = 1_000;
        let now_s = u64::from(day) * DAY_S + 5;
        holdings.apply(300, &Entry::Generation { coordinator: account(2), generation: 3 });
        holdings.apply(now_s, &Entry::Earned { coordinator: account(1), day, amount: 9, tasks: 2 });
        holdings.apply(500, &Entry::Unpaid { coordinator: account(1), amount: 6, permille: 1_500 });
        let records = holdings.records(now_s);
        let written = records.into_iter().map(|(time_s, entry)| Record { durable: 0, time_s, entry });
        assert_eq!(Holdings::of(written), Some(holdings.clone()));
        // Of a day long ago nobody asks any more.
        let later = now_s + u64::from(DAYS_KEPT + 1) * DAY_S;
        assert_eq!(holdings.records(later).len() + 1, holdings.records(now_s).len());
    }

    #[test]
    fn what_does_not_begin_as_a_wallet_is_none() {
        assert_eq!(Holdings::of([]), None);
        let entry = Entry::Generation { coordinator: account(1), generation: 1 };
        assert_eq!(Holdings::of([Record { durable: 0, time_s: 0, entry }]), None);
    }

    #[test]
    fn a_generation_never_goes_back() {
        let mut holdings = empty();
        for generation in [1, 2, 1] {
            holdings.apply(0, &Entry::Generation { coordinator: account(1), generation });
        }
        assert_eq!((holdings.generation(&account(1)), holdings.generation(&account(2))), (2, 0));
        assert_ne!(holdings.channel(&account(1), 1), holdings.channel(&account(1), 2));
    }
}
