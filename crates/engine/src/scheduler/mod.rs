//! Shares one model among many texts: a thread that has the model read, in each step, the next token of every text that
//! is being continued and the next chunks of those whose prompts are being read.

mod forward;
mod plan;
mod worker;

use std::{collections::VecDeque, io, sync::Arc, thread};

use parking_lot::{Condvar, Mutex};

use crate::{
    api::{EngineError, ModelStats},
    models::CausalModel,
    scheduler::worker::Worker,
    sequence::SequenceSpec,
};

/// Runs texts on one model. Dropping it ends the thread within one step; what still runs fails.
pub(crate) struct Scheduler {
    shared: Arc<Shared>,
}

/// How many texts a scheduler takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Texts that take part in steps.
    pub(crate) max_running: usize,
    /// Texts that wait for one of them to end.
    pub(crate) max_waiting: usize,
    /// Whether texts that begin alike share what was computed.
    pub(crate) prefix_cache: bool,
}

struct Shared {
    limits: Limits,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<SequenceSpec>,
    /// Places promised to requests that are still being prepared.
    reserved: usize,
    /// What the thread is doing; `waiting` in it counts nothing.
    stats: ModelStats,
    stopped: bool,
}

/// A place in the queue, so that a request that will be refused is refused before work is spent on it.
pub(crate) struct Place {
    shared: Arc<Shared>,
}

impl Scheduler {
    /// Starts the thread.
    pub(crate) fn start(name: &str, model: Box<dyn CausalModel>, limits: Limits) -> io::Result<Self> {
        let worker = Worker::new(model, limits);
        let state = State { stats: worker.stats(), ..State::default() };
        let shared = Arc::new(Shared { limits, state: Mutex::new(state), changed: Condvar::new() });
        let of_thread = shared.clone();
        // Linux shows fifteen bytes of a thread's name.
        let name = format!("infer-{}", name.chars().take(9).collect::<String>());
        thread::Builder::new().name(name).spawn(move || worker.run(&of_thread))?;
        Ok(Self { shared })
    }

    /// Takes a place in the queue or says that there is none.
    pub(crate) fn reserve(&self) -> Result<Place, EngineError> {
        let mut state = self.shared.state.lock();
        state.forget_cancelled();
        let Limits { max_running, max_waiting, .. } = self.shared.limits;
        if state.stats.running + state.reserved + state.waiting.len() >= max_running + max_waiting {
            return Err(EngineError::Overloaded);
        }
        state.reserved += 1;
        Ok(Place { shared: self.shared.clone() })
    }

    /// What it is doing, and what it has done.
    pub(crate) fn stats(&self) -> ModelStats {
        let mut state = self.shared.state.lock();
        state.forget_cancelled();
        ModelStats { waiting: state.waiting.len(), ..state.stats }
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.shared.state.lock().stopped = true;
        self.shared.changed.notify_all();
    }
}

impl State {
    fn forget_cancelled(&mut self) {
        self.waiting.retain(|spec| !spec.is_cancelled());
    }
}

impl Place {
    /// Fills the place; the text is read as soon as it is its turn. One that would not fit if it were alone is refused.
    pub(crate) fn submit(self, spec: SequenceSpec) -> Result<(), EngineError> {
        let mut state = self.shared.state.lock();
        let (needed, blocks) = (spec.most_blocks(), state.stats.kv_blocks);
        if needed > blocks {
            return Err(EngineError::InvalidRequest(format!(
                "prompt and completion may need {needed} blocks of memory, this model has {blocks}; ask for fewer tokens"
            )));
        }
        if state.stopped {
            return Err(shutting_down());
        }
        state.waiting.push_back(spec);
        drop(state);
        self.shared.changed.notify_all();
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.state.lock().reserved -= 1;
    }
}

fn shutting_down() -> EngineError {
    EngineError::Internal("the engine is shutting down".into())
}

#[cfg(test)]
mod tests;
