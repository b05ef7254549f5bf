//! What a candidate offers the network.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// What a candidate offers the network. A stash has at most one role.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Runs models for coordinators.
    Miner,
    /// Serves applications and hands their tasks to miners.
    Coordinator,
    /// Produces and finalises blocks.
    Validator,
}

impl Role {
    /// Every role, in encoding order.
    pub const ALL: [Role; 3] = [Role::Miner, Role::Coordinator, Role::Validator];
}
