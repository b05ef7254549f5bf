//! What the scheduler asks of a chat model, whatever its architecture and device.

mod bert;
mod chat_file;
mod decoder;
mod family;
mod hyperparameters;
mod llama;
mod load;
mod qwen2;
mod qwen3;
mod safetensors;
mod step;
mod tensors;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod tiny;

pub use chat_file::ChatFile;
pub(crate) use load::{chat_path, load_chat, load_embedding, Backend, KvBudget, LoadedChat, LoadedEmbedding};

use crate::{
    api::EngineError,
    compute::{BlockId, Span},
};

/// A piece of one text that a step reads, and what is wanted of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece<'a> {
    /// At least one.
    pub(crate) tokens: &'a [u32],
    /// How many tokens of the text were read before.
    pub(crate) position: usize,
    /// Where the text's keys and values lie; enough for `position + tokens.len()` tokens.
    pub(crate) blocks: &'a [BlockId],
    pub(crate) wanted: Wanted,
}

/// Of which tokens of a piece results are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Of none: more of the prompt follows.
    Nothing,
    /// Of the last.
    Last,
    /// Of each.
    Each,
}

/// What a model computed for one token.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Output {
    /// One for each token of the vocabulary: how likely it follows.
    pub(crate) logits: Vec<f32>,
    /// The last hidden state, after the last normalisation: what the logits are made of.
    pub(crate) hidden: Vec<f32>,
}

/// A loaded chat model with the memory for keys and values.
pub(crate) trait CausalModel: Send + 'static {
    /// Blocks of keys and values that there are.
    fn blocks(&self) -> usize;

    /// Reads the pieces in one step. Returns, for each piece, an output for each token that one is wanted of.
    fn forward(&mut self, pieces: &[Piece<'_>]) -> Result<Vec<Vec<Output>>, EngineError>;
}

impl<'a> Piece<'a> {
    /// The piece without its tokens.
    pub(crate) fn span(&self) -> Span<'a> {
        Span { position: self.position, length: self.tokens.len(), blocks: self.blocks }
    }
}
