//! Inference behind a small trait: [`Engine`] in, tokens or vectors out.
//!
//! [`CandleEngine`] runs GGUF models of the llama family and BERT embedding models on the CPU or, built with the
//! feature `cuda`, on an NVIDIA GPU. One thread per chat model interleaves the steps of all running generations, so a
//! long prompt or a slow reader delays nobody else; what a generation says depends on its request alone, never on what
//! runs beside it. Embedding requests take turns batch by batch, and their vectors leave as they are computed.
//!
//! Models are folders with a [`Manifest`] that names every file by its hash ([`ModelDir`]).

pub mod api;
pub mod bench;
mod bert;
mod candle_engine;
mod compute;
mod control;
mod detokenizer;
mod device;
mod embedder;
mod error;
mod gguf;
mod llama;
mod manifest;
mod model_dir;
mod models;
mod request;
mod sampling;
mod scheduler;
mod sequence;
mod session;
mod template;
mod tokenizer;
mod unpack;
mod weights;

pub use api::{
    ChatMessage, Embedding, EmbeddingEvent, Embeddings, Engine, EngineError, FinishReason, GenerateRequest, Generation,
    GenerationEvent, ModelInfo, ModelKind, ModelStats, PositionOutput, Prefill, PrefillEvent, PrefillRequest, Prompt,
    ResponseFormat, Sampling, SharedEngine, TokenLogprob, TokenLogprobs,
};
pub use candle_engine::{CandleEngine, EngineOptions};
pub use device::{chosen_gpu, cuda_devices, CudaDevice, DeviceChoice};
pub use error::LoadError;
pub use manifest::{Manifest, ManifestError, ModelFile, MANIFEST_FILE, MAX_MANIFEST_BYTES};
pub use model_dir::{ModelDir, ModelDirError};
