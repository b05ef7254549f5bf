//! Which token comes next, given the model's logits, a seed and a position: in integers alone, so that miner, auditor and
//! the chain's runtime, native or wasm, choose the same one.
//!
//! A draw is an argmax: to each candidate's logit over the temperature its own Gumbel noise is added, and the greatest
//! sum wins, which draws from the softmax distribution (E. J. Gumbel, 1954). The noise of a token depends on seed,
//! position and the token's number, and on nothing else. So a logit that another machine rounds otherwise can change a
//! choice only where two sums were that close, and never shifts the noise of other tokens.
//!
//! What can come next is bounded: the [`MAX_CANDIDATES`] likeliest tokens, so that a draw can be shown to others.

#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::panic,
        clippy::float_arithmetic
    )
)]
#![warn(missing_docs)]

mod candidate;
mod draw;
mod fixed;
mod noise;
mod parameters;

pub use candidate::{are_ordered, Candidate, MAX_CANDIDATES, MAX_LOGIT};
pub use draw::{draw, kept, margin};
pub use noise::Noise;
pub use parameters::{Parameters, ONE};
