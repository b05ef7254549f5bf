//! The real gateway over real connections, on a view of the chain that the tests make, with miners that follow a
//! script.

mod answers;
mod auth;
mod bad_input;
mod budgets;
mod commits;
mod cut_off;
mod draw;
mod fail_over;
mod failures;
mod handshake;
mod hang_up;
mod logprobs;
mod miner;
mod operation;
mod paid;
mod queue;
mod receipts;
mod settlement;
mod slow_readers;
mod stage;
