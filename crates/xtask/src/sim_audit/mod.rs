//! What cheating earns, and what honesty loses, under the rules of `cuckoo-audit`.
//!
//! Miners live through days of tasks, with the crate's own choice of audits, judgement, sequential test and suspensions.
//! What a strategy earns is compared with what an honest miner earns with the same tasks. Amounts are in prices of a task.

mod life;
mod market;
mod outcome;
mod strategy;

use anyhow::ensure;
use market::{Market, Punishment};
use outcome::Outcome;
use strategy::Strategy;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Miners that live by each strategy
    #[arg(long, default_value = "200")]
    lives: u32,
    /// Days that each lives through
    #[arg(long, default_value = "20")]
    days: u32,
    /// Tasks a day
    #[arg(long, default_value = "1000")]
    tasks: u32,
    /// A miner's own stake, in prices of a task
    #[arg(long, default_value = "20000")]
    stake: f64,
    /// What honest computing costs, in prices of a task
    #[arg(long, default_value = "0.6")]
    cost: f64,
    /// What is saved by cheating, in prices of a task
    #[arg(long, default_value = "0.5")]
    saving: f64,
}

/// Prints a line for each strategy and punishment; fails if cheating pays where a committee slashes.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let market = Market {
        days: args.days,
        tasks_a_day: args.tasks,
        stake: args.stake,
        cost: args.cost,
        saving: args.saving,
        ..Market::default()
    };
    let mut paying = Vec::new();
    for punishment in [Punishment::Committee, Punishment::SuspensionOnly] {
        for strategy in Strategy::ALL {
            let outcome = Outcome::of(&Market { punishment, ..market }, *strategy, args.lives);
            println!("{}", outcome.line());
            if punishment == Punishment::Committee && strategy.is_cheating() && !outcome.loses() {
                paying.push(strategy.name());
            }
        }
    }
    println!("{}", outcome::honest_line(&market));
    ensure!(paying.is_empty(), "cheating pays: {paying:?}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVES: u32 = 60;

    fn outcome(strategy: Strategy, punishment: Punishment) -> Outcome {
        Outcome::of(&Market { punishment, ..Market::default() }, strategy, LIVES)
    }

    #[test]
    fn no_cheat_earns_what_an_honest_miner_earns_where_a_committee_slashes() {
        for strategy in Strategy::ALL.iter().filter(|strategy| strategy.is_cheating()) {
            let outcome = outcome(*strategy, Punishment::Committee);
            assert!(outcome.loses(), "{}", outcome.line());
        }
    }

    #[test]
    fn without_a_committee_whoever_cheats_much_loses_too() {
        for strategy in [Strategy::Always, Strategy::Some { per_mille: 100 }, Strategy::LongCon, Strategy::Large] {
            let outcome = outcome(strategy, Punishment::SuspensionOnly);
            assert!(outcome.loses(), "{}", outcome.line());
        }
    }

    #[test]
    fn nobody_who_is_honest_is_suspended() {
        let honest = outcome(Strategy::Honest, Punishment::Committee);
        assert_eq!((honest.suspensions(), honest.mean()), (0, 0.0), "{}", honest.line());
        let line = outcome::honest_line(&Market::default());
        assert!(line["lost_to_false_convictions"].as_f64().unwrap() < 1e-4, "{line}");
    }

    #[test]
    fn a_market_without_audits_is_one_in_which_cheating_pays() {
        let blind = Market { colluding: 1.0, ..Market::default() };
        assert!(Outcome::of(&blind, Strategy::Always, 5).mean() > 0.0);
    }
}
