//! What honest miners show, and from where on a distance is none of theirs.
//!
//! Two engines of different classes round differently, so honest distances are not 0, and how large they are is measured,
//! for each triple of the miner's class, the auditor's class and the model. What is measured is a [`Calibration`]: per
//! kind of distance a limit that hardly any honest stretch passes, and a bound for how often one does. An attempt is
//! judged by how many of its stretches pass a limit, against the binomial distribution of honest ones
//! ([`Bounds::judge`]). Counting, instead of comparing means, needs no assumption on how distances are distributed,
//! lets no single token decide, and has error rates that follow from the count of honest tokens alone.
//!
//! That honest stretches pass limits independently of each other is the assumption that is left. Neighbouring tokens do
//! not, which is why eight are taken as one.
//!
//! Where nothing was measured only what no rounding can be taken for is found, by [`Bounds::COARSE`]; embeddings are judged by
//! [`Bounds::VECTORS`].

mod binomial;
mod book;
mod bounds;
mod calibration;
mod quantiles;

pub use binomial::{at_least, upper_bound};
pub use book::{Book, BookError, Pair, VERSION};
pub use bounds::{Bounds, Judgement, Limits, CONVICTION, SUSPICION};
pub use calibration::Calibration;
pub use quantiles::Quantiles;

/// Honest tokens that must have been measured before a pair of classes is judged at all.
pub const LEAST_TOKENS: u64 = 100_000;
