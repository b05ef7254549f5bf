//! What was sent to the chain, and what became of it.

use std::collections::BTreeMap;

use cuckoo_chain_client::{Cai, ChainError, MarketView};
use cuckoo_primitives::{currency::EXISTENTIAL_DEPOSIT, AccountId, Balance, BlockNumber, EraIndex};
use tokio::time::Instant;

use super::{
    errand::{Claim, Errand, Sent},
    observed::Observed,
    refusals::{is_nothing_to_pay, Prospect, Refusals},
    Settlement,
};
use crate::wallet::ChannelKey;

/// What is not seen yet comes in one of the next blocks that become final, or hardly at all: a call that was lost from
/// sight, or the effect of somebody else's. To send again before would only pay a fee twice.
const LATE_BLOCKS: BlockNumber = 16;
/// After this many a call that was lost cannot come any more: so long may one be included.
const GONE_BLOCKS: BlockNumber = 2_048;

/// What was sent, until the chain has been read as it is afterwards. From what was read before it would follow that
/// nothing was paid.
#[derive(Debug)]
struct Awaited {
    sent: Sent,
    /// What is read as of this block or a later one shows what became of it.
    from: BlockNumber,
    unpaid: Unpaid,
}

/// What it means if a claim turns out not to be paid.
#[derive(Debug, PartialEq, Eq)]
enum Unpaid {
    /// The debt has grown by more than what was paid of it.
    Grown,
    /// The call has not reached the chain and will hardly do so any more.
    NeverCame,
    /// It was passed over in a call with others; sent alone, the chain will say why.
    PassedOver,
    /// The chain refused it, for this reason.
    Refused(String),
}

/// What is known when something is judged.
pub(super) struct Known<'a> {
    pub(super) settlement: &'a Settlement,
    pub(super) observed: &'a Observed,
    /// The stash of this miner.
    pub(super) own: Option<AccountId>,
    pub(super) view: &'a MarketView,
}

/// What was sent, what was paid and what was refused.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    awaited: BTreeMap<Claim, Awaited>,
    refusals: Refusals,
    /// How often in a row each claim was lost from sight.
    losses: BTreeMap<Claim, u32>,
    /// The era in which each channel was redeemed last, and when that was seen.
    redeemed: BTreeMap<ChannelKey, (EraIndex, Instant)>,
}

impl Outcomes {
    /// A call has ended. What became of its claims is judged by what the chain says, see [`Self::judge`]; at once only
    /// if the chain itself has refused them.
    pub(super) fn ended(&mut self, errand: &Errand, outcome: &Result<BlockNumber, ChainError>, known: &Known<'_>) {
        let claims = errand.claims();
        let is_alone = claims.len() == 1;
        let number = known.view.number;
        for sent in claims {
            let late = number.saturating_add(LATE_BLOCKS);
            let (from, unpaid) = match outcome {
                Ok(block) if matches!(sent.claim, Claim::Debt { .. }) => (*block, Unpaid::Grown),
                Ok(block) if is_alone => (*block, Unpaid::Refused("the chain took it and paid nothing of it".into())),
                Ok(block) => (*block, Unpaid::PassedOver),
                Err(ChainError::Lost { .. } | ChainError::TimedOut { .. }) => {
                    (number.saturating_add(self.lose(&sent.claim)), Unpaid::NeverCame)
                }
                // If somebody else was faster, one of the next blocks shows it.
                Err(refusal @ ChainError::Dispatch { error, .. }) if is_alone && is_nothing_to_pay(error) => {
                    (late, Unpaid::Refused(refusal.to_string()))
                }
                Err(refusal @ ChainError::Dispatch { .. }) if is_alone => {
                    let reason = format!("{refusal}{}", mend(refusal, &sent.claim));
                    self.refuse(sent, reason, known);
                    continue;
                }
                Err(ChainError::Dispatch { .. }) => {
                    self.suspect(sent.claim);
                    continue;
                }
                // It was never in a block.
                Err(_) => continue,
            };
            self.awaited.insert(sent.claim.clone(), Awaited { sent, from, unpaid });
        }
    }

