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
    Drawn, Embedding, EmbeddingEvent, Engine, EngineError, FinishReason, GenerateRequest, Generation, GenerationEvent,
    ModelInfo, ModelKind, Prompt, TokenLogprob, TokenLogprobs,
};
use cuckoo_primitives::{commitment::Leaf, fixture, task::Drawing};
use tokio::sync::{mpsc, watch};

pub(crate) const CHAT: &str = "chat-model";
pub(crate) const EMBEDDING: &str = "embedding-model";
/// Writes, and nobody can check how.
pub(crate) const FRONTED: &str = "fronted-model";
/// Of all models.
pub(crate) const CONTEXT_TOKENS: u32 = 4_096;

/// Of a piece of a flood: as long as a message may be.
const FLOOD_BYTES: usize = 16 * 1024;
/// A flood that has not gone on for this long is held up.
const HELD_UP: Duration = Duration::from_millis(500);

/// Understands the prompts `say <words>`, `forever`, `flood` (as much as anybody takes), `wait` (for
/// [`FakeEngine::release`]), `breaks` (when released, after a word), `silent` (for ever), `unsaid` (a word, then tokens
/// without text, then silence), `hidden` (tokens without text at the end), `lies` (a word, and a token that was not drawn
/// so), `lies at the end`, `mumbles` (without telling how), `rambles` (a word more than was asked for), `too long`, `broken`
/// and `panic`.
///
/// A word is a token. Which one does not hang on the word, but is drawn as it must be.
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

    async fn speak(self, mut voice: Voice, prompt: String) {
        match prompt.as_str() {
            "forever" => {
                while voice.say("on and on ", 1).await {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
            "flood" => {
                let text = "x".repeat(FLOOD_BYTES);
                while voice.say(&text, 1).await {
                    self.flooded.fetch_add(1, Ordering::SeqCst);
                }
            }
            "wait" => {
                voice.say("waiting ", 1).await;
                self.until_released().await;
            }
            "silent" => voice.events.closed().await,
            "unsaid" => {
                voice.say("x", 1).await;
                // Not in one message with what follows.
                while voice.events.capacity() < voice.events.max_capacity() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                voice.say("", 5).await;
                voice.events.closed().await;
            }
            "breaks" => {
                voice.say("x", 1).await;
                self.until_released().await;
                let _ = voice.events.send(GenerationEvent::Failed(EngineError::Internal("secret".into()))).await;
                return;
            }
            "hidden" => {
                voice.say("x", 1).await;
                // Servers count tokens that they report nothing of.
                let reported = if voice.drawing.is_some() { 2 } else { 1 };
                voice.say("", reported).await;
                voice.produced = 3;
            }
            "lies" => {
                voice.say("x", 1).await;
                voice.is_lying = true;
                voice.say("y", 1).await;
            }
            "lies at the end" => {
                voice.say("x", 1).await;
                voice.is_lying = true;
            }
            "mumbles" => {
                voice.drawing = None;
                voice.say("x", 1).await;
            }
            "rambles" => {
                for _ in 0..=voice.most {
                    voice.say("x", 1).await;
                }
            }
            other => {
                let words: Vec<&str> = other.trim_start_matches("say ").split(' ').collect();
                for word in words.into_iter().skip(voice.resumed) {
                    voice.say(&format!("{word} "), 1).await;
                }
            }
        }
        voice.end().await;
    }
}

/// Says one text.
struct Voice {
    events: mpsc::Sender<GenerationEvent>,
    reported: Option<u32>,
    /// If records are wanted.
    drawing: Option<Drawing>,
    resumed: usize,
    most: u32,
    produced: u32,
    /// Tells of tokens that were not drawn.
    is_lying: bool,
}

impl Voice {
    /// Says a piece; false if nobody listens.
    async fn say(&mut self, text: &str, tokens: u32) -> bool {
        // What has no text is not reported.
        let reported = self.reported.filter(|_| !text.is_empty());
        let tokens_drawn = (0..tokens).filter_map(|ahead| self.drawn(ahead)).collect();
        self.produced += tokens;
        let logprobs = reported.map(|top| report(text, top)).into_iter().collect();
        self.events.send(GenerationEvent::Piece { text: text.into(), tokens, logprobs, tokens_drawn }).await.is_ok()
    }

    /// How the token so far ahead is drawn.
    fn drawn(&self, ahead: u32) -> Option<Drawn> {
        let drawing = self.drawing?;
        let position = drawing.first_position + self.produced + ahead;
        let Leaf { token, candidates, projection } = fixture::leaf(&drawing, position);
        Some(Drawn { token: token + u32::from(self.is_lying), candidates: candidates.to_vec(), projection })
    }

    async fn end(self) {
        let (completion_tokens, end) = (self.produced, self.drawn(0));
        let (prompt_tokens, finish) = (2 + self.resumed as u32, FinishReason::Stop);
        let _ = self.events.send(GenerationEvent::Done { prompt_tokens, completion_tokens, finish, end }).await;
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
        let model = |id: &str, kind, root, numeric_class: &str| ModelInfo {
            id: id.into(),
            kind,
            model_root: [root; 32],
            context_tokens: CONTEXT_TOKENS,
            numeric_class: numeric_class.into(),
        };
        vec![
            model(CHAT, ModelKind::Chat, 1, "fake"),
            model(EMBEDDING, ModelKind::Embedding, 2, "fake"),
            model(FRONTED, ModelKind::Chat, 3, "unverified/fake"),
        ]
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
        let resumed = request.resumed.len();
        let most = request.sampling.max_tokens.unwrap_or(CONTEXT_TOKENS);
        let drawing = Drawing {
            parameters: request.sampling.draw,
            seed: request.sampling.seed,
            is_shaped: false,
            first_position: resumed as u32,
            max_tokens: most,
        };
        let voice = Voice {
            events: sender,
            reported: request.sampling.logprobs,
            drawing: request.records.then_some(drawing),
            resumed,
            most,
            produced: 0,
            is_lying: false,
        };
        tokio::spawn(async move {
            engine.speak(voice, prompt).await;
            drop(running);
        });
        Ok(Generation { prompt_tokens: 2 + resumed as u32, events })
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
