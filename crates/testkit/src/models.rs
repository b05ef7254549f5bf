//! Where the models of the tests are.

use std::path::PathBuf;

use anyhow::{ensure, Context};

/// The chat model.
pub const CHAT: &str = "smollm2-135m-instruct";
/// The embedding model.
pub const EMBEDDING: &str = "all-minilm-l6-v2";

/// The models folder (`CUCKOO_MODELS_DIR` or `~/.cache/cuckoo/models`); an error says which of `ids` is missing.
pub fn dir(ids: &[impl AsRef<str>]) -> anyhow::Result<PathBuf> {
    let dir = match std::env::var_os("CUCKOO_MODELS_DIR") {
        Some(dir) => PathBuf::from(dir),
        None => cache_dir()?.join("models"),
    };
    for id in ids {
        let manifest = dir.join(id.as_ref()).join("manifest.json");
        ensure!(
            manifest.is_file(),
            "the model {} is missing ({} does not exist): run `scripts/setup`",
            id.as_ref(),
            manifest.display()
        );
    }
    Ok(dir)
}

/// Where `scripts/setup` puts what it fetched: `~/.cache/cuckoo`.
pub fn cache_dir() -> anyhow::Result<PathBuf> {
    let home = std::env::var_os("HOME").context("HOME is not set, so the cache folder is unknown")?;
    Ok(PathBuf::from(home).join(".cache/cuckoo"))
}
