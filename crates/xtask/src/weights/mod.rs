//! The weights of the pallets: measured on the wasm runtime, and checked to be of today's benchmarks.

mod bencher;
mod blob;
mod generated;
mod pallets;

use anyhow::ensure;
use pallets::Pallet;

/// What to measure, and how thoroughly.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only this one, by its folder in pallets/
    #[arg(long)]
    pallet: Option<String>,
    /// Values of each component that are tried; setting up the worst case takes most of the time
    #[arg(long, default_value_t = 17, value_parser = clap::value_parser!(u32).range(2..))]
    steps: u32,
    /// How often each value is measured
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// Measures nothing; fails if a pallet's benchmarks have changed since its weights were measured
    #[arg(long, conflicts_with_all = ["steps", "repeat"])]
    check: bool,
}

/// Measures the pallets and writes their `weights.rs`, or with `--check` only compares.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let pallets = pallets::find(args.pallet.as_deref())?;
    if args.check {
        return check(&pallets);
    }
    let bencher = bencher::Bencher::find_or_install()?;
    let blob = blob::build()?;
    for pallet in &pallets {
        println!("weights: measuring {}", pallet.name());
        bencher.measure(&blob, pallet, args.steps, args.repeat)?;
        println!("weights: wrote {}", pallet.weights().display());
    }
    Ok(())
}

fn check(pallets: &[Pallet]) -> anyhow::Result<()> {
    let mut stale = Vec::new();
    for pallet in pallets {
        if let Some(reason) = generated::staleness(&pallet.read_benchmarks()?, &pallet.read_weights()?) {
            let (path, name) = (pallet.weights(), pallet.name());
            stale.push(format!("  {}: {reason}; `cargo xtask weights --pallet {name}` mends it", path.display()));
        }
    }
    ensure!(stale.is_empty(), "weights that are not of today's benchmarks:\n{}", stale.join("\n"));
    println!("weights: those of {} pallets are of today's benchmarks", pallets.len());
    Ok(())
}
