//! Watching what stands behind vouchers, and redeeming them in time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use cuckoo_chain_client::{Call, Chain, ChainError, MarketView};
use cuckoo_primitives::{
    currency::EXISTENTIAL_DEPOSIT, settlement::SettlementTerms, AccountId, Balance, BlockNumber, EraIndex, Role,
};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior},
};

use super::{
    decide::{payable, reason, ChannelFacts, CoordinatorFacts, Moment},
    era_clock::EraClock,
    errand::{batch_size, Claim, Errand, Redemption},
    observed::Observed,
    outcomes::{Known, Outcomes},
    purse::Purse,
    refusals::Prospect,
    Settlement,
};
use crate::wallet::{ChannelKey, Held};

/// How often it is seen whether a block has become final.
const TICK: Duration = Duration::from_secs(2);
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
    let mut calls: JoinSet<(Errand, Result<BlockNumber, ChainError>)> = JoinSet::new();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            Some(joined) = calls.join_next() => {
                if let Ok((errand, outcome)) = joined {
                    keeper.ended(&errand, outcome, &chain.view()).await;
                }
            }
        }
        if let Some(errand) = keeper.tick(&chain, !calls.is_empty()).await {
            let settlement = keeper.settlement.clone();
            calls.spawn(async move {
                let outcome = settlement.source().submit(errand.call()).await;
                (errand, outcome)
            });
        }
    }
}

/// What is known from one look to the next.
pub(super) struct Keeper {
    settlement: Arc<Settlement>,
    operator: AccountId,
    clock: EraClock,
    pub(super) turn_permille: u32,
    pub(super) observed: Observed,
    terms: Option<(EraIndex, SettlementTerms)>,
    redeem_fee: Option<(Balance, Instant)>,
    collect_fee: Option<(Balance, Instant)>,
    /// The era of the oldest voucher of each channel that is not settled.
    since: BTreeMap<ChannelKey, EraIndex>,
    outcomes: Outcomes,
    failures: u32,
    pub(super) not_before: Option<Instant>,
}

/// A call that there is reason for.
struct Choice {
    errand: Errand,
    /// What it pays at once, in planck.
    pays: Balance,
}

/// A voucher that there is reason to send.
struct Candidate {
    redemption: Redemption,
    /// What it is paid at once, in planck.
    pays: Balance,
    /// It may be refused, so that it must not be in one call with others.
    is_alone: bool,
}

impl Keeper {
    pub(super) fn new(settlement: Arc<Settlement>, operator: AccountId, view: &MarketView) -> Self {
        let turn_permille = FIRST_TURN_PERMILLE.saturating_add(settlement.wallet().phase_permille(&operator) / 2);
        Self {
            settlement,
            operator,
            clock: EraClock::new(view),
            turn_permille,
            observed: Observed::default(),
            terms: None,
            redeem_fee: None,
            collect_fee: None,
            since: BTreeMap::new(),
            outcomes: Outcomes::default(),
            failures: 0,
            not_before: None,
        }
    }

    /// The stash of this miner.
    fn own(&self, view: &MarketView) -> Option<AccountId> {
        view.by_operator(&self.operator).filter(|own| own.role == Role::Miner).map(|own| own.stash.clone())
    }

    /// Reads what is new and says what to call next; nothing as long as a call is under way.
    pub(super) async fn tick(&mut self, chain: &Chain, is_busy: bool) -> Option<Errand> {
        // What is not known to be true now is no reason to pay fees.
        if chain.is_stale() {
            return None;
        }
        let view = chain.view();
        self.look(&view).await;
        let errand = if is_busy { None } else { self.next(&view).await };
        self.settlement.show();
        errand
    }

