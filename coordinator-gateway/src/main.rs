//! The program `coordinator-gateway`.

use std::process::ExitCode;

use clap::Parser;
use coordinator_gateway::cli::{execute, Cli};

#[global_allocator]
static ALLOCATOR: coordinator_gateway::Allocator = coordinator_gateway::ALLOCATOR;

#[tokio::main]
async fn main() -> ExitCode {
    match execute(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("coordinator-gateway: {}", explained(&error));
            ExitCode::FAILURE
        }
    }
}

/// The error with its causes on one line, without those that it names itself, and without a backtrace: it says what to
/// mend, not where we noticed.
fn explained(error: &anyhow::Error) -> String {
    error.chain().skip(1).map(ToString::to_string).fold(error.to_string(), |text, cause| {
        if text.contains(&cause) {
            text
        } else {
            format!("{text}: {cause}")
        }
    })
}
