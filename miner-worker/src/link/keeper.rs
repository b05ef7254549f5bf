//! Keeping a link to one coordinator: dial, work, wait, dial again.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use cuckoo_primitives::{AccountId, Role};
use cuckoo_wire::link::RefusalCode;
use rand::Rng;
use tokio_util::sync::CancellationToken;

use super::{
    backoff::Backoff,
    dial::dial,
    error::LinkError,
    handshake::{fresh_shares, greet},
    miner::Miner,
    pay::Pay,
    session::Session,
};
use crate::{config::CoordinatorUrl, events::Event, standing::Standing};

/// A link that lasted this long was a good one: the next wait is short again.
const GOOD_LINK: Duration = Duration::from_secs(10);
/// An error that stays the same is logged again after this time.
const LOG_AGAIN: Duration = Duration::from_secs(300);
/// After the chain has changed in our favour, the coordinator gets this long to hear of it too.
const NEWS_TRAVEL: Duration = Duration::from_millis(1_000);

/// A coordinator that this miner wants to serve.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Target {
    /// Where it is.
    pub(super) url: CoordinatorUrl,
    /// Its operator, if the chain names it; otherwise whoever proves to be an active coordinator there.
    pub(super) operator: Option<AccountId>,
}

/// Keeps a link to one coordinator until told to stop.
pub(super) struct Keeper {
    miner: Arc<Miner>,
    target: Target,
    drain_limit: Duration,
    backoff: Backoff,
    /// The coordinator that was linked last.
    known: Option<AccountId>,
    logged: Option<(LinkError, Instant)>,
}

impl Keeper {
    pub(super) fn new(miner: Arc<Miner>, target: Target, drain_limit: Duration) -> Self {
        let known = target.operator.clone();
        Self { miner, target, drain_limit, backoff: Backoff::default(), known, logged: None }
    }

    /// Keeps the link; returns when `stop` is cancelled and the running tasks are done.
    pub(super) async fn keep(mut self, stop: CancellationToken) {
        self.miner.board().add(&self.target.url, self.target.operator.as_ref());
        while !stop.is_cancelled() {
            self.miner.board().dialling(&self.target.url);
            let Err(error) = self.link(&stop).await else { break };
            self.miner.board().waiting(&self.target.url, &error);
            let wait = self.backoff.after(&error);
            self.log(error, wait);
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(wait) => {}
                () = self.better_standing() => {
                    self.backoff.reset();
                    let jitter = rand::rng().random_range(0.5..=1.0);
                    tokio::time::sleep(NEWS_TRAVEL.mul_f64(jitter)).await;
                }
            }
        }
        self.miner.board().remove(&self.target.url);
    }

    /// One link from dialling to its end; `Ok` if it was told to stop.
    async fn link(&mut self, stop: &CancellationToken) -> Result<(), LinkError> {
        let session = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            session = self.establish() => session?,
        };
        let begun = Instant::now();
        let ended = session.run(stop, self.drain_limit).await;
        if begun.elapsed() >= GOOD_LINK {
            self.backoff.reset();
        }
        if let Some(coordinator) = &self.known {
            let reason = ended.as_ref().err().map_or_else(|| "told to stop".to_owned(), LinkError::to_string);
            let unlinked = Event::Unlinked { coordinator, url: self.target.url.as_str(), reason: &reason };
            self.miner.events().emit(&unlinked);
        }
        ended
    }

    async fn establish(&mut self) -> Result<Session, LinkError> {
        let miner = &self.miner;
        if miner.chain().is_stale() {
            return Err(if miner.chain().view().number == 0 { LinkError::NotBegun } else { LinkError::StaleChain });
        }
        let connection = dial(&self.target.url).await?;
        let greeted = greet(connection, miner.chain().genesis(), miner.operator().clone()).await?;
        let found = greeted.coordinator();
        if let Some(expected) = self.target.operator.as_ref().filter(|expected| *expected != found) {
            return Err(LinkError::OtherOperator { expected: expected.clone(), found: found.clone() });
        }
        self.known = Some(found.clone());
        let view = miner.chain().view();
        miner.may_serve(&view, found)?;
        // Before anything is proven: the coordinator would end an older link in favour of this one.
        let share = miner.shares().join(found).ok_or_else(|| LinkError::AlreadyLinked(found.clone()))?;
        let mut pay = Pay::new(miner, &view, found)?;
        let shares = fresh_shares(miner.most_attempts()).await?;
        let proven = greeted.prove(miner.key(), shares, pay.channel(), pay.presented()).await;
        let linked = proven.map_err(|error| match error {
            LinkError::Refused { code: RefusalCode::Channel, .. } if !pay.abandon_channel() => LinkError::ChannelKept,
            error => error,
        })?;
        pay.begin(linked.newest.as_ref(), view.era.era).await?;
        let session = Session::new(self.miner.clone(), self.target.url.clone(), linked, share, pay);
        let coordinator = self.known.as_ref().map(tracing::field::display);
        tracing::info!(target: "miner::link", coordinator, url = %self.target.url, "linked");
        self.logged = None;
        Ok(session)
    }

    /// Returns when the chain lets this miner or its coordinator work and did not before.
    async fn better_standing(&self) {
        let mut views = self.miner.chain().views();
        let standings = |view: &cuckoo_chain_client::MarketView| {
            let coordinator = self.known.as_ref().map(|known| Standing::of(view, known, Role::Coordinator).is_active());
            [Some(Standing::of(view, self.miner.operator(), Role::Miner).is_active()), coordinator]
        };
        let mut last = standings(&views.borrow_and_update());
        while views.changed().await.is_ok() {
            let now = standings(&views.borrow_and_update());
            if last.iter().zip(&now).any(|(last, now)| *last == Some(false) && *now == Some(true)) {
                return;
            }
            last = now;
        }
        // No more views come, so nothing can change.
        std::future::pending().await
    }

    /// Logs an error when it is new, and again from time to time.
    fn log(&mut self, error: LinkError, wait: Duration) {
        let is_known = self.logged.as_ref().is_some_and(|(logged, at)| *logged == error && at.elapsed() < LOG_AGAIN);
        let retry_ms = wait.as_millis() as u64;
        if is_known {
            tracing::debug!(target: "miner::link", url = %self.target.url, reason = %error, retry_ms, "still no link");
            return;
        }
        let mend = error.mend();
        match mend.is_empty() {
            // Nothing is wrong with a chain that was started a moment ago.
            true if error == LinkError::NotBegun => {
                tracing::info!(target: "miner::link", url = %self.target.url, retry_ms, "no link yet: {error}");
            }
            true => tracing::warn!(target: "miner::link", url = %self.target.url, retry_ms, "no link: {error}"),
            false => {
                tracing::warn!(target: "miner::link", url = %self.target.url, retry_ms, "no link: {error}; to mend it: {mend}");
            }
        }
        self.logged = Some((error, Instant::now()));
    }
}
