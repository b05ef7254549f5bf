//! How each pallet is set up, one file per topic.

#![warn(missing_docs)]

pub mod accounts;
#[cfg(feature = "runtime-benchmarks")]
pub mod benchmarks;
pub mod consensus;
pub mod election;
pub mod fees;
pub mod governance;
pub mod identity;
pub mod market;
pub mod session;
pub mod settlement;
pub mod system;

pub use accounts::ProxyKind;
pub use fees::{LENGTH_FEE_PER_BYTE, TREASURY_SHARE, WEIGHT_FEE_PER_PS};
pub use session::ElectedValidators;
pub use system::{BlockLength, BlockWeights, SS58_PREFIX};
