//! The chain as gateway and miner see it.
//!
//! [`Chain::connect`] follows the finalised blocks of one of several nodes and keeps a [`MarketView`] of all candidates
//! up to date; reading it costs no request. [`Chain::submit`] signs a [`Call`] and waits until it is final. subxt stays
//! behind this crate's own types.

#![warn(missing_docs)]

mod backoff;
mod cai;
mod call;
mod chain;
mod challenges;
mod changes;
mod config;
mod consent;
mod endpoint;
mod error;
#[cfg(test)]
mod fixture;
mod follow;
mod head;
mod key;
mod link;
mod node;
mod nonces;
mod outcome;
mod reader;
mod registration;
mod settlement;
mod submit;
mod value;
mod view;

pub use cai::{Cai, NotAnAmount};
pub use call::{Call, MORTAL_BLOCKS};
pub use chain::Chain;
pub use challenges::MOST_AGAINST_ONE;
pub use config::{ChainConfig, DEFAULT_STALE_AFTER};
pub use error::ChainError;
pub use key::{account_of, operator_key, KeyFileError};
pub use registration::{register, RegistrationArgs, RegistrationError};
pub use submit::Inclusion;
pub use subxt_signer::sr25519::Keypair;
pub use view::MarketView;
