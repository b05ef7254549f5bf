//! Several validators of one chain.

use std::{path::PathBuf, time::Duration};

use futures::future::try_join_all;

use crate::{consensus::ensure_same_block, node::NodeBuilder, run_dir::RunDir, ChainSpec, Node};

/// The founding validators of a chain of its own. They know each other; the first is the one that others begin with.
#[derive(Debug)]
pub struct Validators {
    /// The nodes, in the order of the names.
    pub nodes: Vec<Node>,
    chain: PathBuf,
    // After the nodes, which read the specification when they start again.
    _dir: RunDir,
}

impl Validators {
    /// Starts a node for each of these well-known validators (`alice`) on the chain of `spec`, and waits until all have
    /// finalised a few blocks together.
    pub async fn start(spec: &ChainSpec, names: &[&str], limit: Duration) -> anyhow::Result<Self> {
        let dir = RunDir::new("chain")?;
        let chain = spec.write(dir.path())?;
        let (first, others) = names.split_first().ok_or_else(|| anyhow::anyhow!("no validator is named"))?;
        let first = Node::validator(&chain, first).keys_of(first).start().await?;
        let mut network = Self { nodes: vec![first], chain, _dir: dir };
        let mut starts = Vec::new();
        for name in others {
            starts.push(network.another(name).await?.keys_of(name).start());
        }
        let others = try_join_all(starts).await?;
        network.nodes.extend(others);
        network.until_finalised(3, limit).await?;
        Ok(network)
    }

    /// Another node on this chain, without session keys.
    pub async fn another(&self, name: &str) -> anyhow::Result<NodeBuilder> {
        Ok(Node::validator(&self.chain, name).bootnode(self.nodes[0].bootnode().await?))
    }

    /// Waits until `blocks` more than are final now, as the first node has it, are final on all nodes, and returns that
    /// height. All have the same block there.
    pub async fn until_finalised(&self, blocks: u32, limit: Duration) -> anyhow::Result<u32> {
        let (now, _) = self.nodes[0].rpc().finalised().await?;
        let height = now + blocks;
        try_join_all(self.nodes.iter().map(|node| node.until_finalised(height, limit))).await?;
        ensure_same_block(self.nodes.iter().map(Node::rpc), height).await?;
        Ok(height)
    }
}
