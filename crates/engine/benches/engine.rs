//! The engine in a process of its own, for `cargo xtask bench engine`: a question a line, an answer a line, both JSON.
//! llama.cpp answers the same questions (`scripts/llama-cpp/measure.py`).
//!
//! Arguments: folder of models, id of the model, threads, MiB for keys and values, generations at once.

use std::{
    io::{BufRead, Write},
    path::Path,
    time::{Duration, Instant},
};

use cuckoo_engine::{
    Engine, EngineOptions, GenerateRequest, Generation, GenerationEvent, LocalEngine, ModelDir, Prompt, Sampling,
};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// What can be asked. Times do not include asking.
#[derive(Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
enum Question {
    /// What runs here.
    About,
    /// Tokens of a text.
    Count { text: String },
    /// Reads a text and chooses what follows.
    Prefill { text: String },
    /// Produces tokens after a text; the first is the reading's.
    Decode { text: String, tokens: u32 },
    /// Reads texts at once and produces tokens after each.
    Concurrent { texts: Vec<String>, tokens: u32 },
    /// How long a new text waits for its first token, if it comes when others have produced tokens and go on.
    Loaded { texts: Vec<String>, text: String, tokens: u32 },
    /// Bytes in RAM, without those of a process that has loaded nothing.
    Memory,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    About {
        about: String,
    },
    Count {
        tokens: u32,
    },
    Timed {
        tokens: u32,
        seconds: f64,
    },
    Memory {
        bytes: u64,
    },
    /// It did not work out; with another text it may.
    Failed {
        failed: String,
    },
}

/// Tokens that a generation may produce that goes on while another is measured; more than it will. Its events wait
/// unread meanwhile, for which there is room.
const GOING_ON: u32 = 256;

struct Bench {
    engine: LocalEngine,
    model: String,
    /// Bytes in RAM before anything was loaded.
    before: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [models_dir, model, threads, kv_memory_mib, running] = &arguments[..] else {
        println!("a part of `cargo xtask bench engine`, which says what to measure");
        return Ok(());
    };
    let before = resident_bytes()?;
    let options = EngineOptions {
        threads: Some(threads.parse()?),
        kv_memory_mib: kv_memory_mib.parse()?,
        max_running: running.parse()?,
        ..EngineOptions::default()
    };
    let engine = LocalEngine::load(&[ModelDir::open(Path::new(models_dir), model)?], &options)?;
    let bench = Bench { engine, model: model.clone(), before };
    for line in std::io::stdin().lock().lines() {
        let question = serde_json::from_str(&line?)?;
        let answer = bench.answer(question).await.unwrap_or_else(|error| Answer::Failed { failed: error.to_string() });
        println!("{}", serde_json::to_string(&answer)?);
        std::io::stdout().flush()?;
    }
    Ok(())
}

impl Bench {
    async fn answer(&self, question: Question) -> Outcome<Answer> {
        match question {
            Question::About => {
                let about = self.engine.models().first().map(|model| model.numeric_class.clone()).unwrap_or_default();
                Ok(Answer::About { about })
            }
            Question::Count { text } => Ok(Answer::Count { tokens: self.start(&text, 1).await?.prompt_tokens }),
            Question::Prefill { text } => self.prefill(&text).await,
            Question::Decode { text, tokens } => self.decode(&text, tokens).await,
            Question::Concurrent { texts, tokens } => self.concurrent(&texts, tokens).await,
            Question::Loaded { texts, text, tokens } => self.loaded(&texts, &text, tokens).await,
            Question::Memory => Ok(Answer::Memory { bytes: resident_bytes()?.saturating_sub(self.before) }),
        }
    }

    async fn prefill(&self, text: &str) -> Outcome<Answer> {
        let begun = Instant::now();
        let mut generation = self.start(text, 1).await?;
        let tokens = generation.prompt_tokens;
        produce(&mut generation, 1).await?;
        Ok(timed(tokens, begun.elapsed()))
    }

    async fn decode(&self, text: &str, tokens: u32) -> Outcome<Answer> {
        let mut generation = self.start(text, tokens).await?;
        let first = produce(&mut generation, 1).await?;
        let begun = Instant::now();
        produce(&mut generation, tokens - first).await?;
        Ok(timed(tokens - first, begun.elapsed()))
    }

    async fn concurrent(&self, texts: &[String], tokens: u32) -> Outcome<Answer> {
        let begun = Instant::now();
        let produced = try_join_all(texts.iter().map(|text| async {
            let mut generation = self.start(text, tokens).await?;
            produce(&mut generation, tokens).await
        }))
        .await?;
        Ok(timed(produced.iter().sum(), begun.elapsed()))
    }

    async fn loaded(&self, texts: &[String], text: &str, tokens: u32) -> Outcome<Answer> {
        let mut others = try_join_all(texts.iter().map(|other| self.start(other, GOING_ON))).await?;
        for _ in 0..tokens {
            // Stream by stream, so that all have come as far and none waits for its reader.
            for other in &mut others {
                produce(other, 1).await?;
            }
        }
        let begun = Instant::now();
        let mut generation = self.start(text, 1).await?;
        produce(&mut generation, 1).await?;
        Ok(timed(generation.prompt_tokens, begun.elapsed()))
    }

    async fn start(&self, text: &str, tokens: u32) -> Outcome<Generation> {
        let sampling = Sampling { max_tokens: Some(tokens), ..Sampling::default() };
        let request = GenerateRequest::new(&self.model, Prompt::Text(text.to_owned()), sampling);
        Ok(self.engine.generate(request).await?)
    }
}

/// Waits until the generation has produced so many tokens more, or a few more; says how many.
async fn produce(generation: &mut Generation, wanted: u32) -> Outcome<u32> {
    let mut produced = 0;
    while produced < wanted {
        match generation.events.recv().await {
            Some(GenerationEvent::Piece { tokens, .. }) => produced += tokens,
            Some(other) => return Err(format!("{produced} of {wanted} tokens, then {other:?}").into()),
            None => return Err("the generation ended without a last event".into()),
        }
    }
    Ok(produced)
}

fn timed(tokens: u32, time: Duration) -> Answer {
    Answer::Timed { tokens, seconds: time.as_secs_f64() }
}

/// Memory of this process that is in RAM.
fn resident_bytes() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}
