//! The Cuckoo chain node: BABE produces blocks, GRANDPA makes them final, everything else is in the runtime.

mod block;
mod chain_spec;
mod cli;
mod command;
mod operator_consent;
mod rpc;
mod service;

use std::process::ExitCode;

fn main() -> ExitCode {
    match command::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cuckoo-node: {error}");
            ExitCode::FAILURE
        }
    }
}
