//! How many connections there are, and how many of them are one peer's.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::limits::Limits;

/// The places of a server.
pub(super) struct Places {
    most: usize,
    most_per_peer: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_peer: HashMap<IpAddr, usize>,
}

/// A connection's place, until it is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    peer: IpAddr,
}

impl Places {
    pub(super) fn of(limits: &Limits) -> Self {
        let Limits { connections: most, connections_per_peer: most_per_peer, .. } = *limits;
        Self { most, most_per_peer, taken: Mutex::default() }
    }

    /// A place, if there is one for this peer.
    pub(super) fn take(places: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let peer = network(peer);
        let mut taken = places.taken();
        let of_peer = taken.by_peer.get(&peer).copied().unwrap_or(0);
        if taken.all >= places.most || of_peer >= places.most_per_peer {
            return None;
        }
        taken.by_peer.insert(peer, of_peer + 1);
        taken.all += 1;
        tell(taken.all);
        Some(Place { places: Arc::clone(places), peer })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all -= 1;
        tell(taken.all);
        if let Some(of_peer) = taken.by_peer.get_mut(&self.peer) {
            *of_peer -= 1;
            if *of_peer == 0 {
                taken.by_peer.remove(&self.peer);
            }
        }
    }
}

fn tell(connections: usize) {
    metrics::gauge!("onboarding_http_connections").set(connections as f64);
}

/// Whoever has an IPv6 address has the 2^64 beside it.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(peer) => peer.into(),
        IpAddr::V6(peer) => Ipv6Addr::from_bits(peer.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(connections: usize, connections_per_peer: usize) -> Arc<Places> {
        let limits = Limits { connections, connections_per_peer, ..Limits::default() };
        Arc::new(Places::of(&limits))
    }

    #[test]
    fn a_place_that_is_given_back_is_there_for_the_next() {
        let places = places(2, 2);
        let take = || Places::take(&places, "192.0.2.1".parse().unwrap());
        let (first, second) = (take(), take());
        assert!(first.is_some() && second.is_some() && take().is_none());
        drop(first);
        assert!(take().is_some());
        drop(second);
        assert!(places.taken().by_peer.is_empty() && places.taken().all == 0);
    }

    #[test]
    fn one_peer_does_not_take_all_places() {
        let places = places(3, 1);
        let take = |peer: &str| Places::take(&places, peer.parse().unwrap());
        let _first = take("192.0.2.1").unwrap();
        assert!(take("192.0.2.1").is_none());
        assert!(take("::ffff:192.0.2.1").is_none(), "the same, written for IPv6");
        let _second = take("2001:db8::1").unwrap();
        assert!(take("2001:db8::ffff:0:0:2").is_none(), "its neighbour");
        assert!(take("2001:db8:0:1::1").is_some());
    }
}
