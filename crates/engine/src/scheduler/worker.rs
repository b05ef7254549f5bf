//! The scheduler's thread.

use std::{mem, time::Duration};

use crate::{
    api::{EngineError, ModelStats},
    kv::{BlockPool, KvUsage},
    models::{CausalModel, Output},
    scheduler::{
        forward::{forward, guarded},
        plan::plan,
        shutting_down, Limits, Shared, State,
    },
    sequence::{Phase, Sequence, SequenceSpec},
};

/// How often the thread looks whether a reader or a shape caught up, when nothing else is to be done.
const CATCH_UP_POLL: Duration = Duration::from_millis(2);

/// Owns the model and all that runs on it.
pub(super) struct Worker {
    model: Box<dyn CausalModel>,
    pool: BlockPool,
    running: Vec<Sequence>,
    done: Done,
}

/// What has been done, ever.
#[derive(Clone, Copy, Default)]
struct Done {
    prefix_hit_tokens: u64,
    steps: u64,
    tokens_read: u64,
    tokens_produced: u64,
}

impl Worker {
    pub(super) fn new(model: Box<dyn CausalModel>, limits: Limits) -> Self {
        let pool = BlockPool::new(model.blocks(), limits.prefix_cache);
        Self { model, pool, running: Vec::new(), done: Done::default() }
    }

    pub(super) fn stats(&self) -> ModelStats {
        let KvUsage { blocks, held, cached } = self.pool.usage();
        let Done { prefix_hit_tokens, steps, tokens_read, tokens_produced } = self.done;
        ModelStats {
            running: self.running.len(),
            waiting: 0,
            kv_blocks: blocks,
            kv_blocks_used: held,
            kv_blocks_cached: cached,
            prefix_hit_tokens,
            steps,
            tokens_read,
            tokens_produced,
        }
    }

    pub(super) fn run(mut self, shared: &Shared) {
        let worked = guarded(|| {
            let mut idle = false;
            while self.admit(shared, idle) {
                idle = !self.step(shared);
                #[cfg(test)]
                self.check();
            }
            Ok(())
        });
        // Nobody would ever hear of what is submitted after this.
        let waiting = {
            let mut state = shared.state.lock();
            state.stopped = true;
            mem::take(&mut state.waiting)
        };
        let error = match worked {
            Ok(()) => shutting_down(),
            Err(error) => {
                tracing::error!(target: "engine::scheduler", %error, "the scheduler broke");
                error
            }
        };
        let running = mem::take(&mut self.running).into_iter().map(|sequence| sequence.release(&mut self.pool));
        running.chain(waiting).for_each(|spec| spec.fail(error.clone()));
    }

    /// Lets waiting texts in, sleeping while there is nothing to do. False when the engine is gone.
    fn admit(&mut self, shared: &Shared, mut idle: bool) -> bool {
        let mut state = shared.state.lock();
        loop {
            if state.stopped {
                return false;
            }
            if self.let_in(shared.limits, &mut state) {
                idle = false;
            }
            if self.running.is_empty() {
                shared.changed.wait(&mut state);
            } else if idle {
                shared.changed.wait_for(&mut state, CATCH_UP_POLL);
                idle = false;
            } else {
                return true;
            }
        }
    }

    /// Lets those in that fit, the longest waiting first. True if there were any.
    pub(super) fn let_in(&mut self, limits: Limits, state: &mut State) -> bool {
        let before = self.running.len();
        state.forget_cancelled();
        while self.running.len() < limits.max_running {
            let Some(first) = state.waiting.front() else { break };
            // Nobody overtakes, even where it would fit: else who needs much memory might wait for ever.
            let Some(holding) = self.pool.reserve(first.shareable(), first.most_tokens()) else { break };
            self.done.prefix_hit_tokens += holding.known_tokens() as u64;
            let Some(first) = state.waiting.pop_front() else { break };
            self.running.push(Sequence::new(first, holding));
        }
        state.stats = self.stats();
        self.running.len() > before
    }

    /// Has the model read what comes next of all texts that can go on. False if none could and none ended.
    pub(super) fn step(&mut self, shared: &Shared) -> bool {
        let running = self.running.len();
        let phases = self.sort_out(shared);
        let has_ended = self.running.len() < running;
        let mut lengths = plan(&self.running, &phases);
        let mut errors: Vec<Option<EngineError>> = Vec::with_capacity(lengths.len());
        for (sequence, length) in self.running.iter_mut().zip(&mut lengths) {
            let grown = if *length > 0 { sequence.grow(&mut self.pool, *length) } else { Ok(()) };
            if grown.is_err() {
                *length = 0;
            }
            errors.push(grown.err());
        }
        let pieces: Vec<_> = self
            .running
            .iter()
            .zip(&lengths)
            .filter(|(_, length)| **length > 0)
            .map(|(sequence, length)| sequence.piece(*length))
            .collect();
        let outputs = match pieces.is_empty() {
            true => Vec::new(),
            false => forward(self.model.as_mut(), &pieces),
        };
        let worked = has_ended || !outputs.is_empty();
        self.done.steps += u64::from(!outputs.is_empty());
        self.hand_out(shared, Step { phases, lengths, errors, outputs });
        worked
    }

