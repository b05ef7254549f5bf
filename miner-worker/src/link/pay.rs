//! How the work of one link is paid.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use cuckoo_chain_client::{Cai, MarketView};
use cuckoo_primitives::{
    settlement::{ChannelId, Price, SignedVoucher},
    task::Receipt,
    AccountId, Balance, EraIndex, Hash, Role,
};
use cuckoo_wire::{
    charge::{charged, most, Delivered},
    link::{self, FailureCode},
    money::{price_from_wire, voucher_from_wire, voucher_to_wire},
};
use tokio::{sync::watch, time::timeout};

use super::{error::LinkError, miner::Miner, work::Failed};
use crate::{
    settle::{Account, Behind, OpenLink, Reservation, Settlement},
    wallet::ChannelKey,
};

/// Longest wait for the wallet's disk, and for the chain, before a link is used.
const WRITE_LIMIT: Duration = Duration::from_secs(10);
const LOOK_LIMIT: Duration = Duration::from_secs(5);

/// How the work of one link is paid: through which channel, and how far.
pub(super) struct Pay {
    settlement: Arc<Settlement>,
    account: Arc<Account>,
    genesis: Hash,
    /// Whose key signs.
    operator: AccountId,
    key: ChannelKey,
    /// The highest amount promised, written or not.
    promised: Balance,
    written: watch::Receiver<u64>,
    open: Option<OpenLink>,
}

/// What a task that was accepted pays.
pub(super) struct TaskPay {
    task: Arc<link::Task>,
    price: Price,
    context_tokens: u32,
    settlement: Arc<Settlement>,
    account: Arc<Account>,
    /// Its ceiling, as long as it runs.
    _reservation: Reservation,
}

impl Pay {
    /// How the coordinator with this operator would pay `miner`.
    pub(super) fn new(miner: &Miner, view: &MarketView, coordinator: &AccountId) -> Result<Self, LinkError> {
        let settlement = miner.settlement().clone();
        let (payer, payee) = stashes(view, miner.operator(), coordinator).ok_or(LinkError::NoStash)?;
        let key = ChannelKey { channel: settlement.wallet().channel(&payer), coordinator: payer, miner: payee };
        Ok(Self {
            account: settlement.account(&key.coordinator),
            genesis: miner.chain().genesis(),
            operator: coordinator.clone(),
            promised: settlement.wallet().paid(&key),
            written: settlement.wallet().written(),
            open: None,
            key,
            settlement,
        })
    }

    /// The channel that this link's work is paid through.
    pub(super) fn channel(&self) -> ChannelId {
        self.key.channel
    }

    /// The newest voucher of it, to be shown.
    pub(super) fn presented(&self) -> Option<link::Voucher> {
        self.settlement.wallet().newest(&self.key).map(|signed| voucher_to_wire(&signed))
    }

    /// The coordinator cannot go on with this channel: the next link names another. False if it gets no other.
    pub(super) fn abandon_channel(&self) -> bool {
        let coordinator = &self.key.coordinator;
        let is_left = self.settlement.wallet().next_generation(coordinator);
        if is_left {
            tracing::warn!(
                target: "miner::link",
                %coordinator,
                "the coordinator asks for a new channel; what it promised in the old one is redeemed as before"
            );
        }
        is_left
    }

    /// The coordinator has said how much it promised so far. Returns when that is written and what covers it is known.
    pub(super) async fn begin(&mut self, newest: Option<&link::Voucher>, era: EraIndex) -> Result<(), LinkError> {
        let wallet = self.settlement.wallet();
        let held = wallet.newest(&self.key);
        let held_amount = held.as_ref().map_or(0, |held| held.voucher.amount);
        let shown = newest.map(|voucher| self.read(voucher)).transpose()?;
        let shown_amount = shown.as_ref().map_or(0, |shown| shown.voucher.amount);
        if shown_amount < held_amount {
            return Err(LinkError::Forgot { held: held_amount, shown: shown_amount });
        }
        // A signature is another each time; only another signer or amount is news.
        let is_known = |shown: &SignedVoucher| {
            held.as_ref().is_some_and(|held| held.operator == shown.operator && held.voucher.amount == shown_amount)
        };
        if let Some(shown) = shown.filter(|shown| shown_amount > 0 && !is_known(shown)) {
            wallet.keep(shown.clone(), era);
            self.until_written(&shown).await?;
        }
        self.promised = shown_amount;
        let paid = self.account.count(&self.key, held_amount, shown_amount);
        let begin = || self.account.begin_link(paid, Instant::now());
        self.open = Some(self.settlement.keep_written_off(&self.account, begin));
        self.account.has_room(Instant::now()).map_err(|_| LinkError::LeftUnpaid)?;
        // Without it no paid task could be accepted. If it fails, the next block brings another try.
        let look = self.settlement.look(&self.key.coordinator, Some(&self.key.miner), LOOK_LIMIT / 2);
        if let Ok(Err(error)) = timeout(LOOK_LIMIT, look).await {
            tracing::debug!(target: "miner::link", %error, "cannot read yet what covers this link");
        }
        Ok(())
    }

