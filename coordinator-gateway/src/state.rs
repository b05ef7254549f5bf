//! What every request can reach.

use std::{sync::Arc, time::Duration};

use metrics_exporter_prometheus::PrometheusHandle;

use crate::{
    audit::Auditor,
    auth::{Auth, Budgets},
    chain_guard::ChainGuard,
    config::Limits,
    dispatch::{Dispatcher, Registry},
    metrics,
    ranking::Ranking,
    request_memory::RequestMemory,
    routes::BodyLimits,
    settle::{Exposure, Prices},
    store::Journal,
};

/// Shared by all requests.
pub(crate) type SharedState = Arc<AppState>;

/// What every request can reach.
pub(crate) struct AppState {
    pub(crate) auth: Auth,
    pub(crate) budgets: Arc<Budgets>,
    pub(crate) dispatcher: Arc<Dispatcher>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) guard: Arc<ChainGuard>,
    pub(crate) auditor: Arc<Auditor>,
    pub(crate) journal: Journal,
    pub(crate) prices: Arc<Prices>,
    pub(crate) exposure: Arc<Exposure>,
    pub(crate) limits: Limits,
    pub(crate) memory: RequestMemory,
    pub(crate) ranking: Ranking,
    pub(crate) metrics: PrometheusHandle,
}

impl AppState {
    /// What a body of at most `bytes` may take.
    pub(crate) fn body_limits(&self, bytes: usize) -> BodyLimits {
        let patience = Duration::from_millis(self.limits.body_timeout_ms);
        BodyLimits { bytes, patience, memory: self.memory.clone() }
    }

    /// All metrics as Prometheus reads them.
    pub(crate) fn render_metrics(&self) -> String {
        let (miners, running) = self.registry.load();
        let (tasks, waiting) = self.dispatcher.load();
        metrics::set_load(metrics::Load { miners, running, tasks, waiting, block: self.guard.view().number });
        metrics::set_exposure(self.exposure.report());
        self.metrics.render()
    }
}
