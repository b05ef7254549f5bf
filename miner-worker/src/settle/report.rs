//! How pay stands: for `/status`, metrics and logs.

use std::collections::BTreeMap;

use cuckoo_chain_client::Cai;
use cuckoo_primitives::{AccountId, Balance, Perbill, CAI};
use serde::Serialize;

use super::{decide::Reason, Settlement};

/// In the parts of a rating.
const ONE_PERCENT: u32 = 10_000_000;

/// What has happened, as far as nothing else remembers it.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    reading: Option<String>,
    redeeming: Option<String>,
    refusals: BTreeMap<AccountId, Vec<String>>,
    /// What coordinators think of this miner's work.
    ratings: BTreeMap<AccountId, Perbill>,
}

/// How pay stands. Amounts are planck, as text, since they do not fit into the numbers of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PayReport {
    /// One entry for each coordinator that has promised something or is linked.
    pub coordinators: Vec<CoordinatorReport>,
    /// Why the wallet cannot be written.
    pub wallet_trouble: Option<String>,
    /// Why the chain cannot be read.
    pub reading_trouble: Option<String>,
    /// Why the last call failed.
    pub redeeming_trouble: Option<String>,
}

/// How the pay of one coordinator stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CoordinatorReport {
    /// Its stash.
    pub coordinator: AccountId,
    /// All that it ever promised this wallet.
    pub promised: String,
    /// What of it the chain has settled.
    pub settled: String,
    /// What is left to redeem.
    pub due: String,
    /// Results that it has not paid yet on the link that is open.
    pub unpaid: String,
    /// What it left unpaid when links ended or it called answers bad, as far as that is not forgiven.
    pub written_off: String,
    /// What would be lost if it never paid again.
    pub exposure: Option<String>,
    /// How much that may be.
    pub limit: Option<String>,
    /// What it thinks of this miner's work, in whole percents rounded down: so much of what this miner would mine for being
    /// paid by it, it does mine. `None` if nothing was read.
    pub rating_percent: Option<u32>,
    /// What the chain says to vouchers that it does not pay.
    pub refused: Vec<String>,
}

/// What one coordinator has promised, and what is settled of it.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    promised: Balance,
    settled: Balance,
}

impl Settlement {
    /// How pay stands.
    pub fn report(&self) -> PayReport {
        let mut sums = self.sums();
        for account in self.accounts() {
            sums.entry(account.coordinator().clone()).or_default();
        }
        let notes = self.notes.lock();
        let coordinators = sums.into_iter().map(|(coordinator, Sums { promised, settled })| {
            let standing = self.account(&coordinator).standing();
            CoordinatorReport {
                promised: promised.to_string(),
                settled: settled.to_string(),
                due: promised.saturating_sub(settled).to_string(),
                unpaid: standing.owed.to_string(),
                written_off: standing.written_off.to_string(),
                exposure: standing.exposure.map(|exposure| exposure.to_string()),
                limit: standing.limit.map(|limit| limit.to_string()),
                rating_percent: notes.ratings.get(&coordinator).map(|rating| rating.deconstruct() / ONE_PERCENT),
                refused: notes.refusals.get(&coordinator).cloned().unwrap_or_default(),
                coordinator,
            }
        });
        PayReport {
            coordinators: coordinators.collect(),
            wallet_trouble: self.wallet.trouble(),
            reading_trouble: notes.reading.clone(),
            redeeming_trouble: notes.redeeming.clone(),
        }
    }

    /// Shows the same in metrics.
    pub(crate) fn show(&self) {
        for (coordinator, Sums { promised, settled }) in self.sums() {
            let standing = self.account(&coordinator).standing();
            let gauge = |name: &'static str, amount: Balance| {
                metrics::gauge!(name, "coordinator" => coordinator.to_string()).set(in_cai(amount));
            };
            gauge("cuckoo_miner_promised_cai", promised);
            gauge("cuckoo_miner_settled_cai", settled);
            gauge("cuckoo_miner_due_cai", promised.saturating_sub(settled));
            gauge("cuckoo_miner_unpaid_cai", standing.owed);
            gauge("cuckoo_miner_written_off_cai", standing.written_off);
        }
    }

    fn sums(&self) -> BTreeMap<AccountId, Sums> {
        let mut sums: BTreeMap<AccountId, Sums> = BTreeMap::new();
        let holdings = self.wallet.holdings();
        let settled = self.settled.lock();
        for (key, held) in holdings.vouchers() {
            let sum = sums.entry(key.coordinator.clone()).or_default();
            sum.promised = sum.promised.saturating_add(held.amount());
            sum.settled = sum.settled.saturating_add(settled.get(key).map_or(0, |settled| settled.amount));
        }
        sums
    }

    pub(crate) fn note_reading(&self, trouble: Option<String>) {
        let mut notes = self.notes.lock();
        if let Some(trouble) = trouble.as_ref().filter(|trouble| notes.reading.as_ref() != Some(*trouble)) {
            tracing::warn!(target: "miner::settle", reason = trouble, "cannot read what covers this miner's work");
        }
        notes.reading = trouble;
    }

    pub(crate) fn note_rating(&self, coordinator: &AccountId, rating: Perbill) {
        let before = self.notes.lock().ratings.insert(coordinator.clone(), rating);
        if before == Some(rating) {
            return;
        }
        metrics::gauge!("cuckoo_miner_rating", "coordinator" => coordinator.to_string())
            .set(f64::from(rating.deconstruct()) / f64::from(Perbill::one().deconstruct()));
        if rating < before.unwrap_or(Perbill::one()) {
            tracing::warn!(
                target: "miner::settle",
                %coordinator,
                percent = rating.deconstruct() / ONE_PERCENT,
                "a coordinator thinks less of this miner's work, which lowers what is mined for it; the /v1/audits of its gateway \
                 says why"
            );
        }
    }

    pub(crate) fn note_redeeming(&self, trouble: Option<String>) {
        let outcome = if trouble.is_none() { "final" } else { "failed" };
        metrics::counter!("cuckoo_miner_settlement_calls_total", "outcome" => outcome).increment(1);
        if let Some(trouble) = &trouble {
            tracing::warn!(target: "miner::settle", reason = trouble, "cannot redeem; trying again later");
        }
        self.notes.lock().redeeming = trouble;
    }

    pub(crate) fn note_refusals(&self, coordinator: &AccountId, reasons: Vec<String>) {
        self.notes.lock().refusals.insert(coordinator.clone(), reasons);
    }

    pub(crate) fn note_paid(&self, coordinator: &AccountId, amount: Balance, reason: Reason) {
        tracing::info!(
            target: "miner::settle",
            %coordinator,
            settled = %Cai(amount),
            because = reason.label(),
            "redeemed"
        );
        self.notes.lock().refusals.remove(coordinator);
    }
}

/// An amount for a metric, which need not be exact.
fn in_cai(planck: Balance) -> f64 {
    planck as f64 / CAI as f64
}
