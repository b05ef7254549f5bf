//! How many connections one address may have.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use parking_lot::Mutex;

/// Counts connections by address.
pub(super) struct ByAddress {
    most: usize,
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection; counted until it is dropped.
pub(super) struct Counted {
    from: IpAddr,
    counter: Arc<ByAddress>,
}

impl ByAddress {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most: most.max(1), open: Mutex::default() })
    }

    /// Counts one more, if there may be one more.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Counted> {
        let from = network_of(address);
        let mut open = self.open.lock();
        let here = open.entry(from).or_default();
        if *here >= self.most {
            return None;
        }
        *here += 1;
        Some(Counted { from, counter: self.clone() })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = self.counter.open.lock();
        match open.get_mut(&self.from) {
            Some(here) if *here > 1 => *here -= 1,
            _ => drop(open.remove(&self.from)),
        }
    }
}

/// One subscriber of IPv6 has a network of 2^64 addresses, which count as one.
pub(crate) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_own_places_and_they_come_back() {
        let places = ByAddress::new(2);
        let [a, b] = ["10.0.0.1", "10.0.0.2"].map(|address| address.parse().unwrap());
        let first = places.admit(a).unwrap();
        let _second = places.admit(a).unwrap();
        assert!(places.admit(a).is_none());
        let _other = places.admit(b).unwrap();
        drop(first);
        let _again = places.admit(a).unwrap();
        assert_eq!(places.open.lock().len(), 2);
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_and_mapped_ipv4_as_itself() {
        let places = ByAddress::new(1);
        let admit = |address: &str| places.admit(address.parse().unwrap());
        let _first = admit("2001:db8::1").unwrap();
        assert!(admit("2001:db8::ffff:1").is_none());
        let _other = admit("2001:db8:0:1::1").unwrap();
        let _mapped = admit("::ffff:10.0.0.1").unwrap();
        assert!(admit("10.0.0.1").is_none());
    }
}
