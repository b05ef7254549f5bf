//! Claims that the chain has refused, so that no fee is paid for the same answer twice.

use std::collections::{BTreeMap, BTreeSet};

use cuckoo_primitives::{AccountId, Balance, EraIndex};

use super::errand::Claim;

/// Errors of the chain that mean that the coordinator cannot pay now.
const CANNOT_PAY: [&str; 3] = ["Uncovered", "NothingLeft", "GraceRuns"];
/// Errors of the chain that mean that nothing is left to pay, perhaps because somebody else has sent the same.
const NOTHING_TO_PAY: [&str; 2] = ["NothingDue", "NoDebt"];

/// What there is to be had for a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prospect {
    /// What is claimed, in planck.
    pub(crate) due: Balance,
    /// What the coordinator could pay of any claim of this kind, in planck.
    pub(crate) payable: Balance,
    /// Whose key signed the voucher; nobody's a debt.
    pub(crate) signer: Option<AccountId>,
}

/// For how many eras a refusal stands at most.
const LONGEST_ERAS: EraIndex = 64;

/// Something that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refusal {
    reason: String,
    /// For how many eras it stands, and the first in which it does no more.
    eras: EraIndex,
    until: EraIndex,
    /// That era has come. What is left of it is how long it stood.
    has_lapsed: bool,
    /// The coordinator could not pay.
    is_short: bool,
    /// As it was then; `payable` is the least that was read since.
    prospect: Prospect,
}

/// What was refused, and what has to be sent alone to find out why.
///
/// A refusal lapses with its era. If the same is refused again although nothing about it has changed, it stands for two
/// eras, then for four, and so on: nothing that the chain has said is held against money for ever, and what is hopeless
/// costs a fee more and more rarely.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refusals {
    refused: BTreeMap<Claim, Refusal>,
    alone: BTreeSet<Claim>,
}

/// Whether this error of the chain says that there is nothing to pay.
pub(crate) fn is_nothing_to_pay(error: &str) -> bool {
    NOTHING_TO_PAY.contains(&error)
}

impl Refusals {
    /// The chain refused this claim by itself, with this reason; it was sent in that era.
    pub(crate) fn refuse(&mut self, claim: Claim, reason: String, era: EraIndex, prospect: Prospect) {
        self.alone.remove(&claim);
        // As in `Settlement.Uncovered: why`.
        let name = reason.split(':').next().unwrap_or_default();
        let is_short = CANNOT_PAY.iter().any(|error| name.ends_with(error));
        // What was sent although its refusal stood had changed, see `stands`, and begins anew.
        let eras = match self.refused.get(&claim) {
            Some(before) if before.has_lapsed => before.eras.saturating_mul(2).min(LONGEST_ERAS),
            _ => 1,
        };
        let until = era.saturating_add(eras);
        self.refused.insert(claim, Refusal { reason, eras, until, has_lapsed: false, is_short, prospect });
    }

    /// It was passed over in a call with others.
    pub(crate) fn suspect(&mut self, claim: Claim) {
        self.alone.insert(claim);
    }

    /// It was paid.
    pub(crate) fn clear(&mut self, claim: &Claim) {
        self.alone.remove(claim);
        self.refused.remove(claim);
    }

    /// Whether to send it by itself.
    pub(crate) fn is_suspect(&self, claim: &Claim) -> bool {
        self.alone.contains(claim)
    }

    /// Lets what has stood for its time stand no more. Returns the coordinators that it was about.
    pub(crate) fn lapse(&mut self, era: EraIndex) -> BTreeSet<AccountId> {
        let mut coordinators = BTreeSet::new();
        for (claim, refusal) in &mut self.refused {
            if !refusal.has_lapsed && refusal.until <= era {
                refusal.has_lapsed = true;
                coordinators.insert(claim.coordinator().clone());
            }
        }
        coordinators
    }

    /// Whether it would be refused again. A coordinator that could not pay has to have more than the least that it had
    /// since, by an amount that `is_worth` a call: dust in its escrow is no news. Anything else has to be another
    /// signer's, or twice as much.
    pub(crate) fn stands(&mut self, claim: &Claim, now: &Prospect, is_worth: impl Fn(Balance) -> bool) -> bool {
        let mut stands = false;
        for (refused, refusal) in &mut self.refused {
            let is_about = refused == claim || (refusal.is_short && refused.is_voucher_beside(claim));
            if is_about && !refusal.has_lapsed {
                stands |= refusal.stands(now, &is_worth);
            }
        }
        stands
    }

    /// What was said to the claims on this coordinator.
    pub(crate) fn reasons(&self, coordinator: &AccountId) -> Vec<String> {
        let stand = self.refused.iter().filter(|(_, refusal)| !refusal.has_lapsed);
        let of_coordinator = stand.filter(|(claim, _)| claim.coordinator() == coordinator);
        of_coordinator.map(|(_, refusal)| refusal.reason.clone()).collect()
    }
}

