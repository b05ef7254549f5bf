//! Paid work: what a coordinator promises, what work costs, and what stands behind a promise.

mod cover;
mod overview;
mod price;
mod voucher;

pub use cover::cover;
pub use overview::{Debt, Settled, SettlementTerms, Solvency, MAX_RATINGS, MAX_SETTLED_PER_PAGE};
pub use price::{Price, Usage, MAX_PRICE};
pub use voucher::{channel_of, ChannelId, SignedVoucher, Voucher};
