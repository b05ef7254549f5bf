//! What an architecture fixes and its files do not say.

use crate::{
    compute::RopePairs,
    gguf::Metadata,
    models::{hyperparameters::Hyperparameters, llama, qwen2, qwen3},
};

/// A kind of decoder.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Family {
    /// GGUF's name of it.
    pub(crate) architecture: &'static str,
    /// How its files store heads.
    pub(crate) pairs: RopePairs,
    /// Biases of queries, keys and values.
    pub(crate) biases: Part,
    /// Normalisation of each head of queries and keys.
    pub(crate) head_norms: Part,
    /// A tensor of factors that slow rotary positions down.
    pub(crate) rope_factors: Part,
}

/// Whether a model has a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A file that has it is refused.
    Never,
    Maybe,
    /// A file without it is refused.
    Always,
}

const FAMILIES: [&Family; 3] = [&llama::FAMILY, &qwen2::FAMILY, &qwen3::FAMILY];

/// Names of all architectures that can be loaded.
pub(crate) fn architectures() -> impl Iterator<Item = &'static str> {
    FAMILIES.into_iter().map(|family| family.architecture)
}

impl Family {
    /// The family and the sizes of the model with this header.
    pub(crate) fn of(metadata: &Metadata<'_>) -> Result<(&'static Self, Hyperparameters), String> {
        let architecture = metadata.required_text("general.architecture")?;
        let family = FAMILIES.into_iter().find(|family| family.architecture == architecture).ok_or_else(|| {
            let known = architectures().collect::<Vec<_>>().join(", ");
            format!("architecture {architecture:?} is not supported; supported are {known}")
        })?;
        Ok((family, Hyperparameters::read(metadata, architecture)?))
    }
}
