//! Cheats play against the audit, and honest miners beside them.
//!
//! A miner's engine has the promised model and those that a cheat would rather run; the auditor's has the promised one.
//! Each attack makes attempts, signs for them as a miner does, and each has a twin that looks much like it and is honest.
//! What the chain can prove is tried first, with the chain's own function; then the auditor's engine is asked.

mod attacks;
mod attempt;
mod checkpoint;
mod classes;
mod forge;
mod gguf;
mod honest;
mod numbers;
mod player;
mod prompts;
mod row;
mod stage;
mod tiny;
mod verdict;

use std::path::PathBuf;

use anyhow::{ensure, Context};
use attacks::{Attack, Goal, Trial, ATTACKS};
use attempt::Attempt;
use cuckoo_audit::reputation::Reputation;
use cuckoo_engine::ModelDir;
use row::Row;
use serde_json::json;
use stage::{Scope, Stage};
use verdict::{audited, verdict, Verdict};

/// Miners that a row is about whose goal is one.
const MINERS: u64 = 2;
/// How often an attempt is made again that was too short.
const TRIES: u64 = 16;
/// Numbers of trials of one miner, or attack, are so far apart.
const APART: u64 = 1 << 20;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// A small random model only, in less than a minute
    #[arg(long)]
    short: bool,
    /// The chat model that is promised, in eight bits, and that cheats make others of
    #[arg(long, value_name = "ID", default_value = "smollm2-135m-instruct")]
    model: String,
    /// Folder of models [default: ~/.cache/cuckoo/models]
    #[arg(long, env = "CUCKOO_MODELS_DIR", value_name = "DIR")]
    models_dir: Option<PathBuf>,
    /// Attempts for each attack
    #[arg(long, default_value = "6")]
    trials: u64,
    /// Most tokens of an attempt
    #[arg(long, default_value = "128")]
    tokens: u32,
    /// Honest tokens by which attempts are judged, measured before the attacks
    #[arg(long, value_name = "COUNT", default_value = "12000")]
    calibrate: u64,
    /// The auditor computes the same weights in 32 bits: what statistics can do where honest engines round differently.
    /// Prints figures, and asks nothing of them
    #[arg(long)]
    cross_class: bool,
    /// Attempts are judged as in classes of which nothing was measured: only what no rounding can be taken for counts. Prints figures,
    /// and asks nothing but that no twin is found out
    #[arg(long)]
    coarse: bool,
    /// Only attacks whose names contain this; with --honest-tokens only weights stored so: stored (as the model has them), q8_0,
    /// f32
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// No attacks: so many honest tokens for each class of this machine, which batches and threads divide among them
    #[arg(long, value_name = "COUNT")]
    honest_tokens: Option<u64>,
    /// Where to write what honest tokens have shown, as crates/audit/calibrations.toml has it
    #[arg(long, value_name = "FILE", requires = "honest_tokens")]
    calibrations: Option<PathBuf>,
}

/// Prints a line for each attack; fails if one was not found out, or an honest attempt was.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    if let Some(tokens) = args.honest_tokens {
        return runtime.block_on(classes::run(args, tokens));
    }
    let rows = runtime.block_on(async {
        let scope = Scope {
            tokens: args.tokens,
            honest_tokens: args.calibrate,
            is_cross_class: args.cross_class,
            is_coarse: args.coarse,
        };
        let stage = match args.short {
            true => Stage::tiny(scope).await?,
            false => Stage::real(&models_dir(args)?, &args.model, scope).await?,
        };
        println!("{}", calibrated(&stage));
        suite(&stage, args.trials, args.only.as_deref().unwrap_or_default(), |row| println!("{}", row.line())).await
    })?;
    let missed: Vec<&str> = rows.iter().filter(|row| !row.is_met()).map(|row| row.attack).collect();
    // How much rounding hides depends on the classes, and is what that is for.
    ensure!(missed.is_empty() || args.cross_class || args.coarse, "not as it must be: {missed:?}");
    let wronged: Vec<&str> = rows.iter().filter(|row| row.twins.found > 0).map(|row| row.attack).collect();
    ensure!(wronged.is_empty() || !args.coarse, "honest attempts are found out beside {wronged:?}");
    Ok(())
}

