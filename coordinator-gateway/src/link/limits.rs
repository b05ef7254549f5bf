//! How many connections may be open that have proven nothing.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use parking_lot::Mutex;

use crate::server::network_of;

/// Counts connections that have not proven an operator key, in all and by address.
pub(crate) struct UnprovenLinks {
    most: usize,
    most_per_ip: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    all: usize,
    by_ip: HashMap<IpAddr, usize>,
}

/// One of them; dropped when the key is proven or the connection ends.
pub(crate) struct UnprovenLink {
    ip: IpAddr,
    counter: Arc<UnprovenLinks>,
}

impl UnprovenLinks {
    pub(crate) fn new(most: usize, most_per_ip: usize) -> Arc<Self> {
        Arc::new(Self { most, most_per_ip, open: Mutex::default() })
    }

    /// Counts one more, if there may be one more.
    pub(crate) fn admit(self: &Arc<Self>, ip: IpAddr) -> Option<UnprovenLink> {
        let ip = network_of(ip);
        let mut open = self.open.lock();
        let here = open.by_ip.get(&ip).copied().unwrap_or(0);
        if open.all >= self.most || here >= self.most_per_ip {
            return None;
        }
        open.all += 1;
        open.by_ip.insert(ip, here + 1);
        Some(UnprovenLink { ip, counter: self.clone() })
    }
}

impl Drop for UnprovenLink {
    fn drop(&mut self) {
        let mut open = self.counter.open.lock();
        open.all = open.all.saturating_sub(1);
        match open.by_ip.get_mut(&self.ip) {
            Some(here) if *here > 1 => *here -= 1,
            _ => drop(open.by_ip.remove(&self.ip)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_limits_hold_and_places_come_back() {
        let links = UnprovenLinks::new(3, 2);
        let [a, b, c] = [1, 2, 3].map(|last| IpAddr::from([10, 0, 0, last]));
        let first = links.admit(a).unwrap();
        let _second = links.admit(a).unwrap();
        assert!(links.admit(a).is_none(), "per address");
        let _third = links.admit(b).unwrap();
        assert!(links.admit(c).is_none(), "in all");
        drop(first);
        let _again = links.admit(a).unwrap();
        assert_eq!(links.open.lock().by_ip.len(), 2);
    }
}
