//! A miner that speaks the link but runs no model: it answers at once, never, or with a failure; and lies if it is told to.

use std::{
    collections::HashMap,
    sync::{
        atomic::{AtomicU64, Ordering},
        Arc,
    },
    time::Duration,
};

use anyhow::{bail, ensure, Context};
use codec::Encode;
use cuckoo_primitives::{
    commitment::{Leaf, Tree},
    fixture,
    settlement::{ChannelId, Price},
    signing::Statement,
    task::{
        seed::{Seed, Share},
        Delivered, Drawing, Finish, OutputHasher, Receipt, TaskSpec,
    },
    AccountId, Hash,
};
use cuckoo_wire::{
    handshake::{fixed, Handshake},
    limits::{ATTEMPTS_PER_LINK, HANDSHAKE_TIMEOUT_MS, MAX_MESSAGE_BYTES, PROTOCOL},
    link::{
        self, coordinator_message::Message as FromCoordinator, miner_link_client::MinerLinkClient,
        miner_message::Message as FromMiner, task::Work, FailureCode, ModelKind, RefusalCode,
    },
    money::price_to_wire,
    shares::Shares,
    spec::{seed_of, spec, takes_share, Between, ServingModel},
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

/// What a fake miner does that an honest one would not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// It sends a token that it has not drawn, and commits to it.
    FalseDraw,
    /// It commits to another token than it sends.
    OtherLeaf,
    /// Its receipt commits to other tokens than it has signed for on the way.
    OtherTokens,
    /// Its receipt is for something else than it has taken on.
    OtherSpec,
    /// Its receipt commits to more tokens than it counts.
    Excess,
    /// It opens nothing, neither to the coordinator nor on the chain.
    Withhold,
    /// It takes a task on and says nothing more.
    Silence,
}

/// How a fake miner presents itself.
#[derive(Clone)]
pub struct FakeMiner {
    operator: Keypair,
    genesis: Hash,
    models: Vec<link::Model>,
    slots: u32,
    reply: Reply,
    lie: Option<Lie>,
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
        Self { operator, genesis, models, slots: 1, reply: Reply::AtOnce("ok".into()), lie: None }
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

    /// Lies so.
    pub fn lie(mut self, lie: Lie) -> Self {
        self.lie = Some(lie);
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
        let (outbox, inbox, handshake, shares) =
            shaken.context("the coordinator did not finish the handshake in time")??;
        let offer = link::Offer { models: self.models.clone(), slots: self.slots, agent: "fake-miner".into() };
        send(&outbox, FromMiner::Offer(offer)).await?;
        let counts = Arc::new(Counts::default());
        let opened = HashMap::new();
        let worker = Worker { miner: self, handshake, shares, opened, counts: counts.clone(), outbox: outbox.clone() };
        Ok(FakeLink { counts, outbox, task: tokio::spawn(worker.run(inbox)) })
    }

