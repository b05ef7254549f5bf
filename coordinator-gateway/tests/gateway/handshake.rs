use std::time::Duration;

use cuckoo_primitives::{CandidateStatus, Role};
use cuckoo_wire::link::{self, miner_message::Message, RefusalCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    miner::{offer, send, shake_hands, Miner, Unlinked, ANSWER},
    stage::{key_of, until, Stage},
};

async fn refusal(stage: &Stage, suri: &str, tamper: impl Fn(&mut Message)) -> Option<RefusalCode> {
    match shake_hands(&stage.link_url(), &key_of(suri), tamper).await {
        Ok(_) => None,
        Err(Unlinked::Refused(code)) => Some(code),
        Err(Unlinked::Ended) => panic!("ended without a reason"),
    }
}

#[tokio::test]
async fn only_active_miners_are_welcome() {
    let stage = Stage::start(&[("//Miner1", 25_000), ("//Miner2", 25_000)]).await;
    assert_eq!(refusal(&stage, "//Miner1", |_| {}).await, None);
    assert_eq!(refusal(&stage, "//Nobody", |_| {}).await, Some(RefusalCode::NotRegistered));
    assert_eq!(refusal(&stage, "//Miner2//stash", |_| {}).await, Some(RefusalCode::NotRegistered));
    assert_eq!(refusal(&stage, "//Coordinator", |_| {}).await, Some(RefusalCode::NotRegistered));
    for (status, code) in [
        (CandidateStatus::Chilled, RefusalCode::Chilled),
        (CandidateStatus::BelowMinimum, RefusalCode::BelowMinimum),
        (CandidateStatus::Pending, RefusalCode::Pending),
    ] {
        stage.change("//Miner2", |candidate| candidate.status = status);
        assert_eq!(refusal(&stage, "//Miner2", |_| {}).await, Some(code));
    }
    stage.change("//Miner2", |candidate| candidate.role = Role::Validator);
    assert_eq!(refusal(&stage, "//Miner2", |_| {}).await, Some(RefusalCode::NotRegistered));
}

#[tokio::test]
async fn spoilt_handshakes_are_refused() {
    let stage = Stage::start(&[("//Miner1", 25_000)]).await;
    let hello = |change: fn(&mut link::Hello)| {
        move |message: &mut Message| {
            if let Message::Hello(hello) = message {
                change(hello);
            }
        }
    };
    let wrong_chain = hello(|hello| hello.genesis = vec![1; 32].into());
    assert_eq!(refusal(&stage, "//Miner1", wrong_chain).await, Some(RefusalCode::WrongChain));
    let old = hello(|hello| hello.protocol = 2);
    assert_eq!(refusal(&stage, "//Miner1", old).await, Some(RefusalCode::Protocol));
    let short = hello(|hello| hello.nonce = vec![1; 31].into());
    assert_eq!(refusal(&stage, "//Miner1", short).await, Some(RefusalCode::Protocol));
    let no_channel = |message: &mut Message| {
        if let Message::Proof(proof) = message {
            proof.channel = vec![7; 15].into();
        }
    };
    assert_eq!(refusal(&stage, "//Miner1", no_channel).await, Some(RefusalCode::Protocol));
    let early = |message: &mut Message| *message = Message::Offer(offer(1));
    assert_eq!(refusal(&stage, "//Miner1", early).await, Some(RefusalCode::Protocol));
    let wrong_signature = |message: &mut Message| {
        if let Message::Proof(proof) = message {
            proof.signature = vec![1; 64].into();
        }
    };
    assert_eq!(refusal(&stage, "//Miner1", wrong_signature).await, Some(RefusalCode::BadSignature));
}

#[tokio::test]
async fn a_recorded_handshake_proves_nothing() {
    let stage = Stage::start(&[("//Miner1", 25_000)]).await;
    let recorded = std::sync::Mutex::new(Vec::new());
    let record = |message: &mut Message| recorded.lock().unwrap().push(message.clone());
    assert_eq!(refusal(&stage, "//Miner1", record).await, None);
    let replay = std::sync::Mutex::new(recorded.into_inner().unwrap().into_iter());
    // The same hello with the same nonce, the same proof: the gateway's own nonce is new.
    let again = |message: &mut Message| *message = replay.lock().unwrap().next().unwrap();
    // This client cannot check the challenge against a nonce that it did not send, so it is dialled by hand.
    let hello = {
        let mut m = Message::Closing(link::Closing::default());
        again(&mut m);
        m
    };
    let proof = {
        let mut m = Message::Closing(link::Closing::default());
        again(&mut m);
        m
    };
    let channel = tonic::transport::Endpoint::from_shared(stage.link_url()).unwrap().connect().await.unwrap();
    let mut client = link::miner_link_client::MinerLinkClient::new(channel);
    let (outbox, outgoing) = tokio::sync::mpsc::channel(4);
    send(&outbox, hello).await;
    send(&outbox, proof).await;
    let outgoing = tokio_stream::wrappers::ReceiverStream::new(outgoing);
    let mut inbox = client.connect(outgoing).await.unwrap().into_inner();
    inbox.message().await.unwrap().unwrap();
    let answer = inbox.message().await.unwrap().unwrap().message;
    let Some(link::coordinator_message::Message::Refusal(refusal)) = answer else { panic!("{answer:?}") };
    assert_eq!(refusal.code(), RefusalCode::BadSignature);
}

