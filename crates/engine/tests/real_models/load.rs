//! Where the models are, and engines with them.

use std::{num::NonZeroUsize, path::PathBuf};

use cuckoo_engine::{CandleEngine, EngineOptions, ModelDir};

pub(crate) const CHAT: &str = "smollm2-135m-instruct";
pub(crate) const EMBEDDING: &str = "all-minilm-l6-v2";

pub(crate) fn models_dir() -> PathBuf {
    ModelDir::default_models_dir().expect("HOME or CUCKOO_MODELS_DIR is set")
}

#[track_caller]
pub(crate) fn model_dir(id: &str) -> ModelDir {
    ModelDir::open(&models_dir(), id)
        .unwrap_or_else(|error| panic!("these tests need the real models: run scripts/setup\n{error}"))
}

#[track_caller]
pub(crate) fn engine(id: &str, max_running: usize, max_waiting: usize) -> CandleEngine {
    let options = EngineOptions {
        max_running: NonZeroUsize::new(max_running).expect("at least one"),
        max_waiting,
        ..EngineOptions::default()
    };
    CandleEngine::load(&[model_dir(id)], &options).unwrap()
}
