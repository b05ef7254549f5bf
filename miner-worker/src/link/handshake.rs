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
    shares::Shares,
    spec::Between,
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
    /// Who is linked, and the hash that names the link in receipts.
    pub(super) between: Between,
    /// This miner's of the seeds on this link.
    pub(super) shares: Shares,
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
    let miner_nonce = random()?;
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

    /// Proves this miner's operator key in turn, announces its shares of the seeds, and names the channel that pays for the
    /// link's work, with the newest voucher of it.
    pub(super) async fn prove(
        mut self,
        key: &Keypair,
        shares: Shares,
        channel: ChannelId,
        newest: Option<Voucher>,
    ) -> Result<Linked, LinkError> {
        let signature = key.sign(self.handshake.miner_hash().as_bytes()).0;
        let proof = Proof {
            signature: signature.to_vec().into(),
            channel: channel.to_vec().into(),
            newest,
            shares: shares.end().to_vec().into(),
        };
        self.outbox.send(FromMiner::Proof(proof)).await?;
        let newest = match next(&mut self.inbound).await? {
            FromCoordinator::Welcome(welcome) => {
                check_welcome(&welcome)?;
                welcome.newest
            }
            FromCoordinator::Refusal(refusal) => return Err(refused(refusal)),
            _ => return Err(LinkError::Protocol("the proof was not answered by a welcome".into())),
        };
        let Self { handshake, inbound, outbox, lifeline } = self;
        let link = handshake.link_hash();
        let Handshake { genesis, coordinator, miner, .. } = handshake;
        let between = Between { genesis, link, coordinator, miner };
        Ok(Linked { between, shares, newest, inbound, outbox, lifeline })
    }
}

/// Shares of the seeds of one link, for so many attempts. They follow from a secret that nobody else ever has.
pub(super) async fn fresh_shares(attempts: usize) -> Result<Shares, LinkError> {
    let secret = random()?;
    // Hundreds of thousands of hashes.
    let making = tokio::task::spawn_blocking(move || Shares::new(secret, attempts));
    making.await.map_err(|error| LinkError::NoShares(error.to_string()))
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

fn random() -> Result<[u8; 32], LinkError> {
    let mut bytes = [0; 32];
    OsRng.try_fill_bytes(&mut bytes).map_err(|error| LinkError::NoRandomness(error.to_string()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_link_has_shares_of_its_own() {
        let (one, other) = (fresh_shares(3).await.unwrap(), fresh_shares(3).await.unwrap());
        assert_ne!(one.end(), other.end());
        assert_eq!((one.count(), other.count()), (3, 3));
    }
}
