//! The same flow on stock cqrs-es and postgres-es 0.5, as one would write it with them: three
//! `execute` a message, optimistic concurrency, queries that publish the events and keep the view
//! of chat rooms. The rules are ours, so the same six events are written; the database server, its
//! durability and EVT's configuration are the same.
//!
//! Where there was a choice it fell for the peer:
//! - Messages and all facts come from memory: it reads no INBOX and settles nothing, and asks
//!   neither who the client is nor whether a message was decided before.
//! - A profile takes both of its commands in one transaction ([`stock::Profile`]).
//! - It keeps one view; the service keeps all of its own, and the tables for look-ups.
//! - A connection is not tested before it is used; tables are vacuumed, analysed and checkpointed.
//! - The events of one commit are sent together before their acknowledgements are awaited.
//! - Fresh pools are made before the measurement.
//! - Snapshots are right and rare ([`snapshots`]), and only pools have them.
//!
//! A command that lost against another writer is decided again at once, on what that one has
//! written; one writer, who never loses, stands beside sixteen.
//!
//! What it does not give although the service does: one transaction over the three streams, a
//! position, a digest, at most one room per client and user, and events that reach NATS and the
//! view after a crash between commit and query.

mod ground;
mod queries;
mod seed;
mod snapshots;
mod stock;

use std::fmt;
use std::time::Duration;

use self::ground::Ground;
use super::company::Company;
use super::postgres_counters::PostgresCounters;
use super::site::Site;

/// What a pool that all share has before the measurement.
const ROOMS: u64 = 20_000;
/// Before the measurement: plans are made, caches are warm.
const WARM: Duration = Duration::from_secs(1);

/// A way to write and to use the stock service.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pools: PoolsUsed,
    writers: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PoolsUsed {
    /// All rooms are in one pool, whose events are read each time.
    One,
    /// The same, with snapshots.
    OneWithSnapshots,
    /// Each message has a pool of its own, with as many numbers and without rooms.
    Fresh,
}

/// All that are measured.
pub(super) const ALL: [Peer; 6] = [
    Peer { pools: PoolsUsed::One, writers: 1 },
    Peer { pools: PoolsUsed::One, writers: 16 },
    Peer { pools: PoolsUsed::OneWithSnapshots, writers: 1 },
    Peer { pools: PoolsUsed::OneWithSnapshots, writers: 16 },
    Peer { pools: PoolsUsed::Fresh, writers: 1 },
    Peer { pools: PoolsUsed::Fresh, writers: 16 },
];

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pools = match self.pools {
            PoolsUsed::One => format!("one pool of {ROOMS} rooms"),
            PoolsUsed::OneWithSnapshots => format!("one pool of {ROOMS} rooms, snapshots"),
            PoolsUsed::Fresh => "a fresh pool a message".to_owned(),
        };
        let s = if self.writers == 1 { "" } else { "s" };
        write!(f, "stock cqrs-es, {pools}, {} writer{s}", self.writers)
    }
}

impl Peer {
    /// The name of its rate.
    pub(super) fn rate(&self) -> String {
        format!("{self}, onboardings/s")
    }
}

/// What a peer does in so many seconds.
pub(super) async fn run(
    site: &Site,
    company: Company,
    peer: Peer,
    seconds: u64,
) -> anyhow::Result<Vec<(String, f64)>> {
    let ground = Ground::prepare(site.bare().await?, company, peer, seconds).await?;
    let before = PostgresCounters::now(&ground.bare.database).await?;

    let service = ground.service(peer).await?;
    let (warm, _) = ground.onboard(&service, peer, WARM).await?;
    service.lost();
    let (many, took) = ground.onboard(&service, peer, Duration::from_secs(seconds)).await?;
    let lost = service.lost();
    drop(service);
    ground.alone().await?;

    let all = warm + many;
    let costs = PostgresCounters::now(&ground.bare.database).await?.since(&before, all);
    ground.verify(peer, all).await?;
    let mut figures = vec![(peer.rate(), many as f64 / took.as_secs_f64())];
    match (peer.pools, peer.writers) {
        (PoolsUsed::Fresh, 1) => {
            figures.extend(costs.into_iter().map(|(name, cost)| (format!("{peer}, {name}"), cost)));
        }
        (PoolsUsed::Fresh, _) | (_, 1) => {}
        _ => figures.push((format!("{peer}, share of attempts that lost"), lost)),
    }
    Ok(figures)
}
