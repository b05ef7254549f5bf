//! The keys with which a validator's node works.

use alloc::vec::Vec;

use sp_runtime::impl_opaque_keys;

use crate::{Babe, Grandpa};

impl_opaque_keys! {
    /// Public keys of a validator: one to produce blocks, one to vote on finality.
    pub struct SessionKeys {
        /// sr25519.
        pub babe: Babe,
        /// ed25519.
        pub grandpa: Grandpa,
    }
}
