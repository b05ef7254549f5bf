//! The program `coordinator-gateway`.

use std::process::ExitCode;

use clap::Parser;
use coordinator_gateway::cli::{execute, Cli};

#[tokio::main]
async fn main() -> ExitCode {
    match execute(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // With all causes, on one line, and without a backtrace: it says what to mend, not where we noticed.
            eprintln!("coordinator-gateway: {error:#}");
            ExitCode::FAILURE
        }
    }
}
