//! The engine in front of a real server: llama.cpp's, which `scripts/setup` fetches.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use cuckoo_engine::{
    ChatMessage, Engine, EngineError, FinishReason, GenerateRequest, GenerationEvent, OpenAiEngine, OpenAiLimits,
    OpenAiOptions, Prompt, ResponseFormat, Sampling, TokenLogprobs,
};

use crate::load::{model_dir, CHAT};

/// A server in a process of its own; ends with this value.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(kind: &str) -> Self {
        let dir = model_dir(CHAT);
        let gguf = dir.manifest().files().iter().find(|file| file.name.ends_with(".gguf")).expect("a GGUF file");
        let mut child = Command::new(python())
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real_models/server.py"))
            .arg(dir.file_path(gguf))
            .arg(kind)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Python: run scripts/setup");
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        assert!(url.starts_with("http"), "llama.cpp's server does not start: run scripts/setup");
        Self { child, url: url.trim().to_owned() }
    }

    async fn engine(&self, offer: &str) -> OpenAiEngine {
        let offers = vec![offer.parse().unwrap()];
        let options = OpenAiOptions { url: self.url.clone(), key: None, offers, limits: OpenAiLimits::default() };
        OpenAiEngine::connect(options).await.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The Python with the packages of scripts/tools/requirements.txt.
fn python() -> PathBuf {
    let venv = std::env::var_os("CUCKOO_VENV").map(PathBuf::from);
    let usual =
        || PathBuf::from(std::env::var_os("HOME").expect("HOME or CUCKOO_VENV is set")).join(".cache/cuckoo/venv");
    venv.unwrap_or_else(usual).join("bin/python")
}

fn ask(question: &str, sampling: Sampling) -> GenerateRequest {
    let prompt = Prompt::Chat(vec![ChatMessage { role: "user".into(), content: question.into() }]);
    GenerateRequest::new("chat", prompt, sampling)
}

#[derive(Debug, Default)]
struct Answer {
    text: String,
    tokens: u32,
    logprobs: Vec<TokenLogprobs>,
    prompt_tokens: u32,
    completion_tokens: u32,
    finish: Option<FinishReason>,
}

async fn read(engine: &OpenAiEngine, request: GenerateRequest) -> Answer {
    let mut generation = engine.generate(request).await.unwrap();
    let mut answer = Answer::default();
    while answer.finish.is_none() {
        match generation.events.recv().await.expect("a last event") {
            GenerationEvent::Piece { text, tokens, logprobs, .. } => {
                answer.text.push_str(&text);
                answer.tokens += tokens;
                answer.logprobs.extend(logprobs);
            }
            GenerationEvent::Done { prompt_tokens, completion_tokens, finish, .. } => {
                (answer.prompt_tokens, answer.completion_tokens) = (prompt_tokens, completion_tokens);
                answer.finish = Some(finish);
            }
            GenerationEvent::Failed(error) => panic!("{error}"),
        }
    }
    // The server knew the prompt before it read it.
    assert_eq!(generation.prompt_tokens, answer.prompt_tokens);
    answer
}

#[tokio::test]
async fn llama_cpps_server_chats() {
    let server = Server::start("chat");
    let engine = server.engine("chat=served").await;
    let info = &engine.models()[0];
    assert_eq!((info.numeric_class.as_str(), info.context_tokens), ("unverified/llama.cpp", 1024));
    assert_eq!(engine.unavailable().await, []);

    let limit = |max_tokens| Sampling { max_tokens: Some(max_tokens), ..Sampling::default() };
    let answer = read(&engine, ask("Name the capital of France.", limit(40))).await;
    assert!(answer.text.contains("Paris"), "{answer:?}");
    assert!(answer.prompt_tokens > 7 && answer.tokens <= answer.completion_tokens, "{answer:?}");

    let sampling = Sampling { logprobs: Some(2), ..limit(5) };
    let answer = read(&engine, ask("Tell me a story.", sampling)).await;
    assert_eq!((answer.completion_tokens, answer.finish), (5, Some(FinishReason::Length)));
    assert_eq!(answer.logprobs.len(), 5);
    let spelled: Vec<u8> = answer.logprobs.iter().flat_map(|one| one.chosen.bytes.clone()).collect();
    assert_eq!(String::from_utf8(spelled).unwrap(), answer.text);
    assert!(answer.logprobs.iter().all(|one| one.top.len() == 2 && one.chosen == one.top[0]), "{answer:?}");

    let text = Prompt::Text("The capital of France is".into());
    let answer = read(&engine, GenerateRequest { prompt: text, ..ask("", limit(2)) }).await;
    assert!(answer.text.starts_with(" Paris"), "{answer:?}");

    let stop = Sampling { stop: vec!["Paris".into()], ..limit(40) };
    let answer = read(&engine, ask("Name the capital of France.", stop)).await;
    assert!(!answer.text.contains("Paris") && answer.finish == Some(FinishReason::Stop), "{answer:?}");

    let schema = r#"{"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}},
        "required": ["city"], "additionalProperties": false}"#;
    let shaped = Sampling { format: ResponseFormat::JsonSchema(schema.into()), ..limit(60) };
    let answer = read(&engine, ask("What is the capital of France? Answer in JSON.", shaped)).await;
    let json: serde_json::Value = serde_json::from_str(&answer.text).unwrap_or_else(|_| panic!("{answer:?}"));
    assert!(json["city"].is_string(), "{answer:?}");

    let long = ask(&"word ".repeat(2_000), limit(5));
    let error = engine.generate(long).await.unwrap_err();
    assert!(matches!(error, EngineError::ContextLength { context_tokens: 1024, .. }), "{error:?}");
}

#[tokio::test]
async fn a_dropped_generation_makes_room_on_the_server() {
    let server = Server::start("chat");
    let engine = server.engine("chat=served").await;
    let mut endless = engine.generate(ask("Tell me a very long story.", Sampling::default())).await.unwrap();
    assert!(matches!(endless.events.recv().await, Some(GenerationEvent::Piece { .. })));
    drop(endless);
    // The server takes one request at a time.
    let next = read(&engine, ask("Hello", Sampling { max_tokens: Some(1), ..Sampling::default() }));
    let next = tokio::time::timeout(Duration::from_secs(60), next).await.expect("the first is cancelled");
    assert_eq!(next.completion_tokens, 1);
}

#[tokio::test]
async fn llama_cpps_server_embeds() {
    let server = Server::start("embedding");
    let engine = server.engine("vectors=served,kind=embedding").await;
    let inputs = (0..40).map(|at| format!("Sentence number {at} about boats.")).collect();
    let embeddings = engine.embed("vectors", inputs).await.unwrap().all().await.unwrap();
    assert_eq!((embeddings.vectors.len(), embeddings.vectors[0].len()), (40, 576));
    let length: f32 = embeddings.vectors[39].iter().map(|value| value * value).sum();
    assert!((length - 1.0).abs() < 1e-4 && embeddings.prompt_tokens > 40);
}
