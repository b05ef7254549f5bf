//! Bad input on the miner link: each gets a refusal or the end of its connection, and the gateway lives.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use cuckoo_primitives::{settlement::Price, Hash};
use cuckoo_testkit::{
    dialler::{self, Dialler},
    keys::{account, keypair},
    market::Market,
    models::CHAT,
    Gateway, Miner, Network,
};
use cuckoo_wire::{
    link::{self, coordinator_message::Message as Answer, miner_message::Message, RefusalCode},
    money::price_to_wire,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn garbage_and_replays_on_the_miner_link_are_refused() {
    let network = Network::start(&[("//Miner1", 1)]).await.unwrap();
    let genesis = Market::connect(&network.node).await.unwrap().chain().genesis();
    let url = network.gateway.link_url();

    garbage_does_not_stop_the_link(network.gateway.link_address()).await;
    wrong_handshakes_are_refused(&url, genesis).await;
    a_recorded_handshake_is_refused(&network.gateway, genesis).await;
    wrong_offers_and_floods_end_the_link(&url, genesis).await;

    // Whoever was connected still is, and others can come.
    let miner = Miner::builder(&network.node, "//Miner2").coordinator(&network.gateway).models(&[CHAT]);
    let _second = miner.start().await.unwrap();
    network.gateway.until_serving(2).await.unwrap();
    network.gateway.api().chat(CHAT, "Say hello.", 2).await.unwrap();
}

async fn garbage_does_not_stop_the_link(address: SocketAddr) {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    let noise: Vec<u8> = (0..65_536_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let http1 = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec();
    for bytes in [noise.clone(), http1, [preface.clone(), noise].concat(), [preface, vec![0; 1_000]].concat()] {
        let mut connection = TcpStream::connect(address).await.unwrap();
        // The gateway may hang up in the middle of it.
        let _ = connection.write_all(&bytes).await;
        let _ = tokio::time::timeout(LIMIT, connection.read_to_end(&mut Vec::new())).await.expect("still open");
    }
}

async fn wrong_handshakes_are_refused(url: &str, genesis: Hash) {
    let miner = account("//Miner2").unwrap();
    let hello = || dialler::hello(&genesis, &miner, [1; 32]);
    let first_words = [
        (RefusalCode::Protocol, Message::Hello(link::Hello { protocol: 99, ..hello() })),
        (RefusalCode::Protocol, Message::Hello(link::Hello { nonce: vec![1; 31].into(), ..hello() })),
        (RefusalCode::Protocol, Message::Hello(link::Hello { miner: vec![1; 3].into(), ..hello() })),
        (RefusalCode::Protocol, Message::Offer(link::Offer::default())),
        (RefusalCode::Protocol, Message::Result(link::Result::default())),
        (RefusalCode::WrongChain, Message::Hello(dialler::hello(&Hash::repeat_byte(9), &miner, [1; 32]))),
    ];
    for (code, first) in first_words {
        let what = format!("{first:?}");
        let refusal = Dialler::dial(url, first).await.unwrap().refusal().await.unwrap();
        assert_eq!(refusal.code(), code, "{what:.200}: {}", refusal.reason);
        assert!(!refusal.reason.is_empty(), "{what:.200}");
    }
    // A right hello with another key's proof.
    let mut link = Dialler::dial(url, Message::Hello(hello())).await.unwrap();
    let challenge = link.challenge().await.unwrap();
    let forged = dialler::proof(genesis, &keypair("//Miner3").unwrap(), [1; 32], &challenge).unwrap();
    link.send(Message::Proof(forged)).await.unwrap();
    assert_eq!(link.refusal().await.unwrap().code(), RefusalCode::BadSignature);
    // Silence after the challenge.
    let mut link = Dialler::dial(url, Message::Hello(hello())).await.unwrap();
    link.challenge().await.unwrap();
    let began = Instant::now();
    let end = link.next().await;
    let ended = end.as_ref().map_or(true, |message| matches!(message, None | Some(Answer::Refusal(_))));
    assert!(ended && !format!("{end:?}").contains("neither"), "silence is not ended: {end:?}");
    println!("a silent handshake was ended after {:?}", began.elapsed());
}

async fn a_recorded_handshake_is_refused(gateway: &Gateway, genesis: Hash) {
    let url = &gateway.link_url();
    let (key, nonce) = (keypair("//Miner2").unwrap(), [2; 32]);
    let hello = dialler::hello(&genesis, &account("//Miner2").unwrap(), nonce);
    let mut link = Dialler::dial(url, Message::Hello(hello.clone())).await.unwrap();
    let challenge = link.challenge().await.unwrap();
    let proof = dialler::proof(genesis, &key, nonce, &challenge).unwrap();
    link.send(Message::Proof(proof.clone())).await.unwrap();
    let welcome = link.next().await.unwrap();
    assert!(matches!(welcome, Some(Answer::Welcome(_))), "{welcome:?}");

    // Whoever listened in on that says the same again, also while the first link stands.
    let mut replay = Dialler::dial(url, Message::Hello(hello)).await.unwrap();
    let fresh = replay.challenge().await.unwrap();
    assert_ne!(fresh.nonce, challenge.nonce, "the coordinator repeats its nonce");
    replay.send(Message::Proof(proof)).await.unwrap();
    assert_eq!(replay.refusal().await.unwrap().code(), RefusalCode::BadSignature);
    // The replay did not throw out the rightful miner.
    gateway.until_connected(2).await.unwrap();
    drop(link);
}

async fn wrong_offers_and_floods_end_the_link(url: &str, genesis: Hash) {
    let model = link::Model {
        id: "m".repeat(10_000),
        kind: link::ModelKind::Chat.into(),
        model_root: vec![1; 32].into(),
        context_tokens: 128,
        numeric_class: "test".into(),
        ask: Some(price_to_wire(&Price::default())),
    };
    let offer = |models: Vec<link::Model>, slots| link::Offer { models, slots, agent: "test".into() };
    let named = link::Model { id: "m".into(), ..model.clone() };
    let wrong = [
        offer(vec![model.clone()], 1),
        offer(vec![link::Model { model_root: vec![1; 5].into(), ..named.clone() }], 1),
        offer(vec![named.clone(); 1_000], 1),
        offer(vec![link::Model { ask: None, ..named.clone() }], 1),
        offer(vec![named], u32::MAX),
    ];
    for offer in wrong {
        let mut link = dialler::dial_as(url, genesis, "//Miner2").await.unwrap();
        let welcome = link.next().await.unwrap();
        assert!(matches!(welcome, Some(Answer::Welcome(_))), "{welcome:?}");
        let what = format!("{} models, {} slots", offer.models.len(), offer.slots);
        link.send(Message::Offer(offer)).await.unwrap();
        let refusal = link.refusal().await.unwrap();
        assert_eq!(refusal.code(), RefusalCode::InvalidOffer, "{what}: {}", refusal.reason);
    }
    // A message larger than the link's limit.
    let mut link = dialler::dial_as(url, genesis, "//Miner2").await.unwrap();
    link.next().await.unwrap();
    let text = "x".repeat(5 * 1024 * 1024);
    let _ = link.send(Message::Output(link::Output { text, ..Default::default() })).await;
    let end = link.next().await;
    assert!(!matches!(end, Ok(Some(Answer::Task(_)))), "{end:?}");
    assert!(!format!("{end:?}").contains("neither"), "an oversized message does not end the link");
}