    /// Finds out what became of what was sent, as far as the chain has been read since. Returns whether a call has paid
    /// that had been given up.
    pub(super) fn judge(&mut self, known: &Known<'_>) -> bool {
        let mut has_come_late = false;
        for (claim, awaited) in std::mem::take(&mut self.awaited) {
            let read_at = known.observed.read_at(&claim);
            let paid = paid(&awaited.sent, known);
            if paid > 0 {
                has_come_late |= awaited.unpaid == Unpaid::NeverCame;
                self.paid(&awaited.sent, paid, known.settlement);
            } else if read_at.is_none_or(|at| at < awaited.from) {
                self.awaited.insert(claim, awaited);
            } else {
                match awaited.unpaid {
                    Unpaid::Grown | Unpaid::NeverCame => {}
                    Unpaid::PassedOver => self.suspect(claim),
                    Unpaid::Refused(reason) => self.refuse(awaited.sent, reason, known),
                }
            }
        }
        for coordinator in self.refusals.lapse(known.view.era.era) {
            known.settlement.note_refusals(&coordinator, self.refusals.reasons(&coordinator));
        }
        has_come_late
    }

    /// A call with this claim was lost from sight. Returns for how many blocks to wait for it: it may be included for
    /// long, and each that is sent beside it would cost a fee, so that the wait grows with each that is lost in a row.
    fn lose(&mut self, claim: &Claim) -> BlockNumber {
        let losses = self.losses.entry(claim.clone()).or_default();
        let wait = LATE_BLOCKS.saturating_mul(4_u32.saturating_pow(*losses)).min(GONE_BLOCKS);
        *losses = losses.saturating_add(1);
        wait
    }

    fn suspect(&mut self, claim: Claim) {
        self.losses.remove(&claim);
        self.refusals.suspect(claim);
    }

    fn paid(&mut self, sent: &Sent, amount: Balance, settlement: &Settlement) {
        self.losses.remove(&sent.claim);
        self.refusals.clear(&sent.claim);
        if let Claim::Voucher(key) = &sent.claim {
            self.redeemed.insert(key.clone(), (sent.era, Instant::now()));
        }
        let coordinator = sent.claim.coordinator();
        settlement.note_paid(coordinator, amount, sent.reason);
        settlement.note_refusals(coordinator, self.refusals.reasons(coordinator));
    }

    fn refuse(&mut self, sent: Sent, reason: String, known: &Known<'_>) {
        let Sent { claim, due, signer, era, .. } = sent;
        self.losses.remove(&claim);
        let coordinator = claim.coordinator().clone();
        tracing::warn!(
            target: "miner::settle",
            %coordinator,
            due = %Cai(due),
            reason,
            "the chain pays nothing for this; it is tried again when something about it has changed, or in a later era"
        );
        let payable = known.observed.payable(&claim, known.own.as_ref());
        // By then the next era may have begun, in which it has not been tried yet.
        self.refusals.refuse(claim, reason, era, Prospect { due, payable, signer });
        known.settlement.note_refusals(&coordinator, self.refusals.reasons(&coordinator));
    }

    /// Whether to send this claim now: nothing of it is under way, and it would not be refused again.
    pub(super) fn may_send(&mut self, claim: &Claim, prospect: &Prospect, is_worth: impl Fn(Balance) -> bool) -> bool {
        !self.awaited.contains_key(claim) && !self.refusals.stands(claim, prospect, is_worth)
    }

    /// Whether to send it by itself.
    pub(super) fn is_suspect(&self, claim: &Claim) -> bool {
        self.refusals.is_suspect(claim)
    }

    /// The era in which this channel was redeemed last, and when that was seen.
    pub(super) fn redeemed(&self, key: &ChannelKey) -> Option<(EraIndex, Instant)> {
        self.redeemed.get(key).copied()
    }
}

/// What this miner's operator can do about a claim that the chain has refused.
fn mend(refusal: &ChainError, claim: &Claim) -> String {
    match refusal {
        ChainError::Dispatch { error, .. } if error == "MinerCannotReceive" => {
            format!("; to mend it, send {} or more to the miner's stash {}", Cai(EXISTENTIAL_DEPOSIT), claim.miner())
        }
        _ => String::new(),
    }
}

/// What of a claim has been paid, or put on record as a debt, since it was sent.
fn paid(sent: &Sent, known: &Known<'_>) -> Balance {
    match &sent.claim {
        Claim::Voucher(key) => {
            let settled = known.settlement.settled.lock().get(key).map_or(0, |settled| settled.amount);
            settled.saturating_sub(sent.before)
        }
        Claim::Debt { coordinator, miner } => {
            let Some(seen) = known.observed.of(coordinator) else { return 0 };
            let debt = seen.look.debts.iter().find(|(creditor, _)| creditor == miner);
            sent.before.saturating_sub(debt.map_or(0, |(_, debt)| debt.open))
        }
    }
}
