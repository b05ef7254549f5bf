//! A miner that speaks the link but runs no model: it answers at once, never, or with a failure.

use std::{
    sync::{
        atomic::{AtomicU64, Ordering},
        Arc,
    },
    time::Duration,
};

use anyhow::{bail, ensure, Context};
use codec::Encode;
use cuckoo_primitives::{
    settlement::{ChannelId, Price},
    signing::Statement,
    task::{Finish, OutputHasher, Receipt},
    AccountId, Hash,
};
use cuckoo_wire::{
    handshake::{fixed, Handshake},
    limits::{HANDSHAKE_TIMEOUT_MS, MAX_MESSAGE_BYTES, PROTOCOL},
    link::{
        self, coordinator_message::Message as FromCoordinator, miner_link_client::MinerLinkClient,
        miner_message::Message as FromMiner, task::Work, FailureCode, ModelKind, RefusalCode,
    },
    money::price_to_wire,
    request::request_hash,
};
use subxt_signer::sr25519::Keypair;
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    transport::{Channel, Endpoint},
    Streaming,
};

use crate::models;

/// Values of an embedding that a fake miner returns.
pub const EMBEDDING_DIMENSIONS: usize = 384;
/// Context that it offers, in tokens.
const CONTEXT_TOKENS: u32 = 8192;
/// Through which it is paid. It keeps no vouchers, so the coordinator's journal alone knows how far.
const CHANNEL: ChannelId = [0xfa; 16];
/// Messages that may wait for the stream to take them.
const OUTBOX: usize = 1024;

/// What a fake miner does with its tasks.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Sends this text, or a fixed vector per input, and a signed receipt.
    AtOnce(String),
    /// Keeps the task until the coordinator cancels it.
    Never,
    /// Refuses it.
    Fail(FailureCode),
}

/// How a fake miner presents itself.
#[derive(Clone)]
pub struct FakeMiner {
    operator: Keypair,
    genesis: Hash,
    models: Vec<link::Model>,
    slots: u32,
    reply: Reply,
}

/// The link of a fake miner that was welcomed. Dropping it cuts the link.
pub struct FakeLink {
    counts: Arc<Counts>,
    outbox: mpsc::Sender<link::MinerMessage>,
    task: JoinHandle<anyhow::Result<()>>,
}

#[derive(Default)]
struct Counts {
    received: AtomicU64,
    served: AtomicU64,
    cancelled: AtomicU64,
    vouchers: AtomicU64,
}

/// The coordinator refused the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub code: RefusalCode,
    /// How to mend it.
    pub reason: String,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the coordinator refused the link ({}): {}", self.code.as_str_name(), self.reason)
    }
}

impl std::error::Error for Refused {}

impl FakeMiner {
    /// A miner with this operator key on the chain with this genesis hash: one slot, the chat model, answers "ok".
    pub fn new(operator: Keypair, genesis: Hash) -> Self {
        let models = vec![model(models::CHAT, ModelKind::Chat)];
        Self { operator, genesis, models, slots: 1, reply: Reply::AtOnce("ok".into()) }
    }

    /// Offers these models instead.
    pub fn models(mut self, models: impl IntoIterator<Item = link::Model>) -> Self {
        self.models = models.into_iter().collect();
        self
    }

    /// Offers so many slots.
    pub fn slots(mut self, slots: u32) -> Self {
        self.slots = slots;
        self
    }

    /// Does this with its tasks.
    pub fn reply(mut self, reply: Reply) -> Self {
        self.reply = reply;
        self
    }

    /// The account of its operator key.
    pub fn account(&self) -> AccountId {
        AccountId::from(self.operator.public_key().0)
    }

    /// Dials the gateway at `url` (`http://127.0.0.1:7701`), proves its key, checks the coordinator's and offers its
    /// models.
    ///
    /// # Errors
    /// [`Refused`], to be had by `downcast_ref`, if the coordinator does not want it.
    pub async fn connect(self, url: &str) -> anyhow::Result<FakeLink> {
        let channel = Endpoint::from_shared(url.to_owned())?
            .tcp_nodelay(true)
            .connect()
            .await
            .with_context(|| format!("cannot reach the coordinator at {url}"))?;
        let limit = Duration::from_millis(HANDSHAKE_TIMEOUT_MS);
        let shaken = tokio::time::timeout(limit, self.shake_hands(channel)).await;
        let (outbox, inbox, handshake) = shaken.context("the coordinator did not finish the handshake in time")??;
        let offer = link::Offer { models: self.models.clone(), slots: self.slots, agent: "fake-miner".into() };
        send(&outbox, FromMiner::Offer(offer)).await?;
        let counts = Arc::new(Counts::default());
        let worker = Worker { miner: self, handshake, counts: counts.clone(), outbox: outbox.clone() };
        Ok(FakeLink { counts, outbox, task: tokio::spawn(worker.run(inbox)) })
    }

