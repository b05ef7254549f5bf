//! The coordinator's side of the handshake.

use std::time::Duration;

use bytes::Bytes;
use cuckoo_chain_client::Keypair;
use cuckoo_primitives::{AccountId, Hash, Role};
use cuckoo_wire::{
    handshake::{fixed, Handshake, WrongLength},
    limits::{HANDSHAKE_TIMEOUT_MS, PROTOCOL},
    link::{self, coordinator_message, miner_message::Message, MinerMessage, RefusalCode},
    money::channel_from_wire,
    shares::SeenShares,
};
use futures::{Stream, StreamExt};
use rand::{rngs::OsRng, TryRngCore};
use tokio::sync::mpsc;
use tonic::Status;

use super::peer::Outbound;
use crate::{settle::Claim, standing::Unfit};

const STEP_TIMEOUT: Duration = Duration::from_millis(HANDSHAKE_TIMEOUT_MS);

/// Why a miner is turned away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// For programs.
    pub(crate) code: RefusalCode,
    /// For people; says how to mend it.
    pub(crate) reason: String,
}

impl Refused {
    pub(crate) fn new(code: RefusalCode, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }
}

impl From<WrongLength> for Refused {
    fn from(wrong: WrongLength) -> Self {
        Self::new(RefusalCode::Protocol, wrong.to_string())
    }
}

impl From<Unfit> for Refused {
    fn from(unfit: Unfit) -> Self {
        let code = match unfit {
            Unfit::NotRegistered | Unfit::OtherRole(_) => RefusalCode::NotRegistered,
            Unfit::OtherStash => RefusalCode::Channel,
            Unfit::Chilled => RefusalCode::Chilled,
            Unfit::Pending => RefusalCode::Pending,
            Unfit::BelowMinimum => RefusalCode::BelowMinimum,
        };
        Self::new(code, format!("this operator may not mine: {unfit}; {}", unfit.remedy(Role::Miner)))
    }
}

/// How a handshake ends if it does not succeed.
#[derive(Debug)]
pub(super) enum Broken {
    /// The miner is told why.
    Refused(Refused),
    /// The miner is gone, silent, or sends what is not even a message.
    Gone(&'static str),
}

impl From<Refused> for Broken {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<WrongLength> for Broken {
    fn from(wrong: WrongLength) -> Self {
        Self::Refused(wrong.into())
    }
}

/// A miner that has proven its key.
#[derive(Debug)]
pub(super) struct Shaken {
    /// What both have signed.
    pub(super) handshake: Handshake,
    /// How it is to be paid.
    pub(super) claim: Claim,
    /// What its shares of seeds follow.
    pub(super) shares: SeenShares,
}

/// Proves our key to the miner and makes it prove its own.
///
/// `may_mine` is asked before any signature is made, so that strangers cannot keep us signing.
pub(super) async fn shake_hands<S>(
    key: &Keypair,
    genesis: Hash,
    coordinator: &AccountId,
    incoming: &mut S,
    outbox: &mpsc::Sender<Outbound>,
    may_mine: impl Fn(&AccountId) -> Result<(), Refused>,
) -> Result<Shaken, Broken>
where
    S: Stream<Item = Result<MinerMessage, Status>> + Unpin,
{
    let Message::Hello(hello) = next(incoming).await? else {
        return Err(Refused::new(RefusalCode::Protocol, "the first message must be Hello").into());
    };
    if hello.protocol != PROTOCOL {
        let reason =
            format!("this gateway speaks link protocol {PROTOCOL}, not {}; update the older program", hello.protocol);
        return Err(Refused::new(RefusalCode::Protocol, reason).into());
    }
    if fixed::<32>("genesis", &hello.genesis)? != genesis.0 {
        let reason = format!("this gateway follows the chain with genesis {genesis:?}");
        return Err(Refused::new(RefusalCode::WrongChain, reason).into());
    }
    let handshake = Handshake {
        genesis,
        coordinator: coordinator.clone(),
        miner: AccountId::from(fixed::<32>("miner", &hello.miner)?),
        miner_nonce: fixed::<32>("nonce", &hello.nonce)?,
        coordinator_nonce: nonce()?,
    };
    may_mine(&handshake.miner)?;
    let signature = key.sign(handshake.coordinator_hash().as_bytes()).0;
    let challenge = link::Challenge {
        coordinator: Bytes::copy_from_slice(coordinator.as_ref()),
        nonce: Bytes::copy_from_slice(&handshake.coordinator_nonce),
        signature: Bytes::copy_from_slice(&signature),
    };
    drop(outbox.try_send(coordinator_message::Message::Challenge(challenge).into()));
    let Message::Proof(proof) = next(incoming).await? else {
        return Err(Refused::new(RefusalCode::Protocol, "the second message must be Proof").into());
    };
    if !handshake.miner_is_proven(&fixed::<64>("signature", &proof.signature)?) {
        let reason = "the signature is not that of this operator key over this handshake";
        return Err(Refused::new(RefusalCode::BadSignature, reason).into());
    }
    let channel = channel_from_wire(&proof.channel).map_err(|bad| {
        Refused::new(RefusalCode::Protocol, format!("{bad}; name the channel through which you are paid"))
    })?;
    let shares = SeenShares::new(fixed::<32>("shares", &proof.shares)?);
    Ok(Shaken { handshake, claim: Claim { channel, newest: proof.newest }, shares })
}

async fn next<S>(incoming: &mut S) -> Result<Message, Broken>
where
    S: Stream<Item = Result<MinerMessage, Status>> + Unpin,
{
    match tokio::time::timeout(STEP_TIMEOUT, incoming.next()).await {
        Err(_) => Err(Broken::Gone("silent")),
        Ok(None) => Err(Broken::Gone("left")),
        Ok(Some(Err(_))) => Err(Broken::Gone("garbage or connection lost")),
        Ok(Some(Ok(MinerMessage { message: Some(message) }))) => Ok(message),
        Ok(Some(Ok(MinerMessage { message: None }))) => {
            Err(Refused::new(RefusalCode::Protocol, "an empty message").into())
        }
    }
}

fn nonce() -> Result<[u8; 32], Broken> {
    let mut nonce = [0; 32];
    OsRng.try_fill_bytes(&mut nonce).map_err(|error| {
        tracing::error!(target: "gateway::link", %error, "the system gives no random bytes");
        Broken::Gone("no randomness")
    })?;
    Ok(nonce)
}
