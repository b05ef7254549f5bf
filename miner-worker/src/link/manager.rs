//! Which coordinators are served, kept up to date with the chain.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use cuckoo_chain_client::MarketView;
use cuckoo_primitives::{Candidate, Role};
use tokio::{sync::watch, task::JoinSet, time::MissedTickBehavior};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    keeper::{Keeper, Target},
    miner::Miner,
};
use crate::{config::CoordinatorUrl, settle, standing::Standing};

/// Most coordinators that are linked at once: those with the largest backing.
const MAX_LINKS: usize = 64;
/// How often it is checked whether the chain has gone silent.
const CHECK_CHAIN: Duration = Duration::from_secs(1);

/// Whom to serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Coordinators {
    /// All active ones on chain that have an endpoint.
    OnChain,
    /// Those that answer at these URLs.
    At(Vec<CoordinatorUrl>),
}

/// Serves coordinators until `stop` is cancelled and all running tasks are done or `drain_limit` is over.
///
/// While no finalised block arrives the miner keeps its links and running tasks, but offers no slots: it could not know
/// whether a coordinator still has its stake.
pub async fn serve(miner: Arc<Miner>, coordinators: Coordinators, drain_limit: Duration, stop: CancellationToken) {
    let mut views = miner.chain().views();
    // Vouchers are redeemed until the last task is done.
    let _settling = AbortOnDropHandle::new(tokio::spawn(settle::keep(
        miner.settlement().clone(),
        miner.chain().clone(),
        miner.operator().clone(),
    )));
    let mut keepers = Keepers { miner: miner.clone(), drain_limit, tasks: JoinSet::new(), kept: HashMap::new() };
    let mut chain_check = tokio::time::interval(CHECK_CHAIN);
    chain_check.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut standing = None;
    while !stop.is_cancelled() {
        let view = views.borrow_and_update().clone();
        report_standing(&miner, &mut standing);
        miner.shares().follow(view.clone());
        keepers.set(wanted(&coordinators, &view, &miner), &stop);
        watch_chain(&miner, &mut views, &mut chain_check, &mut keepers.tasks, &stop).await;
    }
    while keepers.tasks.join_next().await.is_some() {}
}

/// Returns when there is a new view, or when it is time to stop.
async fn watch_chain(
    miner: &Miner,
    views: &mut watch::Receiver<Arc<MarketView>>,
    chain_check: &mut tokio::time::Interval,
    keepers: &mut JoinSet<()>,
    stop: &CancellationToken,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            Ok(()) = views.changed() => return,
            Some(_) = keepers.join_next() => {}
            _ = chain_check.tick() => {
                let stale = miner.chain().is_stale();
                if miner.shares().pause(stale) {
                    match stale {
                        true => tracing::warn!(
                            target: "miner::chain",
                            "no finalised block for too long: no new tasks until the chain is heard of again"
                        ),
                        false => tracing::info!(target: "miner::chain", "the chain is heard of again"),
                    }
                }
            }
        }
    }
}

/// Says when the miner itself may or may not work, and how to mend it.
fn report_standing(miner: &Miner, known: &mut Option<Standing>) {
    let standing = miner.standing();
    if known.replace(standing) == Some(standing) {
        return;
    }
    metrics::gauge!("cuckoo_miner_active").set(if standing.is_active() { 1.0 } else { 0.0 });
    match standing.is_active() {
        true => {
            tracing::info!(target: "miner::chain", operator = %miner.operator(), "this miner is registered and active")
        }
        false => tracing::warn!(
            target: "miner::chain",
            operator = %miner.operator(),
            "this miner is {standing}, so coordinators refuse it; to mend it: {}",
            standing.mend()
        ),
    }
}

/// One running keeper for each coordinator that is wanted.
struct Keepers {
    miner: Arc<Miner>,
    drain_limit: Duration,
    tasks: JoinSet<()>,
    kept: HashMap<Target, CancellationToken>,
}

impl Keepers {
    fn set(&mut self, wanted: HashSet<Target>, stop: &CancellationToken) {
        self.kept.retain(|target, stop_keeper| {
            let stays = wanted.contains(target);
            if !stays {
                tracing::info!(
                    target: "miner::link",
                    url = %target.url,
                    "this coordinator is chilled, has moved or left, and is no longer served"
                );
                stop_keeper.cancel();
            }
            stays
        });
        for target in wanted {
            if !self.kept.contains_key(&target) {
                let stop_keeper = stop.child_token();
                let keeper = Keeper::new(self.miner.clone(), target.clone(), self.drain_limit);
                self.tasks.spawn(keeper.keep(stop_keeper.clone()));
                self.kept.insert(target, stop_keeper);
            }
        }
    }
}

fn wanted(coordinators: &Coordinators, view: &MarketView, miner: &Miner) -> HashSet<Target> {
    match coordinators {
        Coordinators::At(urls) => {
            urls.iter().map(|url| Target { url: url.clone(), operator: None }).take(MAX_LINKS).collect()
        }
        Coordinators::OnChain => {
            let mut active: Vec<&Arc<Candidate>> = view
                .of_role(Role::Coordinator)
                .filter(|candidate| miner.may_serve(view, &candidate.operator).is_ok())
                .collect();
            active.sort_by(|a, b| b.backing.cmp(&a.backing).then_with(|| a.stash.cmp(&b.stash)));
            active.into_iter().filter_map(|candidate| target_of(candidate)).take(MAX_LINKS).collect()
        }
    }
}

/// The coordinator's endpoint, if it can be dialled.
fn target_of(candidate: &Candidate) -> Option<Target> {
    let endpoint = std::str::from_utf8(&candidate.info.endpoint).ok()?;
    match endpoint.parse() {
        Ok(url) => Some(Target { url, operator: Some(candidate.operator.clone()) }),
        Err(error) => {
            let reason = format!("{error}");
            tracing::debug!(target: "miner::link", coordinator = %candidate.operator, reason, "no usable endpoint");
            None
        }
    }
}
