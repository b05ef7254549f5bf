//! What every request can reach.

use std::{sync::Arc, time::Duration};

use metrics_exporter_prometheus::PrometheusHandle;

use crate::{
    auth::Auth,
    chain_guard::ChainGuard,
    config::Limits,
    dispatch::{Dispatcher, Registry},
    metrics,
    store::ReceiptJournal,
};

/// Shared by all requests.
pub(crate) type SharedState = Arc<AppState>;

/// What every request can reach.
pub(crate) struct AppState {
    pub(crate) auth: Auth,
    pub(crate) dispatcher: Arc<Dispatcher>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) guard: Arc<ChainGuard>,
    pub(crate) journal: ReceiptJournal,
    pub(crate) limits: Limits,
    pub(crate) metrics: PrometheusHandle,
}

impl AppState {
    /// Longest wait for a request's body.
    pub(crate) fn body_timeout(&self) -> Duration {
        Duration::from_millis(self.limits.body_timeout_ms)
    }

    /// All metrics as Prometheus reads them.
    pub(crate) fn render_metrics(&self) -> String {
        let (miners, running) = self.registry.load();
        let (tasks, waiting) = self.dispatcher.load();
        metrics::set_load(metrics::Load { miners, running, tasks, waiting, block: self.guard.view().number });
        self.metrics.render()
    }
}
