//! Watching what stands behind vouchers, and redeeming them in time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use cuckoo_chain_client::{Cai, Call, Chain, ChainError, MarketView};
use cuckoo_primitives::{
    settlement::{Debt, SettlementTerms},
    AccountId, Balance, BlockNumber, EraIndex, Role,
};
use futures::StreamExt;
use tokio::{task::JoinSet, time::MissedTickBehavior};

use super::{
    decide::{is_collectable, reason, ChannelFacts, CoordinatorFacts, Moment, Reason},
    era_clock::EraClock,
    errand::{batch_size, Errand, Redemption},
    look::Look,
    refusals::{Circumstances, Refusals},
    Settlement,
};
use crate::wallet::{ChannelKey, Held};

/// How often it is seen whether a block has become final.
const TICK: Duration = Duration::from_secs(2);
/// The chain is read again after this long even if none has.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// Coordinators of whom is read at once.
const LOOKS_AT_ONCE: usize = 8;
/// Longest time for all of them.
const LOOK_LIMIT: Duration = Duration::from_secs(30);
/// A fee is asked for again after this time.
const FEE_LASTS: Duration = Duration::from_secs(60);
/// Pause between two urgent redemptions of one channel.
const FRESH: Duration = Duration::from_secs(30);
/// First and longest pause after a call that failed.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(600));
/// The turn of a wallet lies between a quarter and three quarters of an era.
const FIRST_TURN_PERMILLE: u32 = 250;

/// Watches and redeems for ever. A call that is under way when it is dropped may still become final; the next start
/// reads what became of it.
pub(crate) async fn keep(settlement: Arc<Settlement>, chain: Chain, operator: AccountId) {
    let mut keeper = Keeper::new(settlement, operator, &chain.view());
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut calls: JoinSet<(Errand, Result<(), ChainError>)> = JoinSet::new();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            Some(joined) = calls.join_next() => {
                if let Ok((errand, outcome)) = joined {
                    keeper.ended(&errand, outcome, &chain.view()).await;
                }
            }
        }
        // What is not known to be true now is no reason to pay fees.
        if chain.is_stale() {
            continue;
        }
        let view = chain.view();
        keeper.look(&view).await;
        if calls.is_empty() {
            if let Some(errand) = keeper.next(&view).await {
                let settlement = keeper.settlement.clone();
                calls.spawn(async move {
                    let outcome = settlement.source().submit(errand.call()).await;
                    (errand, outcome)
                });
            }
        }
        keeper.settlement.show();
    }
}

/// What is known from one look to the next.
pub(super) struct Keeper {
    settlement: Arc<Settlement>,
    operator: AccountId,
    clock: EraClock,
    pub(super) turn_permille: u32,
    /// When, and at which block, the chain was read last.
    looked: Option<(BlockNumber, Instant)>,
    /// The era in which all coordinators of the wallet were looked at, for debts among others.
    all_looked_in: Option<EraIndex>,
    looks: BTreeMap<AccountId, Look>,
    terms: Option<(EraIndex, SettlementTerms)>,
    redeem_fee: Option<(Balance, Instant)>,
    collect_fee: Option<(Balance, Instant)>,
    /// The era of the oldest voucher of each channel that is not settled.
    since: BTreeMap<ChannelKey, EraIndex>,
    /// The era in which each channel was redeemed last, and when.
    redeemed: BTreeMap<ChannelKey, (EraIndex, Instant)>,
    refusals: Refusals,
    failures: u32,
    pub(super) not_before: Option<Instant>,
}

impl Keeper {
    pub(super) fn new(settlement: Arc<Settlement>, operator: AccountId, view: &MarketView) -> Self {
        let turn_permille = FIRST_TURN_PERMILLE.saturating_add(settlement.wallet().phase_permille(&operator) / 2);
        Self {
            settlement,
            operator,
            clock: EraClock::new(view),
            turn_permille,
            looked: None,
            all_looked_in: None,
            looks: BTreeMap::new(),
            terms: None,
            redeem_fee: None,
            collect_fee: None,
            since: BTreeMap::new(),
            redeemed: BTreeMap::new(),
            refusals: Refusals::default(),
            failures: 0,
            not_before: None,
        }
    }

