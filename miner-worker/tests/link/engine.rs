//! An engine without a model: what it says is in the prompt.

use std::{
    sync::{
        atomic::{AtomicU32, Ordering},
        Arc,
    },
    time::Duration,
};

use async_trait::async_trait;
use cuckoo_engine::{
    Embedding, EmbeddingEvent, Engine, EngineError, FinishReason, GenerateRequest, Generation, GenerationEvent,
    ModelInfo, ModelKind, Prompt, TokenLogprob, TokenLogprobs,
};
use tokio::sync::{mpsc, watch};

pub(crate) const CHAT: &str = "chat-model";
pub(crate) const EMBEDDING: &str = "embedding-model";
/// Of both models.
pub(crate) const CONTEXT_TOKENS: u32 = 64;

/// Of a piece of a flood: as long as a message may be.
const FLOOD_BYTES: usize = 16 * 1024;
/// A flood that has not gone on for this long is held up.
const HELD_UP: Duration = Duration::from_millis(500);

/// Understands the prompts `say <words>`, `forever`, `flood` (as much as anybody takes), `wait` (for
/// [`FakeEngine::release`]), `breaks` (when released, after a word), `silent` (for ever), `unsaid` (a word, then tokens
/// without text, then silence), `hidden` (tokens without text at the end), `too long`, `broken` and `panic`.
#[derive(Clone, Default)]
pub(crate) struct FakeEngine {
    running: Arc<AtomicU32>,
    flooded: Arc<AtomicU32>,
    released: Arc<watch::Sender<bool>>,
}

/// Counts a generation for as long as it lives.
struct Running(Arc<AtomicU32>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl FakeEngine {
    /// Lets all that wait go on.
    pub(crate) fn release(&self) {
        self.released.send_replace(true);
    }

    /// Waits until nothing runs.
    pub(crate) async fn until_idle(&self) {
        let idle = async {
            while self.running.load(Ordering::SeqCst) > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(crate::LIMIT, idle).await.expect("generations still run");
    }

    /// Waits until nobody takes any more of a flood.
    pub(crate) async fn until_held_up(&self) {
        let held_up = async {
            loop {
                let before = self.flooded.load(Ordering::SeqCst);
                tokio::time::sleep(HELD_UP).await;
                if before > 0 && self.flooded.load(Ordering::SeqCst) == before {
                    return;
                }
            }
        };
        tokio::time::timeout(crate::LIMIT, held_up).await.expect("the flood goes on");
    }

    async fn until_released(&self) {
        let mut released = self.released.subscribe();
        let _ = released.wait_for(|released| *released).await;
    }

    async fn speak(self, prompt: String, reported: Option<u32>, events: mpsc::Sender<GenerationEvent>) {
        let piece = |text: &str| GenerationEvent::Piece {
            text: text.into(),
            tokens: 1,
            logprobs: reported.map(|top| report(text, top)).into_iter().collect(),
            tokens_drawn: vec![],
        };
        let mut completion_tokens = 0;
        match prompt.as_str() {
            "forever" => {
                while events.send(piece("on and on ")).await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
            "flood" => {
                let text = "x".repeat(FLOOD_BYTES);
                while events.send(piece(&text)).await.is_ok() {
                    self.flooded.fetch_add(1, Ordering::SeqCst);
                }
            }
            "wait" => {
                let _ = events.send(piece("waiting ")).await;
                self.until_released().await;
                completion_tokens = 1;
            }
            "silent" => events.closed().await,
            "unsaid" => {
                let _ = events.send(piece("x")).await;
                // Not in one message with what follows.
                while events.capacity() < events.max_capacity() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                let _ = events
                    .send(GenerationEvent::Piece {
                        text: String::new(),
                        tokens: 5,
                        logprobs: vec![],
                        tokens_drawn: vec![],
                    })
                    .await;
                events.closed().await;
            }
            "breaks" => {
                let _ = events.send(piece("x")).await;
                self.until_released().await;
                let _ = events.send(GenerationEvent::Failed(EngineError::Internal("secret".into()))).await;
                return;
            }
            "hidden" => {
                let _ = events.send(piece("x")).await;
                let _ = events
                    .send(GenerationEvent::Piece {
                        text: String::new(),
                        tokens: 1,
                        logprobs: vec![],
                        tokens_drawn: vec![],
                    })
                    .await;
                completion_tokens = 3;
            }
            other => {
                for word in other.trim_start_matches("say ").split(' ') {
                    let _ = events.send(piece(&format!("{word} "))).await;
                    completion_tokens += 1;
                }
            }
        }
        let done = GenerationEvent::Done { prompt_tokens: 2, completion_tokens, finish: FinishReason::Stop, end: None };
        let _ = events.send(done).await;
    }
}

/// That the token was this text, and the others too.
fn report(text: &str, top: u32) -> TokenLogprobs {
    let token = |logprob| TokenLogprob { token: 1, bytes: text.into(), logprob };
    TokenLogprobs { chosen: token(-0.5), top: (0..top).map(|place| token(-0.5 - place as f32)).collect() }
}

#[async_trait]
impl Engine for FakeEngine {
    fn models(&self) -> Vec<ModelInfo> {
        let model = |id: &str, kind, root| ModelInfo {
            id: id.into(),
            kind,
            model_root: [root; 32],
            context_tokens: CONTEXT_TOKENS,
            numeric_class: "fake".into(),
        };
        vec![model(CHAT, ModelKind::Chat, 1), model(EMBEDDING, ModelKind::Embedding, 2)]
    }

    async fn generate(&self, request: GenerateRequest) -> Result<Generation, EngineError> {
        let Prompt::Text(prompt) = request.prompt else {
            return Err(EngineError::InvalidRequest("only text here".into()));
        };
        match prompt.as_str() {
            "too long" => return Err(EngineError::ContextLength { prompt_tokens: 65, context_tokens: 64 }),
            "broken" => return Err(EngineError::Internal("secret".into())),
            "panic" => panic!("as asked"),
            _ => {}
        }
        let (sender, events) = mpsc::channel(4);
        self.running.fetch_add(1, Ordering::SeqCst);
        let (engine, running) = (self.clone(), Running(self.running.clone()));
        let reported = request.sampling.logprobs;
        tokio::spawn(async move {
            engine.speak(prompt, reported, sender).await;
            drop(running);
        });
        Ok(Generation { prompt_tokens: 2, events })
    }

    async fn embed(&self, _: &str, inputs: Vec<String>) -> Result<Embedding, EngineError> {
        let (sender, events) = mpsc::channel(1);
        let mut released = self.released.subscribe();
        tokio::spawn(async move {
            for (at, input) in inputs.iter().enumerate() {
                if input == "wait" {
                    let _ = released.wait_for(|released| *released).await;
                }
                let vectors = vec![vec![input.len() as f32]];
                let _ = sender.send(EmbeddingEvent::Vectors { vectors, prompt_tokens: at as u32 + 1 }).await;
            }
            let _ = sender.send(EmbeddingEvent::Done { prompt_tokens: inputs.len() as u32 }).await;
        });
        Ok(Embedding { events })
    }
}
