//! Damaged model files, for longer than tests have time for.

use std::process::Command;

use anyhow::{ensure, Context};

/// The test that damages headers and tokenizers.
const FUZZ: &str = "package(cuckoo-engine) & test(/^gguf::fuzz::/)";

/// How long to run.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long to damage files, in seconds
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Where the random numbers begin [default: what the clock says]. A failure names it, and the file
    #[arg(long)]
    seed: Option<u64>,
}

/// Runs the test for `seconds`; it prints how many files it made and how far they came.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let seed = args.seed.unwrap_or(now.as_secs());
    // All of the workspace is selected, so that nothing is compiled twice.
    let status = Command::new("cargo")
        .args(["nextest", "run", "--release", "--workspace", "--profile", "fuzz", "--no-capture", "--filterset", FUZZ])
        .env("CUCKOO_FUZZ_SECONDS", args.seconds.to_string())
        .env("CUCKOO_FUZZ_SEED", seed.to_string())
        .status()
        .context("cannot run cargo nextest; `scripts/setup --tools` installs it")?;
    ensure!(status.success(), "a file was read wrongly; it is above, with its seed");
    Ok(())
}
