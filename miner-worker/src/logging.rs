//! Logs go to standard error; standard output is for results.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// What is logged if the filter given cannot be read.
const DEFAULT_FILTER: &str = "info";

/// Starts logging with a filter such as `info` or `info,miner::link=debug`.
pub fn init(filter: &str) {
    let parsed = EnvFilter::try_new(filter);
    let wrong = parsed.is_err();
    let filter_used = parsed.unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let ansi = std::io::stderr().is_terminal();
    // A second start, as tests do, changes nothing.
    let _ =
        tracing_subscriber::fmt().with_env_filter(filter_used).with_writer(std::io::stderr).with_ansi(ansi).try_init();
    if wrong {
        tracing::warn!(target: "miner", filter, "the log filter cannot be read; logging at level {DEFAULT_FILTER}");
    }
}