    async fn shake_hands(
        &self,
        channel: Channel,
    ) -> anyhow::Result<(mpsc::Sender<link::MinerMessage>, Streaming<link::CoordinatorMessage>, Handshake)> {
        let mut client = MinerLinkClient::new(channel).max_decoding_message_size(MAX_MESSAGE_BYTES);
        let (outbox, outgoing) = mpsc::channel(OUTBOX);
        let miner_nonce: [u8; 32] = cuckoo_primitives::signing::blake2_256(&[&nonce_material()]).0;
        let hello = link::Hello {
            protocol: PROTOCOL,
            genesis: self.genesis.0.to_vec().into(),
            miner: self.operator.public_key().0.to_vec().into(),
            nonce: miner_nonce.to_vec().into(),
        };
        send(&outbox, FromMiner::Hello(hello)).await?;
        let mut inbox = client.connect(ReceiverStream::new(outgoing)).await?.into_inner();
        let FromCoordinator::Challenge(challenge) = next(&mut inbox).await? else {
            bail!("the coordinator did not answer the hello with a challenge")
        };
        let handshake = Handshake {
            genesis: self.genesis,
            coordinator: AccountId::from(fixed::<32>("coordinator", &challenge.coordinator)?),
            miner: self.account(),
            miner_nonce,
            coordinator_nonce: fixed("nonce", &challenge.nonce)?,
        };
        let proven = handshake.coordinator_is_proven(&fixed("signature", &challenge.signature)?);
        ensure!(proven, "the coordinator did not prove its operator key");
        let signature = self.operator.sign(handshake.miner_hash().as_bytes()).0.to_vec().into();
        let proof = link::Proof { signature, channel: CHANNEL.to_vec().into(), newest: None };
        send(&outbox, FromMiner::Proof(proof)).await?;
        let FromCoordinator::Welcome(_) = next(&mut inbox).await? else {
            bail!("the coordinator did not answer the proof with a welcome")
        };
        Ok((outbox, inbox, handshake))
    }
}

impl FakeLink {
    /// Tasks that arrived.
    pub fn received(&self) -> u64 {
        self.counts.received.load(Ordering::Relaxed)
    }

    /// Tasks that were answered with a receipt.
    pub fn served(&self) -> u64 {
        self.counts.served.load(Ordering::Relaxed)
    }

    /// Tasks that the coordinator cancelled.
    pub fn cancelled(&self) -> u64 {
        self.counts.cancelled.load(Ordering::Relaxed)
    }

    /// Vouchers that came.
    pub fn vouchers(&self) -> u64 {
        self.counts.vouchers.load(Ordering::Relaxed)
    }

    /// Sends any message, also one that a well-behaved miner would not.
    pub async fn send(&self, message: FromMiner) -> anyhow::Result<()> {
        send(&self.outbox, message).await
    }

    /// Waits until the coordinator ends the link: an error says with what ([`Refused`] if it gave a reason).
    pub async fn until_cut(mut self) -> anyhow::Result<()> {
        (&mut self.task).await?
    }
}

impl Drop for FakeLink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Works on what comes over a link.
struct Worker {
    miner: FakeMiner,
    handshake: Handshake,
    counts: Arc<Counts>,
    outbox: mpsc::Sender<link::MinerMessage>,
}

impl Worker {
    async fn run(self, mut inbox: Streaming<link::CoordinatorMessage>) -> anyhow::Result<()> {
        while let Some(message) = inbox.message().await? {
            match message.message {
                Some(FromCoordinator::Task(task)) => {
                    self.counts.received.fetch_add(1, Ordering::Relaxed);
                    self.work(&task).await?;
                }
                Some(FromCoordinator::Cancel(cancel)) => {
                    self.counts.cancelled.fetch_add(1, Ordering::Relaxed);
                    self.cancel(cancel).await?;
                }
                Some(FromCoordinator::Voucher(_)) => {
                    self.counts.vouchers.fetch_add(1, Ordering::Relaxed);
                }
                Some(FromCoordinator::Refusal(refusal)) => return Err(refused(refusal).into()),
                _ => {}
            }
        }
        Ok(())
    }

