//! The measured gateway: the real one, on a made-up view of the chain.

use std::{path::PathBuf, sync::Arc};

use coordinator_gateway::config::{GatewayConfig, Limits};
use cuckoo_chain_client::Chain;
use tokio::sync::watch;

use super::market;

/// As the gateway's own program has it; all else that this program does may have it too.
#[global_allocator]
static ALLOCATOR: coordinator_gateway::Allocator = coordinator_gateway::ALLOCATOR;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(long)]
    data_dir: PathBuf,
}

/// Serves until SIGTERM.
#[tokio::main]
pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    let limits = Limits {
        max_tasks: 20_000,
        max_queue: 20_000,
        // Nothing may run out of time while it is measured.
        queue_wait_ms: 600_000,
        first_token_timeout_ms: 600_000,
        ..Limits::default()
    };
    let config = GatewayConfig { limits, ..GatewayConfig::on_free_ports(args.data_dir.clone()) };
    // As long as the sender lives, the view counts as fresh.
    let (_views, view) = watch::channel(Arc::new(market::view()?));
    let chain = Chain::detached(market::genesis(), view);
    Ok(coordinator_gateway::serve(config, chain, market::coordinator()?).await?)
}
