//! How fast an engine is, measured through its public face: what `miner-worker bench` shows an operator of his machine. The
//! bench target of this crate is another thing, one side of a comparison with llama.cpp.

use std::time::{Duration, Instant};

use crate::api::{Engine, EngineError, GenerateRequest, Generation, GenerationEvent, Prompt, Sampling};

/// Prose without an end, so that a model goes on with it.
const PARAGRAPH: &str = "The river rose slowly in the spring, and the people of the valley carried their boats up to \
    the old stone wall, where they waited for the water, told stories and mended what the winter had broken. ";

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BenchOptions {
    /// Length of the prompt, in repetitions of a paragraph of about forty tokens.
    pub prompt_paragraphs: usize,
    /// Tokens to produce for each stream.
    pub max_tokens: u32,
    /// Generations at once.
    pub streams: usize,
    /// Whether each token comes with how it was drawn, as a miner needs it.
    pub records: bool,
}

impl Default for BenchOptions {
    fn default() -> Self {
        Self { prompt_paragraphs: 6, max_tokens: 64, streams: 1, records: false }
    }
}

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BenchReport {
    /// Tokens of one prompt.
    pub prompt_tokens: u32,
    /// Tokens that all streams produced together.
    pub completion_tokens: u32,
    /// Prompt tokens of all streams, read until each had its first piece of text, per second.
    pub prefill_tokens_per_s: f64,
    /// Tokens of all streams after the last stream's first piece, per second.
    pub decode_tokens_per_s: f64,
    /// From the request to the first piece of text, the mean of all streams.
    pub time_to_first_token: Duration,
}

/// One stream's course.
struct Course {
    first: Duration,
    prompt_tokens: u32,
    /// When pieces came, and of how many tokens.
    pieces: Vec<(Duration, u32)>,
}

/// Runs `options.streams` greedy generations on `model` at once. Run it twice and drop the first result: the first run
/// also pays for memory that is touched for the first time.
pub async fn bench(engine: &dyn Engine, model: &str, options: BenchOptions) -> Result<BenchReport, EngineError> {
    let begin = Instant::now();
    let courses = futures::future::try_join_all((0..options.streams.max(1)).map(|stream| async move {
        let generation = engine.generate(request(model, options, stream)).await?;
        follow(generation, begin).await
    }))
    .await?;
    let all_read = courses.iter().map(|course| course.first).max().unwrap_or_default();
    let end = courses.iter().filter_map(|course| course.pieces.last()).map(|(at, _)| *at).max().unwrap_or_default();
    let prompt_tokens: u32 = courses.iter().map(|course| course.prompt_tokens).sum();
    let pieces = || courses.iter().flat_map(|course| &course.pieces);
    let decoded: u32 = pieces().filter(|(at, _)| *at > all_read).map(|(_, tokens)| tokens).sum();
    let total_to_first: Duration = courses.iter().map(|course| course.first).sum();
    Ok(BenchReport {
        prompt_tokens: courses.first().map_or(0, |course| course.prompt_tokens),
        completion_tokens: pieces().map(|(_, tokens)| tokens).sum(),
        prefill_tokens_per_s: per_second(prompt_tokens, all_read),
        decode_tokens_per_s: per_second(decoded, end.saturating_sub(all_read)),
        time_to_first_token: total_to_first / u32::try_from(courses.len()).unwrap_or(u32::MAX),
    })
}

fn request(model: &str, options: BenchOptions, stream: usize) -> GenerateRequest {
    // Streams differ from the first word on, so that none gains from what another has read.
    let prompt = Prompt::Text(format!("Chapter {}. {}", stream + 1, PARAGRAPH.repeat(options.prompt_paragraphs)));
    let sampling = Sampling { max_tokens: Some(options.max_tokens), ..Sampling::default() };
    GenerateRequest { records: options.records, ..GenerateRequest::new(model, prompt, sampling) }
}

async fn follow(mut generation: Generation, begin: Instant) -> Result<Course, EngineError> {
    let mut pieces: Vec<(Duration, u32)> = Vec::new();
    while let Some(event) = generation.events.recv().await {
        match event {
            GenerationEvent::Piece { tokens, .. } => pieces.push((begin.elapsed(), tokens)),
            GenerationEvent::Done { prompt_tokens, .. } => {
                let first = pieces.first().map_or_else(|| begin.elapsed(), |(at, _)| *at);
                return Ok(Course { first, prompt_tokens, pieces });
            }
            GenerationEvent::Failed(error) => return Err(error),
        }
    }
    Err(EngineError::Internal("a generation ended without a last event".into()))
}

fn per_second(tokens: u32, time: Duration) -> f64 {
    match time.as_secs_f64() {
        seconds if seconds > 0.0 => f64::from(tokens) / seconds,
        _ => 0.0,
    }
}
