//! The command `bench`: how fast this machine runs the models.

use std::{num::NonZeroUsize, time::Instant};

use cuckoo_engine::{
    bench::{bench as measure, BenchOptions},
    chosen_gpu, ModelKind, SharedEngine,
};
use serde::Serialize;

use crate::{cli::BenchArgs, engine, error::Error};

/// Sentences that are embedded at once.
const EMBEDDING_INPUTS: usize = 64;
/// Times that they are embedded; the fastest counts.
const EMBEDDING_ROUNDS: usize = 3;
/// Length of the prompts, see [`BenchOptions`].
const PROMPT_PARAGRAPHS: usize = 6;

/// One figure: a line of JSON on standard output.
#[derive(Serialize)]
struct Figure<'a> {
    bench: &'static str,
    metric: &'static str,
    value: f64,
    unit: &'static str,
    model: &'a str,
    numeric_class: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    streams: Option<u32>,
}

impl Figure<'_> {
    fn print(&self) {
        if let Ok(line) = serde_json::to_string(self) {
            println!("{line}");
        }
    }
}

/// Measures every model that was asked for and prints the figures.
pub async fn bench(args: BenchArgs) -> Result<(), Error> {
    chosen_gpu(args.engine.device).map_err(Error::Device)?;
    let dirs = engine::model_dirs(&args.models, &args.openai)?;
    let most = args.streams.iter().copied().max().unwrap_or(1);
    let running = NonZeroUsize::new(most as usize).unwrap_or(NonZeroUsize::MIN);
    let engine = engine::load(&args.engine, &args.openai, dirs, running).await?;
    for model in engine.models() {
        match model.kind {
            ModelKind::Chat => chat(&engine, &model.id, &model.numeric_class, &args).await?,
            ModelKind::Embedding => embedding(&engine, &model.id, &model.numeric_class).await?,
        }
    }
    Ok(())
}

async fn chat(engine: &SharedEngine, model: &str, numeric_class: &str, args: &BenchArgs) -> Result<(), Error> {
    let options = |streams: u32, max_tokens| BenchOptions {
        prompt_paragraphs: PROMPT_PARAGRAPHS,
        max_tokens,
        streams: streams as usize,
        records: false,
    };
    // The first run also pays for memory that is touched for the first time.
    measure(engine.as_ref(), model, options(1, 2)).await?;
    for &streams in &args.streams {
        let report = measure(engine.as_ref(), model, options(streams, args.max_tokens)).await?;
        let figure = |metric, value, unit| {
            Figure { bench: "miner", metric, value, unit, model, numeric_class, streams: Some(streams) }.print();
        };
        figure("prefill_tokens_per_s", report.prefill_tokens_per_s, "tokens/s");
        figure("decode_tokens_per_s", report.decode_tokens_per_s, "tokens/s");
        figure("time_to_first_token_ms", report.time_to_first_token.as_secs_f64() * 1e3, "ms");
    }
    Ok(())
}

async fn embedding(engine: &SharedEngine, model: &str, numeric_class: &str) -> Result<(), Error> {
    let inputs: Vec<String> = (0..EMBEDDING_INPUTS)
        .map(|at| format!("The {at}. boat of the valley lies at the old stone wall and waits for the water."))
        .collect();
    let mut best = (0.0_f64, 0.0_f64);
    for _ in 0..EMBEDDING_ROUNDS {
        let begun = Instant::now();
        let embeddings = engine.embed(model, inputs.clone()).await?.all().await?;
        let seconds = begun.elapsed().as_secs_f64().max(f64::MIN_POSITIVE);
        best =
            (best.0.max(EMBEDDING_INPUTS as f64 / seconds), best.1.max(f64::from(embeddings.prompt_tokens) / seconds));
    }
    let figure = |metric, value, unit| {
        Figure { bench: "miner", metric, value, unit, model, numeric_class, streams: None }.print();
    };
    figure("embeddings_per_s", best.0, "inputs/s");
    figure("embedding_tokens_per_s", best.1, "tokens/s");
    Ok(())
}
