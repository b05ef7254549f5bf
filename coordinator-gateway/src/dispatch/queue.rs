//! Those who wait for one model.
//!
//! Most stand in a line. Whoever was passed over although somebody was free stands aside, so that nobody waits behind it:
//! all that were free are not covered for the task, cost more than its client can afford, or have failed at it. Those aside
//! are asked again, before the line, whenever something has become free that they may be waiting for, some in each turn.

use std::{
    collections::VecDeque,
    sync::{Arc, Weak},
};

use cuckoo_primitives::settlement::Price;
use cuckoo_wire::link::Task;
use tokio::sync::oneshot;

use super::{
    continuation::Alike,
    failure::DispatchError,
    registry::{Slot, Tried},
    task::AttemptId,
};

/// Of those aside so many may be asked in vain in one turn; each costs a whole draw under the registry's lock.
const MAX_ASKED_IN_VAIN: usize = 16;

/// A task that waits for a slot.
pub(super) struct Waiter {
    /// Grows in the order of arrival, over all models; 0 for tasks that have been tried before.
    pub(super) number: u64,
    pub(super) id: AttemptId,
    /// Gone when its client has.
    pub(super) task: Weak<Task>,
    pub(super) price: Price,
    /// The client's key. It goes by what is left of its budget when it is handed out.
    pub(super) key: Option<Arc<str>>,
    pub(super) tried: Vec<Tried>,
    /// Who can go on with what has been begun; `None` if anybody may begin.
    pub(super) alike: Option<Arc<Alike>>,
    /// Whether it has been passed over.
    pub(super) is_aside: bool,
    pub(super) grant: oneshot::Sender<Result<Slot, DispatchError>>,
}

/// Those who wait for one model.
#[derive(Default)]
pub(super) struct Queue {
    /// First come, first served.
    line: VecDeque<Waiter>,
    /// Whoever was asked last stands last.
    aside: VecDeque<Waiter>,
    /// So many of those aside, from the front, have not been asked since something became free.
    unasked: usize,
    /// So many more of them may be asked in vain in this turn.
    vain: usize,
}

impl Queue {
    /// Whether a newcomer would have nobody before it.
    pub(super) fn is_line_empty(&self) -> bool {
        self.line.is_empty()
    }

    /// Whether nobody waits at all.
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many wait, those included whose clients have gone.
    pub(super) fn len(&self) -> usize {
        self.line.len() + self.aside.len()
    }

    /// Puts somebody into the line: at its end, or at its front if it has been tried before.
    pub(super) fn line_up(&mut self, waiter: Waiter) {
        match waiter.tried.is_empty() {
            true => self.line.push_back(waiter),
            false => self.line.push_front(waiter),
        }
    }

    /// Somebody was passed over just now.
    pub(super) fn stand_aside(&mut self, mut waiter: Waiter) {
        if waiter.is_aside {
            self.vain = self.vain.saturating_sub(1);
        }
        waiter.is_aside = true;
        self.aside.push_back(waiter);
    }

    /// Something has become free that any of those aside may be waiting for: their first turn.
    pub(super) fn begin(&mut self) {
        self.unasked = self.aside.len();
        self.go_on();
    }

    /// The next turn, of those aside who have not been asked yet.
    pub(super) fn go_on(&mut self) {
        self.vain = MAX_ASKED_IN_VAIN;
    }

    /// Whether some of those aside have not been asked yet.
    pub(super) fn has_unasked(&self) -> bool {
        self.unasked > 0
    }

    /// Number of whoever came first of those who may be asked now.
    pub(super) fn front(&self) -> Option<u64> {
        let aside = self.aside.front().filter(|_| self.is_turn_of_aside());
        aside.into_iter().chain(self.line.front()).map(|waiter| waiter.number).min()
    }

    /// Takes out whoever is to be asked next: those aside whose turn it is, then the line, each of which leaves it only
    /// once.
    pub(super) fn next(&mut self) -> Option<Waiter> {
        if !self.is_turn_of_aside() {
            return self.line.pop_front();
        }
        self.unasked -= 1;
        self.aside.pop_front()
    }

    fn is_turn_of_aside(&self) -> bool {
        self.unasked > 0 && self.vain > 0
    }

    /// Forgets those whose clients have gone.
    pub(super) fn forget_gone(&mut self) {
        drop(self.take_out(|waiter| waiter.grant.is_closed()));
    }

