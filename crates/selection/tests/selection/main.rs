//! The draw as its users see it.

mod distribution;
mod golden;
mod properties;
