//! A miner that follows a script.

mod handshake;
mod worker;

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

pub(crate) use handshake::{send, shake_hands, shares, Unlinked};
pub(crate) use worker::reported;
use worker::Worker;

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
