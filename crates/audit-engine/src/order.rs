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
    /// Vectors, one for each input.
    Vectors {
        /// How many there were: of fewer inputs than were asked for, if it was cancelled.
        count: u32,
        /// Some of them, and the places of their inputs.
        some: Vec<(u32, Vec<f32>)>,
        /// Whether the coordinator has cancelled the attempt, or its time was over.
        was_cancelled: bool,
    },
}

/// A model that the process has.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct OwnModel {
    /// As its folder is called.
    pub id: String,
    /// sha256 over its files.
    pub root: Hash,
    /// Whether it embeds texts; else it writes them.
    pub is_embedding: bool,
    /// Tokens that it reads of a text, or reads and writes together.
    pub context_tokens: u32,
    /// The numeric class that it is computed in.
    pub class: String,
}

/// The models that the process has loaded.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Ready {
    pub(crate) models: Vec<OwnModel>,
}

/// What comes of an order.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) enum Reply {
    /// How far it is from what the engine says.
    Scored(Result<Scores, Failure>),
    /// The engine could not look at it.
    Unable(String),
}
