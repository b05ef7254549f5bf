//! Recording metrics. What is recorded where it happens, under names that begin with `cuckoo_miner_`.

use std::time::Duration;

use metrics::{describe_counter, describe_gauge, describe_histogram, Unit};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::error::Error;

/// How often histograms are tidied.
const UPKEEP: Duration = Duration::from_secs(5);
/// Bounds of `cuckoo_miner_task_seconds`.
const TASK_SECONDS: [f64; 12] = [0.01, 0.03, 0.1, 0.3, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1_000.0];

/// Starts recording; the handle renders what was recorded. To be called once, inside the runtime.
pub fn install() -> Result<PrometheusHandle, Error> {
    let failed = |error: metrics_exporter_prometheus::BuildError| Error::Metrics(error.to_string());
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full("cuckoo_miner_task_seconds".into()), &TASK_SECONDS)
        .map_err(failed)?
        .install_recorder()
        .map_err(failed)?;
    describe();
    let upkeep = handle.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            upkeep.run_upkeep();
        }
    });
    Ok(handle)
}

fn describe() {
    describe_gauge!("cuckoo_miner_active", "1 if the chain lets this miner work");
    describe_gauge!("cuckoo_miner_link_up", "1 while the coordinator is linked");
    describe_gauge!("cuckoo_miner_link_slots", "The coordinator's part of the slots");
    describe_gauge!("cuckoo_miner_running_tasks", "Tasks of the coordinator that run");
    describe_counter!("cuckoo_miner_link_failures_total", "Links that ended or did not come about, by reason");
    describe_counter!("cuckoo_miner_tasks_total", "Tasks that ended, by coordinator and outcome");
    describe_counter!("cuckoo_miner_tokens_total", "Tokens in receipts, read (prompt) and produced (completion)");
    describe_gauge!("cuckoo_miner_promised_cai", "All that the coordinator has promised in vouchers");
    describe_gauge!("cuckoo_miner_settled_cai", "What of it the chain has settled");
    describe_gauge!("cuckoo_miner_due_cai", "What of it is left to redeem");
    describe_gauge!("cuckoo_miner_unpaid_cai", "Results that no voucher pays for yet");
    describe_gauge!("cuckoo_miner_written_off_cai", "What the coordinator left unpaid when links ended");
    describe_counter!("cuckoo_miner_settlement_calls_total", "Calls that redeem or collect, by outcome");
    describe_counter!("cuckoo_miner_openings_total", "Questions how tokens were drawn, by outcome");
    describe_gauge!("cuckoo_miner_kept_bytes", Unit::Bytes, "What is kept of answers");
    describe_gauge!("cuckoo_miner_kept_attempts", "Attempts of which something is kept");
    describe_gauge!("cuckoo_miner_open_challenges", "What this miner is asked on the chain and has not answered");
    describe_counter!("cuckoo_miner_answers_total", "Answers to challenges on the chain, by outcome");
    describe_histogram!("cuckoo_miner_task_seconds", Unit::Seconds, "From a task's arrival to its end");
}
