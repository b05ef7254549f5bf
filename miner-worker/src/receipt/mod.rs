//! The receipt with which a miner answers for a result.

mod builder;

pub use builder::{result, sign, ReceiptBuilder};