    async fn until_written(&self, signed: &SignedVoucher) -> Result<(), LinkError> {
        let wallet = self.settlement.wallet();
        let mut written = wallet.written();
        let is_written = async {
            while wallet.newest(&self.key).as_ref() != Some(signed) {
                if written.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        let waited = timeout(WRITE_LIMIT, is_written).await;
        waited.map_err(|_| LinkError::Wallet(wallet.trouble().unwrap_or_else(|| "its disk is too slow".into())))
    }

    /// Takes a voucher. It counts once it is written, see [`Pay::written`].
    pub(super) fn take(&mut self, voucher: &link::Voucher, era: EraIndex) -> Result<(), LinkError> {
        let signed = self.read(voucher)?;
        let amount = signed.voucher.amount;
        if amount < self.promised {
            let (promised, amount) = (Cai(self.promised), Cai(amount));
            return Err(LinkError::BadVoucher(format!("it promises {amount} after {promised}")));
        }
        if amount > self.promised {
            self.promised = amount;
            self.settlement.wallet().keep(signed, era);
        }
        Ok(())
    }

    /// A voucher for this link's channel, signed by the operator that is linked.
    fn read(&self, voucher: &link::Voucher) -> Result<SignedVoucher, LinkError> {
        let ChannelKey { coordinator, miner, channel } = &self.key;
        let signed = voucher_from_wire(voucher, coordinator, miner, *channel)
            .map_err(|error| LinkError::BadVoucher(error.to_string()))?;
        if signed.operator != self.operator {
            return Err(LinkError::BadVoucher(format!(
                "{} signed it, and not the operator that is linked",
                signed.operator
            )));
        }
        match signed.is_signed(&self.genesis) {
            true => Ok(signed),
            false => Err(LinkError::BadVoucher("its signature does not hold for this miner and channel".into())),
        }
    }

    /// Returns when more has been written.
    pub(super) async fn written(&mut self) {
        if self.written.changed().await.is_err() {
            // The wallet is gone, and nothing can be written any more.
            std::future::pending::<()>().await;
        }
    }

    /// Counts what is written as paid.
    pub(super) fn count(&self) {
        let written = self.settlement.wallet().paid(&self.key);
        let paid = self.account.count(&self.key, 0, written);
        if paid > 0 {
            self.settlement.keep_written_off(&self.account, || ((), self.account.paid(paid, Instant::now())));
        }
    }

    /// Accepts the task for its price, or says why not. `context_tokens` is that of its model, 0 if there is none.
    pub(super) fn accept(&self, task: Arc<link::Task>, context_tokens: u32, slots: u32) -> Result<TaskPay, Failed> {
        // What is written is paid, even if the session has not heard of it yet.
        self.count();
        let price = price_from_wire(task.price.as_ref())
            .map_err(|error| Failed::new(FailureCode::Price, format!("the task's price cannot be read: {error}")))?;
        if !price.meets(&self.settlement.asks().of(&task.model)) {
            return Err(Failed::new(FailureCode::Price, "the task pays less than this miner's offer asks"));
        }
        let ceiling = price.cost(&most(&task, context_tokens));
        let reservation = self
            .account
            .reserve(ceiling, slots, Instant::now())
            .map_err(|declined| Failed::new(FailureCode::Uncovered, declined.to_string()))?;
        let (settlement, account) = (self.settlement.clone(), self.account.clone());
        Ok(TaskPay { task, price, context_tokens, settlement, account, _reservation: reservation })
    }

    /// Whether anything that was sent on this link is not paid yet.
    pub(super) fn is_owed(&self) -> bool {
        self.account.standing().owed > 0
    }

    /// Whether more than one step is unpaid.
    pub(super) fn behind(&self) -> Option<Behind> {
        self.account.behind()
    }

    /// Whether both sides still work for the stashes that this link's vouchers name.
    pub(super) fn holds(&self, view: &MarketView, miner: &AccountId) -> bool {
        stashes(view, miner, &self.operator)
            .is_some_and(|(payer, payee)| payer == self.key.coordinator && payee == self.key.miner)
    }
}

impl TaskPay {
    /// The result with this receipt is about to be sent, after so much of the answer.
    pub(super) fn delivered(&self, receipt: &Receipt, delivered: Delivered) {
        self.account.delivered(self.cost(receipt, delivered));
    }

    /// So much of the answer was sent when the link ended, and nothing will be signed for it that could be paid.
    pub(super) fn cut_off(&self, receipt: &Receipt, delivered: Delivered) {
        let cost = self.cost(receipt, delivered);
        self.settlement.keep_written_off(&self.account, || ((), self.account.cut_off(cost, Instant::now())));
    }

    /// So much of the answer was sent, and the coordinator calls it bad: nothing will be signed for it.
    pub(super) fn lost(&self, receipt: &Receipt, delivered: Delivered) {
        let cost = self.cost(receipt, delivered);
        self.settlement.keep_written_off(&self.account, || ((), self.account.lost(cost, Instant::now())));
    }

    fn cost(&self, receipt: &Receipt, delivered: Delivered) -> Balance {
        self.price.cost(&charged(&self.task, self.context_tokens, receipt, delivered))
    }
}

/// The stashes of a coordinator and a miner with these operators.
fn stashes(view: &MarketView, miner: &AccountId, coordinator: &AccountId) -> Option<(AccountId, AccountId)> {
    let stash_of = |operator, role| {
        let candidate = view.by_operator(operator).filter(|candidate| candidate.role == role)?;
        Some(candidate.stash.clone())
    };
    Some((stash_of(coordinator, Role::Coordinator)?, stash_of(miner, Role::Miner)?))
}
