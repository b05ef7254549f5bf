//! How each pallet is set up, one file per topic.

mod accounts;
mod consensus;
mod fees;
pub(crate) mod market;
mod session;
mod system;

pub use accounts::ProxyKind;
pub use fees::{LENGTH_FEE_PER_BYTE, WEIGHT_FEE_PER_PS};
pub use session::StandingValidators;
pub use system::{BlockLength, BlockWeights, SS58_PREFIX};
