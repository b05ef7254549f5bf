//! The real runtime on the real genesis presets, block by block, with signed transactions.

mod chain;
mod consensus;
mod fees;
mod genesis;
mod market;
mod proxies;
