//! From a task to a miner's answer.
//!
//! [`Registry`] knows who is linked and draws; an attempt is one try of a task on one miner, and runs in a task of its own
//! to the promise of its pay, see [`running_attempt`]; [`Dispatcher`] tries until an answer is there, with a verified
//! receipt, or nobody is left.

mod agreement;
mod answer;
mod attempt;
mod attempts;
mod bounds;
mod continuation;
mod dispatcher;
mod draw;
mod failure;
mod logprobs;
mod member;
mod miners;
mod open_task;
mod pool;
mod progress;
mod queue;
mod receipt_check;
mod registry;
mod roster;
mod running_attempt;
mod second_opinion;
mod sent_tokens;
mod task;
mod transcript;
mod tries;

pub(crate) use attempt::{Completed, Piece, ServedBy, TaskEvent, TextPiece};
pub(crate) use dispatcher::Dispatcher;
pub(crate) use failure::{ClientFault, DispatchError};
pub(crate) use logprobs::{weight_of, TokenLogprob, TokenLogprobs};
pub(crate) use member::MAX_LINKS_PER_OPERATOR;
pub(crate) use miners::{MinerCounts, MinerReport, Unavailable};
pub(crate) use open_task::OpenTask;
pub(crate) use registry::{Registry, TooManyLinks};
pub(crate) use task::{task_of, AttemptId, ClientTask};
pub(crate) use transcript::values_of;

#[cfg(test)]
mod registry_tests;
