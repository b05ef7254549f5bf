//! From a task to a miner's answer.
//!
//! [`Registry`] knows who is linked and draws; [`Attempt`] is one try of a task on one miner; [`Dispatcher`] tries
//! until an answer is there, with a verified receipt, or nobody is left.

mod attempt;
mod bounds;
mod dispatcher;
mod draw;
mod failure;
mod member;
mod miners;
mod pool;
mod receipt_check;
mod registry;
mod roster;
mod task;

pub(crate) use attempt::{values_of, Piece, TaskEvent};
pub(crate) use dispatcher::{Dispatcher, OpenTask, ServedBy, STREAM_HEARTBEAT};
pub(crate) use failure::DispatchError;
pub(crate) use member::MAX_LINKS_PER_OPERATOR;
pub(crate) use miners::{MinerCounts, MinerReport, Unavailable};
pub(crate) use registry::{Registry, Slot, TooManyLinks};
pub(crate) use task::{task_of, AttemptId, TaskSpec};

#[cfg(test)]
mod registry_tests;
