use std::time::Duration;

use super::{
    scripted::{status, streamed, Scripted, Step},
    OpenAiEngine, OpenAiKey, OpenAiLimits, OpenAiOptions,
};
use crate::{
    api::{
        ChatMessage, EmbeddingEvent, Engine, EngineError, FinishReason, GenerateRequest, Generation, GenerationEvent,
        PrefillRequest, Prompt, Sampling,
    },
    error::LoadError,
};

const LISTING: &str = r#"{"data": [{"id": "served", "owned_by": "vllm", "max_model_len": 128}]}"#;
const SOON: Duration = Duration::from_secs(20);
const HANG: Step = Step::Hang(SOON);

fn options(url: &str) -> OpenAiOptions {
    let offers = ["chat=served", "vectors=served,kind=embedding"].map(|offer| offer.parse().unwrap()).to_vec();
    OpenAiOptions { url: url.to_owned(), key: None, offers, limits: OpenAiLimits::default() }
}

/// A server that lists its models and then answers by the script, and the engine in front of it.
async fn engine(script: Vec<Step>) -> (Scripted, OpenAiEngine) {
    with_limits(script, OpenAiLimits::default()).await
}

async fn with_limits(script: Vec<Step>, limits: OpenAiLimits) -> (Scripted, OpenAiEngine) {
    let mut server = Scripted::start(vec![status("200 OK", LISTING), script]).await;
    let engine = OpenAiEngine::connect(OpenAiOptions { limits, ..options(&server.url) }).await.unwrap();
    assert!(server.asked.recv().await.unwrap().head.starts_with("GET /v1/models HTTP/1.1"));
    (server, engine)
}

fn request() -> GenerateRequest {
    let prompt = Prompt::Chat(vec![ChatMessage { role: "user".into(), content: "Hi".into() }]);
    GenerateRequest::new("chat", prompt, Sampling { max_tokens: Some(8), ..Sampling::default() })
}

