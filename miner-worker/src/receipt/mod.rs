//! The receipt with which a miner answers for a result.

mod builder;
mod signed;

pub use builder::{ReceiptBuilder, SignedReceipt};
pub use signed::SignedAttempts;
