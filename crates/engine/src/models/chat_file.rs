//! What a GGUF file says of itself, without loading it.

use std::{path::Path, sync::Arc};

use crate::{
    compute::Prepare,
    error::LoadError,
    gguf::GgufFile,
    manifest::MAX_CONTEXT_TOKENS,
    models::{load::ChatParts, tensors::Tensors},
    weights::Stored,
};

/// A GGUF file whose header, tokenizer, chat template and tensors' names, types and shapes the engine can use. The
/// weights themselves are not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatFile {
    /// Which code runs it, as a manifest names it.
    pub architecture: String,
    /// Tokens that prompt and completion may have together; never more than a manifest can state.
    pub context_tokens: u32,
    /// What its publisher calls it.
    pub name: Option<String>,
    /// Whether it can chat; without a template it can only continue texts.
    pub has_template: bool,
}

impl ChatFile {
    /// Looks at the file at `path`. Takes a moment and little memory, whatever its size.
    ///
    /// # Errors
    /// If the engine could not load it: the first thing that it does not support.
    pub fn read(path: &Path) -> Result<Self, LoadError> {
        let file = GgufFile::open(path)?;
        let parts = ChatParts::read(&Arc::new(ShapesOnly), &file)?;
        let name = file.metadata().text("general.name").map_err(|reason| file.refused(reason))?;
        Ok(Self {
            architecture: parts.family.architecture.to_owned(),
            context_tokens: parts.sizes.context_tokens.min(MAX_CONTEXT_TOKENS),
            name: name.map(str::to_owned),
            has_template: parts.template.is_some(),
        })
    }
}

/// Takes every tensor and makes nothing of it.
struct ShapesOnly;

impl Prepare for ShapesOnly {
    type Matrix = ();
    type Vector = ();

    fn matrix(&self, _: Stored<'_>) -> Result<(), LoadError> {
        Ok(())
    }

    fn vector(&self, _: Stored<'_>) -> Result<(), LoadError> {
        Ok(())
    }
}
