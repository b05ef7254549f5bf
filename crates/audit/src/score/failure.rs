//! What an honest miner cannot have done.

use cuckoo_primitives::Hash;

/// Why an attempt does not pass whatever its distances are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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
        sent: usize,
        /// That were opened.
        opened: usize,
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
    End(&'static str),
    /// The tokens say something else than what was sent.
    #[error("the tokens do not say what was sent")]
    Output,
    /// The shape that was asked for forbids the token.
    #[error("token {index} is one that the shape forbids")]
    Impossible {
        /// Counted from the attempt's first token.
        index: u32,
    },
    /// The auditor's own figures are not whole. The attempt has not passed, and nobody is to blame.
    #[error("the auditor's own figures are not whole")]
    Auditor,
}

impl Failure {
    /// Whether it speaks against the miner.
    pub fn is_the_miners(&self) -> bool {
        *self != Self::Auditor
    }
}
