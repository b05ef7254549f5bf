//! What a model is made of: the files, their hashes, and the hash that names them all together.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::api::ModelKind;

/// Name of the manifest in a model's folder.
pub const MANIFEST_FILE: &str = "manifest.json";
/// Largest manifest that is read.
pub const MAX_MANIFEST_BYTES: u64 = 64 * 1024;

const MAX_ID_BYTES: usize = 64;
const MAX_NAME_BYTES: usize = 128;
const MAX_FILES: usize = 64;
const MAX_FILE_BYTES: u64 = 1 << 40;
/// Most tokens of context that a manifest may state.
pub(crate) const MAX_CONTEXT_TOKENS: u32 = 1 << 20;
const ROOT_DOMAIN: &[u8] = b"cuckoo/model/v1\n";

/// Contents of `manifest.json`. A value of this type is valid: names stay inside the model's folder, sizes are bounded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawManifest")]
pub struct Manifest {
    id: String,
    kind: Kind,
    architecture: String,
    files: Vec<ModelFile>,
    context_tokens: u32,
}

/// One file of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelFile {
    /// A plain file name.
    pub name: String,
    /// Lower-case hex.
    pub sha256: String,
    /// Size.
    pub bytes: u64,
}

/// Why a manifest is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Not JSON of the expected shape, or values out of bounds; serde's words.
    #[error("{MANIFEST_FILE} is not a manifest: {0}")]
    Malformed(String),
    /// Longer than [`MAX_MANIFEST_BYTES`].
    #[error("{MANIFEST_FILE} is longer than {MAX_MANIFEST_BYTES} bytes")]
    TooLarge,
    /// The id would not do as a folder's name and in a URL.
    #[error(
        "model id {0:?} is refused: use 1 to {MAX_ID_BYTES} of a-z, 0-9, '.', '_', '-', beginning with a letter or digit"
    )]
    Id(String),
    /// The name might lead out of the model's folder.
    #[error(
        "file name {0:?} is refused: use a plain name of A-Z, a-z, 0-9, '.', '_', '-' that does not begin with '.'"
    )]
    FileName(String),
    /// The same name twice.
    #[error("file {0:?} is listed twice")]
    DuplicateFile(String),
    /// None, or more than is sensible.
    #[error("a model has 1 to {MAX_FILES} files, this one lists {0}")]
    FileCount(usize),
    /// Not a sha256.
    #[error("file {0:?}: sha256 must be 64 lower-case hex digits")]
    Hash(String),
    /// Empty or absurdly long.
    #[error("file {0:?}: a size of 1 to {MAX_FILE_BYTES} bytes is expected")]
    FileSize(String),
    /// Zero or absurdly long.
    #[error("context_tokens must be 1 to {MAX_CONTEXT_TOKENS}, not {0}")]
    Context(u32),
}

impl Manifest {
    /// Builds a manifest; the files may come in any order.
    pub fn new(
        id: impl Into<String>,
        kind: ModelKind,
        architecture: impl Into<String>,
        files: Vec<ModelFile>,
        context_tokens: u32,
    ) -> Result<Self, ManifestError> {
        RawManifest { id: id.into(), kind: kind.into(), architecture: architecture.into(), files, context_tokens }
            .try_into()
    }

    /// Reads a manifest from the bytes of `manifest.json`.
    pub fn parse(json: &[u8]) -> Result<Self, ManifestError> {
        if json.len() as u64 > MAX_MANIFEST_BYTES {
            return Err(ManifestError::TooLarge);
        }
        let raw: RawManifest =
            serde_json::from_slice(json).map_err(|error| ManifestError::Malformed(error.to_string()))?;
        raw.try_into()
    }

    /// The bytes to write as `manifest.json`.
    pub fn to_json(&self) -> String {
        // A struct of strings and numbers always serialises; an empty text would be refused by `parse` anyway.
        let mut json = serde_json::to_string_pretty(self).unwrap_or_default();
        json.push('\n');
        json
    }

    /// What clients ask for; also the folder's name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What the model is for.
    pub fn kind(&self) -> ModelKind {
        self.kind.into()
    }

    /// Which code runs it.
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// The files, ordered by name.
    pub fn files(&self) -> &[ModelFile] {
        &self.files
    }

    /// Tokens that prompt and completion may have together, as the publisher states it.
    pub fn context_tokens(&self) -> u32 {
        self.context_tokens
    }

    /// The first file whose name ends in `suffix`.
    pub fn file_ending_in(&self, suffix: &str) -> Option<&ModelFile> {
        self.files.iter().find(|file| file.name.ends_with(suffix))
    }

    /// Names the model's exact files: sha256 over a domain line and one line `"<sha256>  <name>\n"` per file, by name.
    pub fn model_root(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(ROOT_DOMAIN);
        for file in &self.files {
            hasher.update(format!("{}  {}\n", file.sha256, file.name));
        }
        hasher.finalize().into()
    }
}

/// [`Manifest`] before it was checked.
#[derive(Deserialize)]
struct RawManifest {
    id: String,
    kind: Kind,
    architecture: String,
    files: Vec<ModelFile>,
    context_tokens: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Chat,
    Embedding,
}

impl From<ModelKind> for Kind {
    fn from(kind: ModelKind) -> Self {
        match kind {
            ModelKind::Chat => Self::Chat,
            ModelKind::Embedding => Self::Embedding,
        }
    }
}

