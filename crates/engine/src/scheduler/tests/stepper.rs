//! Runs a scheduler step by step, on the test's own thread.

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use tokio::sync::mpsc::{self, error::TryRecvError};

use super::fake::VOCABULARY;
use crate::{
    api::{EngineError, GenerationEvent, ModelStats, PrefillEvent, Sampling},
    detokenizer::{Detokenizer, TokenBytes},
    events::EventSender,
    models::CausalModel,
    sampling::{Chooser, StopMatcher},
    scheduler::{worker::Worker, Limits, Place, Shared, State},
    sequence::{Observer, ObserverSpec, Purpose, SequenceSpec, Writer, WriterSpec},
};

pub(super) type Events = mpsc::Receiver<GenerationEvent>;

pub(super) fn limits(max_running: usize, max_waiting: usize) -> Limits {
    Limits { max_running, max_waiting, prefix_cache: true }
}

/// A text to be continued, for whose events there are `capacity` places.
pub(super) fn writer(prompt: &[u32], max_tokens: u32, sampling: &Sampling, capacity: usize) -> (SequenceSpec, Events) {
    let (events, receiver) = EventSender::channel(capacity).unwrap();
    let bytes = Arc::new(TokenBytes::new((0..VOCABULARY as u8).map(|byte| [byte])).unwrap());
    let writer = Writer::new(WriterSpec {
        max_tokens,
        chooser: Chooser::new(sampling, None, bytes.clone()),
        stop: StopMatcher::new(sampling.stop.clone()),
        detokenizer: Detokenizer::new(bytes),
        ends: [0].into(),
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

    /// Steps until nothing can be done any more.
    pub(super) fn run(&mut self) {
        let mut steps = 0;
        while self.step() {
            steps += 1;
            assert!(steps < 100_000, "it goes on for ever");
        }
    }

    pub(super) fn stats(&self) -> ModelStats {
        ModelStats { waiting: self.shared.state.lock().waiting.len(), ..self.worker.stats() }
    }
}
