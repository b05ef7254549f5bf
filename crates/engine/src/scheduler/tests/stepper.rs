//! Runs a scheduler step by step, on the test's own thread.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use tokio::sync::mpsc::{self, error::TryRecvError};

use super::fake::VOCABULARY;
use crate::{
    api::{Drawn, EngineError, FollowEvent, GenerationEvent, ModelStats, PrefillEvent, Sampling},
    detokenizer::{Detokenizer, TokenBytes},
    events::EventSender,
    models::CausalModel,
    sampling::{Chooser, StopMatcher},
    scheduler::{worker::Worker, Limits, Place, Shared, State},
    sequence::{Follower, FollowerSpec, Observer, ObserverSpec, Purpose, SequenceSpec, Writer, WriterSpec},
};

const WAIT: Duration = Duration::from_secs(60);

pub(super) type Events = mpsc::Receiver<GenerationEvent>;

pub(super) fn limits(max_running: usize, max_waiting: usize) -> Limits {
    Limits { max_running, max_waiting, prefix_cache: true }
}

/// A text to be continued, for whose events there are `capacity` places.
pub(super) fn writer(prompt: &[u32], max_tokens: u32, sampling: &Sampling, capacity: usize) -> (SequenceSpec, Events) {
    new_writer(prompt, max_tokens, sampling, capacity, false)
}

/// The same, and how each token is drawn is told.
pub(super) fn recorder(
    prompt: &[u32],
    max_tokens: u32,
    sampling: &Sampling,
    capacity: usize,
) -> (SequenceSpec, Events) {
    new_writer(prompt, max_tokens, sampling, capacity, true)
}

fn bytes() -> Arc<TokenBytes> {
    Arc::new(TokenBytes::new((0..VOCABULARY as u8).map(|byte| [byte])).unwrap())
}

fn new_writer(
    prompt: &[u32],
    max_tokens: u32,
    sampling: &Sampling,
    capacity: usize,
    records: bool,
) -> (SequenceSpec, Events) {
    let (events, receiver) = EventSender::channel(capacity).unwrap();
    let bytes = bytes();
    let writer = Writer::new(WriterSpec {
        max_tokens,
        chooser: Chooser::new(sampling, None, bytes.clone()),
        stop: StopMatcher::new(sampling.stop.clone()),
        detokenizer: Detokenizer::new(bytes),
        ends: [0].into(),
        records,
        events,
    });
    (SequenceSpec { prompt: prompt.to_vec(), purpose: Purpose::Write(Box::new(writer)) }, receiver)
}

/// A text to be looked at.
pub(super) fn observer(tokens: &[u32], from: usize, capacity: usize) -> (SequenceSpec, mpsc::Receiver<PrefillEvent>) {
    let (events, receiver) = EventSender::channel(capacity).unwrap();
    let observer = Observer::new(ObserverSpec { from, logits: true, hidden: true, events });
    (SequenceSpec { prompt: tokens.to_vec(), purpose: Purpose::Observe(Box::new(observer)) }, receiver)
}

/// A text that is followed behind the position `from`, as if its last token were drawn once more.
pub(super) fn follower(
    tokens: &[u32],
    from: usize,
    sampling: &Sampling,
    capacity: usize,
) -> (SequenceSpec, mpsc::Receiver<FollowEvent>) {
    let (events, receiver) = EventSender::channel(capacity).unwrap();
    let claimed: Vec<u32> = tokens[from + 1..].iter().chain(tokens.last()).copied().collect();
    let candidates = claimed.iter().map(|token| vec![*token, 1, 2]).collect();
    let chooser = Chooser::new(sampling, None, bytes());
    let follower = Follower::new(FollowerSpec { from, tokens: claimed, candidates, chooser, events });
    (SequenceSpec { prompt: tokens.to_vec(), purpose: Purpose::Follow(Box::new(follower)) }, receiver)
}

/// All events that are there; whether the last one was among them.
pub(super) fn drain<E>(receiver: &mut mpsc::Receiver<E>) -> (Vec<E>, bool) {
    let mut events = Vec::new();
    loop {
        match receiver.try_recv() {
            Ok(event) => events.push(event),
            Err(TryRecvError::Empty) => return (events, false),
            Err(TryRecvError::Disconnected) => return (events, true),
        }
    }
}

/// How each token of these events was drawn.
pub(super) fn drawn(events: &[GenerationEvent]) -> Vec<Drawn> {
    let piece = |event: &GenerationEvent| match event {
        GenerationEvent::Piece { tokens, tokens_drawn, .. } => {
            assert!(tokens_drawn.is_empty() || tokens_drawn.len() == *tokens as usize, "one for each token");
            tokens_drawn.clone()
        }
        _ => Vec::new(),
    };
    events.iter().flat_map(piece).collect()
}

/// Text of these events.
pub(super) fn text(events: &[GenerationEvent]) -> String {
    let piece = |event: &GenerationEvent| match event {
        GenerationEvent::Piece { text, .. } => text.clone(),
        _ => String::new(),
    };
    events.iter().map(piece).collect()
}

pub(super) struct Stepper {
    shared: Arc<Shared>,
    worker: Worker,
}

impl Stepper {
    pub(super) fn new(model: Box<dyn CausalModel>, limits: Limits) -> Self {
        let worker = Worker::new(model, limits);
        let state = State { stats: worker.stats(), ..State::default() };
        Self { shared: Arc::new(Shared { limits, state: Mutex::new(state), changed: Condvar::new() }), worker }
    }

    pub(super) fn submit(&self, spec: SequenceSpec) -> Result<(), EngineError> {
        self.shared.state.lock().reserved += 1;
        Place { shared: self.shared.clone() }.submit(spec)
    }

    /// Begins to continue a text, greedily.
    pub(super) fn start(&self, prompt: &[u32], max_tokens: u32) -> Events {
        let (spec, events) = writer(prompt, max_tokens, &Sampling::default(), 4096);
        self.submit(spec).unwrap();
        events
    }

    /// One step. False if nothing could be done.
    pub(super) fn step(&mut self) -> bool {
        let entered = self.worker.let_in(self.shared.limits, &mut self.shared.state.lock());
        self.worker.check();
        let worked = self.worker.step(&self.shared);
        self.worker.check();
        entered || worked
    }

    /// Steps until nothing can be done any more, waiting for shapes.
    pub(super) fn run(&mut self) {
        let (mut steps, begin) = (0, Instant::now());
        loop {
            if self.step() {
                steps += 1;
                assert!(steps < 100_000, "it goes on for ever");
            } else if self.worker.is_waiting() {
                assert!(begin.elapsed() < WAIT, "a shape is never known");
                thread::yield_now();
            } else {
                return;
            }
        }
    }

    pub(super) fn stats(&self) -> ModelStats {
        ModelStats { waiting: self.shared.state.lock().waiting.len(), ..self.worker.stats() }
    }
}