fn word(text: &str) -> String {
    format!(r#"{{"choices": [{{"index": 0, "delta": {{"content": "{text}"}}, "finish_reason": null}}]}}"#)
}

/// All pieces' text and tokens, and the last event.
async fn read(mut generation: Generation) -> (String, u32, GenerationEvent) {
    let (mut all, mut count) = (String::new(), 0);
    loop {
        match tokio::time::timeout(SOON, generation.events.recv()).await.expect("in time").expect("a last event") {
            GenerationEvent::Piece { text, tokens, .. } => {
                all.push_str(&text);
                count += tokens;
            }
            last => return (all, count, last),
        }
    }
}

/// What a generation that begins well comes to.
async fn broken(script: Vec<Step>) -> String {
    let (_server, engine) = engine(script).await;
    let generation = match engine.generate(request()).await {
        Ok(generation) => generation,
        // It may be seen before the first piece is out.
        Err(EngineError::Internal(why)) => return why,
        Err(other) => panic!("expected a failure, got {other:?}"),
    };
    match read(generation).await.2 {
        GenerationEvent::Failed(EngineError::Internal(why)) => why,
        other => panic!("expected a failure, got {other:?}"),
    }
}

#[tokio::test]
async fn a_chat_is_streamed_and_counted() {
    let end = r#"{"choices": [{"delta": {}, "finish_reason": "stop"}]}"#;
    let usage = r#"{"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 5}}"#;
    let script = streamed(&[
        r#"{"choices": [{"delta": {"role": "assistant"}}]}"#,
        &word("Hel"),
        &word("lo"),
        end,
        usage,
        "[DONE]",
    ]);
    let (mut server, engine) = engine(script).await;
    let info = &engine.models()[0];
    assert_eq!((info.id.as_str(), info.numeric_class.as_str(), info.context_tokens), ("chat", "unverified/vllm", 128));

    let (text, tokens, last) = read(engine.generate(request()).await.unwrap()).await;
    assert_eq!((text.as_str(), tokens), ("Hello", 2));
    assert_eq!(
        last,
        GenerationEvent::Done { prompt_tokens: 9, completion_tokens: 5, finish: FinishReason::Stop, end: None }
    );
    let asked = server.asked.recv().await.unwrap();
    assert!(asked.head.starts_with("POST /v1/chat/completions HTTP/1.1"), "{}", asked.head);
    assert_eq!((&asked.json["model"], &asked.json["max_tokens"]), (&"served".into(), &8.into()));
}

#[tokio::test]
async fn the_prompts_tokens_are_known_at_once_where_the_server_says_them() {
    let progress = r#"{"choices": [], "prompt_progress": {"total": 31, "processed": 0}}"#;
    let mut script = streamed(&[progress]);
    script.push(HANG);
    let (_server, engine) = engine(script).await;
    assert_eq!(engine.generate(request()).await.unwrap().prompt_tokens, 31);
}

#[tokio::test]
async fn the_prompts_tokens_are_guessed_where_the_server_does_not_say_them() {
    let mut script = streamed(&[&word("Hel")]);
    script.push(HANG);
    let (_server, engine) = engine(script).await;
    assert_eq!(engine.generate(request()).await.unwrap().prompt_tokens, 1, "two bytes");
}

#[tokio::test]
async fn an_answer_ends_though_the_connection_stays_open() {
    let end = r#"{"choices": [{"delta": {}, "finish_reason": "stop"}]}"#;
    let usage = r#"{"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2}}"#;
    for (events, prompt_tokens) in
        [(vec![word("Hello"), end.into(), usage.into()], 9), (vec![word("Hello"), end.into()], 1)]
    {
        let mut script = streamed(&events.iter().map(String::as_str).collect::<Vec<_>>());
        script.push(HANG);
        let (_server, engine) = engine(script).await;
        let begun = std::time::Instant::now();
        let (text, _, last) = read(engine.generate(request()).await.unwrap()).await;
        assert_eq!(text, "Hello");
        assert!(
            matches!(last, GenerationEvent::Done { prompt_tokens: known, .. } if known == prompt_tokens),
            "{last:?}"
        );
        assert!(begun.elapsed() < SOON / 2);
    }
}

#[tokio::test]
async fn a_dropped_generation_ends_the_connection() {
    let mut script = streamed(&[&word("Hel")]);
    script.push(HANG);
    let (mut server, engine) = engine(script).await;
    let mut generation = engine.generate(request()).await.unwrap();
    assert!(matches!(generation.events.recv().await, Some(GenerationEvent::Piece { .. })));
    drop(generation);
    tokio::time::timeout(SOON, server.gone.recv()).await.expect("the server sees that nobody listens").unwrap();
}

#[tokio::test]
async fn a_request_that_nobody_waits_for_ends_too() {
    let (mut server, engine) = engine(vec![HANG]).await;
    let asking = tokio::spawn(async move { engine.generate(request()).await });
    server.asked.recv().await.unwrap();
    asking.abort();
    tokio::time::timeout(SOON, server.gone.recv()).await.expect("the server sees that nobody listens").unwrap();
}

#[tokio::test]
async fn broken_answers_are_failures_that_say_what_is_wrong() {
    assert!(broken(streamed(&[&word("Hel")])).await.contains("broke off"));
    assert!(broken(streamed(&[&word("Hel"), "[DONE]"])).await.contains("broke off"));
    assert!(broken(streamed(&[&word("Hel"), "{not JSON"])).await.contains("no part of an answer"));
    assert!(broken(streamed(&[&word("Hel"), r#"{"error": {"message": "out of memory"}}"#]))
        .await
        .contains("out of memory"));
    assert!(broken(streamed(&[&word("Hel"), &word(&"x".repeat(2 << 20))])).await.contains("line"));
    assert!(broken(streamed(&[word(&"x".repeat(5_000)).as_str(); 2])).await.contains("goes on after the 8 tokens"));
    let mut cut = streamed(&[&word("Hel")]);
    let Step::Send(text) = &mut cut[0] else { panic!("a streamed answer begins with text") };
    *text = text.replace("connection: close", "content-length: 100000");
    assert!(broken(cut).await.contains("cannot be asked"));
}

#[tokio::test]
async fn refusals_come_before_the_generation() {
    for (line, expected) in [
        ("500 Internal Server Error", "Internal"),
        ("302 Found", "Internal"),
        ("429 Too Many Requests", "Overloaded"),
        ("400 Bad Request", "InvalidRequest"),
    ] {
        let (_server, engine) = engine(status(line, r#"{"error": {"message": "no"}}"#)).await;
        let error = engine.generate(request()).await.unwrap_err();
        assert!(format!("{error:?}").starts_with(expected), "{line}: {error:?}");
    }
    let (_server, engine) = engine(streamed(&[r#"{"error": "no"}"#])).await;
    assert!(matches!(engine.generate(request()).await, Err(EngineError::Internal(_))));
}

#[tokio::test]
async fn a_server_that_hangs_is_not_waited_for() {
    let short = Duration::from_millis(100);
    let limits = OpenAiLimits { first: short, idle: short, ..OpenAiLimits::default() };
    let (_server, engine) = with_limits(vec![HANG], limits).await;
    assert!(matches!(engine.generate(request()).await, Err(EngineError::Internal(why)) if why.contains("nothing for")));
    let mut script = streamed(&[&word("Hel")]);
    script.push(HANG);
    let (_server, engine) = with_limits(script, limits).await;
    let last = read(engine.generate(request()).await.unwrap()).await.2;
    assert!(matches!(last, GenerationEvent::Failed(EngineError::Internal(why)) if why.contains("nothing for")));
}

/// Chunks without text, as fast as they are read, for ever.
fn empties() -> Step {
    Step::Repeat(format!("data: {}\n\n", r#"{"choices": [{"delta": {"content": ""}}]}"#))
}

#[tokio::test]
async fn chunks_without_text_are_counted() {
    for begin in [streamed(&[]), streamed(&[&word("Hel")])] {
        let why = broken([begin, vec![empties()]].concat()).await;
        assert!(why.contains("without text"), "{why}");
    }
}

#[tokio::test]
async fn signs_of_life_are_no_answer() {
    let short = Duration::from_millis(100);
    let limits = OpenAiLimits { first: short, idle: short, ..OpenAiLimits::default() };
    for begin in [streamed(&[]), streamed(&[&word("Hel")])] {
        let script = [begin, vec![Step::Repeat(": still here\n\n".into())]].concat();
        let (_server, engine) = with_limits(script, limits).await;
        let why = match engine.generate(request()).await {
            Ok(generation) => match read(generation).await.2 {
                GenerationEvent::Failed(error) => error,
                other => panic!("{other:?}"),
            },
            Err(error) => error,
        };
        assert!(matches!(&why, EngineError::Internal(why) if why.contains("nothing for")), "{why}");
    }
}

#[tokio::test]
async fn the_key_is_sent_and_never_shown() {
    let mut server = Scripted::start(vec![status("200 OK", LISTING)]).await;
    let options = OpenAiOptions { key: Some(OpenAiKey::new("sk-secret").unwrap()), ..options(&server.url) };
    assert!(!format!("{options:?}").contains("secret"));
    assert_eq!(OpenAiEngine::connect(options).await.unwrap().unavailable().await, []);
    for _ in 0..2 {
        assert!(server.asked.recv().await.unwrap().head.contains("authorization: Bearer sk-secret"));
    }
}

#[tokio::test]
async fn a_server_that_has_lost_a_model_or_itself_is_noticed() {
    let scripts =
        [("200 OK", LISTING), ("200 OK", r#"{"data": [{"id": "other"}]}"#), ("503 Busy", ""), ("200 OK", LISTING)];
    let server = Scripted::start(scripts.map(|(code, body)| status(code, body)).to_vec()).await;
    let engine = OpenAiEngine::connect(options(&server.url)).await.unwrap();
    for expected in ["it has other", "too many requests"] {
        let unavailable = engine.unavailable().await;
        let ids: Vec<&str> = unavailable.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(ids, ["chat", "vectors"], "both are the server's");
        for (_, why) in &unavailable {
            assert!(why.contains(expected), "{why}");
        }
    }
    assert_eq!(engine.unavailable().await, [], "and that it is back");
}

#[tokio::test]
async fn servers_without_the_model_or_its_context_are_refused() {
    let refused = async |listing: &str| {
        let server = Scripted::start(vec![status("200 OK", listing)]).await;
        match OpenAiEngine::connect(options(&server.url)).await {
            Err(LoadError::Server { reason, .. }) => reason,
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("{listing} was accepted"),
        }
    };
    assert!(refused(r#"{"data": [{"id": "other"}]}"#).await.contains("it has other"));
    assert!(refused(r#"{"data": [{"id": "served"}]}"#).await.contains("how long the context"));
    assert!(refused("{").await.contains("cannot be read"));
    assert!(refused(&" ".repeat(5 << 20)).await.contains("longer than"));
    // Nobody listens on a port that was just given back.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    assert!(matches!(OpenAiEngine::connect(options(&url)).await, Err(LoadError::Server { .. })));
}

#[tokio::test]
async fn embeddings_come_batch_by_batch() {
    let answer = |count: usize| {
        let data: Vec<String> = (0..count).map(|at| format!(r#"{{"index": {at}, "embedding": [3, 4]}}"#)).collect();
        status("200 OK", &format!(r#"{{"data": [{}], "usage": {{"prompt_tokens": {count}}}}}"#, data.join(",")))
    };
    let server = Scripted::start(vec![status("200 OK", LISTING), answer(32), answer(8)]).await;
    let engine = OpenAiEngine::connect(options(&server.url)).await.unwrap();
    let mut embedding = engine.embed("vectors", vec!["text".into(); 40]).await.unwrap();
    let mut parts = Vec::new();
    loop {
        match embedding.events.recv().await.unwrap() {
            EmbeddingEvent::Vectors { vectors, prompt_tokens } => {
                assert_eq!(vectors[0], [0.6, 0.8]);
                parts.push((vectors.len(), prompt_tokens));
            }
            last => break assert_eq!(last, EmbeddingEvent::Done { prompt_tokens: 40 }),
        }
    }
    assert_eq!(parts, [(32, 32), (8, 40)]);
}

#[tokio::test]
async fn what_such_servers_do_not_show_is_refused() {
    let (_server, engine) = engine(vec![HANG]).await;
    let prefill = PrefillRequest { model: "chat".into(), tokens: vec![1], from: 0, logits: true, hidden: false };
    assert!(matches!(engine.prefill(prefill).await, Err(EngineError::InvalidRequest(_))));
    assert!(matches!(engine.tokenise("chat", request().prompt).await, Err(EngineError::InvalidRequest(_))));
    let unknown = GenerateRequest { model: "vectors".into(), ..request() };
    assert_eq!(engine.generate(unknown).await.unwrap_err(), EngineError::UnknownModel("vectors".into()));
}