    /// Goes on where a shape has become known, ends what is cancelled, finished or failed, and skips what need not be read.
    /// Returns what is to be done for the others.
    fn sort_out(&mut self, shared: &Shared) -> Vec<Phase> {
        let mut phases = Vec::with_capacity(self.running.len());
        let mut at = 0;
        while let Some(sequence) = self.running.get_mut(at) {
            if sequence.is_cancelled() {
                self.end(shared, at, Sequence::release);
                continue;
            }
            match guarded(|| sequence.catch_up()) {
                Ok(produced) => self.done.tokens_produced += u64::from(produced),
                Err(error) => {
                    self.fail(shared, at, error);
                    continue;
                }
            }
            match sequence.phase() {
                Phase::Finished => self.end(shared, at, Sequence::release).finish(),
                phase => {
                    if phase == Phase::Reading {
                        self.done.prefix_hit_tokens += sequence.skip_known(&mut self.pool) as u64;
                    }
                    phases.push(phase);
                    at += 1;
                }
            }
        }
        phases
    }

    /// Gives each text what was computed for it, delivers what follows from that, and ends what is finished or failed.
    fn hand_out(&mut self, shared: &Shared, step: Step) {
        let Step { phases, lengths, errors, outputs } = step;
        let mut outputs = outputs.into_iter();
        let mut has_read = Vec::with_capacity(phases.len());
        for ((phase, length), error) in phases.into_iter().zip(lengths).zip(errors) {
            let at = has_read.len();
            let Some(sequence) = self.running.get_mut(at) else { break };
            let accepted = match (error, length) {
                (Some(error), _) => Err(error),
                (None, 0) => {
                    has_read.push(false);
                    continue;
                }
                (None, _) => outputs
                    .next()
                    .unwrap_or_else(|| Err(EngineError::Internal("a text was left out of a step".into())))
                    .and_then(|outputs| guarded(|| sequence.accept(length, outputs))),
            };
            match accepted {
                Ok(produced) => self.done.tokens_produced += u64::from(produced),
                Err(error) => {
                    self.fail(shared, at, error);
                    continue;
                }
            }
            sequence.keep(&mut self.pool);
            if phase == Phase::Reading {
                self.done.tokens_read += length as u64;
            }
            // What the step produced leaves at once, not a step later.
            if sequence.phase() == Phase::Finished {
                self.end(shared, at, Sequence::release).finish();
            } else {
                has_read.push(phase == Phase::Reading);
            }
        }
        // Those that read go behind the others, so that they take turns.
        let (readers, others): (Vec<_>, Vec<_>) =
            mem::take(&mut self.running).into_iter().zip(has_read).partition(|(_, has_read)| *has_read);
        self.running = others.into_iter().chain(readers).map(|(sequence, _)| sequence).collect();
    }

    fn fail(&mut self, shared: &Shared, at: usize, error: EngineError) {
        tracing::error!(target: "engine::scheduler", %error, "a text failed");
        self.end(shared, at, Sequence::discard).fail(error);
    }

    /// Takes a text out and frees its memory and its slot, so that who reads its last event finds them free.
    fn end(
        &mut self,
        shared: &Shared,
        at: usize,
        take_back: impl FnOnce(Sequence, &mut BlockPool) -> SequenceSpec,
    ) -> SequenceSpec {
        let spec = take_back(self.running.remove(at), &mut self.pool);
        shared.state.lock().stats = self.stats();
        spec
    }
}

/// A step, as far as it is computed; all lists but `outputs` have an entry for each running text.
struct Step {
    phases: Vec<Phase>,
    /// Tokens that were read.
    lengths: Vec<usize>,
    /// Why a text could not take part.
    errors: Vec<Option<EngineError>>,
    /// For each text that read something.
    outputs: Vec<Result<Vec<Output>, EngineError>>,
}

#[cfg(test)]
impl Worker {
    /// Checks that each block is where it should be.
    pub(super) fn check(&self) {
        self.pool.check(self.running.iter().map(Sequence::holding));
    }

    /// Whether a text waits for its shape.
    pub(super) fn is_waiting(&self) -> bool {
        self.running.iter().any(Sequence::is_waiting)
    }
}
