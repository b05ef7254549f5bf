//! How many connections may be open that have proven nothing.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::Arc,
};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::server::network_of;

/// Counts connections that have not proven an operator key, in all and by address.
pub(crate) struct UnprovenLinks {
    most: usize,
    most_per_ip: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    so_far: u64,
    /// Oldest first.
    all: BTreeMap<u64, Place>,
    by_ip: HashMap<IpAddr, usize>,
}

struct Place {
    ip: IpAddr,
    /// Cancelled when another connection is given the place.
    lost: CancellationToken,
}

/// One of them; dropped when the key is proven or the connection ends.
pub(crate) struct UnprovenLink {
    number: u64,
    lost: CancellationToken,
    counter: Arc<UnprovenLinks>,
}

impl UnprovenLinks {
    pub(crate) fn new(most: usize, most_per_ip: usize) -> Arc<Self> {
        Arc::new(Self { most: most.max(1), most_per_ip, open: Mutex::default() })
    }

    /// Counts one more, if there may be one more from this address.
    ///
    /// When all places are taken, the one that has been silent for longest loses its: a miner proves its key in a moment,
    /// and whoever just holds places would keep all miners out if the newest were refused.
    pub(crate) fn admit(self: &Arc<Self>, ip: IpAddr) -> Option<UnprovenLink> {
        let ip = network_of(ip);
        let mut open = self.open.lock();
        if open.by_ip.get(&ip).copied().unwrap_or(0) >= self.most_per_ip {
            return None;
        }
        if open.all.len() >= self.most {
            let oldest = open.all.first_key_value().map(|(number, _)| *number)?;
            open.remove(oldest)?.lost.cancel();
        }
        open.so_far += 1;
        let (number, lost) = (open.so_far, CancellationToken::new());
        open.all.insert(number, Place { ip, lost: lost.clone() });
        *open.by_ip.entry(ip).or_default() += 1;
        Some(UnprovenLink { number, lost, counter: self.clone() })
    }
}

impl Open {
    fn remove(&mut self, number: u64) -> Option<Place> {
        let place = self.all.remove(&number)?;
        match self.by_ip.get_mut(&place.ip) {
            Some(here) if *here > 1 => *here -= 1,
            _ => drop(self.by_ip.remove(&place.ip)),
        }
        Some(place)
    }
}

impl UnprovenLink {
    /// Cancelled when another connection is given the place.
    pub(crate) fn lost(&self) -> CancellationToken {
        self.lost.clone()
    }
}

impl Drop for UnprovenLink {
    fn drop(&mut self) {
        self.counter.open.lock().remove(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_places_and_they_come_back() {
        let links = UnprovenLinks::new(3, 2);
        let [a, b] = [1, 2].map(|last| IpAddr::from([10, 0, 0, last]));
        let first = links.admit(a).unwrap();
        let _second = links.admit(a).unwrap();
        assert!(links.admit(a).is_none());
        let _third = links.admit(b).unwrap();
        drop(first);
        let _again = links.admit(a).unwrap();
        assert_eq!(links.open.lock().by_ip.len(), 2);
    }

    #[test]
    fn the_oldest_makes_room_when_all_places_are_taken() {
        let links = UnprovenLinks::new(2, 2);
        let admit = |last: u8| links.admit(IpAddr::from([10, 0, 0, last])).unwrap();
        let (oldest, second, third) = (admit(1), admit(2), admit(3));
        assert!(oldest.lost().is_cancelled() && !second.lost().is_cancelled());
        drop(oldest);
        assert_eq!(links.open.lock().all.len(), 2, "it had no place to give back");
        drop((second, third));
        assert!(links.open.lock().all.is_empty() && links.open.lock().by_ip.is_empty());
    }
}
