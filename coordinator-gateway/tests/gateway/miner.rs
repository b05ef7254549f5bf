//! A miner that follows a script.

use std::{
    collections::HashMap,
    sync::{
        atomic::{AtomicU32, Ordering},
        Arc, Mutex,
    },
    time::Duration,
};

use codec::Encode;
use cuckoo_chain_client::{account_of, Keypair};
use cuckoo_primitives::{
    commitment::{Leaf, Tree},
    fixture,
    settlement::{ChannelId, Price, SignedVoucher},
    signing::Statement,
    task::{Commitment, Delivered, Finish, OutputHasher, Receipt, TaskSpec},
    AccountId, Hash,
};
use cuckoo_wire::{
    handshake::{fixed, Handshake},
    limits::PROTOCOL,
    link::{
        self, coordinator_message::Message as FromCoordinator, miner_link_client::MinerLinkClient,
        miner_message::Message as FromMiner, task::Work, CancelReason, CoordinatorMessage, FailureCode, MinerMessage,
        ModelKind, RefusalCode,
    },
    money::{price_to_wire, voucher_from_wire},
    shares::Shares,
    spec::{seed_of, spec, takes_share, Between, ServingModel},
};
use futures::StreamExt;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{transport::Endpoint, Streaming};

use crate::stage::{genesis, key_of, stash, Stage, EMBEDDER, MODEL};

