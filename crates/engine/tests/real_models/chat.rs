use std::time::Duration;

use cuckoo_engine::{
    bench::{bench, BenchOptions},
    ChatMessage, Engine, EngineError, EngineOptions, FinishReason, GenerateRequest, Generation, GenerationEvent,
    LocalEngine, ModelKind, PositionOutput, PrefillEvent, PrefillRequest, Prompt, Sampling,
};
use cuckoo_sampler::ONE;
use futures::{future::join_all, FutureExt};

use crate::load::{engine, with_context, CHAT};

/// Of the model, as its manifest states.
const CONTEXT_TOKENS: u32 = 8192;

fn chat(question: &str) -> GenerateRequest {
    let message = ChatMessage { role: "user".into(), content: question.into() };
    let sampling = Sampling { max_tokens: Some(40), ..Sampling::default() };
    GenerateRequest::new(CHAT, Prompt::Chat(vec![message]), sampling)
}

fn text(text: &str) -> GenerateRequest {
    GenerateRequest { prompt: Prompt::Text(text.into()), ..chat("") }
}

fn with(mut request: GenerateRequest, change: impl FnOnce(&mut Sampling)) -> GenerateRequest {
    change(&mut request.sampling);
    request
}

/// A finished generation.
#[derive(Clone, Debug, PartialEq)]
struct Answer {
    pieces: Vec<String>,
    prompt_tokens: u32,
    completion_tokens: u32,
    finish: FinishReason,
}

impl Answer {
    fn text(&self) -> String {
        self.pieces.concat()
    }
}

async fn read(mut generation: Generation) -> Answer {
    let mut pieces = Vec::new();
    loop {
        match generation.events.recv().await.expect("a last event") {
            GenerationEvent::Piece { text, .. } => pieces.push(text),
            GenerationEvent::Done { prompt_tokens, completion_tokens, finish, .. } => {
                return Answer { pieces, prompt_tokens, completion_tokens, finish };
            }
            GenerationEvent::Failed(error) => panic!("{error}"),
        }
    }
}

async fn ask(engine: &dyn Engine, request: GenerateRequest) -> Answer {
    read(engine.generate(request).await.unwrap()).await
}

#[tokio::test]
async fn the_capital_of_france_is_paris() {
    let engine = engine(CHAT, 1, 0);
    let answer = ask(&engine, text("The capital of France is")).await;
    assert!(answer.text().starts_with(" Paris"), "{answer:?}");
    assert!(answer.pieces.len() > 3, "it comes piece by piece: {answer:?}");

    let info = &engine.models()[0];
    assert_eq!((info.id.as_str(), info.kind, info.context_tokens), (CHAT, ModelKind::Chat, CONTEXT_TOKENS));
    assert!(info.numeric_class.ends_with("/cpu/q4_1"), "{info:?}");
    assert_eq!(
        engine.models()[0].model_root.map(|byte| format!("{byte:02x}")).concat(),
        "55d74755e23d69625e8518c2e4d623afa6b4fcf353c8fdbdd5495fb46290dc6c"
    );
}

#[tokio::test]
async fn a_chat_ends_with_its_turn() {
    let engine = engine(CHAT, 1, 0);
    let answer = ask(&engine, with(chat("Say hello."), |s| s.max_tokens = Some(400))).await;
    assert_eq!(answer.finish, FinishReason::Stop, "{answer:?}");
    assert!(!answer.text().contains("<|im_end|>"));
}

#[tokio::test]
async fn an_answer_does_not_depend_on_what_runs_beside_it() {
    let engine = engine(CHAT, 5, 0);
    let question = with(chat("Tell me a story about a lighthouse."), |s| (s.draw.temperature, s.seed) = (ONE, [7; 32]));
    let alone = ask(&engine, question.clone()).await;
    let others = (0..4).map(|number| {
        let text = "Count the stars. ".repeat(1 + 9 * number);
        with(chat(&text), |s| (s.draw.temperature, s.seed) = (ONE / 2, [number as u8; 32]))
    });
    let together = join_all(std::iter::once(question.clone()).chain(others).map(|request| ask(&engine, request))).await;
    assert_eq!(together[0].text(), alone.text());
    assert_eq!(together[0].completion_tokens, alone.completion_tokens);
    assert_eq!(ask(&engine, question).await.text(), alone.text());
}

