//! Shows each finalised block and what it changed in the market, until it is stopped.
//!
//! `cargo run --release -p cuckoo-chain-client --example watch_market -- ws://127.0.0.1:9944`

use anyhow::Context;
use cuckoo_chain_client::{Chain, ChainConfig};
use cuckoo_primitives::Role;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let endpoints: Vec<String> = std::env::args().skip(1).collect();
    let chain = Chain::connect(ChainConfig::new(endpoints)).await.context("cannot follow the chain")?;
    let mut views = chain.views();
    let mut shown = None;
    loop {
        let view = views.borrow_and_update().clone();
        println!("block {} {:?}, era {}", view.number, view.hash, view.era.era);
        if shown.replace(view.revision()) != Some(view.revision()) {
            for candidate in Role::ALL.iter().flat_map(|role| view.of_role(*role)) {
                println!(
                    "  {:?} {} backing {} {:?}",
                    candidate.role, candidate.operator, candidate.backing, candidate.status
                );
            }
        }
        views.changed().await?;
    }
}
