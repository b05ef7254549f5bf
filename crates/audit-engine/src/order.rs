//! What is said over the pipe: the process first sends [`Ready`], then one [`Reply`] to each [`Order`].

use codec::{Decode, Encode};
use cuckoo_audit::score::{Failure, Scores};
use cuckoo_primitives::{commitment::Leaf, task::Receipt, Hash};

/// An attempt to go through.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Order {
    /// The task, as it crossed the link: a `cuckoo_wire::link::Task` in protobuf.
    pub task: Vec<u8>,
    /// What the miner has signed.
    pub receipt: Receipt,
    /// What it has produced.
    pub produced: Produced,
}

/// What an attempt has produced.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum Produced {
    /// Text.
    Text {
        /// What was sent, the token that ends the text included.
        tokens: Vec<u32>,
        /// What was opened for each.
        leaves: Vec<Leaf>,
        /// Tokens that prompt and completion may have together, as the miner offers the model.
        context_tokens: u32,
        /// Whether the coordinator has cancelled the attempt, or its time was over.
        was_cancelled: bool,
    },
    /// A vector for each input, in their order.
    Vectors(Vec<Vec<f32>>),
}

/// A model that the process has.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Model {
    /// As its folder is called.
    pub(crate) id: String,
    /// sha256 over its files.
    pub(crate) root: Hash,
    /// The numeric class that it is computed in.
    pub(crate) class: String,
}

/// The models that the process has loaded.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Ready {
    pub(crate) models: Vec<Model>,
}

/// What comes of an order.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) enum Reply {
    /// How far it is from what the engine says.
    Scored(Result<Scores, Failure>),
    /// The engine could not look at it.
    Unable(String),
}
