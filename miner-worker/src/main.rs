//! The program `miner-worker`.

use std::process::ExitCode;

use clap::Parser;
use miner_worker::{
    bench,
    cli::{Cli, Command},
    doctor, keys, logging, models, register, run, wallet,
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    logging::init(&cli.log);
    // candle takes its number of threads from the environment, which may only be written while no other thread runs.
    if let Some(threads) = cli.command.engine_args().and_then(|args| args.threads) {
        for variable in ["RAYON_NUM_THREADS", "CANDLE_NUM_THREADS"] {
            std::env::set_var(variable, threads.to_string());
        }
    }
    let outcome =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(anyhow::Error::from).and_then(
            |runtime| {
                let outcome = runtime.block_on(execute(cli.command));
                // A thread may still be loading a model; nobody waits for it any more.
                runtime.shutdown_background();
                outcome
            },
        );
    match outcome {
        Ok(code) => code,
        Err(error) => {
            // Every message says itself what caused it.
            eprintln!("miner-worker: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn execute(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run(args) => run::run(args).await?,
        Command::Doctor(args) => return Ok(doctor::doctor(args).await),
        Command::Models { command } => models::execute(command).await?,
        Command::Bench(args) => bench::bench(args).await?,
        Command::Register(args) => register::register(args).await?,
        Command::Keys { command } => keys::execute(command)?,
        Command::Wallet { command } => wallet::command::execute(command).await?,
    }
    Ok(ExitCode::SUCCESS)
}
