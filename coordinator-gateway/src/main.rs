//! The program `coordinator-gateway`.

use clap::Parser;
use coordinator_gateway::cli::{execute, Cli};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    execute(Cli::parse()).await
}
