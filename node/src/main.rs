//! The Cuckoo chain node: BABE produces blocks, GRANDPA makes them final, everything else is in the runtime.

mod chain_spec;
mod cli;
mod command;
mod rpc;
mod service;

fn main() -> sc_cli::Result<()> {
    command::run()
}
