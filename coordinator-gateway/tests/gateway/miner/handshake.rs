//! How a miner proves its key.

use super::*;

/// How a handshake fails.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unlinked {
    Refused(RefusalCode),
    Ended,
}

pub(crate) type Linked = (mpsc::Sender<MinerMessage>, Streaming<CoordinatorMessage>, Handshake, link::Welcome);

/// Proves `key`; `tamper` may spoil the messages before they are sent.
pub(crate) async fn shake_hands(url: &str, key: &Keypair, tamper: impl Fn(&mut FromMiner)) -> Result<Linked, Unlinked> {
    let channel = Endpoint::from_shared(url.to_owned()).unwrap().connect().await.map_err(|_| Unlinked::Ended)?;
    let mut client = MinerLinkClient::new(channel);
    let (outbox, outgoing) = mpsc::channel(1024);
    let send_tampered = async |mut message: FromMiner| {
        tamper(&mut message);
        send(&outbox, message).await;
    };
    let nonce: [u8; 32] = rand::random();
    let hello = link::Hello {
        protocol: PROTOCOL,
        genesis: genesis().0.to_vec().into(),
        miner: key.public_key().0.to_vec().into(),
        nonce: nonce.to_vec().into(),
    };
    send_tampered(FromMiner::Hello(hello)).await;
    let outgoing = ReceiverStream::new(outgoing).take_while(|message| std::future::ready(*message != END_OF_STREAM));
    let response = client.connect(outgoing).await.map_err(|_| Unlinked::Ended)?;
    let mut inbox = response.into_inner();
    let FromCoordinator::Challenge(challenge) = next(&mut inbox).await? else { panic!("no challenge") };
    let handshake = Handshake {
        genesis: genesis(),
        coordinator: AccountId::from(fixed::<32>("coordinator", &challenge.coordinator).unwrap()),
        miner: account_of(key),
        miner_nonce: nonce,
        coordinator_nonce: fixed("nonce", &challenge.nonce).unwrap(),
    };
    assert!(handshake.coordinator_is_proven(&fixed("signature", &challenge.signature).unwrap()));
    let signature = key.sign(handshake.miner_hash().as_bytes()).0.to_vec().into();
    let shares = shares().end().to_vec().into();
    let proof = link::Proof { signature, channel: CHANNEL.to_vec().into(), newest: None, shares };
    send_tampered(FromMiner::Proof(proof)).await;
    let FromCoordinator::Welcome(welcome) = next(&mut inbox).await? else { panic!("no welcome") };
    Ok((outbox, inbox, handshake, welcome))
}

/// The same on every link, as nobody here tries to foresee them.
pub(crate) fn shares() -> Shares {
    Shares::new([3; 32], 4096)
}

async fn next(inbox: &mut Streaming<CoordinatorMessage>) -> Result<FromCoordinator, Unlinked> {
    match inbox.message().await {
        Ok(Some(CoordinatorMessage { message: Some(FromCoordinator::Refusal(refusal)) })) => {
            assert!(!refusal.reason.is_empty());
            Err(Unlinked::Refused(refusal.code()))
        }
        Ok(Some(CoordinatorMessage { message: Some(message) })) => Ok(message),
        _ => Err(Unlinked::Ended),
    }
}

pub(crate) async fn send(outbox: &mpsc::Sender<MinerMessage>, message: FromMiner) {
    drop(outbox.send(MinerMessage { message: Some(message) }).await);
}
