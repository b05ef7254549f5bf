//! What this miner can be asked for: how each token was drawn, and the receipt that commits to it.
//!
//! A coordinator that audits an answer asks over its link, and whoever has a receipt can ask on the chain; a miner that
//! cannot answer there loses a part of its stake. So nothing is signed for before it is on the disk, and nothing is deleted
//! as long as anybody may ask for it.
//!
//! Attempts are records in files that are only ever appended to. One thread writes them, as many with one sync as wait for
//! it; an index in memory says where each is, and is made anew from the records' headers at the start. What a write that
//! was cut short has left was never acknowledged, and is cut off. A file is deleted as a whole when nothing in it can be
//! asked for any more.

mod book;
mod error;
#[cfg(test)]
pub(crate) mod fixture;
mod folder;
mod open;
mod record;
mod scan;
mod shared;
mod stored;
mod writer;

pub use error::KeptError;
pub use open::{Kept, KeptReport};