    /// Reads what is new on the chain.
    pub(super) async fn look(&mut self, view: &MarketView) {
        let is_new = self.looked.is_none_or(|(number, at)| number != view.number || at.elapsed() >= LOOK_AGAIN);
        if !is_new {
            return;
        }
        self.looked = Some((view.number, Instant::now()));
        let own = view.by_operator(&self.operator).filter(|own| own.role == Role::Miner).map(|own| own.stash.clone());
        let era = view.era.era;
        let all = self.all_looked_in != Some(era);
        let coordinators = self.worth_a_look(all);
        let looks = futures::stream::iter(coordinators).map(|coordinator| {
            let (settlement, own) = (self.settlement.clone(), own.clone());
            async move {
                let look = settlement.look(&coordinator, own.as_ref()).await;
                (coordinator, look)
            }
        });
        let looks = looks.buffer_unordered(LOOKS_AT_ONCE).collect::<Vec<_>>();
        let Ok(looks) = tokio::time::timeout(LOOK_LIMIT, looks).await else {
            return self.settlement.note_reading(Some("the node is too slow".into()));
        };
        let mut trouble = None;
        for (coordinator, look) in looks {
            match look {
                Ok(look) => drop(self.looks.insert(coordinator, look)),
                Err(error) => trouble = Some(error.to_string()),
            }
        }
        if trouble.is_none() && all {
            self.all_looked_in = Some(era);
        }
        self.settlement.note_reading(trouble);
        self.follow_dues(era);
    }

    /// The coordinators that are linked, have promised what is not settled, or owe something; once in an era all of the
    /// wallet.
    fn worth_a_look(&self, all: bool) -> BTreeSet<AccountId> {
        let linked = self.settlement.accounts().into_iter().filter(|account| account.standing().is_linked);
        let mut worth: BTreeSet<AccountId> = linked.map(|account| account.coordinator().clone()).collect();
        let settled = self.settlement.settled.lock().clone();
        for (key, held) in self.settlement.wallet().holdings().vouchers() {
            let is_settled = settled.get(key).is_some_and(|settled| settled.amount >= held.amount());
            let is_owed = || self.looks.get(&key.coordinator).is_some_and(|look| !look.debts.is_empty());
            if all || !is_settled || is_owed() {
                worth.insert(key.coordinator.clone());
            }
        }
        worth
    }

    /// Remembers since when each channel has something due.
    fn follow_dues(&mut self, era: EraIndex) {
        let mut since = BTreeMap::new();
        for (key, held, settled) in self.channels() {
            if held.amount() > settled {
                let first = self.since.get(&key).copied().unwrap_or_else(|| held.era.min(era));
                since.insert(key, first);
            }
        }
        self.since = since;
    }

    /// Every channel of the wallet whose settled amount is known, with it.
    fn channels(&self) -> Vec<(ChannelKey, Held, Balance)> {
        let holdings = self.settlement.wallet().holdings();
        let settled = self.settlement.settled.lock();
        let known = holdings.vouchers().iter().filter_map(|(key, held)| {
            let settled = settled.get(key)?;
            Some((key.clone(), held.clone(), settled.amount))
        });
        known.collect()
    }

    /// The next call, if one should be made now.
    pub(super) async fn next(&mut self, view: &MarketView) -> Option<Errand> {
        if self.not_before.is_some_and(|not_before| Instant::now() < not_before) {
            return None;
        }
        let chosen = match self.debt_to_collect(view).await {
            Ok(None) => self.vouchers_to_redeem(view).await,
            chosen => chosen,
        };
        chosen.unwrap_or_else(|error| {
            self.failed(&error);
            None
        })
    }

    async fn debt_to_collect(&mut self, view: &MarketView) -> Result<Option<Errand>, ChainError> {
        let debts: Vec<(AccountId, AccountId, Debt, Balance)> = self
            .looks
            .iter()
            .flat_map(|(coordinator, look)| {
                let with_escrow = move |(miner, debt): &(AccountId, Debt)| {
                    (coordinator.clone(), miner.clone(), *debt, look.solvency.escrow)
                };
                look.debts.iter().map(with_escrow)
            })
            .collect();
        if debts.is_empty() {
            return Ok(None);
        }
        let grace_eras = self.terms(view).await?.grace_eras;
        for (coordinator, miner, debt, escrow) in debts {
            let is_refused = self.refusals.stands(
                &debt_key(&coordinator, &miner),
                debt.open,
                &self.circumstances(&coordinator, view),
            );
            if is_refused || !is_collectable(&debt, escrow, view.era.era, grace_eras, 0) {
                continue;
            }
            let errand = Errand::Collect { coordinator, miner, open: debt.open };
            let fee = fee(&self.settlement, &mut self.collect_fee, &errand.call()).await?;
            if is_collectable(&debt, escrow, view.era.era, grace_eras, fee) {
                return Ok(Some(errand));
            }
        }
        Ok(None)
    }

