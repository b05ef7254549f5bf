//! Models that both engines can read.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::Value;

/// A chat model in a folder of models.
pub(super) struct Model {
    pub(super) id: String,
    pub(super) models_dir: PathBuf,
    /// Its one file of weights.
    pub(super) gguf: PathBuf,
}

impl Model {
    /// Finds the model `id` in `models_dir` or where models usually are.
    pub(super) fn find(models_dir: Option<&Path>, id: &str) -> anyhow::Result<Self> {
        let usual = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache/cuckoo/models"));
        let models_dir = models_dir.map(Path::to_owned).or_else(usual).context("HOME is not set: name --models-dir")?;
        let manifest = models_dir.join(id).join("manifest.json");
        let text = std::fs::read_to_string(&manifest).with_context(|| {
            format!("{} cannot be read; `miner-worker models pull` fetches models", manifest.display())
        })?;
        let gguf = gguf_of(&text).with_context(|| format!("{} names no GGUF file", manifest.display()))?;
        Ok(Self { id: id.to_owned(), gguf: models_dir.join(id).join(gguf), models_dir })
    }
}

fn gguf_of(manifest: &str) -> Option<String> {
    let manifest: Value = serde_json::from_str(manifest).ok()?;
    let names = manifest["files"].as_array()?.iter().filter_map(|file| file["name"].as_str());
    names.into_iter().find(|name| name.ends_with(".gguf")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_weights_is_found_in_a_manifest() {
        let manifest = r#"{"files": [{"name": "a.json"}, {"name": "b.gguf"}]}"#;
        assert_eq!(gguf_of(manifest).as_deref(), Some("b.gguf"));
        assert_eq!(gguf_of(r#"{"files": [{"name": "model.safetensors"}]}"#), None);
        assert_eq!(gguf_of("{"), None);
    }
}