#[tokio::test]
async fn a_newer_link_replaces_the_older() {
    let stage = Stage::start(&[("//Miner1", 25_000)]).await;
    let older = Miner::link(&stage, "//Miner1", &ANSWER).await;
    let newer = Miner::with_slots(&stage, "//Miner1", 2, &ANSWER).await;
    until("the older link to be refused", async || older.refusal() == Some(RefusalCode::Replaced)).await;
    assert_eq!(stage.chat().await.status, 200);
    assert_eq!((older.tasks(), newer.tasks()), (0, 1));
}

#[tokio::test]
async fn a_miner_that_works_for_another_stash_is_cut_off() {
    let stage = Stage::start(&[("//Miner1", 25_000)]).await;
    let miner = Miner::link(&stage, "//Miner1", &ANSWER).await;
    stage.change("//Miner1", |candidate| candidate.stash = crate::stage::stash("//Other"));
    until("the refusal", async || miner.refusal() == Some(RefusalCode::Channel)).await;
}

#[tokio::test]
async fn a_miner_that_is_chilled_is_cut_off_and_its_task_goes_on_elsewhere() {
    let stage = Stage::start(&[("//Miner1", 100_000_000_000), ("//Miner2", 20_001)]).await;
    let chilled = Miner::link(&stage, "//Miner1", &[crate::miner::Step::Hang]).await;
    let _good = Miner::link(&stage, "//Miner2", &ANSWER).await;
    let (answer, ()) = tokio::join!(stage.chat(), async {
        until("the task", async || chilled.tasks() == 1).await;
        stage.chill("//Miner1");
    });
    assert_eq!(answer.content(), "Hello world", "{}", answer.text);
    until("the refusal", async || chilled.refusal() == Some(RefusalCode::Chilled)).await;
    let listed = stage.miner("//Miner1").await;
    assert_eq!((&listed["connected"], &listed["failed"]), (&false.into(), &0.into()));
}

#[tokio::test]
async fn unsound_offers_and_messages_out_of_order_end_the_link() {
    let stage = Stage::start(&[("//Miner1", 25_000)]).await;
    let miner = Miner::link(&stage, "//Miner1", &ANSWER).await;
    let mut twice = offer(1);
    twice.models.push(twice.models[0].clone());
    send(&miner.outbox, Message::Offer(twice)).await;
    until("the refusal", async || miner.refusal() == Some(RefusalCode::InvalidOffer)).await;
    let miner = Miner::link(&stage, "//Miner1", &ANSWER).await;
    send(&miner.outbox, Message::Hello(link::Hello::default())).await;
    until("the refusal", async || miner.refusal() == Some(RefusalCode::Protocol)).await;
    let miner = Miner::link(&stage, "//Miner1", &ANSWER).await;
    send(&miner.outbox, Message::Result(link::Result::default())).await;
    until("the refusal", async || miner.refusal() == Some(RefusalCode::Protocol)).await;
}

#[tokio::test]
async fn messages_about_unknown_tasks_do_no_harm() {
    let stage = Stage::start(&[("//Miner1", 25_000)]).await;
    let miner = Miner::link(&stage, "//Miner1", &ANSWER).await;
    let task_id: bytes::Bytes = vec![9; 16].into();
    for _ in 0..3 {
        send(&miner.outbox, Message::Output(link::Output { task_id: task_id.clone(), ..Default::default() })).await;
        send(&miner.outbox, Message::Result(link::Result { task_id: task_id.clone(), ..Default::default() })).await;
        send(&miner.outbox, Message::Failure(link::Failure { task_id: task_id.clone(), ..Default::default() })).await;
    }
    assert_eq!(stage.chat().await.status, 200);
    stage.until_free_slots("//Miner1", 1).await;
}

#[tokio::test]
async fn garbage_on_the_miners_port_is_shaken_off() {
    let stage = Stage::with_limits(&[("//Miner1", 25_000)], |limits| limits.max_unproven_links_per_ip = 40).await;
    let mut silent = Vec::new();
    for n in 0..80usize {
        let mut connection = TcpStream::connect(stage.gateway.link()).await.unwrap();
        let garbage: Vec<u8> = (0..n * 50).map(|byte| (byte * 31) as u8).collect();
        drop(connection.write_all(&garbage).await);
        if n % 2 == 0 {
            silent.push(connection);
        }
    }
    // With 40 silent ones open the next is closed at once.
    let mut seen = Vec::new();
    for mut connection in silent {
        let mut byte = [0; 64];
        seen.push(tokio::time::timeout(Duration::from_millis(50), connection.read(&mut byte)).await.is_ok());
    }
    assert!(seen.iter().any(|closed| *closed), "those above the limit or with garbage are closed");
    let _miner = Miner::link(&stage, "//Miner1", &ANSWER).await;
    assert_eq!(stage.chat().await.status, 200);
}

#[tokio::test]
async fn silent_connections_on_all_places_do_not_keep_a_miner_out() {
    let stage = Stage::with_limits(&[("//Miner1", 25_000)], |limits| limits.max_unproven_links = 4).await;
    let mut silent = Vec::new();
    for _ in 0..4 {
        silent.push(TcpStream::connect(stage.gateway.link()).await.unwrap());
    }
    let _miner = Miner::link(&stage, "//Miner1", &ANSWER).await;
    let closed = tokio::time::timeout(Duration::from_secs(5), silent[0].read_to_end(&mut Vec::new())).await;
    assert!(closed.is_ok(), "the one that was silent for longest made room");
}

#[tokio::test]
async fn without_the_chain_no_miner_is_let_in() {
    let stage = Stage::start(&[("//Miner1", 25_000)]).await;
    stage.lose_chain();
    assert_eq!(refusal(&stage, "//Miner1", |_| {}).await, Some(RefusalCode::StaleChain));
}
