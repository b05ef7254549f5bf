//! The smallest whole network: one validator, one gateway, some miners.

use crate::{gateway::GatewayBuilder, miner::MinerBuilder, Gateway, Miner, Node};

/// A `dev` chain with the gateway of `//Coordinator` and connected miners.
#[derive(Debug)]
pub struct Network {
    /// The miners, in the order in which they were asked for.
    pub miners: Vec<Miner>,
    /// The gateway.
    pub gateway: Gateway,
    /// The one validator. The fields are dropped in this order, so nobody logs a lost peer at the end.
    pub node: Node,
}

impl Network {
    /// Starts everything for miners of these operators and slots, and waits until all are connected.
    pub async fn start(miners: &[(&str, u32)]) -> anyhow::Result<Self> {
        Self::start_with(miners, |gateway| gateway).await
    }

    /// The same with a gateway that `configure` has changed.
    pub async fn start_with(
        miners: &[(&str, u32)],
        configure: impl FnOnce(GatewayBuilder) -> GatewayBuilder,
    ) -> anyhow::Result<Self> {
        Self::around(Node::dev().start().await?, miners, configure, |miner| miner).await
    }

    /// The same on the chain of `node`, with miners that `equip` has changed.
    pub async fn around(
        node: Node,
        miners: &[(&str, u32)],
        configure: impl FnOnce(GatewayBuilder) -> GatewayBuilder,
        equip: impl Fn(MinerBuilder) -> MinerBuilder,
    ) -> anyhow::Result<Self> {
        // Gateway and miners read the chain's state; the first blocks are not needed for that.
        let gateway = configure(Gateway::builder(&node)).start().await?;
        let starts = miners.iter().map(|&(operator, slots)| {
            equip(Miner::builder(&node, operator).coordinator(&gateway).slots(slots)).start()
        });
        let miners = futures::future::try_join_all(starts).await?;
        gateway.until_serving(miners.len()).await?;
        gateway.until_ready().await?;
        Ok(Self { miners, gateway, node })
    }
}
