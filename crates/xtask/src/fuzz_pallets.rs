//! Random walks through the pallets, longer than tests have time for.

use std::process::Command;

use anyhow::{ensure, Context};

/// The random walks and the model test of every pallet.
const WALKS: &str = "package(/^pallet-cuckoo-/) & test(/::(random|model)/)";

/// How much to run.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Sequences for each walk; the tests run 256. A failure is shrunk and names the sequence
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    cases: u32,
}

/// Runs the walks that are tests, with other random numbers each time.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    // All of the workspace is selected, so that nothing is compiled twice.
    let status = Command::new("cargo")
        .args(["nextest", "run", "--release", "--workspace", "--profile", "fuzz", "--no-fail-fast"])
        .args(["--filterset", WALKS])
        // What proptest itself goes by.
        .env("PROPTEST_CASES", args.cases.to_string())
        .status()
        .context("cannot run cargo nextest; `scripts/setup --tools` installs it")?;
    ensure!(status.success(), "a walk failed; its sequence is above");
    Ok(())
}
