//! Threads that share the work of one operation.
//!
//! An operation of a model takes microseconds, and a step has hundreds, so threads are not started or woken for each:
//! idle ones look for work for a moment before they sleep. Whoever runs an operation works too, and never waits for a
//! thread that has not begun: one that comes late finds the region closed.
#![expect(unsafe_code, reason = "threads that outlive an operation borrow its closure")]

use std::{
    any::Any,
    cell::UnsafeCell,
    hint,
    num::NonZeroUsize,
    panic::{catch_unwind, resume_unwind, AssertUnwindSafe},
    sync::{
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        Arc,
    },
    thread::{self, JoinHandle},
};

use parking_lot::Mutex;

use super::affinity;
use crate::error::LoadError;

/// Turns of looking for work before a thread sleeps: about a tenth of a millisecond, longer than a model computes between
/// two regions of a step.
const TURNS_BEFORE_SLEEP: u32 = 4_000;
/// Turns of waiting before the processor is offered to others.
const TURNS_BEFORE_YIELD: u32 = 200;

/// In [`Shared::gate`]: threads within the region, whether it is open, and how many regions there were.
const ENTERED: u64 = (1 << 16) - 1;
const OPEN: u64 = 1 << 16;
const REGION: u64 = 1 << 17;

/// Threads of one model.
pub(super) struct Pool {
    shared: Arc<Shared>,
    /// Held while a region runs.
    regions: Mutex<()>,
    sleepers: Vec<JoinHandle<()>>,
}

struct Shared {
    gate: AtomicU64,
    /// Written only by who holds `regions`, while the gate is closed and nobody within.
    work: UnsafeCell<Option<Work>>,
    next: AtomicUsize,
    panicked: Mutex<Option<Box<dyn Any + Send>>>,
    asleep: Vec<AtomicBool>,
    ends: AtomicBool,
}

/// What a region runs.
#[derive(Clone, Copy)]
struct Work {
    /// Borrowed for as long as the region is open or somebody within.
    task: *const (dyn Fn(usize) + Sync),
    chunks: usize,
}

// SAFETY: `work` is only touched as its comment says, and what it points to is `Sync`.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

impl Pool {
    /// `threads` of them, whoever calls [`Pool::run`] included. Pinned ones stay on a processor each; the caller is left
    /// the first.
    pub(super) fn new(threads: NonZeroUsize, pin: bool) -> Result<Self, LoadError> {
        let others = threads.get().min(ENTERED as usize) - 1;
        let shared = Arc::new(Shared {
            gate: AtomicU64::new(0),
            work: UnsafeCell::new(None),
            next: AtomicUsize::new(0),
            panicked: Mutex::new(None),
            asleep: (0..others).map(|_| AtomicBool::new(false)).collect(),
            ends: AtomicBool::new(false),
        });
        let mut pool = Self { shared, regions: Mutex::new(()), sleepers: Vec::with_capacity(others) };
        for index in 0..others {
            let shared = pool.shared.clone();
            let body = move || {
                if pin {
                    affinity::pin_to(index + 1);
                }
                shared.serve(index);
            };
            let started = thread::Builder::new().name(format!("compute-{index}")).spawn(body);
            pool.sleepers.push(started.map_err(LoadError::Thread)?);
        }
        Ok(pool)
    }

    pub(super) fn threads(&self) -> usize {
        self.sleepers.len() + 1
    }

    /// Calls `task` for each number below `chunks`, on whichever thread; returns when all are done.
    ///
    /// # Panics
    /// If `task` does; chunks that have not begun may then never be.
    pub(super) fn run(&self, chunks: usize, task: &(dyn Fn(usize) + Sync)) {
        if chunks <= 1 || self.sleepers.is_empty() {
            (0..chunks).for_each(task);
            return;
        }
        let region = self.regions.lock();
        // SAFETY: only the lifetime changes. `close` below returns before this function does, panicking or not, and
        // after it no thread holds the pointer.
        let task = unsafe {
            std::mem::transmute::<*const (dyn Fn(usize) + Sync + '_), *const (dyn Fn(usize) + Sync + 'static)>(task)
        };
        self.shared.open(Work { task, chunks });
        self.wake();
        self.shared.work_on(Work { task, chunks });
        self.shared.close();
        let panicked = self.shared.panicked.lock().take();
        drop(region);
        if let Some(panic) = panicked {
            resume_unwind(panic);
        }
    }

    /// Calls `task` once with each of `items`, on whichever thread.
    pub(super) fn each<T: Send>(&self, items: impl Iterator<Item = T>, task: impl Fn(T) + Sync) {
        let items: Vec<_> = items.map(|item| Mutex::new(Some(item))).collect();
        self.run(items.len(), &|index| {
            if let Some(item) = items[index].lock().take() {
                task(item);
            }
        });
    }

    fn wake(&self) {
        for (asleep, sleeper) in self.shared.asleep.iter().zip(&self.sleepers) {
            if asleep.swap(false, Ordering::SeqCst) {
                sleeper.thread().unpark();
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::SeqCst);
        self.wake();
        for sleeper in self.sleepers.drain(..) {
            sleeper.thread().unpark();
            // Panics of tasks were handed to whoever ran them; the loop around them has none.
            let _ = sleeper.join();
        }
    }
}

impl Shared {
    fn open(&self, work: Work) {
        // SAFETY: the caller holds `regions`, the gate is closed and nobody within.
        unsafe { *self.work.get() = Some(work) };
        self.next.store(0, Ordering::Relaxed);
        let gate = self.gate.load(Ordering::Relaxed);
        // Sequentially consistent, as in `serve`: either the thread sees the open gate or `wake` sees it asleep.
        self.gate.store(gate.wrapping_add(REGION) | OPEN, Ordering::SeqCst);
    }

