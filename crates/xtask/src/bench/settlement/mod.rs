//! A million tasks, paid on a real chain.
//!
//! Ten coordinators promise pay for every single task, a thousand miners check each promise, and what was promised in
//! the end is redeemed on a chain of one validator, a process of its own: once by every miner itself, ten vouchers in a
//! call, and once, on a second chain that begins alike, by some who bring as many vouchers in a call as the chain takes.
//! After that the chain's state is compared with the promises, to the planck.

mod books;
mod parties;
mod redeem;
mod work;

use cuckoo_chain_client::{Call, Chain, ChainConfig};
use cuckoo_primitives::{settlement::SignedVoucher, BlockNumber};
use cuckoo_testkit::{ChainSpec, Node};

use super::figure::Figure;
use books::Books;
use parties::{Parties, COORDINATORS, MINERS};
use redeem::{Taken, Transaction};
use work::Promised;

/// Blocks that all of it should take at most, if they were full.
const GOAL_BLOCKS: f64 = 2.0;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Tasks that each of the ten coordinators has done by each of the thousand miners
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(10..=1_000))]
    tasks_per_pair: u32,
}

/// How the vouchers are brought to the chain.
struct Way {
    /// How many go into one call; `None`: as many as the chain takes.
    per_call: Option<usize>,
    /// Names of what is measured.
    metrics: [&'static str; 7],
}

/// Every miner brings its own.
const OWN: Way = Way {
    per_call: Some(COORDINATORS as usize),
    metrics: ["extrinsics", "blocks", "chain_ms", "bytes", "full_blocks", "full_blocks_of_goal", "fullest_block"],
};
/// Somebody brings those of several miners.
const SHARED: Way = Way {
    per_call: None,
    metrics: [
        "extrinsics_shared",
        "blocks_shared",
        "chain_ms_shared",
        "bytes_shared",
        "full_blocks_shared",
        "full_blocks_of_goal_shared",
        "fullest_block_shared",
    ],
};

/// Prints the figures.
#[tokio::main]
pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    let parties = Parties::new()?;
    let spec = parties.chain()?;
    let mut promised: Option<Promised> = None;
    for way in [OWN, SHARED] {
        let (node, chain) = start(&spec).await?;
        let known = match promised.take() {
            Some(known) => known,
            None => {
                let made = promise(&parties, &chain, args.tasks_per_pair)?;
                made.print();
                made
            }
        };
        // Both chains begin alike, so they have the same name, and the vouchers hold on both.
        settle(&way, &parties, &known.vouchers, &node, &chain).await?;
        promised = Some(known);
    }
    Ok(())
}

async fn start(spec: &ChainSpec) -> anyhow::Result<(Node, Chain)> {
    let node = Node::alone(spec).start().await?;
    let chain = Chain::connect(ChainConfig::new([node.rpc_url()])).await?;
    Ok((node, chain))
}

fn promise(parties: &Parties, chain: &Chain, tasks_per_pair: u32) -> anyhow::Result<Promised> {
    let genesis = chain.genesis();
    tokio::task::block_in_place(|| work::promise(parties, &genesis, tasks_per_pair))
}

/// Redeems all of it, compares the books, and prints what it took.
async fn settle(
    way: &Way,
    parties: &Parties,
    vouchers: &[SignedVoucher],
    node: &Node,
    chain: &Chain,
) -> anyhow::Result<()> {
    let terms = chain.settlement_terms().await?;
    let per_call = way.per_call.unwrap_or(terms.max_vouchers as usize);
    let before = Books::read(parties, chain).await?;
    let calls = vouchers.chunks(per_call).zip(&parties.miners);
    // Each call has a sender of its own, so none waits for another's nonce.
    let calls = calls.map(|(vouchers, sender)| (&sender.operator, Call::Redeem { vouchers: vouchers.to_vec() }));
    let transactions = redeem::sign(chain, calls.collect()).await?;
    let taken = redeem::all(node, &transactions).await?;
    until_seen(chain, taken.last_block).await?;
    Books::read(parties, chain).await?.ensure_paid(&before, parties, vouchers, &terms)?;
    books::ensure_settled(parties, chain, vouchers).await?;
    taken.print(way, &transactions);
    Ok(())
}

/// Waits until the chain is read as of this block or a later one.
async fn until_seen(chain: &Chain, block: BlockNumber) -> anyhow::Result<()> {
    chain.views().wait_for(|view| view.number >= block).await?;
    Ok(())
}

impl Promised {
    fn print(&self) {
        let tasks: u64 = self.vouchers.iter().map(|signed| signed.voucher.tasks).sum();
        let figures = [
            ("tasks", tasks as f64, "1"),
            ("coordinators", f64::from(COORDINATORS), "1"),
            ("miners", f64::from(MINERS), "1"),
            ("vouchers_signed_per_s", self.signing.per_second(), "1/s"),
            ("vouchers_verified_per_s", self.verifying.per_second(), "1/s"),
        ];
        for (metric, value, unit) in figures {
            Figure { bench: "settlement", metric, value, unit }.print();
        }
    }
}

impl Taken {
    fn print(&self, way: &Way, transactions: &[Transaction]) {
        let bytes: usize = transactions.iter().map(Vec::len).sum();
        let full_blocks = self.full_blocks();
        let values = [
            (transactions.len() as f64, "1"),
            (f64::from(self.blocks()), "blocks"),
            (self.time.as_secs_f64() * 1e3, "ms"),
            (bytes as f64, "B"),
            (full_blocks, "blocks"),
            (full_blocks / GOAL_BLOCKS, "1"),
            (self.fullest_block(), "1"),
        ];
        for (metric, (value, unit)) in way.metrics.into_iter().zip(values) {
            Figure { bench: "settlement", metric, value, unit }.print();
        }
    }
}