    /// Reads what is new on the chain, and what became of the calls that were sent.
    pub(super) async fn look(&mut self, view: &MarketView) {
        let own = self.own(view);
        if !self.observed.renew(&self.settlement, own.as_ref(), view).await {
            return;
        }
        let known = Known { settlement: &self.settlement, observed: &self.observed, own, view };
        if self.outcomes.judge(&known) {
            self.succeeded();
        }
        self.follow_dues(view.era.era);
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

    /// Every channel of the wallet whose settled amount is known, with it; the one that most is due to first.
    fn channels(&self) -> Vec<(ChannelKey, Held, Balance)> {
        let holdings = self.settlement.wallet().holdings();
        let settled = self.settlement.settled.lock();
        let known = holdings.vouchers().iter().filter_map(|(key, held)| {
            let settled = settled.get(key)?;
            Some((key.clone(), held.clone(), settled.amount))
        });
        let mut channels: Vec<_> = known.collect();
        channels.sort_by_key(|(_, held, settled)| std::cmp::Reverse(held.amount().saturating_sub(*settled)));
        channels
    }

    /// The next call, if one should be made now.
    pub(super) async fn next(&mut self, view: &MarketView) -> Option<Errand> {
        if self.not_before.is_some_and(|not_before| Instant::now() < not_before) {
            return None;
        }
        match self.choose(view).await {
            Ok(choice) => choice.map(|choice| choice.errand),
            Err(error) => {
                self.failed(&error);
                None
            }
        }
    }

    /// Whatever pays more at once goes first, so that dust of one sort does not hold up the other. Of equals it is the
    /// vouchers: a debt is on record and cannot get lost.
    async fn choose(&mut self, view: &MarketView) -> Result<Option<Choice>, ChainError> {
        let is_anything_owed = self.observed.all().any(|(_, seen)| !seen.look.debts.is_empty());
        if self.since.is_empty() && !is_anything_owed {
            return Ok(None);
        }
        let terms = self.terms(view).await?;
        let is_turn = self.clock.permille(view) >= self.turn_permille;
        let free = Moment { era: view.era.era, terms, is_turn, fee: 0 };
        let debt = self.debt_to_collect(&free).await?;
        let vouchers = self.vouchers_to_redeem(view, &free).await?;
        Ok(match (debt, vouchers) {
            (Some(debt), Some(vouchers)) if debt.pays > vouchers.pays => Some(debt),
            (debt, vouchers) => vouchers.or(debt),
        })
    }

    async fn debt_to_collect(&mut self, free: &Moment) -> Result<Option<Choice>, ChainError> {
        let Some(Choice { errand, .. }) = self.largest_debt(free) else { return Ok(None) };
        let fee = fee(&self.settlement, &mut self.collect_fee, &errand.call()).await?;
        Ok(self.largest_debt(&Moment { fee, ..*free }))
    }

    /// Of the debts that there is reason to collect, the one that pays most.
    fn largest_debt(&mut self, moment: &Moment) -> Option<Choice> {
        let mut largest: Option<Choice> = None;
        for (coordinator, seen) in self.observed.all() {
            for (miner, debt) in &seen.look.debts {
                let claim = Claim::Debt { coordinator: coordinator.clone(), miner: miner.clone() };
                let pays = payable(debt, seen.look.solvency.escrow, moment);
                let is_more = largest.as_ref().is_none_or(|largest| pays > largest.pays);
                let escrow = self.observed.payable(&claim, None);
                let prospect = Prospect { due: debt.open, payable: escrow, signer: None };
                let may_send = self.outcomes.may_send(&claim, &prospect, |gain| moment.is_worth(gain));
                if is_more && may_send && moment.is_worth(pays) {
                    let (coordinator, miner) = (coordinator.clone(), miner.clone());
                    let errand = Errand::Collect { coordinator, miner, open: debt.open, era: moment.era };
                    largest = Some(Choice { errand, pays });
                }
            }
        }
        largest
    }

    async fn vouchers_to_redeem(&mut self, view: &MarketView, free: &Moment) -> Result<Option<Choice>, ChainError> {
        let Some(first) = self.candidates(view, free).into_iter().next() else { return Ok(None) };
        let call = Call::Redeem { vouchers: vec![first.redemption.signed] };
        let fee = fee(&self.settlement, &mut self.redeem_fee, &call).await?;
        let candidates = self.candidates(view, &Moment { fee, ..*free });
        let together = candidates.iter().take_while(|candidate| !candidate.is_alone).count();
        let size = together.clamp(1, batch_size(free.terms.max_vouchers));
        let batch: Vec<Candidate> = candidates.into_iter().take(size).collect();
        let pays = batch.iter().fold(0, |sum: Balance, candidate| sum.saturating_add(candidate.pays));
        let redemptions: Vec<Redemption> = batch.into_iter().map(|candidate| candidate.redemption).collect();
        Ok((!redemptions.is_empty()).then_some(Choice { errand: Errand::Redeem(redemptions), pays }))
    }

    /// What there is reason to redeem, the largest first, and behind that what has to go alone.
    fn candidates(&mut self, view: &MarketView, moment: &Moment) -> Vec<Candidate> {
        let own = self.own(view);
        let mut purses: BTreeMap<AccountId, Purse> = BTreeMap::new();
        let mut pairs: BTreeSet<(AccountId, AccountId)> = BTreeSet::new();
        let mut candidates = Vec::new();
        for (key, held, settled) in self.channels() {
            let Some(look) = self.observed.of(&key.coordinator).map(|seen| &seen.look) else { continue };
            let due = held.amount().saturating_sub(settled);
            let claim = Claim::Voucher(key.clone());
            // The chain opens no channel for less.
            let is_too_small = settled == 0 && due < EXISTENTIAL_DEPOSIT;
            let signer = held.signed.operator.clone();
            let payable = self.observed.payable(&claim, own.as_ref());
            let prospect = Prospect { due, payable, signer: Some(signer.clone()) };
            let may_send = self.outcomes.may_send(&claim, &prospect, |gain| moment.is_worth(gain));
            if due == 0 || is_too_small || !may_send {
                continue;
            }
            let is_own = own.as_ref() == Some(&key.miner);
            let purse = purses.entry(key.coordinator.clone()).or_insert_with(|| Purse::of(look));
            let gets = purse.gets(due, is_own);
            let redeemed = self.outcomes.redeemed(&key);
            let facts = ChannelFacts {
                due,
                gets,
                since: self.since.get(&key).copied().unwrap_or(moment.era),
                is_signers_key_current: view.by_stash(&key.coordinator).is_none_or(|payer| payer.operator == signer),
                is_done_in_era: redeemed.is_some_and(|(era, _)| era == moment.era),
                is_fresh: redeemed.is_some_and(|(_, at)| at.elapsed() < FRESH),
            };
            let Some(reason) = reason(&facts, &self.coordinator_facts(&key.coordinator, view), moment) else {
                continue;
            };
            let is_sure = moment.is_worth(gets);
            let is_first = pairs.insert((key.coordinator.clone(), key.miner.clone()));
            // One voucher is enough to find out whether there is more than was read.
            if !is_sure && !is_first {
                continue;
            }
            let is_alone = !is_sure || self.outcomes.is_suspect(&claim);
            let pays = purse.pays(due);
            purse.take(due, is_own);
            let redemption = Redemption { signed: held.signed, settled, reason, era: moment.era };
            candidates.push(Candidate { redemption, pays, is_alone });
        }
        candidates.sort_by_key(|candidate| candidate.is_alone);
        candidates
    }

    fn coordinator_facts(&self, coordinator: &AccountId, view: &MarketView) -> CoordinatorFacts {
        let solvency = self.observed.of(coordinator).map(|seen| seen.look.solvency).unwrap_or_default();
        let candidate = view.by_stash(coordinator);
        let standing = self.settlement.account(coordinator).standing();
        CoordinatorFacts {
            is_active: candidate.is_some_and(|candidate| candidate.role == Role::Coordinator && candidate.is_active()),
            is_withdrawing: solvency.withdrawing > 0,
            is_in_debt: solvency.owed > 0,
            exposure: standing.exposure.zip(standing.limit),
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

    /// A call has ended, and the chain is read again.
    pub(super) async fn ended(&mut self, errand: &Errand, outcome: Result<BlockNumber, ChainError>, view: &MarketView) {
        let known = Known { settlement: &self.settlement, observed: &self.observed, own: self.own(view), view };
        self.outcomes.ended(errand, &outcome, &known);
        match outcome {
            Ok(_) => self.succeeded(),
            Err(error) => self.failed(&error),
        }
        self.observed.look_again();
        self.look(view).await;
    }

    fn succeeded(&mut self) {
        self.failures = 0;
        self.not_before = None;
        self.settlement.note_redeeming(None);
    }

    fn failed(&mut self, error: &ChainError) {
        // What the chain has refused is not sent again anyway, and must not hold up what other coordinators owe.
        if !matches!(error, ChainError::Dispatch { .. }) {
            let (first, longest) = BACKOFF;
            let pause = first.saturating_mul(2_u32.saturating_pow(self.failures)).min(longest);
            self.failures = self.failures.saturating_add(1);
            self.not_before = Instant::now().checked_add(pause);
        }
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
