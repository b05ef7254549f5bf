//! What coordinators have promised this miner, kept so that no crash loses it.
//!
//! A [`Wallet`] is one file of [records](record): a seed from which its channels follow, the newest voucher of each
//! channel, what was earned by day. One thread writes it; nothing counts before it is on the disk.

pub mod command;
mod error;
mod exchange;
mod file;
#[cfg(test)]
pub(crate) mod fixture;
mod holdings;
mod open;
mod pending;
mod record;
mod repair;
mod scan;
mod show;
mod takings;

pub use error::WalletError;
pub use exchange::ExchangeError;
pub use holdings::{ChannelKey, Earned, Held, Holdings, Unpaid};
pub(crate) use open::now_unix_s;
pub use open::Wallet;
