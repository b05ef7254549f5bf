//! `cargo xtask demo`: the whole path once, on this machine.

mod audits;
mod pay;
mod requests;
mod stage;
mod table;

use std::time::Instant;

use anyhow::{bail, Context};
use cuckoo_testkit::run_dir::KEEP_ENV;
use pay::Funds;
use requests::Served;
use stage::Stage;

const QUESTION: &str = "Name the capital of France.";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Leaves everything running and says how to use it and how to end it
    #[arg(long)]
    keep: bool,
}

/// Runs the demo; if it fails, the folders with all logs stay and are named. Nothing stays of one that is interrupted.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let start = Instant::now();
    std::env::set_var(KEEP_ENV, "1");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let stage = runtime.block_on(async {
        tokio::select! {
            stage = show(start) => stage,
            interrupted = interrupted() => interrupted,
        }
    })?;
    std::env::remove_var(KEEP_ENV);
    if args.keep {
        stage.keep();
    } else {
        runtime.block_on(stage.end())?;
        step(start, "ended everything; `scripts/demo --keep` leaves it running");
    }
    Ok(())
}

/// Ends, with an error, when Ctrl-C is pressed; what is dropped after that leaves no folders behind.
async fn interrupted<T>() -> anyhow::Result<T> {
    tokio::signal::ctrl_c().await.context("cannot wait for Ctrl-C")?;
    std::env::remove_var(KEEP_ENV);
    bail!("interrupted; nothing is left running")
}

/// Sets everything up, has a question answered, then shows who serves what, and what it is paid.
async fn show(start: Instant) -> anyhow::Result<Stage> {
    let stage = Stage::set(start).await?;
    let (mut served, before) = (Served::default(), Funds::of(&stage).await?);
    step(start, &format!("asking: {QUESTION}"));
    requests::ask(stage.api(), QUESTION, &mut served).await?;
    step(start, &format!("{} small requests, {} at once", requests::SMALL, requests::AT_ONCE));
    requests::small(stage.api(), &mut served).await?;
    println!("{}", table::shares(&stage.miners().await?, &served)?);
    step(start, "the gateway goes through some of the answers with an engine of its own");
    step(start, &audits::show(stage.api()).await?);
    step(start, "the miners redeem the coordinator's vouchers");
    pay::show(&stage, &served, &before).await?;
    Ok(stage)
}

fn step(start: Instant, what: &str) {
    println!("demo  [{:4} s] {what}", start.elapsed().as_secs());
}
