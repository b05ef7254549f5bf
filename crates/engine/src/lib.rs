//! Inference behind a small trait: [`Engine`] in, tokens or vectors out.
//!
//! [`LocalEngine`] runs GGUF chat models and BERT embedding models on the CPU or, built with the feature `cuda`, on an
//! NVIDIA GPU. One thread per chat model has it read, in each step, the next token of every running generation and a few
//! chunks of prompts, so a long prompt or a slow reader delays nobody else; what a generation says depends on its
//! request alone, never on what runs beside it. How each token was drawn can be recorded, taken up by another engine,
//! and followed by one that checks it. Texts that begin alike share what was computed. Embedding
//! requests take turns batch by batch, and their vectors leave as they are computed.
//!
//! [`OpenAiEngine`] passes requests on to a local server instead, and [`Engines`] makes one of several.
//!
//! Models are folders with a [`Manifest`] that names every file by its hash ([`ModelDir`]).

pub mod api;
pub mod bench;
mod compute;
mod control;
mod detokenizer;
mod device;
mod embedder;
mod error;
mod events;
mod gguf;
mod kv;
mod local_engine;
mod manifest;
mod mapped;
mod model_dir;
mod models;
mod openai;
mod projection;
mod prompt_reader;
mod requantise;
mod request;
mod said;
mod sampling;
mod scheduler;
mod sequence;
mod several;
mod template;
mod tokenizer;
mod weights;

pub use api::{
    ChatMessage, Drawn, Embedding, EmbeddingEvent, Embeddings, Engine, EngineError, FinishReason, Follow, FollowEvent,
    FollowRequest, Followed, GenerateRequest, Generation, GenerationEvent, ModelInfo, ModelKind, ModelStats,
    PositionOutput, Prefill, PrefillEvent, PrefillRequest, Projection, Prompt, ResponseFormat, Said, SaidEnd, Sampling,
    SayRequest, Seed, SharedEngine, TokenLogprob, TokenLogprobs, IMPOSSIBLE,
};
pub use device::{chosen_gpu, cuda_devices, CudaDevice, DeviceChoice};
pub use embedder::WINDOW_INPUTS;
pub use error::LoadError;
pub use local_engine::{EngineOptions, LocalEngine};
pub use manifest::{Manifest, ManifestError, ModelFile, MANIFEST_FILE, MAX_MANIFEST_BYTES};
pub use model_dir::{ModelDir, ModelDirError};
pub use models::ChatFile;
pub use openai::{OfferError, OpenAiEngine, OpenAiKey, OpenAiKeyError, OpenAiLimits, OpenAiOffer, OpenAiOptions};
pub use requantise::requantise_to_q8_0;
pub use several::Engines;