#[tokio::test]
async fn different_seeds_give_different_answers() {
    let engine = engine(CHAT, 3, 0);
    let answers = join_all((0..3).map(|seed| {
        let request = with(chat("Invent a name for a boat and say why."), |s| {
            (s.draw.temperature, s.seed) = (ONE, [seed; 32]);
        });
        ask(&engine, request)
    }))
    .await;
    assert_ne!(answers[0].text(), answers[1].text());
    assert_ne!(answers[1].text(), answers[2].text());
}

#[tokio::test]
async fn a_stop_string_over_several_tokens_ends_the_answer_before_it() {
    let engine = engine(CHAT, 1, 0);
    let question = text("The capital of France is");
    let whole = ask(&engine, question.clone()).await.text();
    // From the middle of one word to the middle of the next: no token begins or ends there.
    let is_inside = |at: &usize| {
        let around = at.checked_sub(3).and_then(|from| whole.get(from..at + 3));
        around.is_some_and(|around| around.chars().filter(char::is_ascii_lowercase).count() == 5)
    };
    let space = whole.match_indices(' ').map(|(at, _)| at).skip(3).find(is_inside).expect("two words of letters");
    let stop = whole[space - 2..space + 3].to_owned();
    let at = whole.find(&stop).expect("it was taken from there");
    let answer = ask(&engine, with(question, |s| s.stop = vec![stop])).await;
    assert_eq!(answer.text(), whole[..at]);
    assert_eq!(answer.finish, FinishReason::Stop);
}

#[tokio::test]
async fn emoji_are_never_cut() {
    let engine = engine(CHAT, 1, 0);
    let request = GenerateRequest {
        prompt: Prompt::Text("🦆🌊🎉 🦆🌊🎉 🦆🌊🎉 🦆🌊🎉 🦆".into()), ..chat("")
    };
    let answer = ask(&engine, with(request, |s| s.max_tokens = Some(48))).await;
    let text = answer.text();
    assert!(text.contains('🎉'), "{text}");
    // Only the last character may be unfinished, when the length ran out in the middle of it.
    let whole = text.strip_suffix('\u{fffd}').unwrap_or(&text);
    assert!(!whole.contains('\u{fffd}'), "{text}");
    assert!(answer.pieces.len() < answer.completion_tokens as usize, "an emoji has several tokens: {answer:?}");
}

#[tokio::test]
async fn max_tokens_ends_the_answer() {
    let engine = engine(CHAT, 1, 0);
    let answer = ask(&engine, with(chat("What is the capital of France?"), |s| s.max_tokens = Some(3))).await;
    assert_eq!((answer.completion_tokens, answer.finish), (3, FinishReason::Length));
}

#[tokio::test]
async fn what_the_context_cannot_hold_is_refused_or_cut() {
    let dir = tempfile::tempdir().unwrap();
    let engine = LocalEngine::load(&[with_context(CHAT, 96, dir.path())], &EngineOptions::default()).unwrap();
    let words = |count: usize| GenerateRequest { prompt: Prompt::Text(" a".repeat(count)), ..chat("") };
    let error = engine.generate(words(96)).await.unwrap_err();
    assert_eq!(error, EngineError::ContextLength { prompt_tokens: 96, context_tokens: 96 });
    for max_tokens in [Some(100), None] {
        let answer = ask(&engine, with(words(90), |s| s.max_tokens = max_tokens)).await;
        assert_eq!((answer.prompt_tokens, answer.completion_tokens, answer.finish), (90, 6, FinishReason::Length));
    }
}