impl From<Kind> for ModelKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Chat => Self::Chat,
            Kind::Embedding => Self::Embedding,
        }
    }
}

impl TryFrom<RawManifest> for Manifest {
    type Error = ManifestError;

    fn try_from(raw: RawManifest) -> Result<Self, ManifestError> {
        check_id(&raw.id)?;
        if raw.files.is_empty() || raw.files.len() > MAX_FILES {
            return Err(ManifestError::FileCount(raw.files.len()));
        }
        let mut names = BTreeSet::new();
        for file in &raw.files {
            check_file(file)?;
            if !names.insert(file.name.as_str()) {
                return Err(ManifestError::DuplicateFile(file.name.clone()));
            }
        }
        if !(1..=MAX_CONTEXT_TOKENS).contains(&raw.context_tokens) {
            return Err(ManifestError::Context(raw.context_tokens));
        }
        let RawManifest { id, kind, architecture, mut files, context_tokens } = raw;
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { id, kind, architecture, files, context_tokens })
    }
}

/// Accepts ids that are safe as a folder's name, in a URL and in a log line.
pub(crate) fn check_id(id: &str) -> Result<(), ManifestError> {
    let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'.' | b'_' | b'-');
    let begins_well = id.bytes().next().is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    if begins_well && id.len() <= MAX_ID_BYTES && id.bytes().all(allowed) {
        Ok(())
    } else {
        Err(ManifestError::Id(id.to_owned()))
    }
}

fn check_file(file: &ModelFile) -> Result<(), ManifestError> {
    let name = &file.name;
    let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
    let plain = !name.is_empty() && !name.starts_with('.') && name.len() <= MAX_NAME_BYTES && name.bytes().all(allowed);
    if !plain || name == MANIFEST_FILE {
        return Err(ManifestError::FileName(name.clone()));
    }
    if file.sha256.len() != 64 || !file.sha256.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(ManifestError::Hash(name.clone()));
    }
    if !(1..=MAX_FILE_BYTES).contains(&file.bytes) {
        return Err(ManifestError::FileSize(name.clone()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> ModelFile {
        ModelFile { name: name.into(), sha256: hex::encode(Sha256::digest(name)), bytes: name.len() as u64 + 1 }
    }

    fn manifest_of(files: Vec<ModelFile>) -> Result<Manifest, ManifestError> {
        Manifest::new("some-model", ModelKind::Chat, "llama", files, 128)
    }

    #[test]
    fn json_survives_a_round_trip() {
        let manifest = manifest_of(vec![file("b.gguf"), file("a.json")]).unwrap();
        assert_eq!(Manifest::parse(manifest.to_json().as_bytes()), Ok(manifest.clone()));
        assert_eq!(manifest.files()[0].name, "a.json");
    }

    #[test]
    fn model_root_is_the_hash_of_the_sorted_listing() {
        let manifest = manifest_of(vec![file("b.gguf"), file("a.json")]).unwrap();
        let listing =
            format!("cuckoo/model/v1\n{}  a.json\n{}  b.gguf\n", file("a.json").sha256, file("b.gguf").sha256);
        assert_eq!(manifest.model_root(), <[u8; 32]>::from(Sha256::digest(listing)));
        assert_eq!(manifest.model_root(), manifest_of(vec![file("a.json"), file("b.gguf")]).unwrap().model_root());
        assert_ne!(manifest.model_root(), manifest_of(vec![file("a.json")]).unwrap().model_root());
    }

    #[test]
    fn names_that_leave_the_folder_are_refused() {
        for name in ["../x", "/etc/passwd", "a/b", "..", ".hidden", "", "a\\b", "manifest.json", "a b", "ä"] {
            assert_eq!(
                manifest_of(vec![ModelFile { name: name.into(), ..file("x") }]),
                Err(ManifestError::FileName(name.into()))
            );
        }
    }

    #[test]
    fn ids_that_are_no_folder_name_are_refused() {
        for id in ["", "..", "a/b", "Upper", "-a", ".a", "a\n", &"a".repeat(65)] {
            let refused = Manifest::new(id, ModelKind::Chat, "llama", vec![file("x")], 1);
            assert_eq!(refused, Err(ManifestError::Id(id.to_string())));
        }
    }

    #[test]
    fn values_out_of_bounds_are_refused() {
        assert_eq!(manifest_of(vec![]), Err(ManifestError::FileCount(0)));
        assert_eq!(manifest_of(vec![file("a"), file("a")]), Err(ManifestError::DuplicateFile("a".into())));
        let short = ModelFile { sha256: "abc".into(), ..file("a") };
        assert_eq!(manifest_of(vec![short]), Err(ManifestError::Hash("a".into())));
        let empty = ModelFile { bytes: 0, ..file("a") };
        assert_eq!(manifest_of(vec![empty]), Err(ManifestError::FileSize("a".into())));
        assert_eq!(Manifest::new("m", ModelKind::Chat, "llama", vec![file("a")], 0), Err(ManifestError::Context(0)));
    }

    #[test]
    fn broken_or_oversized_json_is_refused() {
        assert!(matches!(Manifest::parse(b"{"), Err(ManifestError::Malformed(_))));
        assert!(matches!(Manifest::parse(br#"{"id": 3}"#), Err(ManifestError::Malformed(_))));
        let huge = vec![b' '; MAX_MANIFEST_BYTES as usize + 1];
        assert_eq!(Manifest::parse(&huge), Err(ManifestError::TooLarge));
    }
}
