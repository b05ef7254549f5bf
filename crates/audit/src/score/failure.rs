//! What an honest miner cannot have done.

use codec::{Decode, Encode};
use cuckoo_primitives::Hash;

/// Why an attempt does not pass whatever its distances are.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, thiserror::Error)]
pub enum Failure {
    /// Nothing says how its tokens were drawn.
    #[error("the receipt commits to nothing that could be checked")]
    Uncommitted,
    /// There is no token.
    #[error("there are no tokens")]
    Empty,
    /// Other numbers of tokens, or of openings, than the receipt's.
    #[error("the receipt commits to {committed} tokens, {sent} were sent and {opened} opened")]
    Lengths {
        /// By the receipt.
        committed: u32,
        /// That arrived.
        sent: u32,
        /// That were opened.
        opened: u32,
    },
    /// What was sent or opened is not what the receipt commits to.
    #[error("what was sent or opened does not hash to the receipt's roots")]
    Root,
    /// An opening is of another token than was sent.
    #[error("opening {index} is of another token than was sent")]
    OtherToken {
        /// Counted from the attempt's first token.
        index: u32,
    },
    /// An opening does not draw its token, or is not one that can be drawn from.
    #[error("opening {index} does not draw the token that was sent")]
    NotDrawn {
        /// Counted from the attempt's first token.
        index: u32,
        /// The opening, as its tree names it.
        leaf: Hash,
    },
    /// The prompt has another number of tokens.
    #[error("the prompt has {own} tokens, not {claimed}")]
    Prompt {
        /// By the receipt.
        claimed: u32,
        /// By the auditor's tokenizer, template included.
        own: u32,
    },
    /// The text does not end the way the receipt says.
    #[error("the text does not end so: {0}")]
    End(WrongEnd),
    /// The tokens say something else than what was sent.
    #[error("the tokens do not say what was sent")]
    Output,
    /// The shape that was asked for forbids the token.
    #[error("token {index} is one that the shape forbids")]
    Impossible {
        /// Counted from the attempt's first token.
        index: u32,
    },
    /// A vector is not the text's.
    #[error("vector {index} is not what the model makes of the text")]
    Vector {
        /// Which input's.
        index: u32,
    },
    /// The auditor's own figures are not whole. The attempt has not passed, and nobody is to blame.
    #[error("the auditor's own figures are not whole")]
    Auditor,
}

/// How a text does not end the way its receipt says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, thiserror::Error)]
pub enum WrongEnd {
    /// One of its tokens ends it, and more follow.
    #[error("tokens follow behind its end")]
    GoesOn,
    /// The receipt counts others than were sent.
    #[error("another number of tokens is counted than was sent")]
    Count,
    /// Longer than was asked for.
    #[error("there are more tokens than were asked for")]
    TooLong,
    /// Said to have ended by itself.
    #[error("nothing in it ends it")]
    Open,
    /// Said to be at its limit, though a token or a stop string has ended it.
    #[error("it ended by itself before its limit")]
    Ended,
    /// Said to be at its limit.
    #[error("it is shorter than its limit")]
    Short,
    /// Said to be cancelled.
    #[error("nobody cancelled it")]
    NotCancelled,
}

impl Failure {
    /// Other numbers of tokens, or of openings, than the receipt's.
    pub fn lengths(committed: u32, sent: usize, opened: usize) -> Self {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Self::Lengths { committed, sent: count(sent), opened: count(opened) }
    }

    /// Whether it speaks against the miner.
    pub fn is_the_miners(&self) -> bool {
        *self != Self::Auditor
    }
}