fn models_dir(args: &Args) -> anyhow::Result<PathBuf> {
    let otherwise =
        || ModelDir::default_models_dir().ok_or_else(|| anyhow::anyhow!("HOME is not set: use --models-dir"));
    args.models_dir.clone().map_or_else(otherwise, Ok)
}

/// What attempts will be judged by.
fn calibrated(stage: &Stage) -> serde_json::Value {
    let (calibration, count) = (&stage.calibration, stage.calibrated_on);
    json!({
        "calibration": stage.class,
        "honest_tokens": calibration.tokens,
        "honest_attempts": count.attempts,
        "honest_failed": count.failed,
        "deviating_stretches": [calibration.deviating, calibration.counted],
        "honest_rate_below": calibration.honest_rate(),
        "limits": calibration.limits,
        "margin": calibration.margin,
        "logits": calibration.logits,
        "state": calibration.state,
    })
}

/// Tries all attacks whose names contain `only`, and reports each as it is done.
async fn suite(stage: &Stage, trials: u64, only: &str, report: impl Fn(&Row)) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (attack, index) in ATTACKS.iter().zip(0u64..).filter(|(attack, _)| attack.name.contains(only)) {
        let row = play(stage, attack, trials, index * APART * (MINERS + 1)).await?;
        report(&row);
        rows.push(row);
    }
    Ok(rows)
}

/// Tries one attack: each attempt by itself, or miner after miner, each until it gets no more work.
async fn play(stage: &Stage, attack: &Attack, trials: u64, first: u64) -> anyhow::Result<Row> {
    let mut row = Row::new(attack.name, attack.goal);
    let (miners, audits) = match attack.goal {
        Goal::Attempt => (1, trials),
        Goal::Miner { audits } => (MINERS, u64::from(audits)),
    };
    for miner in 0..miners {
        let (mut cheat, mut twin) = (Reputation::default(), Reputation::default());
        let (mut is_caught, mut is_wronged) = (false, false);
        for audit in 0..audits {
            let number = first + miner * APART + audit;
            let (played, of_cheat) = cheat_of(stage, attack, number, &mut row).await?;
            let trial = Trial { stage, number };
            let honest = (attack.twin)(&trial).await?;
            let of_twin = verdict(stage, &honest).await?;
            row.tokens += played.tokens.len() as u64;
            row.caught(&of_cheat);
            row.tokens_needed.extend(of_cheat.tokens_needed(stage));
            row.suspicious.add(of_cheat.is_suspicious());
            row.suspicious_twins.add(of_twin.is_suspicious());
            is_wronged |= of_twin.suspends(stage, &mut twin, &audited(&honest));
            if of_cheat.suspends(stage, &mut cheat, &audited(&played)) && !is_caught {
                is_caught = true;
                let audits = u32::try_from(audit + 1)?;
                row.audits = Some(row.audits.map_or(audits, |most| most.max(audits)));
            }
            match attack.goal {
                Goal::Attempt => {
                    row.cheats.add(of_cheat.caught().is_some());
                    row.twins.add(of_twin.caught().is_some());
                }
                // The other audits would say the same.
                Goal::Miner { .. } if is_caught => break,
                Goal::Miner { .. } => {}
            }
        }
        if attack.goal != Goal::Attempt {
            row.cheats.add(is_caught);
            row.twins.add(is_wronged);
        }
    }
    Ok(row)
}

/// An attempt of the cheat. One that is so short that nothing its distances are could convict it says nothing of the
/// attack: then another one is made, and the row says so.
async fn cheat_of(stage: &Stage, attack: &Attack, number: u64, row: &mut Row) -> anyhow::Result<(Attempt, Verdict)> {
    let mut tries = (0..TRIES).map(|at| number + at * (APART / TRIES));
    loop {
        let trial = Trial { stage, number: tries.next().context("all answers are too short")? };
        let played = (attack.cheat)(&trial).await?;
        let verdict = verdict(stage, &played).await?;
        if attack.goal == Goal::Attempt && verdict.is_too_short(stage) {
            row.too_short += 1;
        } else {
            return Ok((played, verdict));
        }
    }
}

#[cfg(test)]
mod tests;
