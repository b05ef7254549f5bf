//! The wallet for people and programs to read.

use std::{collections::BTreeMap, fmt};

use cuckoo_chain_client::Cai;
use cuckoo_primitives::{settlement::Settled, Balance};
use serde::Serialize;

use super::{
    exchange::hexed,
    holdings::{ChannelKey, Holdings},
};

/// What a wallet holds. Amounts are planck, as text, since they do not fit into the numbers of JSON.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    file: String,
    genesis: String,
    /// The last finalised block that `settled` and `due` are of, if the chain could be read.
    block: Option<u32>,
    /// Of all channels together.
    promised: String,
    due: Option<String>,
    channels: Vec<ShownChannel>,
    days: Vec<ShownDay>,
    unpaid: Vec<ShownUnpaid>,
}

#[derive(Debug, Serialize)]
struct ShownChannel {
    coordinator: String,
    miner: String,
    channel: String,
    /// What the newest voucher promises.
    newest: String,
    tasks: u64,
    /// Whose key signed it.
    operator: String,
    received_unix_s: u64,
    settled: Option<String>,
    due: Option<String>,
}

#[derive(Debug, Serialize)]
struct ShownDay {
    day: String,
    coordinator: String,
    amount: String,
    tasks: u64,
}

#[derive(Debug, Serialize)]
struct ShownUnpaid {
    coordinator: String,
    amount: String,
}

