//! The miner's side of a link in single messages, to say what an honest miner never would.

use std::time::Duration;

use anyhow::{bail, Context};
use cuckoo_primitives::{link::Nonce, AccountId, Hash};
use cuckoo_wire::{
    handshake::{fixed, Handshake},
    limits,
    link::{
        coordinator_message::Message as FromCoordinator, miner_link_client::MinerLinkClient,
        miner_message::Message as FromMiner, Challenge, CoordinatorMessage, Hello, MinerMessage, Proof, Refusal,
    },
};
use subxt_signer::sr25519::Keypair;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::keys::account;

/// Longest wait for the coordinator's next message: it may let a handshake run into its own limit.
const LIMIT: Duration = Duration::from_millis(limits::HANDSHAKE_TIMEOUT_MS + 5_000);

/// A link as it was dialled, without any behaviour of its own.
pub struct Dialler {
    outgoing: mpsc::Sender<MinerMessage>,
    incoming: tonic::Streaming<CoordinatorMessage>,
}

impl Dialler {
    /// Dials the gateway at `url`; `first` is sent with the call.
    pub async fn dial(url: &str, first: FromMiner) -> anyhow::Result<Self> {
        let channel = tonic::transport::Endpoint::from_shared(url.to_owned())?.connect().await?;
        let (outgoing, messages) = mpsc::channel(16);
        outgoing.send(MinerMessage { message: Some(first) }).await?;
        let mut client = MinerLinkClient::new(channel).max_encoding_message_size(usize::MAX);
        let incoming = client.connect(ReceiverStream::new(messages)).await?.into_inner();
        Ok(Self { outgoing, incoming })
    }

    /// Sends a message.
    pub async fn send(&self, message: FromMiner) -> anyhow::Result<()> {
        let sent = self.outgoing.send(MinerMessage { message: Some(message) }).await;
        sent.ok().context("the link has ended")
    }

    /// The coordinator's next message; `None` when it ended the link. Silence beyond its time limits is an error.
    pub async fn next(&mut self) -> anyhow::Result<Option<FromCoordinator>> {
        let message = tokio::time::timeout(LIMIT, self.incoming.message()).await;
        let message = message.context("the coordinator neither answered nor ended the link")??;
        Ok(message.and_then(|message| message.message))
    }

    /// The challenge that must come next.
    pub async fn challenge(&mut self) -> anyhow::Result<Challenge> {
        match self.next().await? {
            Some(FromCoordinator::Challenge(challenge)) => Ok(challenge),
            other => bail!("expected a challenge, got {other:?}"),
        }
    }

    /// The refusal that must come next, after which the link must end.
    pub async fn refusal(&mut self) -> anyhow::Result<Refusal> {
        let refusal = match self.next().await? {
            Some(FromCoordinator::Refusal(refusal)) => refusal,
            other => bail!("expected a refusal, got {other:?}"),
        };
        match self.next().await {
            Ok(None) | Err(_) => Ok(refusal),
            Ok(Some(more)) => bail!("the link went on after the refusal: {more:?}"),
        }
    }
}

/// A hello in order.
pub fn hello(genesis: &Hash, operator: &AccountId, nonce: Nonce) -> Hello {
    let operator: &[u8] = operator.as_ref();
    Hello {
        protocol: limits::PROTOCOL,
        genesis: genesis.as_bytes().to_vec().into(),
        miner: operator.to_vec().into(),
        nonce: nonce.to_vec().into(),
    }
}

/// The proof that answers `challenge`, made with `key`.
pub fn proof(genesis: Hash, key: &Keypair, nonce: Nonce, challenge: &Challenge) -> anyhow::Result<Proof> {
    let handshake = Handshake {
        genesis,
        coordinator: AccountId::from(fixed::<32>("coordinator", &challenge.coordinator)?),
        miner: AccountId::from(key.public_key().0),
        miner_nonce: nonce,
        coordinator_nonce: fixed::<32>("nonce", &challenge.nonce)?,
    };
    let signature = key.sign(handshake.miner_hash().as_bytes()).0.to_vec().into();
    Ok(Proof { signature, channel: vec![1; 16].into(), newest: None, shares: vec![2; 32].into() })
}

/// Dials as the miner of `operator` and proves its key: the link right before its first offer.
pub async fn dial_as(url: &str, genesis: Hash, operator: &str) -> anyhow::Result<Dialler> {
    let (key, nonce) = (crate::keys::keypair(operator)?, [7; 32]);
    let mut link = Dialler::dial(url, FromMiner::Hello(hello(&genesis, &account(operator)?, nonce))).await?;
    let challenge = link.challenge().await?;
    link.send(FromMiner::Proof(proof(genesis, &key, nonce, &challenge)?)).await?;
    Ok(link)
}
