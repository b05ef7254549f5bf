//! What an audit makes of an answer, and what many audits make of a miner.
//!
//! A miner commits to its answer before it can know whether it is audited ([`choice`]). An audit goes through the answer
//! with an engine of its own and compares: what an honest miner cannot have done is a [`Failure`](score::Failure), the rest
//! are distances ([`score`]). Distances are judged by what honest miners of the same pair of classes show
//! ([`threshold`]), and added up over audits ([`sequential`]); both change how often the miner is audited
//! ([`reputation`]). How often it must be, for cheating to lose, says [`economics`].
//!
//! Nothing here computes a model, reads a clock or talks to anybody: equal inputs give equal verdicts, so that whoever has
//! them can come to the same.
//!
//! What a statistical finding may lead to is suspicion and a committee, never a slash by itself. What the chain can check
//! alone is [`Evidence`](cuckoo_primitives::evidence::Evidence), and none of this crate's business.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]
#![warn(missing_docs)]

pub mod choice;
pub mod economics;
mod finding;
pub mod reputation;
pub mod score;
pub mod sequential;
pub mod threshold;

pub use finding::{audit, Finding};
