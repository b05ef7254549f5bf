//! The miner's side of the handshake.

use std::{future::Future, time::Duration};

use cuckoo_chain_client::Keypair;
use cuckoo_primitives::{settlement::ChannelId, AccountId, Hash};
use cuckoo_wire::{
    handshake::{fixed, Handshake},
    limits::{HANDSHAKE_TIMEOUT_MS, MAX_MESSAGE_BYTES, PROTOCOL},
    link::{
        coordinator_message::Message as FromCoordinator, miner_message::Message as FromMiner, CoordinatorMessage,
        Hello, Proof, Refusal, Voucher, Welcome,
    },
};
use rand::{rngs::OsRng, TryRngCore};
use tonic::{Status, Streaming};

use super::{
    connection::{Connection, Lifeline},
    dial::{causes, foreign},
    error::LinkError,
    outbox::Outbox,
};

/// Longest wait for each answer.
const STEP: Duration = Duration::from_millis(HANDSHAKE_TIMEOUT_MS);
/// A coordinator that takes smaller messages than this could not be answered.
const MIN_MESSAGE_BYTES: usize = 64 * 1024;

/// A coordinator that has proven its operator key, and to which nothing is proven yet.
pub struct Greeted {
    handshake: Handshake,
    inbound: Streaming<CoordinatorMessage>,
    outbox: Outbox,
    lifeline: Lifeline,
}

/// An open link.
pub(super) struct Linked {
    pub(super) coordinator: AccountId,
    /// Names the link in receipts.
    pub(super) hash: Hash,
    /// What the coordinator goes on from; `None` if it has promised nothing.
    pub(super) newest: Option<Voucher>,
    pub(super) inbound: Streaming<CoordinatorMessage>,
    pub(super) outbox: Outbox,
    pub(super) lifeline: Lifeline,
}

/// Says hello as the miner with the operator `miner` and has the coordinator prove its own operator key.
pub async fn greet(connection: Connection, genesis: Hash, miner: AccountId) -> Result<Greeted, LinkError> {
    let Connection { mut client, lifeline } = connection;
    let (outbox, outgoing) = Outbox::new();
    let miner_nonce = nonce()?;
    let hello = Hello {
        protocol: PROTOCOL,
        genesis: genesis.as_bytes().to_vec().into(),
        miner: <[u8; 32]>::from(miner.clone()).to_vec().into(),
        nonce: miner_nonce.to_vec().into(),
    };
    outbox.send(FromMiner::Hello(hello)).await?;
    let mut inbound = in_time(client.connect(outgoing)).await?.map_err(broken)?.into_inner();
    let challenge = match next(&mut inbound).await? {
        FromCoordinator::Challenge(challenge) => challenge,
        FromCoordinator::Refusal(refusal) => return Err(refused(refusal)),
        _ => return Err(LinkError::Protocol("the hello was not answered by a challenge".into())),
    };
    let handshake = Handshake {
        genesis,
        coordinator: AccountId::from(fixed::<32>("challenge.coordinator", &challenge.coordinator)?),
        miner,
        miner_nonce,
        coordinator_nonce: fixed("challenge.nonce", &challenge.nonce)?,
    };
    if !handshake.coordinator_is_proven(&fixed("challenge.signature", &challenge.signature)?) {
        return Err(LinkError::NotProven(handshake.coordinator));
    }
    Ok(Greeted { handshake, inbound, outbox, lifeline })
}

impl Greeted {
    /// The coordinator's operator.
    pub fn coordinator(&self) -> &AccountId {
        &self.handshake.coordinator
    }

    /// Proves this miner's operator key in turn, and names the channel that pays for the link's work, with the newest
    /// voucher of it.
    pub(super) async fn prove(
        mut self,
        key: &Keypair,
        channel: ChannelId,
        newest: Option<Voucher>,
    ) -> Result<Linked, LinkError> {
        let signature = key.sign(self.handshake.miner_hash().as_bytes()).0;
        let proof = Proof { signature: signature.to_vec().into(), channel: channel.to_vec().into(), newest };
        self.outbox.send(FromMiner::Proof(proof)).await?;
        let newest = match next(&mut self.inbound).await? {
            FromCoordinator::Welcome(welcome) => {
                check_welcome(&welcome)?;
                welcome.newest
            }
            FromCoordinator::Refusal(refusal) => return Err(refused(refusal)),
            _ => return Err(LinkError::Protocol("the proof was not answered by a welcome".into())),
        };
        let hash = self.handshake.link_hash();
        let Self { handshake, inbound, outbox, lifeline } = self;
        Ok(Linked { coordinator: handshake.coordinator, hash, newest, inbound, outbox, lifeline })
    }
}

/// What the coordinator said when it turned this miner away.
pub(super) fn refused(refusal: Refusal) -> LinkError {
    LinkError::Refused { code: refusal.code(), reason: foreign(&refusal.reason) }
}

/// How the stream broke.
pub(super) fn broken(status: Status) -> LinkError {
    let cause = std::error::Error::source(&status).map(|cause| format!(" ({})", causes(cause))).unwrap_or_default();
    LinkError::Broken(foreign(&format!("{}: {}{cause}", status.code(), status.message())))
}

fn check_welcome(welcome: &Welcome) -> Result<(), LinkError> {
    match welcome.max_message_bytes as usize {
        MIN_MESSAGE_BYTES..=MAX_MESSAGE_BYTES => Ok(()),
        other => Err(LinkError::Protocol(format!("it takes messages of {other} bytes"))),
    }
}

async fn next(inbound: &mut Streaming<CoordinatorMessage>) -> Result<FromCoordinator, LinkError> {
    match in_time(inbound.message()).await?.map_err(broken)? {
        None => Err(LinkError::Ended),
        Some(CoordinatorMessage { message: Some(message) }) => Ok(message),
        Some(CoordinatorMessage { message: None }) => Err(LinkError::Protocol("it sent an empty message".into())),
    }
}

async fn in_time<T>(step: impl Future<Output = T>) -> Result<T, LinkError> {
    tokio::time::timeout(STEP, step).await.map_err(|_| LinkError::TimedOut("answer the handshake"))
}

fn nonce() -> Result<[u8; 32], LinkError> {
    let mut nonce = [0; 32];
    OsRng.try_fill_bytes(&mut nonce).map_err(|error| LinkError::NoRandomness(error.to_string()))?;
    Ok(nonce)
}