impl Refusal {
    fn stands(&mut self, now: &Prospect, is_worth: &impl Fn(Balance) -> bool) -> bool {
        let before = &mut self.prospect;
        if self.is_short {
            before.payable = before.payable.min(now.payable);
            return !is_worth(now.payable.saturating_sub(before.payable));
        }
        before.signer == now.signer && now.due < before.due.saturating_mul(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wallet::{
        fixture::{account, voucher},
        ChannelKey,
    };

    const FEE: Balance = 10;

    fn claim(coordinator: u8, channel: u8) -> Claim {
        Claim::Voucher(ChannelKey::from(&voucher(coordinator, channel, 0).voucher))
    }

    fn prospect(payable: Balance) -> Prospect {
        Prospect { due: 100, payable, signer: Some(account(9)) }
    }

    fn stands(refusals: &mut Refusals, claim: &Claim, now: &Prospect) -> bool {
        refusals.stands(claim, now, |gain| gain > FEE)
    }

    fn refused(reason: &str) -> Refusals {
        let mut refusals = Refusals::default();
        refusals.refuse(claim(1, 1), reason.into(), 7, prospect(50));
        refusals
    }

    #[test]
    fn a_coordinator_that_could_not_pay_has_to_have_more_that_is_worth_a_call() {
        let mut refusals = refused("Settlement.Uncovered: nothing is there");
        let worth = |payable| !stands(&mut refusals.clone(), &claim(1, 1), &prospect(payable));
        assert_eq!([0, 50, 51, 60, 61].map(worth), [false, false, false, false, true]);
        // Of what is there now others may have taken some meanwhile.
        assert!(stands(&mut refusals, &claim(1, 1), &prospect(20)));
        assert!(!stands(&mut refusals, &claim(1, 1), &prospect(31)));
        refusals.clear(&claim(1, 1));
        assert!(!stands(&mut refusals, &claim(1, 1), &prospect(0)));
    }

    #[test]
    fn who_cannot_pay_one_voucher_cannot_pay_the_others_of_the_same_miner() {
        let mut refusals = refused("Settlement.Uncovered: nothing is there");
        assert!(stands(&mut refusals, &claim(1, 2), &prospect(50)));
        assert!(!stands(&mut refusals, &claim(2, 1), &prospect(50)));
        let debt = Claim::Debt { coordinator: account(1), miner: account(200) };
        assert!(!stands(&mut refusals, &debt, &prospect(50)));
        let mut refusals = refused("Settlement.SignerExpired: too old");
        assert!(!stands(&mut refusals, &claim(1, 2), &prospect(50)), "of another channel that says nothing");
    }

    #[test]
    fn what_no_escrow_mends_waits_for_another_signer_or_twice_as_much() {
        let mut refusals = refused("Settlement.SignerExpired: too old");
        assert!(stands(&mut refusals, &claim(1, 1), &prospect(1_000)));
        assert!(stands(&mut refusals, &claim(1, 1), &Prospect { due: 199, ..prospect(50) }));
        assert!(!stands(&mut refusals, &claim(1, 1), &Prospect { due: 200, ..prospect(50) }));
        let signed_anew = Prospect { signer: Some(account(10)), ..prospect(50) };
        assert!(!stands(&mut refusals, &claim(1, 1), &signed_anew));
    }

    #[test]
    fn every_refusal_lapses_with_its_era() {
        for reason in ["Settlement.GraceRuns", "Settlement.SignerExpired", "anything"] {
            let mut refusals = refused(reason);
            assert!(refusals.lapse(7).is_empty());
            assert_eq!(refusals.reasons(&account(1)), [reason]);
            assert!(stands(&mut refusals, &claim(1, 1), &prospect(50)));
            assert_eq!(refusals.lapse(8), BTreeSet::from([account(1)]));
            assert!(refusals.reasons(&account(1)).is_empty());
            assert!(!stands(&mut refusals, &claim(1, 1), &prospect(50)));
        }
    }

    /// The eras in which something is tried that is refused with this reason each time.
    fn tried(
        reason: &str,
        eras: std::ops::Range<EraIndex>,
        prospect_in: impl Fn(EraIndex) -> Prospect,
    ) -> Vec<EraIndex> {
        let mut refusals = Refusals::default();
        let is_tried = |era: &EraIndex| {
            refusals.lapse(*era);
            let is_tried = !stands(&mut refusals, &claim(1, 1), &prospect_in(*era));
            if is_tried {
                refusals.refuse(claim(1, 1), reason.into(), *era, prospect_in(*era));
            }
            is_tried
        };
        eras.filter(is_tried).collect()
    }

    #[test]
    fn what_is_hopeless_is_tried_more_and_more_rarely() {
        for reason in ["Settlement.Uncovered", "Settlement.UnknownSigner"] {
            assert_eq!(tried(reason, 7..263, |_| prospect(50)), [7, 8, 10, 14, 22, 38, 70, 134, 198, 262]);
        }
    }

    #[test]
    fn what_has_changed_is_tried_at_once_and_as_often_as_at_first() {
        // In era 17, while the refusal of era 14 stands.
        let paid_more = |era| prospect(if era < 17 { 50 } else { 500 });
        assert_eq!(tried("Settlement.Uncovered", 7..28, paid_more), [7, 8, 10, 14, 17, 18, 20, 24]);
        let signed_anew = |era| Prospect { signer: Some(account(if era < 17 { 9 } else { 10 })), ..prospect(50) };
        assert_eq!(tried("Settlement.SignerExpired", 7..28, signed_anew), [7, 8, 10, 14, 17, 18, 20, 24]);
    }

    #[test]
    fn what_was_passed_over_is_sent_alone_until_its_reason_is_known() {
        let mut refusals = Refusals::default();
        refusals.suspect(claim(1, 1));
        assert!(refusals.is_suspect(&claim(1, 1)) && !refusals.is_suspect(&claim(1, 2)));
        refusals.refuse(claim(1, 1), "Settlement.BadSignature".into(), 7, prospect(50));
        assert!(!refusals.is_suspect(&claim(1, 1)));
        refusals.suspect(claim(1, 1));
        refusals.clear(&claim(1, 1));
        assert!(!refusals.is_suspect(&claim(1, 1)) && refusals.reasons(&account(1)).is_empty());
    }
}