impl Shown {
    /// What `holdings`, read from that file, hold. `settled` is what the chain says as of that block.
    pub(super) fn new(
        file: String,
        holdings: &Holdings,
        settled: Option<(u32, &BTreeMap<ChannelKey, Settled>)>,
    ) -> Self {
        let mut all: (Balance, Option<Balance>) = (0, settled.map(|_| 0));
        let mut channels = Vec::new();
        for (key, held) in holdings.vouchers() {
            let settled = settled.map(|(_, settled)| settled.get(key).copied().unwrap_or_default().amount);
            let due = settled.map(|settled| held.amount().saturating_sub(settled));
            all.0 = all.0.saturating_add(held.amount());
            all.1 = all.1.zip(due).map(|(sum, due)| sum.saturating_add(due));
            channels.push(ShownChannel {
                coordinator: key.coordinator.to_string(),
                miner: key.miner.to_string(),
                channel: hexed(&key.channel),
                newest: held.amount().to_string(),
                tasks: held.signed.voucher.tasks,
                operator: held.signed.operator.to_string(),
                received_unix_s: held.received_s,
                settled: settled.map(|settled| settled.to_string()),
                due: due.map(|due| due.to_string()),
            });
        }
        let days = holdings.earned().iter().map(|((day, coordinator), earned)| ShownDay {
            day: date(*day),
            coordinator: coordinator.to_string(),
            amount: earned.amount.to_string(),
            tasks: earned.tasks,
        });
        let unpaid = holdings.unpaid().iter().filter(|(_, unpaid)| unpaid.amount > 0);
        let unpaid = unpaid.map(|(coordinator, unpaid)| ShownUnpaid {
            coordinator: coordinator.to_string(),
            amount: unpaid.amount.to_string(),
        });
        Self {
            file,
            genesis: hexed(holdings.genesis().as_bytes()),
            block: settled.map(|(block, _)| block),
            promised: all.0.to_string(),
            due: all.1.map(|due| due.to_string()),
            channels,
            days: days.collect(),
            unpaid: unpaid.collect(),
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cai = |planck: &str| {
            planck.parse::<Balance>().map_or_else(|_| planck.to_owned(), |planck| Cai(planck).to_string())
        };
        let maybe = |planck: &Option<String>| planck.as_deref().map_or_else(|| "unknown".to_owned(), cai);
        writeln!(f, "wallet {} (genesis {})", self.file, self.genesis)?;
        match self.block {
            Some(block) => {
                writeln!(f, "promised {}, due {} as of block {block}", cai(&self.promised), maybe(&self.due))?
            }
            None => writeln!(f, "promised {}; what is due is unknown without the chain", cai(&self.promised))?,
        }
        for channel in &self.channels {
            writeln!(f, "coordinator {} channel {}", channel.coordinator, channel.channel)?;
            writeln!(
                f,
                "  promised {} for {} tasks, settled {}, due {}",
                cai(&channel.newest),
                channel.tasks,
                maybe(&channel.settled),
                maybe(&channel.due)
            )?;
        }
        for day in &self.days {
            writeln!(f, "{} {} for {} tasks of {}", day.day, cai(&day.amount), day.tasks, day.coordinator)?;
        }
        for unpaid in &self.unpaid {
            writeln!(f, "left unpaid by {}: {}", unpaid.coordinator, cai(&unpaid.amount))?;
        }
        Ok(())
    }
}

/// A day since 1970 as people write it: `2026-11-22`. The months of a year that begins in March follow one formula.
fn date(day: u32) -> String {
    const DAYS_OF_400_YEARS: u64 = 146_097;
    // From 0000-03-01.
    let days = u64::from(day).saturating_add(719_468);
    let (era, of_era) = (days / DAYS_OF_400_YEARS, days % DAYS_OF_400_YEARS);
    let leap_days = (of_era / 1_460).saturating_add(of_era / 146_096).saturating_sub(of_era / 36_524);
    let year_of_era = of_era.saturating_sub(leap_days) / 365;
    let before = year_of_era.saturating_mul(365).saturating_add(year_of_era / 4).saturating_sub(year_of_era / 100);
    let of_year = of_era.saturating_sub(before);
    let month_from_march = of_year.saturating_mul(5).saturating_add(2) / 153;
    let day = of_year.saturating_sub(month_from_march.saturating_mul(153).saturating_add(2) / 5).saturating_add(1);
    let (month, next_year) = if month_from_march < 10 { (month_from_march + 3, 0) } else { (month_from_march - 9, 1) };
    let year = era.saturating_mul(400).saturating_add(year_of_era).saturating_add(next_year);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wallet::{
        fixture::{account, voucher, GENESIS},
        record::{Entry, Seed},
    };
    use cuckoo_primitives::CAI;

    fn holdings() -> Holdings {
        let mut holdings = Holdings::new(GENESIS, Seed([0xab; 32]), 0);
        holdings.apply(9, &Entry::Voucher { signed: voucher(1, 1, 3 * CAI), era: 2 });
        holdings.apply(9, &Entry::Voucher { signed: voucher(1, 2, CAI), era: 2 });
        holdings.apply(9, &Entry::Earned { coordinator: account(1), day: 20_779, amount: 4 * CAI, tasks: 6 });
        holdings.apply(9, &Entry::Unpaid { coordinator: account(1), amount: 5, permille: 10 });
        holdings
    }

    #[test]
    fn what_is_due_is_what_is_promised_and_not_settled() {
        let holdings = holdings();
        let key = holdings.vouchers().keys().next().unwrap().clone();
        let settled = BTreeMap::from([(key, Settled { amount: 2 * CAI, tasks: 1 })]);
        let shown = Shown::new("w".into(), &holdings, Some((7, &settled)));
        let json = serde_json::to_value(&shown).unwrap();
        assert_eq!(json["due"], (2 * CAI).to_string());
        assert_eq!(json["channels"][0]["settled"], (2 * CAI).to_string());
        assert_eq!(json["channels"][1]["due"], CAI.to_string());
        assert_eq!(json["days"][0]["day"], "2026-11-22");
        assert_eq!(json["unpaid"][0]["amount"], "5");
        let text = shown.to_string();
        assert!(text.contains("due 2 CAI as of block 7") && text.contains("2026-11-22 4 CAI for 6 tasks"), "{text}");
    }

    #[test]
    fn without_the_chain_nobody_knows_what_is_due() {
        let shown = Shown::new("w".into(), &holdings(), None);
        let json = serde_json::to_value(&shown).unwrap();
        assert!(json["due"].is_null() && json["channels"][0]["due"].is_null());
        assert_eq!(json["promised"], (4 * CAI).to_string());
        assert!(shown.to_string().contains("unknown without the chain"));
    }

    #[test]
    fn days_are_dates() {
        for (day, expected) in [(0, "1970-01-01"), (59, "1970-03-01"), (789, "1972-02-29"), (20_513, "2026-03-01")] {
            assert_eq!(date(day), expected);
        }
    }
}
