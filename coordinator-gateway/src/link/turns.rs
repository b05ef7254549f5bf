//! Whose turn it is to be linked.
//!
//! Before a miner that has proven its key is linked, the chain is asked and the journal may be written. Each operator has
//! one handshake at a time there, not many a second, and few that wait for it; and few operators are there at once. So
//! whoever has a key, or a few, cannot keep the others waiting.

use std::{collections::HashMap, sync::Arc, time::Duration};

use cuckoo_primitives::AccountId;
use parking_lot::Mutex;
use tokio::{
    sync::{Mutex as Turnstile, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore},
    time::{sleep_until, Instant},
};

use crate::dispatch::MAX_LINKS_PER_OPERATOR;

/// Operators for whom the chain is asked at once.
const AT_ONCE: usize = 16;
/// Shortest time between two turns of one operator: all of its workers are linked within seconds.
const SPACING: Duration = Duration::from_millis(100);
/// No more operators that have no handshake under way are remembered.
const MAX_REMEMBERED: usize = 4_096;

/// Hands out turns.
pub(crate) struct Turns {
    lines: Mutex<HashMap<AccountId, Arc<Line>>>,
    at_once: Arc<Semaphore>,
}

/// The handshakes of one operator.
struct Line {
    /// One for each worker that it may have.
    places: Arc<Semaphore>,
    /// Whoever holds it has the turn; when the last one began.
    turnstile: Arc<Turnstile<Option<Instant>>>,
}

/// A place in an operator's line.
pub(super) struct Place {
    line: Arc<Line>,
    at_once: Arc<Semaphore>,
    held: OwnedSemaphorePermit,
}

/// The right to be linked now; it ends when this is dropped.
pub(super) struct Turn {
    _place: OwnedSemaphorePermit,
    _turnstile: OwnedMutexGuard<Option<Instant>>,
    /// `None` only if the semaphore were closed, which it never is.
    _at_once: Option<OwnedSemaphorePermit>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { lines: Mutex::default(), at_once: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Line {
    fn new() -> Arc<Self> {
        Arc::new(Self { places: Arc::new(Semaphore::new(MAX_LINKS_PER_OPERATOR)), turnstile: Arc::default() })
    }

    fn is_idle(&self) -> bool {
        self.places.available_permits() == MAX_LINKS_PER_OPERATOR
    }
}

impl Turns {
    /// Whether this operator would find a place in its line.
    pub(super) fn has_place(&self, operator: &AccountId) -> bool {
        self.lines.lock().get(operator).is_none_or(|line| line.places.available_permits() > 0)
    }

    /// A place in the line of this operator; `None` if as many as it may have links wait there already.
    pub(super) fn place(&self, operator: &AccountId) -> Option<Place> {
        let mut lines = self.lines.lock();
        if lines.len() >= MAX_REMEMBERED && !lines.contains_key(operator) {
            lines.retain(|_, line| !line.is_idle());
        }
        let line = lines.entry(operator.clone()).or_insert_with(Line::new).clone();
        let held = line.places.clone().try_acquire_owned().ok()?;
        Some(Place { line, at_once: self.at_once.clone(), held })
    }
}

impl Place {
    /// Waits for the turn: first for the operator's own earlier handshakes, then for those of others.
    pub(super) async fn turn(self) -> Turn {
        let Self { line, at_once, held } = self;
        let mut turnstile = line.turnstile.clone().lock_owned().await;
        if let Some(last) = *turnstile {
            sleep_until(last + SPACING).await;
        }
        *turnstile = Some(Instant::now());
        Turn { _place: held, _turnstile: turnstile, _at_once: at_once.acquire_owned().await.ok() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    fn operator(byte: u8) -> AccountId {
        AccountId::from([byte; 32])
    }

    #[tokio::test]
    async fn an_operator_has_one_turn_at_a_time_and_others_have_theirs_beside_it() {
        let turns = Turns::default();
        let first = turns.place(&operator(1)).unwrap().turn().await;
        let mut second = Box::pin(turns.place(&operator(1)).unwrap().turn());
        assert!((&mut second).now_or_never().is_none());
        let _other = turns.place(&operator(2)).unwrap().turn().now_or_never().expect("nobody is before it");
        let began = Instant::now();
        drop(first);
        let _second = second.await;
        assert!(began.elapsed() < 10 * SPACING);
    }

    #[tokio::test]
    async fn turns_of_one_operator_keep_their_distance() {
        let turns = Turns::default();
        let began = Instant::now();
        for _ in 0..4 {
            drop(turns.place(&operator(1)).unwrap().turn().await);
        }
        assert!(began.elapsed() >= 3 * SPACING, "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn a_line_has_so_many_places_and_they_come_back() {
        let turns = Turns::default();
        let mut places: Vec<_> = (0..MAX_LINKS_PER_OPERATOR).map(|_| turns.place(&operator(1)).unwrap()).collect();
        assert!(turns.place(&operator(1)).is_none() && !turns.has_place(&operator(1)));
        assert!(turns.place(&operator(2)).is_some() && turns.has_place(&operator(2)));
        let turn = places.pop().unwrap().turn().await;
        assert!(turns.place(&operator(1)).is_none(), "whoever has the turn has its place still");
        drop(turn);
        assert!(turns.place(&operator(1)).is_some());
    }

    #[tokio::test]
    async fn few_operators_have_their_turn_at_once() {
        let turns = Turns::default();
        let mut held = Vec::new();
        for byte in 0..AT_ONCE as u8 {
            held.push(turns.place(&operator(byte)).unwrap().turn().await);
        }
        let mut next = Box::pin(turns.place(&operator(200)).unwrap().turn());
        assert!((&mut next).now_or_never().is_none());
        drop(held.pop());
        next.await;
    }

    #[test]
    fn operators_that_left_are_forgotten_and_those_that_wait_are_not() {
        let turns = Turns::default();
        let waiting = turns.place(&operator(1)).unwrap();
        for number in 0..2 * MAX_REMEMBERED as u32 {
            let mut id = [7; 32];
            id[..4].copy_from_slice(&number.to_le_bytes());
            turns.place(&AccountId::from(id)).unwrap();
        }
        let lines = turns.lines.lock();
        assert!(lines.len() <= MAX_REMEMBERED);
        assert!(Arc::ptr_eq(lines.get(&operator(1)).unwrap(), &waiting.line));
    }
}