    fn close(&self) {
        self.gate.fetch_and(!OPEN, Ordering::AcqRel);
        let mut turns = 0u32;
        while self.gate.load(Ordering::Acquire) & ENTERED != 0 {
            pause(&mut turns);
        }
    }

    fn work_on(&self, work: Work) {
        let done = catch_unwind(AssertUnwindSafe(|| loop {
            let chunk = self.next.fetch_add(1, Ordering::Relaxed);
            if chunk >= work.chunks {
                return;
            }
            // SAFETY: whoever is here has opened the region or entered it, so the closure is still borrowed.
            unsafe { (*work.task)(chunk) };
        }));
        if let Err(panic) = done {
            self.next.store(work.chunks, Ordering::Relaxed);
            self.panicked.lock().get_or_insert(panic);
        }
    }

    /// What a thread does until the pool ends.
    fn serve(&self, index: usize) {
        let mut last_region = 0;
        let mut idle_turns = 0u32;
        while !self.ends.load(Ordering::SeqCst) {
            let gate = self.gate.load(Ordering::SeqCst);
            if gate & OPEN != 0 && gate / REGION != last_region {
                if self.gate.compare_exchange_weak(gate, gate + 1, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                    last_region = gate / REGION;
                    // SAFETY: the gate was open when this thread entered, so the work is written, and it is not written
                    // again before this thread has left.
                    if let Some(work) = unsafe { *self.work.get() } {
                        self.work_on(work);
                    }
                    self.gate.fetch_sub(1, Ordering::Release);
                }
                idle_turns = 0;
            } else if idle_turns < TURNS_BEFORE_SLEEP {
                idle_turns += 1;
                hint::spin_loop();
            } else {
                self.sleep(index, last_region);
                idle_turns = 0;
            }
        }
    }

    fn sleep(&self, index: usize, last_region: u64) {
        let asleep = &self.asleep[index];
        asleep.store(true, Ordering::SeqCst);
        loop {
            let gate = self.gate.load(Ordering::SeqCst);
            let has_work = gate & OPEN != 0 && gate / REGION != last_region;
            if has_work || self.ends.load(Ordering::SeqCst) || !asleep.load(Ordering::SeqCst) {
                asleep.store(false, Ordering::SeqCst);
                return;
            }
            thread::park();
        }
    }
}

fn pause(turns: &mut u32) {
    if *turns < TURNS_BEFORE_YIELD {
        *turns += 1;
        hint::spin_loop();
    } else {
        thread::yield_now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(threads: usize) -> Pool {
        Pool::new(NonZeroUsize::new(threads).unwrap(), false).unwrap()
    }

    #[test]
    fn every_chunk_is_run_once_and_before_run_returns() {
        for threads in 1..=6 {
            let pool = pool(threads);
            assert_eq!(pool.threads(), threads);
            for chunks in (0..200).chain([1000, 5000]) {
                let counts: Vec<AtomicUsize> = (0..chunks).map(|_| AtomicUsize::new(0)).collect();
                pool.run(chunks, &|chunk| {
                    counts[chunk].fetch_add(1, Ordering::Relaxed);
                });
                assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1), "{threads} {chunks}");
            }
        }
    }

    #[test]
    fn threads_that_sleep_are_woken() {
        let pool = pool(3);
        for _ in 0..20 {
            while !pool.shared.asleep.iter().all(|asleep| asleep.load(Ordering::SeqCst)) {
                thread::yield_now();
            }
            // Both chunks wait for each other, so two threads must take part.
            let here = AtomicUsize::new(0);
            pool.run(2, &|_| {
                here.fetch_add(1, Ordering::SeqCst);
                while here.load(Ordering::SeqCst) < 2 {
                    thread::yield_now();
                }
            });
        }
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_goes_on() {
        let pool = pool(3);
        for bad in [0, 7, 99] {
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                pool.run(100, &|chunk| assert!(chunk != bad, "chunk {bad}"));
            }));
            assert_eq!(*outcome.unwrap_err().downcast::<String>().unwrap(), format!("chunk {bad}"));
            let done = AtomicUsize::new(0);
            pool.run(100, &|_| {
                done.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(done.into_inner(), 100);
        }
    }

    #[test]
    fn callers_of_one_pool_take_turns() {
        let pool = pool(2);
        let owner = AtomicUsize::new(0);
        thread::scope(|scope| {
            for caller in 1..=4 {
                let (pool, owner) = (&pool, &owner);
                scope.spawn(move || {
                    for _ in 0..200 {
                        let done = AtomicUsize::new(0);
                        pool.run(8, &|_| {
                            let before = owner.compare_exchange(0, caller, Ordering::SeqCst, Ordering::SeqCst);
                            assert!(matches!(before, Ok(0)) || before == Err(caller));
                            if done.fetch_add(1, Ordering::SeqCst) == 7 {
                                owner.store(0, Ordering::SeqCst);
                            }
                        });
                    }
                });
            }
        });
    }

    #[test]
    fn items_go_to_tasks_one_by_one() {
        let mut numbers = vec![0u32; 1000];
        pool(4).each(numbers.chunks_mut(7).enumerate(), |(index, part)| part.fill(index as u32));
        assert!(numbers.iter().enumerate().all(|(index, number)| *number as usize == index / 7));
    }

    #[test]
    fn pinned_threads_work_too() {
        let pool = Pool::new(NonZeroUsize::new(3).unwrap(), true).unwrap();
        let sum = AtomicUsize::new(0);
        pool.run(100, &|chunk| {
            sum.fetch_add(chunk, Ordering::Relaxed);
        });
        assert_eq!(sum.into_inner(), 4950);
    }
}
