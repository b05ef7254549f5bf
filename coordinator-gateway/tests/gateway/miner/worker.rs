//! What a miner does by its script.

use super::*;

/// Attempts that can be told to stop, by task and number.
type RunningTasks = HashMap<(Vec<u8>, u32), oneshot::Sender<CancelReason>>;

/// Leaves, by task and number.
type DrawnTokens = HashMap<(Vec<u8>, u32), Vec<Leaf>>;

#[derive(Clone)]
pub(super) struct Worker {
    pub(super) key: Keypair,
    /// As it offers them.
    pub(super) context_tokens: Arc<AtomicU32>,
    pub(super) class: &'static str,
    pub(super) handshake: Handshake,
    pub(super) script: Vec<Step>,
    pub(super) seen: Arc<Mutex<Seen>>,
    pub(super) outbox: mpsc::Sender<MinerMessage>,
    pub(super) running: Arc<Mutex<RunningTasks>>,
    pub(super) shares: Arc<Mutex<Shares>>,
    /// How it drew the tokens of its tasks, by task and number.
    pub(super) drawn: Arc<Mutex<DrawnTokens>>,
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
    pub(super) async fn run(self, mut inbox: Streaming<CoordinatorMessage>) {
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

/// A piece of the answer to `task`, still empty.
fn output_of(task: &link::Task) -> link::Output {
    link::Output { task_id: task.task_id.clone(), attempt: task.attempt, ..Default::default() }
}
