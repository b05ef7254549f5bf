//! Real processes for tests, the demo and benches: a node, gateways and miners on free ports.
//!
//! A program starts with a builder (`Node::dev().start().await?`) and its value owns the process: dropping it ends the
//! process (SIGTERM, then SIGKILL) and removes its folder, or, in a failing test, keeps the folder and prints the end of
//! its log. Nothing here waits for a length of time; [`wait::until`] waits for a condition with a limit.
//!
//! ```no_run
//! # use cuckoo_testkit::{Gateway, Miner, Node};
//! # async fn example() -> anyhow::Result<()> {
//! let node = Node::dev().start().await?;
//! let gateway = Gateway::builder(&node).start().await?;
//! let _miner = Miner::builder(&node, "//Miner1").coordinator(&gateway).slots(4).start().await?;
//! gateway.until_serving(1).await?;
//! let answer = gateway.api().chat("smollm2-135m-instruct", "Name the capital of France.", 16).await?;
//! # Ok(()) }
//! ```

#![warn(missing_docs)]

pub mod api;
pub mod binaries;
pub mod chain_spec;
pub mod consensus;
pub mod dialler;
pub mod fake_miner;
pub mod gateway;
pub mod keys;
pub mod market;
pub mod miner;
pub mod models;
pub mod network;
pub mod node;
pub mod open_files;
pub mod process;
pub mod rpc;
pub mod run_dir;
pub mod setup;
pub mod sse;
pub mod transactions;
pub mod validators;
pub mod wait;

pub use api::{Answer, Api};
pub use chain_spec::{ChainSpec, Founder};
pub use fake_miner::{FakeLink, FakeMiner, Lie};
pub use gateway::Gateway;
pub use miner::Miner;
pub use network::Network;
pub use node::Node;
pub use process::Process;
pub use validators::Validators;
pub use wait::until;
