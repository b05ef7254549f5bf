//! The gateway of a coordinator: applications call its HTTP API, staked miners answer.
//!
//! [`serve`] runs a gateway on a chain that somebody else has connected to; the binary does so with a real node, tests
//! and benches with a chain of their own making.

#![warn(missing_docs)]

pub mod cli;
pub mod config;
pub mod standing;

mod allocator;
mod audit;
mod auth;
mod chain_guard;
mod dispatch;
mod error;
mod gateway;
mod link;
mod metrics;
mod openapi;
mod ranking;
mod request_memory;
mod router;
mod routes;
mod server;
mod settle;
mod state;
mod store;

pub use allocator::{Allocator, ALLOCATOR};
pub use chain_guard::NotACoordinator;
pub use gateway::{serve, Gateway, StartError};
pub use link::{ModelRoot, NotARoot};
pub use router::openapi;
pub use settle::{At, CaiPrice, ModelPrice, NotAPrice, SettledChannels, SettlementSource};
pub use store::{ApiKey, KeyStore, NewKey, Store, StoreError};