#[tokio::test]
async fn a_dropped_generation_frees_its_slot() {
    let engine = engine(CHAT, 1, 0);
    let endless = with(chat("Tell me a very long story."), |s| s.max_tokens = None);
    let mut generation = engine.generate(endless).await.unwrap();
    generation.events.recv().await.unwrap();
    assert_eq!(engine.stats(CHAT).unwrap().running, 1);
    drop(generation);
    tokio::time::timeout(Duration::from_secs(10), async {
        while engine.stats(CHAT).unwrap().running > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("the slot is free within a step");
    ask(&engine, with(chat("Hello"), |s| s.max_tokens = Some(1))).await;
}

#[tokio::test]
async fn too_many_requests_are_refused_at_once() {
    let engine = engine(CHAT, 1, 1);
    let endless = || with(chat("Tell me a very long story."), |s| s.max_tokens = None);
    let _running = engine.generate(endless()).await.unwrap();
    let _waiting = engine.generate(endless()).await.unwrap();
    assert_eq!(engine.generate(endless()).await.unwrap_err(), EngineError::Overloaded);
}

#[tokio::test]
async fn a_prompt_that_nobody_waits_for_keeps_its_place_while_it_is_read() {
    let engine = engine(CHAT, 1, 0);
    let long = GenerateRequest { prompt: Prompt::Text("lorem ipsum ".repeat(80_000)), ..chat("") };
    assert!(engine.generate(long).now_or_never().is_none(), "a megabyte is not tokenised at once");
    assert_eq!(engine.generate(chat("Hello")).await.unwrap_err(), EngineError::Overloaded);
    let again = async {
        while engine.generate(chat("Hello")).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), again).await.expect("the place comes back");
}

#[tokio::test]
async fn unknown_models_and_senseless_parameters_are_refused() {
    let engine = engine(CHAT, 1, 0);
    let unknown = GenerateRequest { model: "nothing".into(), ..chat("Hello") };
    assert_eq!(engine.generate(unknown).await.unwrap_err(), EngineError::UnknownModel("nothing".into()));
    let embed = engine.embed(CHAT, vec!["a".into()]).await;
    assert_eq!(embed.unwrap_err(), EngineError::UnknownModel(CHAT.into()));
    let hot = engine.generate(with(chat("Hello"), |s| s.draw.temperature = 3 * ONE)).await;
    assert!(matches!(hot.unwrap_err(), EngineError::InvalidRequest(why) if why.contains("temperature")));
}

#[tokio::test]
async fn tokens_are_what_a_generation_reads() {
    let engine = engine(CHAT, 2, 0);
    let request = chat("What is the capital of France?");
    let tokens = engine.tokenise(CHAT, request.prompt.clone()).await.unwrap();
    assert_eq!(ask(&engine, request).await.prompt_tokens as usize, tokens.len());
}

#[tokio::test]
async fn a_prefill_beyond_context_or_vocabulary_is_refused() {
    let engine = engine(CHAT, 1, 0);
    let request =
        |tokens: Vec<u32>| PrefillRequest { model: CHAT.into(), tokens, from: 0, logits: true, hidden: false };
    let long = engine.prefill(request(vec![1; CONTEXT_TOKENS as usize + 1])).await.unwrap_err();
    let (prompt_tokens, context_tokens) = (CONTEXT_TOKENS + 1, CONTEXT_TOKENS);
    assert_eq!(long, EngineError::ContextLength { prompt_tokens, context_tokens });
    for bad in [vec![], vec![49_152]] {
        let error = engine.prefill(request(bad)).await.unwrap_err();
        assert!(matches!(error, EngineError::InvalidRequest(_)), "{error}");
    }
}

/// All outputs of a prefill.
async fn outputs(engine: &dyn Engine, tokens: &[u32], from: u32) -> Vec<PositionOutput> {
    let request = PrefillRequest { model: CHAT.into(), tokens: tokens.to_vec(), from, logits: true, hidden: true };
    let mut prefill = engine.prefill(request).await.unwrap();
    let mut outputs = Vec::new();
    loop {
        match prefill.events.recv().await.expect("a last event") {
            PrefillEvent::Positions(positions) => outputs.extend(positions),
            PrefillEvent::Done => return outputs,
            PrefillEvent::Failed(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn a_prefill_shows_the_same_whatever_was_read_before() {
    let tokens = engine(CHAT, 1, 0).tokenise(CHAT, Prompt::Text("one two three four five ".repeat(16))).await.unwrap();
    assert!(tokens.len() > 70, "several blocks");
    let fresh = engine(CHAT, 1, 0);
    let whole = outputs(&fresh, &tokens, 0).await;
    assert_eq!(whole.len(), tokens.len());
    assert_eq!((whole[0].logits.len(), whole[0].hidden.len()), (49_152, 576));
    // Now most of it is known to the engine.
    assert!(fresh.stats(CHAT).unwrap().prefix_hit_tokens == 0);
    assert_eq!(outputs(&fresh, &tokens, 50).await, whole[50..]);
    assert_eq!(fresh.stats(CHAT).unwrap().prefix_hit_tokens, 48);
}

#[tokio::test]
async fn the_bench_measures_something() {
    let engine = engine(CHAT, 2, 0);
    let options = BenchOptions { prompt_paragraphs: 1, max_tokens: 8, streams: 2, records: false };
    let report = bench(&engine, CHAT, options).await.unwrap();
    assert!(report.prefill_tokens_per_s > 0.0 && report.decode_tokens_per_s > 0.0, "{report:?}");
    assert_eq!(report.completion_tokens, 16);
    assert!(report.prompt_tokens > 30 && report.time_to_first_token > Duration::ZERO);
}
