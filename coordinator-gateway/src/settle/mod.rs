//! What the gateway pays its miners: prices, what stands behind them, and the vouchers that promise them.
//!
//! The journal's one writer owns what has been promised; [`Exposure`] shows it to everybody else, beside what the chain
//! says of the escrow, so that no task is handed out whose pay is not covered. [`Vouchers`] signs and sends.

mod adopt;
mod at;
mod channel;
mod collect;
mod exposure;
mod handout;
mod lost;
mod pauses;
mod prices;
#[cfg(test)]
mod scripted;
mod source;
mod topup;
mod unfunded;
mod vouchers;
mod watch;

pub(crate) use adopt::{Adoption, Claim};
pub use at::At;
pub(crate) use channel::{ChannelKey, Promise};
pub(crate) use exposure::{Exposure, ExposureReport, Headrooms, Reserved};
pub(crate) use handout::handout;
pub(crate) use prices::{is_free, Prices};
pub use prices::{CaiPrice, ModelPrice, NotAPrice};
pub use source::{SettledChannels, SettlementSource};
pub(crate) use topup::{TopUpTerms, TopUps};
pub(crate) use unfunded::Unfunded;
pub(crate) use vouchers::Vouchers;
pub(crate) use watch::EscrowWatch;
