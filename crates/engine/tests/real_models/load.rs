//! Where the models are, and engines with them.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use cuckoo_engine::{EngineOptions, LocalEngine, Manifest, ModelDir, MANIFEST_FILE};

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
pub(crate) fn engine(id: &str, max_running: usize, max_waiting: usize) -> LocalEngine {
    let options = EngineOptions {
        max_running: NonZeroUsize::new(max_running).expect("at least one"),
        max_waiting,
        ..EngineOptions::default()
    };
    LocalEngine::load(&[model_dir(id)], &options).unwrap()
}

/// The same model in the folder `to`, with a context of its own.
pub(crate) fn with_context(id: &str, context_tokens: u32, to: &Path) -> ModelDir {
    let original = model_dir(id);
    let manifest = original.manifest();
    std::fs::create_dir(to.join(id)).unwrap();
    for file in manifest.files() {
        std::os::unix::fs::symlink(original.file_path(file), to.join(id).join(&file.name)).unwrap();
    }
    let files = manifest.files().to_vec();
    let manifest = Manifest::new(id, manifest.kind(), manifest.architecture(), files, context_tokens).unwrap();
    std::fs::write(to.join(id).join(MANIFEST_FILE), manifest.to_json()).unwrap();
    ModelDir::open(to, id).unwrap()
}
