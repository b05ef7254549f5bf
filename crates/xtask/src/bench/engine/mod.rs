//! The engine beside llama.cpp, on the same files with the same threads.
//!
//! Each runs in a process of its own that answers the same questions: the engine in `crates/engine/benches/engine.rs`,
//! through its public face, and llama.cpp in `scripts/llama-cpp/measure.py`, through its C interface, with one call from
//! Python for each step of all texts. They take turns question by question, the one first in one round and the other in
//! the next, so that what else the machine does meets both alike.

mod contender;
mod course;
mod model;
mod texts;

use std::num::NonZeroU32;

use anyhow::Context;
use contender::Contender;
use course::Course;
use model::Model;
use serde_json::{json, Value};
use texts::Texts;

use super::program;

/// Texts at once: eight that run, and one that joins them.
const TEXTS: u32 = 9;
const STREAMS: usize = 8;
/// Tokens that each of them may have; both engines get memory for as many.
const TEXT_TOKENS: u32 = 512;
/// A text that the model says nothing to is replaced this often.
const TRIES: u32 = 3;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Model to measure, a chat model; repeat it for several
    #[arg(long = "model", value_name = "ID", default_values = ["smollm2-135m-instruct"])]
    models: Vec<String>,
    /// Folder of models [default: ~/.cache/cuckoo/models]
    #[arg(long, env = "CUCKOO_MODELS_DIR", value_name = "DIR")]
    models_dir: Option<std::path::PathBuf>,
    /// Threads that each computes with
    #[arg(long, default_value = "2")]
    threads: NonZeroU32,
    /// Rounds that count; one more comes before them
    #[arg(long, default_value = "5")]
    rounds: NonZeroU32,
}

/// Prints the figures.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let models =
        args.models.iter().map(|id| Model::find(args.models_dir.as_deref(), id)).collect::<Result<Vec<_>, _>>()?;
    let program = program::build("engine")?;
    for model in &models {
        measure(&program, model, args)?;
    }
    Ok(())
}

fn measure(program: &str, model: &Model, args: &Args) -> anyhow::Result<()> {
    let threads = args.threads.to_string();
    let mut theirs = Contender::llama_cpp(model, &threads, TEXTS, TEXT_TOKENS)?;
    let about = theirs.ask(&json!({"ask": "about"}))?;
    let token_bytes = about["kv_bytes_per_token"].as_u64().context("llama.cpp does not say how much a token takes")?;
    let kv_memory_mib = (token_bytes * u64::from(TEXTS) * u64::from(TEXT_TOKENS)).div_ceil(1 << 20);
    let mut ours = Contender::engine(program, model, &threads, TEXTS, kv_memory_mib)?;
    let numeric_class = ours.ask(&json!({"ask": "about"}))?["about"].take();
    eprintln!("{}: {numeric_class} beside {}; {threads} threads on {}", model.id, about["about"], processor());

    let mut courses = Course::all();
    for round in 0..=args.rounds.get() {
        let mut texts = Texts::of_round(round);
        for course in &mut courses {
            let pair = pair(course, &mut texts, &mut ours, &mut theirs, round % 2 == 1)?;
            // The first round also pays for memory that is touched for the first time.
            if round > 0 {
                course.add(pair);
            }
        }
    }
    let printer = Printer { model: &model.id, threads: args.threads, class: numeric_class };
    for course in &courses {
        for (metric, value, unit) in course.figures() {
            printer.print(&metric, value, unit);
        }
    }
    let bytes = [&mut ours, &mut theirs].map(|contender| contender.number(&json!({"ask": "memory"}), "bytes"));
    let [ours, theirs] = bytes;
    let (ours, theirs) = (ours? / f64::from(1 << 20), theirs? / f64::from(1 << 20));
    printer.print("memory_mib", ours, "MiB");
    printer.print("memory_llama_cpp_mib", theirs, "MiB");
    printer.print("memory_ratio", ours / theirs, "ratio");
    Ok(())
}

/// Asks both the same, and again with other texts if the model ends its answer too early with these.
fn pair(
    course: &Course,
    texts: &mut Texts,
    ours: &mut Contender,
    theirs: &mut Contender,
    theirs_first: bool,
) -> anyhow::Result<[f64; 2]> {
    let mut failed = None;
    for _ in 0..TRIES {
        let question = course.question(texts, theirs)?;
        let answers = match theirs_first {
            false => [ours.timed(&question), theirs.timed(&question)],
            true => {
                let theirs = theirs.timed(&question);
                [ours.timed(&question), theirs]
            }
        };
        match answers {
            [Ok(ours), Ok(theirs)] => {
                let counts = (ours.tokens, theirs.tokens);
                anyhow::ensure!(counts.0 == counts.1, "the engines count {counts:?} tokens in {question}");
                return Ok([ours, theirs].map(|timed| course.value(timed)));
            }
            [Err(error), _] | [_, Err(error)] => failed = Some(error),
        }
    }
    Err(failed.context("nothing was tried")?)
}

/// Prints figures as lines of JSON.
struct Printer<'a> {
    model: &'a str,
    threads: NonZeroU32,
    class: Value,
}

impl Printer<'_> {
    fn print(&self, metric: &str, value: f64, unit: &str) {
        let value = (value * 1_000.0).round() / 1_000.0;
        let Self { model, threads, class } = self;
        println!(
            "{}",
            json!({
                "bench": "engine", "metric": metric, "value": value, "unit": unit, "model": model,
                "numeric_class": class, "threads": threads, "processor": processor(),
            })
        );
    }
}

/// The processor's name, as Linux knows it.
fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name));
    name.map_or_else(|| std::env::consts::ARCH.to_owned(), |name| name.trim().to_owned())
}