    async fn work(&self, task: &link::Task) -> anyhow::Result<()> {
        match &self.miner.reply {
            Reply::Never => Ok(()),
            Reply::Fail(code) => {
                let (task_id, attempt) = (task.task_id.clone(), task.attempt);
                send(&self.outbox, FromMiner::Failure(link::Failure { task_id, attempt, ..failure(*code) })).await
            }
            Reply::AtOnce(text) => {
                let mut hasher = OutputHasher::default();
                for output in outputs(task, text) {
                    let piece = if output.vector.is_empty() { output.text.as_bytes() } else { &output.vector };
                    hasher.update(piece);
                    send(&self.outbox, FromMiner::Output(output)).await?;
                }
                send(&self.outbox, FromMiner::Result(self.result(task, hasher.finish())?)).await?;
                self.counts.served.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
        }
    }

    /// Gives a task back that was kept; the others are answered already.
    async fn cancel(&self, cancel: link::Cancel) -> anyhow::Result<()> {
        if !matches!(self.miner.reply, Reply::Never) {
            return Ok(());
        }
        let (task_id, attempt) = (cancel.task_id, cancel.attempt);
        let failure = link::Failure { task_id, attempt, ..failure(FailureCode::Cancelled) };
        send(&self.outbox, FromMiner::Failure(failure)).await
    }

    fn result(&self, task: &link::Task, output_hash: Hash) -> anyhow::Result<link::Result> {
        let model = self.miner.models.iter().find(|model| model.id == task.model);
        let model = model.with_context(|| format!("task for the model {}, which was not offered", task.model))?;
        let generates = !matches!(task.work, Some(Work::Embedding(_)));
        let receipt = Receipt {
            task_id: fixed("task_id", &task.task_id)?,
            attempt: task.attempt,
            coordinator: self.handshake.coordinator.clone(),
            miner: self.miner.account(),
            link: self.handshake.link_hash(),
            model_root: Hash::from(fixed::<32>("model_root", &model.model_root)?),
            request_hash: request_hash(task),
            output_hash,
            prompt_tokens: 8,
            completion_tokens: generates.into(),
            finish: Finish::Stop,
        };
        let signature = self.miner.operator.sign(receipt.signing_hash(&self.miner.genesis).as_bytes()).0;
        Ok(link::Result {
            task_id: task.task_id.clone(),
            attempt: task.attempt,
            receipt: receipt.encode().into(),
            signature: signature.to_vec().into(),
        })
    }
}

/// A model as a fake miner offers it.
pub fn model(id: &str, kind: ModelKind) -> link::Model {
    link::Model {
        id: id.into(),
        kind: kind.into(),
        model_root: vec![0x11; 32].into(),
        context_tokens: CONTEXT_TOKENS,
        numeric_class: "fake".into(),
        ask: Some(price_to_wire(&Price::default())),
    }
}

/// The pieces of the answer: one text, or one vector per input.
fn outputs(task: &link::Task, text: &str) -> Vec<link::Output> {
    let output = link::Output { task_id: task.task_id.clone(), attempt: task.attempt, ..Default::default() };
    match &task.work {
        Some(Work::Embedding(embedding)) => {
            let value = (1.0 / (EMBEDDING_DIMENSIONS as f32).sqrt()).to_le_bytes();
            let vector = value.repeat(EMBEDDING_DIMENSIONS);
            vec![link::Output { vector: vector.into(), ..output }; embedding.inputs.len()]
        }
        Some(Work::Chat(link::Chat { sampling, .. }) | Work::Completion(link::Completion { sampling, .. })) => {
            let logprobs = sampling.as_ref().and_then(|sampling| sampling.logprobs).map(|_| certain(text));
            vec![link::Output { text: text.into(), tokens: 1, logprobs: logprobs.into_iter().collect(), ..output }]
        }
        None => Vec::new(),
    }
}

/// That nothing else than this could have been said.
fn certain(text: &str) -> link::TokenLogprobs {
    let chosen = link::TokenLogprob { bytes: text.as_bytes().to_vec().into(), logprob: 0.0 };
    link::TokenLogprobs { chosen: Some(chosen), top: Vec::new() }
}

fn failure(code: FailureCode) -> link::Failure {
    link::Failure { code: code.into(), reason: "the fake miner was told to".into(), ..Default::default() }
}

async fn send(outbox: &mpsc::Sender<link::MinerMessage>, message: FromMiner) -> anyhow::Result<()> {
    let sent = outbox.send(link::MinerMessage { message: Some(message) }).await;
    sent.map_err(|_| anyhow::anyhow!("the coordinator ended the link"))
}

/// The next message; a refusal or the end of the stream is an error.
async fn next(inbox: &mut Streaming<link::CoordinatorMessage>) -> anyhow::Result<FromCoordinator> {
    let message = inbox.message().await?.context("the coordinator ended the link")?;
    match message.message.context("the coordinator sent an empty message")? {
        FromCoordinator::Refusal(refusal) => Err(refused(refusal).into()),
        message => Ok(message),
    }
}

fn refused(refusal: link::Refusal) -> Refused {
    Refused { code: refusal.code(), reason: refusal.reason }
}

/// Bytes that no two handshakes share. It need not be secret: the nonce only keeps recordings from being replayed.
fn nonce_material() -> Vec<u8> {
    static HANDSHAKES: AtomicU64 = AtomicU64::new(0);
    let count = HANDSHAKES.fetch_add(1, Ordering::Relaxed);
    (std::process::id(), count, std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos()).encode()
}
