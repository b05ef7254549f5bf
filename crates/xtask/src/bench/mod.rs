//! Measurements, one JSON object a line.

mod economy;
mod engine;
mod figure;
mod gateway;
mod program;
mod selection;
mod settlement;
mod verify;

use clap::Subcommand;

/// What to measure.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// Draws a second on one core, among 10,000 and 100,000 candidates
    Selection,
    /// Time of slashes, rewards, votes and claims with 10 and with 100,000 voters; paying 100,000 candidates; bytes
    Economy,
    /// The engine beside llama.cpp, one round each in turn: prefill, decode, 8 requests at once, first token, memory
    Engine(engine::Args),
    /// A million tasks promised, checked, and paid on a real chain: extrinsics, blocks, time, bytes; vouchers a second
    Settlement(settlement::Args),
    /// What committing to tokens costs a miner, what audits cost a coordinator, and what evidence costs the chain
    Verify(verify::Args),
    /// Requests a second, latencies and memory of a gateway whose miners answer at once
    Gateway(gateway::Args),
    /// The gateway that `bench gateway` measures, in a process of its own
    #[command(hide = true)]
    GatewayChild(gateway::child::Args),
}

pub(crate) fn run(bench: Bench) -> anyhow::Result<()> {
    match bench {
        Bench::Selection => selection::run(),
        Bench::Economy => economy::run(),
        Bench::Engine(args) => engine::run(&args),
        Bench::Settlement(args) => settlement::run(&args),
        Bench::Verify(args) => verify::run(&args),
        Bench::Gateway(args) => gateway::run(&args),
        Bench::GatewayChild(args) => gateway::child::run(&args),
    }
}