    /// Takes out all for whom this holds.
    pub(super) fn take_out(&mut self, leaves: impl Fn(&Waiter) -> bool) -> Vec<Waiter> {
        let mut all = Vec::new();
        for waiters in [&mut self.line, &mut self.aside] {
            let (out, stay): (VecDeque<_>, VecDeque<_>) = std::mem::take(waiters).into_iter().partition(&leaves);
            *waiters = stay;
            all.extend(out);
        }
        self.unasked = self.unasked.min(self.aside.len());
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiter(number: u64) -> Waiter {
        Waiter {
            number,
            id: AttemptId { task: [0; 16], attempt: 0 },
            task: Weak::new(),
            price: Price::default(),
            key: None,
            tried: Vec::new(),
            alike: None,
            is_aside: false,
            grant: oneshot::channel().0,
        }
    }

    /// With these aside, and these in the line.
    fn queue(aside: impl IntoIterator<Item = u64>, line: impl IntoIterator<Item = u64>) -> Queue {
        let mut queue = Queue::default();
        aside.into_iter().for_each(|number| queue.stand_aside(waiter(number)));
        line.into_iter().for_each(|number| queue.line_up(waiter(number)));
        queue
    }

    /// Asks in vain until nobody is to be asked any more.
    fn ask_in_vain(queue: &mut Queue) -> Vec<u64> {
        let mut asked = Vec::new();
        while let Some(waiter) = queue.next() {
            asked.push(waiter.number);
            queue.stand_aside(waiter);
        }
        asked
    }

    #[test]
    fn those_aside_are_asked_first_but_only_so_many_in_a_turn() {
        let mut queue = queue(1..=40, [100, 101]);
        queue.begin();
        assert_eq!(ask_in_vain(&mut queue), Vec::from_iter((1..=16).chain([100, 101])));
        queue.go_on();
        assert_eq!(ask_in_vain(&mut queue), Vec::from_iter(17..=32));
        assert!(queue.has_unasked());
        queue.go_on();
        assert_eq!(ask_in_vain(&mut queue), Vec::from_iter(33..=40));
        assert!(!queue.has_unasked());
        queue.go_on();
        assert!(ask_in_vain(&mut queue).is_empty(), "nothing has become free since");
    }

    #[test]
    fn whatever_becomes_free_those_who_were_not_asked_yet_come_before_those_who_were() {
        let mut queue = queue(1..=40, []);
        queue.begin();
        ask_in_vain(&mut queue);
        queue.begin();
        assert_eq!(queue.next().unwrap().number, 17);
    }

    #[test]
    fn those_who_are_served_do_not_count_as_asked_in_vain() {
        let mut queue = queue(1..=40, [100]);
        queue.begin();
        let served: Vec<_> = std::iter::from_fn(|| queue.next()).map(|waiter| waiter.number).collect();
        assert_eq!(served, Vec::from_iter((1..=40).chain([100])));
        assert!(queue.is_empty());
    }

    #[test]
    fn the_front_is_whoever_came_first_of_those_to_be_asked() {
        let mut queue = queue([7], [3, 4]);
        assert_eq!(queue.front(), Some(3));
        let mut queue_of_one = self::queue([2], [3]);
        assert_eq!(queue_of_one.front(), Some(3), "who stands aside has been asked");
        queue_of_one.begin();
        assert_eq!(queue_of_one.front(), Some(2));
        queue.begin();
        assert_eq!(queue.next().unwrap().number, 7, "those aside come first all the same");
        assert_eq!(Queue::default().front(), None);
    }

    #[test]
    fn those_whose_clients_have_gone_are_forgotten_wherever_they_stand() {
        let mut queue = queue(1..=3, 4..=6);
        let (grant, _there) = oneshot::channel();
        queue.stand_aside(Waiter { grant, ..waiter(7) });
        let (grant, _there_too) = oneshot::channel();
        queue.line_up(Waiter { grant, ..waiter(8) });
        queue.begin();
        queue.forget_gone();
        assert_eq!(queue.len(), 2);
        assert_eq!(ask_in_vain(&mut queue), [7, 8]);
        assert_eq!(queue.take_out(|waiter| waiter.number == 7).len(), 1);
        assert_eq!(queue.len(), 1);
    }
}