/// What a miner does with every task, in order. When it is told to stop, it does so, and signs for what it has sent. It says
/// nothing again of what stands for tokens that others have produced before.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// From here on it goes on when it is told to stop.
    Persist,
    /// Sends text for one token.
    Say(&'static str),
    /// Sends text for so many tokens.
    SayTokens(&'static str, u32),
    /// The same, and the token that ends the text.
    SayLast(&'static str, u32),
    /// Sends text for one token with these log-probabilities, whatever was asked for.
    Report(&'static str, Vec<link::TokenLogprobs>),
    /// Sends a vector for each input.
    Embed(Vec<f32>),
    /// Waits before each input's vector.
    EmbedSlowly(Vec<f32>, Duration),
    /// Waits.
    Pause(Duration),
    /// Does nothing until it is cancelled.
    Hang,
    /// Cuts the link.
    CutLink,
    /// Refuses.
    Fail(FailureCode),
    /// Signs what it did.
    Finish,
    /// Signs something else.
    Forge(fn(&mut Receipt)),
    /// Does this to the next pieces before they are sent.
    Tamper(fn(&mut link::Output)),
    /// Commits to something else from here on.
    Misdraw(fn(&mut Leaf)),
    /// Takes the task on, if that has not been done: the first step that is no refusal does.
    Accept,
    /// The same, and does this to the message.
    AcceptWith(fn(&mut link::Accept)),
    /// Sends an honest receipt with another key's signature.
    SignWith(&'static str),
}

pub(crate) const ANSWER: [Step; 3] = [Step::Say("Hello"), Step::Say(" world"), Step::Finish];

/// What their models hold unless they offer another one.
const CONTEXT_TOKENS: u32 = 64;

/// In which all miners compute but those of another one.
const CLASS: &str = "scripted";

/// Through which all miners are paid, each through its own.
pub(crate) const CHANNEL: ChannelId = [7; 16];

/// Is not sent, but ends the stream, whoever else holds the outbox.
const END_OF_STREAM: MinerMessage = MinerMessage { message: None };

/// A linked miner. Dropping it cuts the link.
pub(crate) struct Miner {
    pub(crate) seen: Arc<Mutex<Seen>>,
    pub(crate) outbox: mpsc::Sender<MinerMessage>,
    stash: AccountId,
    channel: ChannelId,
    context_tokens: Arc<AtomicU32>,
    task: JoinHandle<()>,
}

/// What came over the link.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) tasks: Vec<link::Task>,
    pub(crate) cancels: Vec<link::Cancel>,
    /// That of the welcome first, if it had one.
    pub(crate) vouchers: Vec<link::Voucher>,
    pub(crate) closing: bool,
    pub(crate) refusal: Option<RefusalCode>,
    pub(crate) ended: bool,
}

impl Miner {
    /// A miner with one slot.
    pub(crate) async fn link(stage: &Stage, suri: &str, script: &[Step]) -> Self {
        Self::with_slots(stage, suri, 1, script).await
    }

    pub(crate) async fn with_slots(stage: &Stage, suri: &str, slots: u32, script: &[Step]) -> Self {
        let miner = Self::on_channel(stage, suri, CHANNEL, slots, script).await;
        stage.until_free_slots(suri, slots).await;
        miner
    }

    /// One of several workers of an operator.
    pub(crate) async fn on_channel(stage: &Stage, suri: &str, channel: ChannelId, slots: u32, script: &[Step]) -> Self {
        Self::of_class(stage, suri, channel, (CLASS, slots), script).await
    }

    /// One that computes in another numeric class.
    pub(crate) async fn unlike(stage: &Stage, suri: &str, script: &[Step]) -> Self {
        let miner = Self::of_class(stage, suri, CHANNEL, ("another", 1), script).await;
        stage.until_free_slots(suri, 1).await;
        miner
    }

    async fn of_class(
        stage: &Stage,
        suri: &str,
        channel: ChannelId,
        (class, slots): (&'static str, u32),
        script: &[Step],
    ) -> Self {
        let name_channel = |message: &mut FromMiner| {
            if let FromMiner::Proof(proof) = message {
                proof.channel = channel.to_vec().into();
            }
        };
        let linked = shake_hands(&stage.link_url(), &key_of(suri), name_channel).await;
        let (outbox, inbox, handshake, welcome) = linked.unwrap_or_else(|error| panic!("{error:?}"));
        let mut offer = offer(slots);
        offer.models.iter_mut().for_each(|model| model.numeric_class = class.into());
        send(&outbox, FromMiner::Offer(offer)).await;
        let seen = Seen { vouchers: welcome.newest.into_iter().collect(), ..Default::default() };
        let seen = Arc::new(Mutex::new(seen));
        let context_tokens = Arc::new(AtomicU32::new(CONTEXT_TOKENS));
        let worker = Worker {
            key: key_of(suri),
            class,
            context_tokens: context_tokens.clone(),
            handshake,
            script: script.to_vec(),
            seen: seen.clone(),
            outbox: outbox.clone(),
            running: Arc::default(),
            shares: Arc::new(Mutex::new(shares())),
            drawn: Arc::default(),
        };
        let (stash, task) = (stash(suri), tokio::spawn(worker.run(inbox)));
        Self { seen, outbox, stash, channel, context_tokens, task }
    }

    /// Offers the same models with a longer context.
    pub(crate) async fn offer_context(&self, context_tokens: u32) {
        self.context_tokens.store(context_tokens, Ordering::Release);
        let mut longer = offer(1);
        longer.models.iter_mut().for_each(|model| model.context_tokens = context_tokens);
        send(&self.outbox, FromMiner::Offer(longer)).await;
        // Nothing that is shown tells when it has arrived.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    pub(crate) fn tasks(&self) -> usize {
        self.seen.lock().unwrap().tasks.len()
    }

    /// Offers the same models for as much.
    pub(crate) async fn offer_for(&self, ask: Price) {
        let mut dearer = offer(1);
        dearer.models.iter_mut().for_each(|model| model.ask = Some(price_to_wire(&ask)));
        send(&self.outbox, FromMiner::Offer(dearer)).await;
    }

    /// All vouchers that came, each signed by the coordinator for this miner.
    pub(crate) fn vouchers(&self) -> Vec<SignedVoucher> {
        let vouchers = self.seen.lock().unwrap().vouchers.clone();
        let read = |voucher| {
            let signed = voucher_from_wire(&voucher, &stash("//Coordinator"), &self.stash, self.channel).unwrap();
            assert_eq!(signed.operator, account_of(&key_of("//Coordinator")));
            assert!(signed.is_signed(&genesis()));
            signed
        };
        vouchers.into_iter().map(read).collect()
    }

    /// What it has been promised in planck, and for how many tasks.
    pub(crate) fn promised(&self) -> (u128, u64) {
        self.vouchers().last().map_or((0, 0), |signed| (signed.voucher.amount, signed.voucher.tasks))
    }

    pub(crate) fn cancels(&self) -> usize {
        self.seen.lock().unwrap().cancels.len()
    }

    /// Why it was told to stop, each time.
    pub(crate) fn cancel_reasons(&self) -> Vec<CancelReason> {
        self.seen.lock().unwrap().cancels.iter().map(link::Cancel::reason).collect()
    }

    pub(crate) fn refusal(&self) -> Option<RefusalCode> {
        self.seen.lock().unwrap().refusal
    }
}

impl Drop for Miner {
    fn drop(&mut self) {
        self.task.abort();
        // Tasks that hang hold the outbox too.
        drop(self.outbox.try_send(END_OF_STREAM));
    }
}

pub(crate) fn offer(slots: u32) -> link::Offer {
    let model = |id: &str, kind: ModelKind| link::Model {
        id: id.into(),
        kind: kind.into(),
        model_root: vec![0x11; 32].into(),
        context_tokens: CONTEXT_TOKENS,
        numeric_class: CLASS.into(),
        ask: Some(price_to_wire(&Price::default())),
    };
    let models = vec![model(MODEL, ModelKind::Chat), model(EMBEDDER, ModelKind::Embedding)];
    link::Offer { models, slots, agent: "scripted 1".into() }
}

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

/// Attempts that can be told to stop, by task and number.
type RunningTasks = HashMap<(Vec<u8>, u32), oneshot::Sender<CancelReason>>;

/// Leaves, by task and number.
type DrawnTokens = HashMap<(Vec<u8>, u32), Vec<Leaf>>;

#[derive(Clone)]
struct Worker {
    key: Keypair,
    /// As it offers them.
    context_tokens: Arc<AtomicU32>,
    class: &'static str,
    handshake: Handshake,
    script: Vec<Step>,
    seen: Arc<Mutex<Seen>>,
    outbox: mpsc::Sender<MinerMessage>,
    running: Arc<Mutex<RunningTasks>>,
    shares: Arc<Mutex<Shares>>,
    /// How it drew the tokens of its tasks, by task and number.
    drawn: Arc<Mutex<DrawnTokens>>,
}

/// What a miner has sent of an answer.
#[derive(Default)]
struct Sent {
    /// What it has taken on.
    spec: Option<TaskSpec>,
    /// Tokens that others have produced, and whose text it has not left out yet.
    told: u32,
    hasher: OutputHasher,
    tokens: u32,
    tree: Tree,
    leaves: Vec<Leaf>,
    pieces: usize,
    /// The token that ends the text comes with the next piece.
    is_last: bool,
    /// It goes on when it is told to stop.
    persists: bool,
    tamper: Option<fn(&mut link::Output)>,
    misdraw: Option<fn(&mut Leaf)>,
}

impl Worker {
    async fn run(self, mut inbox: Streaming<CoordinatorMessage>) {
        let (cut, mut cuts) = mpsc::channel::<()>(1);
        loop {
            let message = tokio::select! {
                _ = cuts.recv() => break,
                message = inbox.message() => message,
            };
            let Ok(Some(CoordinatorMessage { message: Some(message) })) = message else { break };
            match message {
                FromCoordinator::Task(task) => {
                    let (stop, stopped) = oneshot::channel();
                    self.running.lock().unwrap().insert((task.task_id.to_vec(), task.attempt), stop);
                    self.seen.lock().unwrap().tasks.push(task.clone());
                    let (worker, cut) = (self.clone(), cut.clone());
                    tokio::spawn(async move { worker.work(task, stopped, cut).await });
                }
                FromCoordinator::Cancel(cancel) => {
                    let stop = self.running.lock().unwrap().remove(&(cancel.task_id.to_vec(), cancel.attempt));
                    let reason = cancel.reason();
                    self.seen.lock().unwrap().cancels.push(cancel);
                    // It may have ended by itself.
                    let _was_told = stop.is_some_and(|stop| stop.send(reason).is_ok());
                }
                FromCoordinator::Open(open) => self.open(&open).await,
                FromCoordinator::Voucher(voucher) => self.seen.lock().unwrap().vouchers.push(voucher),
                FromCoordinator::Closing(_) => self.seen.lock().unwrap().closing = true,
                FromCoordinator::Refusal(refusal) => self.seen.lock().unwrap().refusal = Some(refusal.code()),
                FromCoordinator::Challenge(_) | FromCoordinator::Welcome(_) => {}
            }
        }
        self.seen.lock().unwrap().ended = true;
    }

    /// Follows the script until it is told to stop.
    async fn work(&self, task: link::Task, mut stopped: oneshot::Receiver<CancelReason>, cut: mpsc::Sender<()>) {
        let mut sent = Sent { told: task.resumed.len() as u32, ..Default::default() };
        if !matches!(self.script.first(), Some(Step::Fail(_) | Step::Accept | Step::AcceptWith(_) | Step::CutLink)) {
            self.accept(&task, &mut sent, |_| {}).await;
        }
        let mut steps = self.script.iter();
        let reason = loop {
            let Some(step) = steps.next() else { return };
            if sent.persists {
                self.step(step, &task, &mut sent, &cut).await;
                continue;
            }
            tokio::select! {
                biased;
                Ok(reason) = &mut stopped => break reason,
                () = self.step(step, &task, &mut sent, &cut) => {}
            }
        };
        let is_paid = matches!(reason, CancelReason::Client | CancelReason::Deadline);
        match is_paid && sent.pieces > 0 {
            true => self.finish(&task, &sent, |receipt| receipt.finish = Finish::Cancelled, &self.key).await,
            false => self.fail(&task, FailureCode::Cancelled).await,
        }
    }

    async fn step(&self, step: &Step, task: &link::Task, sent: &mut Sent, cut: &mpsc::Sender<()>) {
        match step {
            Step::Persist => sent.persists = true,
            Step::Tamper(tamper) => sent.tamper = Some(*tamper),
            Step::Misdraw(misdraw) => sent.misdraw = Some(*misdraw),
            Step::Accept => self.accept(task, sent, |_| {}).await,
            Step::AcceptWith(tamper) => self.accept(task, sent, tamper).await,
            Step::Say(text) => self.say(task, sent, text, 1).await,
            Step::SayTokens(text, count) => self.say(task, sent, text, *count).await,
            Step::SayLast(text, count) => {
                sent.is_last = true;
                self.say(task, sent, text, *count).await;
            }
            Step::Report(text, logprobs) => self.report(task, sent, text, 1, logprobs.clone()).await,
            Step::Embed(values) | Step::EmbedSlowly(values, _) => {
                let Some(Work::Embedding(embedding)) = &task.work else { panic!("not an embedding task") };
                let vector: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                for _ in &embedding.inputs {
                    if let Step::EmbedSlowly(_, pause) = step {
                        tokio::time::sleep(*pause).await;
                    }
                    self.output(link::Output { vector: vector.clone().into(), ..output_of(task) }).await;
                    sent.hasher.update(&vector);
                    sent.pieces += 1;
                }
            }
            Step::Pause(time) => tokio::time::sleep(*time).await,
            Step::Hang => std::future::pending().await,
            Step::CutLink => {
                // The stream lives as long as either of its directions.
                drop(self.outbox.send(END_OF_STREAM).await);
                cut.send(()).await.unwrap_or_default();
            }
            Step::Fail(code) => self.fail(task, *code).await,
            Step::Finish => self.finish(task, sent, |_| {}, &self.key).await,
            Step::Forge(forge) => self.finish(task, sent, forge, &self.key).await,
            Step::SignWith(suri) => self.finish(task, sent, |_| {}, &key_of(suri)).await,
        }
    }

    /// With the log-probabilities that were asked for.
    async fn say(&self, task: &link::Task, sent: &mut Sent, text: &str, tokens: u32) {
        let logprobs = match top_logprobs(task) {
            Some(top) => vec![reported(text, top); tokens as usize],
            None => vec![],
        };
        self.report(task, sent, text, tokens, logprobs).await;
    }

    /// What was put into the outbox counts as sent, and nothing else.
    async fn report(
        &self,
        task: &link::Task,
        sent: &mut Sent,
        text: &str,
        tokens: u32,
        logprobs: Vec<link::TokenLogprobs>,
    ) {
        if sent.told > 0 {
            sent.told = sent.told.checked_sub(tokens).expect("nothing is gone on with within a piece");
            return;
        }
        sent.hasher.update(text.as_bytes());
        sent.tokens += tokens;
        sent.pieces += 1;
        let (token_ids, signature) = self.draw(sent, tokens + u32::from(sent.is_last));
        let mut output = link::Output { text: text.into(), tokens, logprobs, token_ids, signature, ..output_of(task) };
        if let Some(tamper) = sent.tamper {
            tamper(&mut output);
        }
        self.output(output).await;
    }

    /// Takes a task on; the messages of several are in the order of their shares.
    async fn accept(&self, task: &link::Task, sent: &mut Sent, tamper: impl Fn(&mut link::Accept)) {
        let model = ServingModel {
            model_root: Hash::repeat_byte(0x11),
            context_tokens: self.context_tokens.load(Ordering::Acquire),
            numeric_class: self.class,
        };
        let room = self.outbox.reserve().await;
        let mut shares = self.shares.lock().unwrap();
        let share = takes_share(task).then(|| shares.next().unwrap());
        let seed = seed_of(task, &genesis(), share.as_ref()).unwrap();
        let spec = spec(task, &self.between(), &model, seed).unwrap();
        let signature = self.key.sign(spec.signing_hash(&genesis()).as_bytes()).0;
        let mut accept = link::Accept {
            task_id: task.task_id.clone(),
            attempt: task.attempt,
            share: share.map(|share| share.to_vec()).unwrap_or_default().into(),
            signature: signature.to_vec().into(),
        };
        tamper(&mut accept);
        sent.spec = Some(spec);
        if let Ok(room) = room {
            room.send(MinerMessage { message: Some(FromMiner::Accept(accept)) });
        }
    }

    fn between(&self) -> Between {
        Between {
            genesis: genesis(),
            link: self.handshake.link_hash(),
            coordinator: self.handshake.coordinator.clone(),
            miner: account_of(&self.key),
        }
    }

    /// Draws the next tokens, and signs for all so far.
    fn draw(&self, sent: &mut Sent, tokens: u32) -> (Vec<u32>, bytes::Bytes) {
        let Some(TaskSpec { drawing: Some(drawing), task_id, attempt, link, miner, .. }) = sent.spec.clone() else {
            return Default::default();
        };
        let first = sent.leaves.len() as u32 + drawing.first_position;
        let leaves: Vec<Leaf> = (first..first + tokens).map(|position| fixture::leaf(&drawing, position)).collect();
        let numbers: Vec<u32> = leaves.iter().map(|leaf| leaf.token).collect();
        numbers.iter().for_each(|number| sent.tree.push(number));
        sent.leaves.extend(leaves.into_iter().map(|mut leaf| {
            if let Some(misdraw) = sent.misdraw {
                misdraw(&mut leaf);
            }
            leaf
        }));
        if numbers.is_empty() {
            // Nothing is signed for twice.
            return Default::default();
        }
        let (tokens, tokens_root) = (sent.tree.len(), sent.tree.root());
        let delivered = Delivered { task_id, attempt, link, miner, tokens, tokens_root };
        (numbers, self.key.sign(delivered.signing_hash(&genesis()).as_bytes()).0.to_vec().into())
    }

    async fn open(&self, open: &link::Open) {
        let (first, count) = (open.first as usize, open.count as usize);
        let known = self.drawn.lock().unwrap().get(&(open.task_id.to_vec(), open.attempt)).cloned();
        let leaves = known.and_then(|leaves| Some(leaves.get(first..first + count)?.to_vec()));
        let opening = match leaves {
            Some(leaves) => link::Opening { id: open.id, leaves: leaves.encode().into(), ..Default::default() },
            None => link::Opening { id: open.id, reason: "as the script says".into(), ..Default::default() },
        };
        send(&self.outbox, FromMiner::Opening(opening)).await;
    }

    async fn fail(&self, task: &link::Task, code: FailureCode) {
        let (task_id, attempt) = (task.task_id.clone(), task.attempt);
        let failure = link::Failure { task_id, attempt, code: code.into(), reason: "as the script says".into() };
        send(&self.outbox, FromMiner::Failure(failure)).await;
    }

    async fn output(&self, output: link::Output) {
        send(&self.outbox, FromMiner::Output(output)).await;
    }

    async fn finish(&self, task: &link::Task, sent: &Sent, forge: impl Fn(&mut Receipt), key: &Keypair) {
        let Some(spec) = sent.spec.clone() else { panic!("it was not taken on") };
        let commitment =
            spec.drawing.map(|_| Commitment { tokens_root: sent.tree.root(), ..fixture::commitment(&sent.leaves) });
        let id = (task.task_id.to_vec(), task.attempt);
        self.drawn.lock().unwrap().insert(id, sent.leaves.clone());
        let mut receipt = Receipt {
            spec,
            output_hash: sent.hasher.clone().finish(),
            prompt_tokens: 7 + task.resumed.len() as u32,
            completion_tokens: sent.tokens,
            finish: Finish::Stop,
            commitment,
        };
        forge(&mut receipt);
        let signature = key.sign(receipt.signing_hash(&genesis()).as_bytes()).0;
        let result = link::Result {
            task_id: task.task_id.clone(),
            attempt: task.attempt,
            receipt: receipt.encode().into(),
            signature: signature.to_vec().into(),
        };
        send(&self.outbox, FromMiner::Result(result)).await;
    }
}

/// A piece of the answer to `task`, still empty.
/// That the token was this text, with so many alternatives.
pub(crate) fn reported(text: &str, top: u32) -> link::TokenLogprobs {
    let entry = |logprob| link::TokenLogprob { bytes: text.as_bytes().to_vec().into(), logprob };
    link::TokenLogprobs { chosen: Some(entry(-0.5)), top: (0..top).map(|place| entry(-0.5 - place as f32)).collect() }
}

fn top_logprobs(task: &link::Task) -> Option<u32> {
    match task.work.as_ref()? {
        Work::Chat(chat) => chat.sampling.as_ref()?.logprobs,
        Work::Completion(completion) => completion.sampling.as_ref()?.logprobs,
        Work::Embedding(_) => None,
    }
}

fn output_of(task: &link::Task) -> link::Output {
    link::Output { task_id: task.task_id.clone(), attempt: task.attempt, ..Default::default() }
}
