//! Kills of running programs, more than tests have time for.

use std::process::Command;

use anyhow::{ensure, Context};

const TEST: &str = "package(cuckoo-tests) & test(/^crash::/)";

/// How much to run.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How often a gateway or a miner is killed under load
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Begins the random numbers, as a run before this one has printed it
    #[arg(long)]
    seed: Option<u32>,
}

/// Runs the test that kills, for longer.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    // All of the workspace is selected, so that nothing is compiled twice.
    let mut nextest = Command::new("cargo");
    nextest
        .args(["nextest", "run", "--release", "--workspace", "--profile", "crash", "--no-capture"])
        .args(["--filterset", TEST])
        .env("CUCKOO_CRASH_ROUNDS", args.rounds.to_string());
    if let Some(seed) = args.seed {
        nextest.env("CUCKOO_CRASH_SEED", seed.to_string());
    }
    let status = nextest.status().context("cannot run cargo nextest; `scripts/setup --tools` installs it")?;
    ensure!(status.success(), "something was not paid as it should; what is above says so");
    Ok(())
}
