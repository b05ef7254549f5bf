//! Which block of keys and values belongs to whom.
//!
//! The model owns the memory of its blocks; [`BlockPool`] knows who may write to which, and which texts begin alike.

mod pool;
mod prefix;

pub(crate) use pool::{BlockPool, Holding, KvUsage};
pub(crate) use prefix::PrefixKey;
