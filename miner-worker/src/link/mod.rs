//! Links to coordinators: dialling, the mutual proof of operator keys, tasks and answers.
//!
//! [`serve`] keeps one keeper for each coordinator that this miner wants to serve; a keeper dials, shakes hands, lets a
//! session run until it ends, waits, and dials again. All links share one [`Miner`]: engine, key, and the [`Shares`]
//! that say how many slots each coordinator has at the moment.

mod accepted;
mod attempt;
mod backoff;
mod batch;
mod board;
mod connection;
pub(crate) mod dated;
mod dial;
mod draws;
mod error;
mod handshake;
mod keeper;
mod logprobs;
mod manager;
mod miner;
mod openings;
mod outbox;
mod pay;
mod room;
mod sent;
mod session;
mod shares;
#[cfg(test)]
pub(crate) mod shares_fixture;
mod stop;
mod terms;
mod tokens;
mod work;

pub use board::{LinkBoard, LinkReport, LinkState};
pub use connection::Connection;
pub use dial::dial;
pub use error::LinkError;
pub use handshake::{greet, Greeted};
pub use manager::{serve, Coordinators};
pub(crate) use miner::may_serve;
pub use miner::Miner;
pub use shares::Shares;
