//! Vouchers and debts that the chain has refused, so that no fee is paid for the same answer twice.

use std::collections::{BTreeMap, BTreeSet};

use cuckoo_primitives::{settlement::Solvency, AccountId, Balance};

use crate::wallet::ChannelKey;

/// Errors of the chain that mean that the coordinator cannot pay now.
const CANNOT_PAY: [&str; 4] = ["Uncovered", "NothingLeft", "GraceRuns", "SlashesPending"];

/// What about a coordinator may make the chain change its mind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Circumstances {
    pub(crate) solvency: Solvency,
    /// What of its stake answers to this miner.
    pub(crate) cover: Balance,
    pub(crate) operator: Option<AccountId>,
}

/// Something that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refusal {
    reason: String,
    due: Balance,
    circumstances: Circumstances,
}

/// What was refused, and what has to be sent alone to find out why.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    refused: BTreeMap<ChannelKey, Refusal>,
    alone: BTreeSet<ChannelKey>,
}

impl Refusals {
    /// The chain refused this channel's voucher, of which so much is due, by itself.
    pub(crate) fn refuse(&mut self, key: ChannelKey, reason: String, due: Balance, circumstances: Circumstances) {
        self.alone.remove(&key);
        self.refused.insert(key, Refusal { reason, due, circumstances });
    }

    /// It was passed over in a call with others.
    pub(crate) fn suspect(&mut self, key: ChannelKey) {
        self.alone.insert(key);
    }

    /// It was paid.
    pub(crate) fn clear(&mut self, key: &ChannelKey) {
        self.alone.remove(key);
        self.refused.remove(key);
    }

    /// Whether to send it by itself.
    pub(crate) fn is_suspect(&self, key: &ChannelKey) -> bool {
        self.alone.contains(key)
    }

    /// Whether it would be refused again: nothing has changed, and not twice as much is due.
    pub(crate) fn stands(&self, key: &ChannelKey, due: Balance, circumstances: &Circumstances) -> bool {
        self.refused.get(key).is_some_and(|refusal| {
            let before = &refusal.circumstances;
            let is_same = match CANNOT_PAY.iter().any(|error| refusal.reason.contains(error)) {
                true => before == circumstances,
                // Escrow comes and goes with everybody's vouchers.
                false => before.operator == circumstances.operator,
            };
            is_same && due < refusal.due.saturating_mul(2)
        })
    }

    /// What was said to the vouchers of this coordinator.
    pub(crate) fn reasons(&self, coordinator: &AccountId) -> Vec<String> {
        let of_coordinator = self.refused.iter().filter(|(key, _)| key.coordinator == *coordinator);
        of_coordinator.map(|(_, refusal)| refusal.reason.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wallet::fixture::{account, voucher};

    fn circumstances(escrow: Balance) -> Circumstances {
        let solvency = Solvency { escrow, ..Solvency::default() };
        Circumstances { solvency, cover: 5, operator: Some(account(9)) }
    }

    #[test]
    fn a_refused_voucher_waits_until_something_has_changed() {
        let key = ChannelKey::from(&voucher(1, 1, 0).voucher);
        let mut refusals = Refusals::default();
        refusals.suspect(key.clone());
        assert!(refusals.is_suspect(&key));
        refusals.refuse(key.clone(), "Settlement.Uncovered".into(), 100, circumstances(0));
        assert!(!refusals.is_suspect(&key));
        assert!(refusals.stands(&key, 199, &circumstances(0)));
        assert!(!refusals.stands(&key, 200, &circumstances(0)));
        assert!(!refusals.stands(&key, 100, &circumstances(1)));
        assert!(!refusals.stands(&key, 100, &Circumstances { operator: None, ..circumstances(0) }));
        assert_eq!(refusals.reasons(&account(1)), ["Settlement.Uncovered"]);
        assert!(refusals.reasons(&account(2)).is_empty());
        refusals.clear(&key);
        assert!(!refusals.stands(&key, 100, &circumstances(0)));
    }

    #[test]
    fn what_no_escrow_mends_does_not_wait_for_escrow() {
        let key = ChannelKey::from(&voucher(1, 1, 0).voucher);
        let mut refusals = Refusals::default();
        refusals.refuse(key.clone(), "Settlement.TooSmall".into(), 100, circumstances(0));
        assert!(refusals.stands(&key, 150, &circumstances(7)));
        assert!(!refusals.stands(&key, 200, &circumstances(7)));
    }
}
