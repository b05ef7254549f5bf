//! A coordinator in this process: a real gRPC server whose every message the test decides.

use std::{
    net::SocketAddr,
    sync::LazyLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use cuckoo_chain_client::{account_of, Keypair};
use cuckoo_primitives::{
    settlement::{ChannelId, Price, SignedVoucher, Voucher as Promise},
    signing::Statement,
    task::TaskId,
    AccountId, Balance, Hash,
};
use cuckoo_wire::{
    handshake::Handshake,
    limits::{MAX_MESSAGE_BYTES, PROTOCOL},
    link::{
        coordinator_message::Message as ToMiner,
        miner_link_server::{MinerLink, MinerLinkServer},
        miner_message::Message as FromMiner,
        task,
        task::Work,
        Cancel, CancelReason, Challenge, Completion, CoordinatorMessage, Embedding, Failure, Hello, MinerMessage,
        Offer, Open, Opening, Output, Proof, Result as TaskResult, Sampling, Task, Voucher, Welcome,
    },
    money::{price_to_wire, voucher_to_wire},
};
use miner_worker::wallet::ChannelKey;
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{transport::Server, Request, Response, Status, Streaming};

use crate::{
    engine::{CHAT, EMBEDDING, FRONTED},
    market::{stash_of, Market, MINER},
    watched::Watched,
    LIMIT, MOMENT,
};

/// A coordinator's gateway; each link that is dialled is handed to the test.
pub(crate) struct FakeCoordinator {
    address: SocketAddr,
    genesis: Hash,
    links: mpsc::Receiver<Peer>,
    server: JoinHandle<()>,
}

/// The coordinator's end of one link.
pub(crate) struct Peer {
    genesis: Hash,
    inbound: Streaming<MinerMessage>,
    outbound: mpsc::Sender<Result<CoordinatorMessage, Status>>,
    /// Who has proven its key here, and the channel that the miner has named.
    proven: Option<(Keypair, ChannelId)>,
    /// What the miner has promised and kept, once it has proven its key.
    watched: Option<Watched>,
}

struct Service {
    genesis: Hash,
    links: mpsc::Sender<Peer>,
}

#[tonic::async_trait]
impl MinerLink for Service {
    type ConnectStream = ReceiverStream<Result<CoordinatorMessage, Status>>;

    async fn connect(
        &self,
        request: Request<Streaming<MinerMessage>>,
    ) -> Result<Response<Self::ConnectStream>, Status> {
        let (outbound, stream) = mpsc::channel(64);
        let peer = Peer { genesis: self.genesis, inbound: request.into_inner(), outbound, proven: None, watched: None };
        self.links.send(peer).await.map_err(|_| Status::unavailable("the test is over"))?;
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}

impl FakeCoordinator {
    pub(crate) async fn start(market: &Market) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, links) = mpsc::channel(16);
        let service = Service { genesis: market.genesis(), links: sender };
        let server = Server::builder()
            .add_service(MinerLinkServer::new(service))
            .serve_with_incoming(TcpListenerStream::new(listener));
        let server = tokio::spawn(async move { server.await.unwrap() });
        Self { address, genesis: market.genesis(), links, server }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next link that the miner dials.
    pub(crate) async fn next(&mut self) -> Peer {
        tokio::time::timeout(LIMIT, self.links.recv()).await.expect("the miner does not dial").unwrap()
    }

    /// The same, with the whole handshake done by the coordinator with this operator key.
    pub(crate) async fn welcome(&mut self, key: &Keypair) -> Peer {
        let mut peer = self.next().await;
        assert_eq!(peer.genesis, self.genesis);
        // It goes on from what the miner shows.
        let newest = peer.proven(key).await.newest;
        peer.send(ToMiner::Welcome(Welcome { max_message_bytes: MAX_MESSAGE_BYTES as u32, newest })).await;
        peer
    }
}

impl Drop for FakeCoordinator {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Peer {
    pub(crate) async fn send(&self, message: ToMiner) {
        self.send_raw(Some(message)).await;
    }

    pub(crate) async fn send_raw(&self, message: Option<ToMiner>) {
        self.outbound.send(Ok(CoordinatorMessage { message })).await.expect("the miner is gone");
    }

    pub(crate) async fn give(&self, task: Task) {
        self.watched().given(&task);
        self.send(ToMiner::Task(task)).await;
    }

    /// Gives a task and waits for the first piece of its answer.
    pub(crate) async fn begin(&mut self, task: Task) -> Output {
        self.give(task).await;
        self.output().await
    }

    /// Cancels the first attempt of the task with this number.
    pub(crate) async fn cancel(&self, number: u8, reason: CancelReason) {
        let task_id = task_id(number).to_vec().into();
        self.send(ToMiner::Cancel(Cancel { task_id, attempt: 0, reason: reason.into() })).await;
    }

    /// Gives a task that has no end, reads so many pieces of its answer, cancels it, and returns all pieces and the
    /// result.
    pub(crate) async fn cut_off(
        &mut self,
        task: Task,
        pieces: usize,
        reason: CancelReason,
    ) -> (Vec<Output>, TaskResult) {
        let (task_id, attempt) = (task.task_id.clone(), task.attempt);
        self.give(task).await;
        let mut outputs = Vec::new();
        while outputs.len() < pieces {
            outputs.push(self.output().await);
        }
        self.send(ToMiner::Cancel(Cancel { task_id, attempt, reason: reason.into() })).await;
        let (rest, result) = self.answer().await;
        outputs.extend(rest);
        (outputs, result)
    }

    pub(crate) async fn hello(&mut self) -> Hello {
        let FromMiner::Hello(hello) = self.message().await else { panic!("no hello") };
        assert_eq!(hello.protocol, PROTOCOL);
        assert_eq!(&hello.genesis[..], self.genesis.as_bytes());
        hello
    }

    /// Answers the hello as the coordinator `operator`, signed with `key`.
    pub(crate) async fn challenge_as(&mut self, operator: AccountId, key: &Keypair) -> Handshake {
        let hello = self.hello().await;
        let handshake = Handshake {
            genesis: self.genesis,
            coordinator: operator.clone(),
            miner: AccountId::from(<[u8; 32]>::try_from(&hello.miner[..]).unwrap()),
            miner_nonce: hello.nonce[..].try_into().unwrap(),
            coordinator_nonce: [9; 32],
        };
        let challenge = Challenge {
            coordinator: <[u8; 32]>::from(operator).to_vec().into(),
            nonce: vec![9; 32].into(),
            signature: key.sign(handshake.coordinator_hash().as_bytes()).0.to_vec().into(),
        };
        self.send(ToMiner::Challenge(challenge)).await;
        handshake
    }

    /// Answers the hello as the coordinator with this operator key, and takes the miner's proof.
    pub(crate) async fn proven(&mut self, key: &Keypair) -> Proof {
        let handshake = self.challenge_as(account_of(key), key).await;
        let FromMiner::Proof(proof) = self.message().await else { panic!("no proof") };
        assert!(handshake.miner_is_proven(&proof.signature[..].try_into().unwrap()));
        self.proven = Some((key.clone(), proof.channel[..].try_into().unwrap()));
        self.watched = Some(Watched::new(&handshake, proof.shares[..].try_into().unwrap()));
        proof
    }

    /// What the miner has promised on this link.
    pub(crate) fn watched(&self) -> &Watched {
        self.watched.as_ref().expect("nothing is proven")
    }

    /// Names the link's channel.
    pub(crate) fn key(&self) -> ChannelKey {
        let (key, channel) = self.proven.clone().expect("nothing is proven");
        ChannelKey { coordinator: stash_of(account_of(&key)), miner: MINER.stash(), channel }
    }

    /// A voucher for that channel, by that key.
    pub(crate) fn voucher_of(&self, key: &Keypair, channel: ChannelKey, amount: Balance) -> Voucher {
        let ChannelKey { coordinator, miner, channel } = channel;
        let voucher = Promise { coordinator, miner, channel, amount, tasks: 1 };
        let signature = key.sign(voucher.signing_hash(&self.genesis).as_bytes()).0;
        voucher_to_wire(&SignedVoucher { voucher, operator: account_of(key), signature })
    }

    /// Promises that much for all work so far.
    pub(crate) async fn promise(&self, amount: Balance) {
        let (key, _) = self.proven.clone().expect("nothing is proven");
        self.send(ToMiner::Voucher(self.voucher_of(&key, self.key(), amount))).await;
    }

    /// The next message. What the miner owes with every message is checked.
    pub(crate) async fn message(&mut self) -> FromMiner {
        let message = tokio::time::timeout(LIMIT, self.inbound.message()).await.expect("the miner is silent");
        let message = message.expect("the link broke").expect("the miner ended the link").message;
        let message = message.expect("an empty message");
        if let Some(watched) = &mut self.watched {
            watched.came(&message);
        }
        message
    }

    /// Asks how tokens were drawn, and returns what the miner says.
    pub(crate) async fn ask(&mut self, open: Open) -> Opening {
        self.send(ToMiner::Open(open)).await;
        self.opening().await
    }

    pub(crate) async fn opening(&mut self) -> Opening {
        loop {
            if let FromMiner::Opening(opening) = self.message().await {
                return opening;
            }
        }
    }

    pub(crate) async fn offer(&mut self) -> Offer {
        loop {
            if let FromMiner::Offer(offer) = self.message().await {
                return offer;
            }
        }
    }

    /// Waits until the miner offers exactly this many slots.
    pub(crate) async fn until_offered(&mut self, slots: u32) {
        while self.offer().await.slots != slots {}
    }

    pub(crate) async fn output(&mut self) -> Output {
        loop {
            if let FromMiner::Output(output) = self.message().await {
                return output;
            }
        }
    }

    pub(crate) async fn result(&mut self) -> TaskResult {
        self.answer().await.1
    }

    /// All outputs up to the next result, with it. Outputs of other tasks are left out.
    pub(crate) async fn answer(&mut self) -> (Vec<Output>, TaskResult) {
        let mut outputs = Vec::new();
        loop {
            match self.message().await {
                FromMiner::Output(output) => outputs.push(output),
                FromMiner::Failure(failure) => panic!("{failure:?}"),
                FromMiner::Result(result) => {
                    outputs.retain(|output| output.task_id == result.task_id);
                    return (outputs, result);
                }
                _ => {}
            }
        }
    }

    pub(crate) async fn failure(&mut self) -> Failure {
        loop {
            match self.message().await {
                FromMiner::Failure(failure) => return failure,
                FromMiner::Result(result) => panic!("a result instead of a failure: {:?}", result.task_id),
                _ => {}
            }
        }
    }

    pub(crate) async fn closing(&mut self) {
        while !matches!(self.message().await, FromMiner::Closing(_)) {}
    }

    /// Waits for a moment in which no failure comes.
    pub(crate) async fn stays_without_failure(&mut self) {
        let _ = tokio::time::timeout(MOMENT, async {
            let failure = self.failure().await;
            panic!("{failure:?}");
        })
        .await;
    }

    /// Waits until the miner has dropped the link, without reading what it sends.
    pub(crate) async fn until_dropped(&self) {
        tokio::time::timeout(LIMIT, self.outbound.closed()).await.expect("the miner holds on to the link");
    }

    /// Reads a message, and the next after a pause, until the miner has ended the link.
    pub(crate) async fn read_slowly(&mut self, pause: Duration) {
        while let Ok(Some(_)) = self.inbound.message().await {
            tokio::time::sleep(pause).await;
        }
    }

    /// Waits until the miner has ended the link.
    pub(crate) async fn until_ended(&mut self) {
        let ended = async { while let Ok(Some(_)) = self.inbound.message().await {} };
        tokio::time::timeout(LIMIT + Duration::from_secs(1), ended).await.expect("the miner does not end the link");
    }
}

pub(crate) fn completion(number: u8, prompt: &str) -> Task {
    task(number, CHAT, Work::Completion(Completion { prompt: prompt.into(), sampling: Some(sampling()), echo: false }))
}

pub(crate) fn echoed(number: u8, prompt: &str) -> Task {
    task(number, CHAT, Work::Completion(Completion { prompt: prompt.into(), sampling: Some(sampling()), echo: true }))
}

/// The same task, with the log-probabilities of so many alternatives.
pub(crate) fn with_logprobs(task: Task, top: u32) -> Task {
    sampled(task, |sampling| sampling.logprobs = Some(top))
}

pub(crate) fn embedding(number: u8, inputs: &[&str]) -> Task {
    let inputs = inputs.iter().map(|input| (*input).to_owned()).collect();
    task(number, EMBEDDING, Work::Embedding(Embedding { inputs }))
}

/// The id of the task with this number, which began when the tests did.
pub(crate) fn task_id(number: u8) -> TaskId {
    dated(*BEGAN_MS, number)
}

/// When the tests began.
pub(crate) static BEGAN_MS: LazyLock<u64> = LazyLock::new(now_ms);

/// The same of one that began then.
pub(crate) fn dated(began_ms: u64, number: u8) -> TaskId {
    let mut id = [number; 16];
    id[..6].copy_from_slice(&began_ms.to_be_bytes()[2..]);
    (id[6], id[8]) = (0x70, 0x80);
    id
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

/// The same task for the model whose draws nobody can check.
pub(crate) fn fronted(task: Task) -> Task {
    Task { model: FRONTED.into(), ..task }
}

/// The same task with this seed.
pub(crate) fn seeded(task: Task, seed: [u8; 32]) -> Task {
    Task { seed: Some(task::Seed::Fixed(seed.to_vec().into())), ..task }
}

/// The same task with another sampling.
pub(crate) fn sampled(mut task: Task, change: impl FnOnce(&mut Sampling)) -> Task {
    let Some(Work::Completion(Completion { sampling: Some(sampling), .. })) = &mut task.work else {
        panic!("not a completion")
    };
    change(sampling);
    task
}

fn task(number: u8, model: &str, work: Work) -> Task {
    let seed = task::Seed::Nonce(vec![number; 32].into());
    Task {
        task_id: task_id(number).to_vec().into(),
        attempt: 0,
        model: model.into(),
        timeout_ms: 60_000,
        seed: (!matches!(work, Work::Embedding(_))).then_some(seed),
        work: Some(work),
        price: Some(price_to_wire(&Price::default())),
        deadline_ms: *BEGAN_MS + 600_000,
        resumed: vec![],
    }
}

fn sampling() -> Sampling {
    Sampling { temperature: 1.0, top_p: 1.0, repetition_penalty: 1.0, ..Default::default() }
}
