//! Project chores. Run as `cargo xtask <command>` anywhere in the clone.

mod attack_suite;
mod bench;
mod check_deps;
mod crash_test;
mod demo;
mod fuzz_gguf;
mod fuzz_pallets;
mod openapi;
mod sim_audit;
mod weights;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Project chores: dependency rules, generated files, benches, the demo")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Checks which crate may use which, from `cargo metadata`
    CheckDeps,
    /// Writes docs/openapi.json as the gateway serves it
    Openapi {
        /// Writes nothing; fails if the file is not what the gateway serves
        #[arg(long)]
        check: bool,
    },
    /// Measures; one JSON object a line
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Random sequences of calls, eras and slashes on the pallets, many more than the tests run
    FuzzPallets(fuzz_pallets::Args),
    /// Damaged model files, for longer than the tests do
    FuzzGguf(fuzz_gguf::Args),
    /// Kills gateway and miners under load, more often than the tests do, and counts what was paid
    CrashTest(crash_test::Args),
    /// Cheats against the audit, on a real model or a tiny one, each with an honest twin; or honest tokens alone
    AttackSuite(attack_suite::Args),
    /// What cheating earns, and what honesty loses, under the rules of the audit
    SimAudit(sim_audit::Args),
    /// Measures what the pallets' calls and hooks cost and writes their weights.rs
    Weights(weights::Args),
    /// A chain, a coordinator and two miners; a question and 40 requests answered and paid
    Demo(demo::Args),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::CheckDeps => check_deps::run(),
        Command::Openapi { check } => openapi::run(check),
        Command::Bench(bench) => bench::run(bench),
        Command::FuzzPallets(args) => fuzz_pallets::run(&args),
        Command::FuzzGguf(args) => fuzz_gguf::run(&args),
        Command::CrashTest(args) => crash_test::run(&args),
        Command::AttackSuite(args) => attack_suite::run(&args),
        Command::SimAudit(args) => sim_audit::run(&args),
        Command::Weights(args) => weights::run(&args),
        Command::Demo(args) => demo::run(&args),
    }
}
