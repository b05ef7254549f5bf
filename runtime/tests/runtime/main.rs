//! The real runtime on the real genesis presets, block by block, with signed transactions.

mod chain;
mod consensus;
mod economics;
mod economy;
mod election;
mod fees;
mod genesis;
mod governance;
mod market;
mod proxies;
mod settlement;
mod verification;
mod view_functions;
