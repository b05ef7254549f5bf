//! From the model's numbers to the next token, and to the text that a reader gets.

mod chooser;
mod constraint;
mod exp;
mod grammars;
mod likeliest;
mod logprobs;
mod penalties;
mod schema;
mod stop;
mod turns;
mod walk;

pub(crate) use chooser::{Chooser, Chosen};
pub(crate) use grammars::Grammars;
pub(crate) use stop::{Matched, StopMatcher};
