//! Names and buckets of metrics.

use std::sync::OnceLock;

use cuckoo_primitives::{Balance, CAI};
use metrics::{describe_counter, describe_gauge, describe_histogram, gauge, Unit};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::settle::ExposureReport;

/// Seconds, from what the gateway itself takes to long answers.
const SECONDS: [f64; 15] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0];
/// Receipts that share a write.
const BATCHES: [f64; 6] = [1.0, 4.0, 16.0, 64.0, 128.0, 256.0];

/// Values that are read when they are asked for.
pub(crate) struct Load {
    pub(crate) miners: usize,
    pub(crate) running: u64,
    pub(crate) tasks: usize,
    pub(crate) waiting: usize,
    pub(crate) block: u32,
}

/// Starts collecting. A process has one set of metrics, so a second call returns the first one's.
pub(crate) fn start() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(install).clone()
}

fn install() -> PrometheusHandle {
    let builder = PrometheusBuilder::new();
    // Neither list is empty, which is all that can be wrong.
    let builder = builder.set_buckets(&SECONDS).expect("there are buckets");
    let builder = builder
        .set_buckets_for_metric(Matcher::Full("gateway_journal_batch_size".into()), &BATCHES)
        .expect("there are buckets");
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::warn!(target: "gateway::metrics", "this process already collects metrics elsewhere; ours stay empty");
    }
    describe();
    handle
}

fn describe() {
    describe_histogram!("gen_ai_server_request_duration_seconds", Unit::Seconds, "Time of served tasks");
    describe_histogram!("gen_ai_server_time_to_first_token_seconds", Unit::Seconds, "Time to a stream's first token");
    describe_histogram!("gateway_queue_wait_seconds", Unit::Seconds, "Time that tasks waited for a slot");
    describe_histogram!("gateway_http_request_seconds", Unit::Seconds, "Time to a response's head");
    describe_histogram!("gateway_journal_batch_size", "Receipts that were written together");
    describe_counter!("gateway_http_requests_total", "Responses by route and status");
    describe_counter!("gateway_tasks_total", "Tasks by outcome");
    describe_counter!("gateway_attempts_failed_total", "Failed attempts by reason");
    describe_counter!(
        "gateway_attempts_cut_off_total",
        "Attempts that ended early with their client or its deadline, and whether what was sent is paid for"
    );
    describe_counter!("gateway_attempts_resumed_total", "Attempts that went on with what another miner had broken off");
    describe_counter!("gateway_tokens_total", "Tokens of served tasks");
    describe_counter!("gateway_links_total", "Links that were accepted");
    describe_counter!("gateway_links_refused_total", "Links that were refused or cut off, by reason");
    describe_gauge!("gateway_miners_linked", "Linked miners");
    describe_gauge!("gateway_attempts_running", "Attempts that run on miners");
    describe_gauge!("gateway_tasks_running", "Tasks under way");
    describe_gauge!("gateway_tasks_waiting", "Tasks that wait for a slot");
    describe_gauge!("gateway_finalised_block", "Height of the newest finalised block");
    describe_counter!("gateway_vouchers_total", "Vouchers that were signed");
    describe_gauge!("gateway_promised_cai_total", "CAI that were promised to miners since the start");
    describe_gauge!("gateway_escrow_cai", "CAI in escrow that have not been asked back");
    describe_gauge!("gateway_outstanding_cai", "CAI that were promised and are not settled");
    describe_gauge!("gateway_reserved_cai", "CAI that running tasks may cost");
}

/// Sets the gauges.
pub(crate) fn set_load(load: Load) {
    gauge!("gateway_miners_linked").set(load.miners as f64);
    gauge!("gateway_attempts_running").set(load.running as f64);
    gauge!("gateway_tasks_running").set(load.tasks as f64);
    gauge!("gateway_tasks_waiting").set(load.waiting as f64);
    gauge!("gateway_finalised_block").set(f64::from(load.block));
}

/// Adds what was promised.
pub(crate) fn promised(cost: Balance) {
    gauge!("gateway_promised_cai_total").increment(in_cai(cost));
}

/// Sets the gauges of what is promised and what stands behind it.
pub(crate) fn set_exposure(report: ExposureReport) {
    gauge!("gateway_escrow_cai").set(in_cai(report.escrow));
    gauge!("gateway_outstanding_cai").set(in_cai(report.outstanding));
    gauge!("gateway_reserved_cai").set(in_cai(report.reserved));
}

/// As a floating-point number: fit to be drawn, not to be reckoned with.
fn in_cai(planck: Balance) -> f64 {
    planck as f64 / CAI as f64
}