    async fn shake_hands(
        &self,
        channel: Channel,
    ) -> anyhow::Result<(mpsc::Sender<link::MinerMessage>, Streaming<link::CoordinatorMessage>, Handshake, Shares)>
    {
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
        // It cheats nobody by shares that follow from what everybody saw.
        let shares = Shares::new(miner_nonce, ATTEMPTS_PER_LINK);
        let announced = shares.end().to_vec().into();
        let proof = link::Proof { signature, channel: CHANNEL.to_vec().into(), newest: None, shares: announced };
        send(&outbox, FromMiner::Proof(proof)).await?;
        let FromCoordinator::Welcome(_) = next(&mut inbox).await? else {
            bail!("the coordinator did not answer the proof with a welcome")
        };
        Ok((outbox, inbox, handshake, shares))
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
    shares: Shares,
    /// How the tokens of its tasks were to be drawn, by task and attempt.
    opened: HashMap<(Vec<u8>, u32), Drawing>,
    counts: Arc<Counts>,
    outbox: mpsc::Sender<link::MinerMessage>,
}

impl Worker {
    async fn run(mut self, mut inbox: Streaming<link::CoordinatorMessage>) -> anyhow::Result<()> {
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
                Some(FromCoordinator::Open(open)) => self.open(&open).await?,
                Some(FromCoordinator::Voucher(_)) => {
                    self.counts.vouchers.fetch_add(1, Ordering::Relaxed);
                }
                Some(FromCoordinator::Refusal(refusal)) => return Err(refused(refusal).into()),
                _ => {}
            }
        }
        Ok(())
    }

    async fn work(&mut self, task: &link::Task) -> anyhow::Result<()> {
        if let Reply::Fail(code) = &self.miner.reply {
            let (task_id, attempt) = (task.task_id.clone(), task.attempt);
            let failure = link::Failure { task_id, attempt, ..failure(*code) };
            return send(&self.outbox, FromMiner::Failure(failure)).await;
        }
        let spec = self.accept(task).await?;
        let Reply::AtOnce(text) = &self.miner.reply else { return Ok(()) };
        if self.miner.lie == Some(Lie::Silence) {
            return Ok(());
        }
        let drawn = spec.drawing.map(|drawing| self.draw(&drawing));
        if let Some(drawing) = spec.drawing {
            self.opened.insert((task.task_id.to_vec(), task.attempt), drawing);
        }
        let mut hasher = OutputHasher::default();
        for output in outputs(task, text) {
            let piece = if output.vector.is_empty() { output.text.as_bytes() } else { &output.vector };
            hasher.update(piece);
            let (token_ids, signature) = match &drawn {
                Some(drawn) => (vec![drawn.sent], self.sign(&delivered(&spec, &[drawn.sent]))),
                None => Default::default(),
            };
            send(&self.outbox, FromMiner::Output(link::Output { token_ids, signature, ..output })).await?;
        }
        let mut receipt = Receipt {
            output_hash: hasher.finish(),
            prompt_tokens: 8,
            completion_tokens: u32::from(!matches!(task.work, Some(Work::Embedding(_)))),
            finish: Finish::Stop,
            commitment: drawn.as_ref().map(|drawn| cuckoo_primitives::task::Commitment {
                tokens_root: [drawn.sent].into_iter().collect::<Tree>().root(),
                ..fixture::commitment(std::slice::from_ref(&drawn.leaf))
            }),
            spec,
        };
        self.falsify(&mut receipt);
        let result = link::Result {
            task_id: task.task_id.clone(),
            attempt: task.attempt,
            signature: self.sign(&receipt),
            receipt: receipt.encode().into(),
        };
        send(&self.outbox, FromMiner::Result(result)).await?;
        self.counts.served.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Takes the task on.
    async fn accept(&mut self, task: &link::Task) -> anyhow::Result<TaskSpec> {
        let model = self.miner.models.iter().find(|model| model.id == task.model);
        let model = model.with_context(|| format!("task for the model {}, which was not offered", task.model))?;
        let serving = ServingModel {
            model_root: Hash::from(fixed::<32>("model_root", &model.model_root)?),
            context_tokens: model.context_tokens,
            numeric_class: &model.numeric_class,
        };
        let between = Between {
            genesis: self.miner.genesis,
            link: self.handshake.link_hash(),
            coordinator: self.handshake.coordinator.clone(),
            miner: self.miner.account(),
        };
        let share: Option<Share> = match takes_share(task) {
            true => Some(self.shares.next().context("the link has carried all that it may")?),
            false => None,
        };
        let seed: Option<Seed> = seed_of(task, &between.genesis, share.as_ref())?;
        let spec = spec(task, &between, &serving, seed)?;
        let accept = link::Accept {
            task_id: task.task_id.clone(),
            attempt: task.attempt,
            share: share.map(|share| share.to_vec()).unwrap_or_default().into(),
            signature: self.sign(&spec),
        };
        send(&self.outbox, FromMiner::Accept(accept)).await?;
        Ok(spec)
    }

    /// Its one token.
    fn draw(&self, drawing: &Drawing) -> Drawn {
        let mut leaf = fixture::leaf(drawing, drawing.first_position);
        let other = leaf.candidates.iter().map(|it| it.token).find(|token| *token != leaf.token).unwrap_or_default();
        let sent = match self.miner.lie {
            Some(Lie::FalseDraw) => {
                leaf.token = other;
                other
            }
            Some(Lie::OtherLeaf) => other,
            _ => leaf.token,
        };
        Drawn { sent, leaf }
    }

    fn falsify(&self, receipt: &mut Receipt) {
        match (self.miner.lie, &mut receipt.commitment) {
            (Some(Lie::OtherTokens), Some(commitment)) => commitment.tokens_root = Hash::zero(),
            (Some(Lie::Excess), Some(commitment)) => commitment.tokens = 9,
            (Some(Lie::OtherSpec), _) => receipt.spec.deadline_ms += 1,
            _ => {}
        }
    }

    async fn open(&self, open: &link::Open) -> anyhow::Result<()> {
        let known = self.opened.get(&(open.task_id.to_vec(), open.attempt));
        let known = known.filter(|_| self.miner.lie != Some(Lie::Withhold) && (open.first, open.count) == (0, 1));
        let leaves = known.map(|drawing| vec![self.draw(drawing).leaf].encode());
        let reason = if leaves.is_some() { "" } else { "the fake miner opens nothing" };
        let leaves = leaves.unwrap_or_default().into();
        send(&self.outbox, FromMiner::Opening(link::Opening { id: open.id, leaves, reason: reason.into() })).await
    }

    fn sign(&self, statement: &impl Statement) -> bytes::Bytes {
        self.miner.operator.sign(statement.signing_hash(&self.miner.genesis).as_bytes()).0.to_vec().into()
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
}

/// A token of a fake miner.
struct Drawn {
    /// What it sends.
    sent: u32,
    /// How it says it drew it.
    leaf: Leaf,
}

/// What is signed for tokens on the way.
fn delivered(spec: &TaskSpec, tokens: &[u32]) -> Delivered {
    let TaskSpec { task_id, attempt, link, miner, .. } = spec.clone();
    let tree: Tree = tokens.iter().copied().collect();
    Delivered { task_id, attempt, link, miner, tokens: tree.len(), tokens_root: tree.root() }
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
