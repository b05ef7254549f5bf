//! What the gateway's own engine says of the answers.

use std::time::Duration;

use anyhow::{ensure, Context};
use cuckoo_testkit::{until, Api};

/// From an answer to its audit.
const LIMIT: Duration = Duration::from_secs(120);

/// Waits until an engine has gone through an answer, and says what it found.
pub(super) async fn show(api: &Api) -> anyhow::Result<String> {
    until(LIMIT, "an answer that an engine has gone through", async || {
        let audits = api.get("/v1/audits?limit=1000").await?.ok()?.body;
        let audits = audits["data"].as_array().context("no list of audits")?.clone();
        let found = |outcome: &str| audits.iter().filter(|audit| audit["outcome"] == outcome).count();
        let gone_through: Vec<_> = audits.iter().filter(|audit| audit["distances"].is_object()).collect();
        ensure!(!gone_through.is_empty(), "none of {} audits was by an engine yet", audits.len());
        let sum = |of: &str| gone_through.iter().filter_map(|audit| audit["distances"][of].as_u64()).sum::<u64>();
        Ok(format!(
            "audited {} answers so far, {} passed; in the {} that an engine has gone through, {} tokens are not the model's",
            audits.len(),
            found("passed"),
            gone_through.len(),
            sum("disagreeing")
        ))
    })
    .await
}
