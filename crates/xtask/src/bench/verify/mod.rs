//! What verification costs: committing to tokens, going through answers, and evidence on the chain.

mod answer;
mod evidence;

use std::{
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
};

use answer::{Answer, Kept};
use anyhow::{ensure, Context};
use cuckoo_audit::choice::Rate;
use cuckoo_engine::{Engine, EngineOptions, LocalEngine, ModelDir};

use super::figure::Figure;

const BENCH: &str = "verify";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Chat model
    #[arg(long, value_name = "ID", default_value = "smollm2-135m-instruct")]
    model: String,
    /// Folder of models [default: ~/.cache/cuckoo/models]
    #[arg(long, env = "CUCKOO_MODELS_DIR", value_name = "DIR")]
    models_dir: Option<PathBuf>,
    /// Threads that compute
    #[arg(long, default_value = "2")]
    threads: NonZeroUsize,
    /// Rounds that count; one more comes before them
    #[arg(long, default_value = "9")]
    rounds: NonZeroU32,
    /// Most tokens of an answer
    #[arg(long, default_value = "256")]
    tokens: u32,
}

/// Prints the figures.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(measure(args))?;
    evidence::print()
}

async fn measure(args: &Args) -> anyhow::Result<()> {
    let usual = ModelDir::default_models_dir();
    let models = args.models_dir.clone().or(usual).context("HOME is not set: name --models-dir")?;
    let options = EngineOptions {
        threads: Some(args.threads),
        max_running: NonZeroUsize::MIN,
        // Each answer is computed from its first token on.
        prefix_cache: false,
        ..EngineOptions::default()
    };
    let engine = LocalEngine::load(&[ModelDir::open(&models, &args.model)?], &options)?;
    let class = engine.models().into_iter().next().context("the engine has no model")?.numeric_class;
    eprintln!("{} in {class}, {} threads, {} rounds", args.model, args.threads, args.rounds);
    let (mut overheads, mut audits, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=args.rounds.get() {
        let request = answer::request(&args.model, args.tokens, round);
        // They take turns, so that what else the machine does meets both alike.
        let (bare, kept) = if round % 2 == 0 {
            let bare = Answer::of(&engine, &request, Kept::Nothing).await?;
            (bare, Answer::of(&engine, &request, Kept::Leaves).await?)
        } else {
            let kept = Answer::of(&engine, &request, Kept::Leaves).await?;
            (Answer::of(&engine, &request, Kept::Nothing).await?, kept)
        };
        ensure!(bare.text == kept.text, "an answer depends on whether it is committed to");
        let audit = kept.audit(&engine, &request).await?;
        // The first round also pays for memory that is touched for the first time.
        if round > 0 {
            overheads.push(kept.seconds / bare.seconds - 1.0);
            audits.push(audit / bare.seconds);
            rates.push(f64::from(bare.tokens) / bare.seconds);
        }
    }
    let per_answer = median(audits);
    let figures = [
        ("commit_overhead", median(overheads), "fraction of decode time"),
        ("audit_of_one", per_answer, "fraction of the answer's time"),
        ("audit_share", Rate::FLOOR.share() * per_answer, "fraction of inference at the least rate"),
        ("decode", median(rates), "tokens/s"),
    ];
    for (metric, value, unit) in figures {
        Figure { bench: BENCH, metric, value, unit }.print();
    }
    Ok(())
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}
