//! The gateway's own right to work, and the wait for it to change.
//!
//! At start a coordinator that may not work is told so and how to mend it. Later the same state only stops new tasks:
//! an operator may chill and validate again without a restart.

use std::sync::Arc;

use arc_swap::ArcSwap;
use cuckoo_chain_client::{Chain, MarketView};
use cuckoo_primitives::{AccountId, Hash, Role};

use crate::{
    error::ApiError,
    settle::Unfunded,
    standing::{standing, Unfit},
};

/// The coordinator may not work, so the gateway does not start.
#[derive(Debug, thiserror::Error)]
#[error("the operator {operator} may not run a gateway: {unfit}; {}", .unfit.remedy(Role::Coordinator))]
pub struct NotACoordinator {
    /// The operator whose key was given.
    pub operator: AccountId,
    /// Why.
    pub unfit: Unfit,
}

/// Why no new task is accepted now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotReady {
    /// No finalised block has arrived for too long, or the node has not caught up with the chain.
    ChainStale,
    /// The coordinator itself may not work.
    Unfit(Unfit),
    /// Nothing stands behind a promise to pay.
    Unfunded(Unfunded),
    /// What is done cannot be written down, so nobody would be paid for it.
    NotStored,
    /// The gateway is stopping.
    Draining,
}

/// Knows whether this coordinator may work now.
pub(crate) struct ChainGuard {
    chain: Chain,
    operator: AccountId,
    stash: AccountId,
    own: ArcSwap<Result<(), Unfit>>,
}

impl ChainGuard {
    /// Checks the coordinator's registration in the current view.
    pub(crate) fn new(chain: Chain, operator: AccountId) -> Result<Self, NotACoordinator> {
        let candidate = standing(&chain.view(), &operator, Role::Coordinator)
            .map_err(|unfit| NotACoordinator { operator: operator.clone(), unfit })?;
        Ok(Self { chain, operator, stash: candidate.stash.clone(), own: ArcSwap::from_pointee(Ok(())) })
    }

    /// Takes note of a new finalised block.
    pub(crate) fn apply(&self, view: &MarketView) {
        let now = standing(view, &self.operator, Role::Coordinator).and_then(|candidate| {
            if candidate.stash == self.stash {
                Ok(())
            } else {
                Err(Unfit::OtherStash)
            }
        });
        let before = **self.own.load();
        if now == before {
            return;
        }
        match now {
            Ok(()) => tracing::info!(target: "gateway::chain", block = view.number, "this coordinator may work again"),
            Err(unfit) => tracing::warn!(
                target: "gateway::chain",
                block = view.number,
                reason = %unfit,
                remedy = %unfit.remedy(Role::Coordinator),
                "this coordinator may not work any more; no new tasks are accepted"
            ),
        }
        self.own.store(Arc::new(now));
    }

    /// Whether new tasks may be accepted.
    pub(crate) fn ready(&self) -> Result<(), NotReady> {
        if self.chain.is_stale() {
            return Err(NotReady::ChainStale);
        }
        (**self.own.load()).map_err(NotReady::Unfit)
    }

    /// The operator of this coordinator.
    pub(crate) fn operator(&self) -> &AccountId {
        &self.operator
    }

    /// The stash that pays for it.
    pub(crate) fn stash(&self) -> &AccountId {
        &self.stash
    }

    /// Genesis hash of the chain.
    pub(crate) fn genesis(&self) -> Hash {
        self.chain.genesis()
    }

    /// The newest view.
    pub(crate) fn view(&self) -> Arc<MarketView> {
        self.chain.view()
    }

    /// Whether the newest view is too old to act on.
    pub(crate) fn is_stale(&self) -> bool {
        self.chain.is_stale()
    }
}

impl From<NotReady> for ApiError {
    fn from(not_ready: NotReady) -> Self {
        match not_ready {
            NotReady::ChainStale => ApiError::unavailable(
                "chain_stale",
                "The last finalised block that the gateway knows of is too old, so it accepts no new tasks.",
            ),
            NotReady::Unfit(unfit) => {
                ApiError::unavailable("coordinator_inactive", format!("This coordinator may not work now: {unfit}."))
            }
            NotReady::Unfunded(unfunded) => unfunded.into(),
            NotReady::NotStored => ApiError::unavailable(
                "receipts_not_stored",
                "Receipts could not be stored lately; the log says why (is the disk full?).",
            ),
            NotReady::Draining => ApiError::unavailable("shutting_down", "The gateway is stopping."),
        }
    }
}