    async fn vouchers_to_redeem(&mut self, view: &MarketView) -> Result<Option<Errand>, ChainError> {
        if self.since.is_empty() {
            return Ok(None);
        }
        let terms = self.terms(view).await?;
        let moment = Moment {
            era: view.era.era,
            redeem_eras: terms.redeem_eras,
            is_turn: self.clock.permille(view) >= self.turn_permille,
            fee: 0,
        };
        let Some(largest) = self.candidates(view, &moment).into_iter().next() else { return Ok(None) };
        let fee = fee(&self.settlement, &mut self.redeem_fee, &Call::Redeem { vouchers: vec![largest.signed] }).await?;
        let mut candidates = self.candidates(view, &Moment { fee, ..moment });
        if let Some(suspect) = candidates.iter().find(|candidate| self.refusals.is_suspect(&candidate.key())) {
            return Ok(Some(Errand::Redeem(vec![suspect.clone()])));
        }
        candidates.truncate(batch_size(terms.max_vouchers));
        Ok((!candidates.is_empty()).then_some(Errand::Redeem(candidates)))
    }

    /// What there is reason to redeem, the largest first.
    fn candidates(&self, view: &MarketView, moment: &Moment) -> Vec<Redemption> {
        let mut candidates = Vec::new();
        for (key, held, settled) in self.channels() {
            let due = held.amount().saturating_sub(settled);
            let circumstances = self.circumstances(&key.coordinator, view);
            if due == 0 || self.refusals.stands(&key, due, &circumstances) {
                continue;
            }
            let redeemed = self.redeemed.get(&key);
            let channel = ChannelFacts {
                due,
                since: self.since.get(&key).copied().unwrap_or(moment.era),
                is_signers_key_current: circumstances.operator.as_ref().is_none_or(|now| *now == held.signed.operator),
                is_done_in_era: redeemed.is_some_and(|(era, _)| *era == moment.era),
                is_fresh: redeemed.is_some_and(|(_, at)| at.elapsed() < FRESH),
            };
            if let Some(reason) = reason(&channel, &self.coordinator_facts(&key.coordinator, view), moment) {
                candidates.push(Redemption { signed: held.signed, settled, reason });
            }
        }
        candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.due()));
        candidates
    }

    fn coordinator_facts(&self, coordinator: &AccountId, view: &MarketView) -> CoordinatorFacts {
        let solvency = self.looks.get(coordinator).map(|look| look.solvency).unwrap_or_default();
        let candidate = view.by_stash(coordinator);
        let standing = self.settlement.account(coordinator).standing();
        CoordinatorFacts {
            is_active: candidate.is_some_and(|candidate| candidate.role == Role::Coordinator && candidate.is_active()),
            is_withdrawing: solvency.withdrawing > 0,
            is_in_debt: solvency.owed > 0,
            exposure: standing.exposure.zip(standing.limit),
        }
    }

    fn circumstances(&self, coordinator: &AccountId, view: &MarketView) -> Circumstances {
        let look = self.looks.get(coordinator);
        Circumstances {
            solvency: look.map(|look| look.solvency).unwrap_or_default(),
            cover: look.map_or(0, |look| look.cover),
            operator: view.by_stash(coordinator).map(|candidate| candidate.operator.clone()),
        }
    }

    async fn terms(&mut self, view: &MarketView) -> Result<SettlementTerms, ChainError> {
        let era = view.era.era;
        if let Some((_, terms)) = self.terms.filter(|(read_in, _)| *read_in == era) {
            return Ok(terms);
        }
        let terms = self.settlement.source().terms().await?;
        self.terms = Some((era, terms));
        Ok(terms)
    }

    /// Judges a call by what the chain says now, whatever was said about the call.
    pub(super) async fn ended(&mut self, errand: &Errand, outcome: Result<(), ChainError>, view: &MarketView) {
        self.looked = None;
        self.look(view).await;
        match errand {
            Errand::Redeem(redemptions) => self.redeemed(redemptions, &outcome, view),
            Errand::Collect { coordinator, miner, open } => self.collected(coordinator, miner, *open, &outcome, view),
        }
        match outcome {
            Ok(()) => self.succeeded(),
            Err(error) => self.failed(&error),
        }
    }

    fn redeemed(&mut self, redemptions: &[Redemption], outcome: &Result<(), ChainError>, view: &MarketView) {
        // A call that was lost or not final in time may still be: nothing follows from what did not happen yet.
        let is_decided = matches!(outcome, Ok(()) | Err(ChainError::Dispatch { .. }));
        for redemption in redemptions {
            let key = redemption.key();
            let now = self.settlement.settled.lock().get(&key).map_or(0, |settled| settled.amount);
            if now > redemption.settled {
                self.refusals.clear(&key);
                self.redeemed.insert(key.clone(), (view.era.era, Instant::now()));
                self.settlement.note_paid(&key.coordinator, now.saturating_sub(redemption.settled), redemption.reason);
            } else if is_decided && redemptions.len() > 1 {
                self.refusals.suspect(key);
            } else if is_decided {
                let reason = match outcome {
                    Err(error) => error.to_string(),
                    Ok(()) => "the chain took the voucher and paid nothing".into(),
                };
                self.refuse(key, reason, redemption.due(), view);
            }
        }
    }

    fn collected(
        &mut self,
        coordinator: &AccountId,
        miner: &AccountId,
        open: Balance,
        outcome: &Result<(), ChainError>,
        view: &MarketView,
    ) {
        let debts = self.looks.get(coordinator).map(|look| look.debts.as_slice()).unwrap_or_default();
        let now = debts.iter().find(|(creditor, _)| creditor == miner).map_or(0, |(_, debt)| debt.open);
        if now < open {
            self.refusals.clear(&debt_key(coordinator, miner));
            self.settlement.note_paid(coordinator, open.saturating_sub(now), Reason::Debt);
        } else if let Err(error @ ChainError::Dispatch { .. }) = outcome {
            self.refuse(debt_key(coordinator, miner), error.to_string(), open, view);
        }
    }

    fn refuse(&mut self, key: ChannelKey, reason: String, due: Balance, view: &MarketView) {
        tracing::warn!(
            target: "miner::settle",
            coordinator = %key.coordinator,
            due = %Cai(due),
            reason,
            "the chain pays nothing for this; it is tried again when something about the coordinator has changed"
        );
        let circumstances = self.circumstances(&key.coordinator, view);
        let coordinator = key.coordinator.clone();
        self.refusals.refuse(key, reason, due, circumstances);
        self.settlement.note_refusals(&coordinator, self.refusals.reasons(&coordinator));
    }

    fn succeeded(&mut self) {
        self.failures = 0;
        self.not_before = None;
        self.settlement.note_redeeming(None);
    }

    fn failed(&mut self, error: &ChainError) {
        let (first, longest) = BACKOFF;
        let pause = first.saturating_mul(2_u32.saturating_pow(self.failures)).min(longest);
        self.failures = self.failures.saturating_add(1);
        self.not_before = Instant::now().checked_add(pause);
        self.settlement.note_redeeming(Some(format!("{error}{}", mend(error, &self.operator))));
    }
}

/// What the operator can do about a call that failed.
pub(crate) fn mend(error: &ChainError, operator: &AccountId) -> String {
    match error {
        ChainError::Rejected { reason } if reason.contains("pay some fees") => {
            format!("; to mend it, send a little CAI to the operator's account {operator}, which pays the fees")
        }
        _ => String::new(),
    }
}

/// Debts are refused as channels are. No channel of ours has this id.
fn debt_key(coordinator: &AccountId, miner: &AccountId) -> ChannelKey {
    ChannelKey { coordinator: coordinator.clone(), miner: miner.clone(), channel: [0; 16] }
}

/// What a call costs, read not too long ago.
async fn fee(
    settlement: &Settlement,
    known: &mut Option<(Balance, Instant)>,
    call: &Call,
) -> Result<Balance, ChainError> {
    if let Some((fee, _)) = known.filter(|(_, read)| read.elapsed() < FEE_LASTS) {
        return Ok(fee);
    }
    let fee = settlement.source().fee(call).await?;
    *known = Some((fee, Instant::now()));
    Ok(fee)
}
