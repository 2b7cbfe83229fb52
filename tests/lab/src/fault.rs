//! What is broken on purpose, where, and for how long.

use std::fmt;
use std::ops::RangeInclusive;

use serde::Serialize;

use crate::node::{Clients, Leads};

/// One of the two copies of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Twin {
    /// Runs all roles.
    First,
    /// Runs all roles but `api`.
    Second,
}

impl Twin {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::First, Self::Second];

    /// Where a list of both has this one.
    pub const fn index(self) -> usize {
        match self {
            Self::First => 0,
            Self::Second => 1,
        }
    }
}

/// What the service stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Server {
    /// Its truth.
    Postgres,
    /// Its streams.
    Nats,
}

/// The connections of one copy to one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Way {
    /// From.
    pub twin: Twin,
    /// To.
    pub to: Server,
}

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// `kill -9`; healed by a new start.
    Killed(Twin),
    /// `SIGSTOP`; healed by `SIGCONT`.
    Paused(Twin),
    /// `kill -9` of the postmaster; healed by a new start, which recovers.
    PostgresCrashed,
    /// An orderly stop that ends every session; healed by a new start.
    PostgresStopped,
    /// `SIGSTOP` of the postmaster: sessions go on, nobody gets a new one.
    PostgresClosed,
    /// `kill -9` of all its servers; healed by a new start.
    NatsCrashed,
    /// `SIGSTOP` of all its servers; healed by `SIGCONT`.
    NatsPaused,
    /// `kill -9` of one server of a cluster; healed by a new start.
    NodeKilled(Leads),
    /// One server of a cluster is cut off from the others; healed by new connections.
    NodeApart(Leads, Clients),
    /// One server of a cluster is killed and loses all that it has stored; healed by a new start, and
    /// by what the others have.
    NodeEmptied(Leads),
    /// The stream EVT is deleted; the relay has to make it anew.
    EvtDeleted,
    /// Every connection is cut, and none comes about.
    Cut(Way),
    /// Nothing gets through, and nobody is told.
    Stalled(Way),
    /// Every third commit gets through, and its answer is lost with the connection.
    CommitAnswersLost(Twin),
    /// The Cloud API hangs up or answers 503, by turns.
    CloudAway,
    /// The Cloud API takes its time: every other call for longer than the sender waits.
    CloudSlow,
    /// Every other call to the Cloud API is taken, and its answer is lost.
    CloudAnswersLost,
}

/// What can be broken in one way at a time only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A copy of the service.
    Process(Twin),
    /// Its connections.
    Way(Way),
    /// The Postgres server.
    Postgres,
    /// The NATS server with its streams.
    Nats,
    /// The fake Cloud API.
    Cloud,
}

const fn between(twin: Twin, to: Server) -> Way {
    Way { twin, to }
}

const TO_POSTGRES: [Way; 2] =
    [between(Twin::First, Server::Postgres), between(Twin::Second, Server::Postgres)];
const TO_NATS: [Way; 2] = [between(Twin::First, Server::Nats), between(Twin::Second, Server::Nats)];

impl Fault {
    /// All kinds, each with the places where it can strike.
    pub const KINDS: [&'static [Self]; 16] = [
        &[Self::Killed(Twin::First), Self::Killed(Twin::Second)],
        &[Self::Paused(Twin::First), Self::Paused(Twin::Second)],
        &[Self::PostgresCrashed],
        &[Self::PostgresStopped],
        &[Self::PostgresClosed],
        &[Self::NatsCrashed],
        &[Self::NatsPaused],
        &[Self::EvtDeleted],
        &[Self::Cut(TO_POSTGRES[0]), Self::Cut(TO_POSTGRES[1])],
        &[Self::Cut(TO_NATS[0]), Self::Cut(TO_NATS[1])],
        &[Self::Stalled(TO_POSTGRES[0]), Self::Stalled(TO_POSTGRES[1])],
        &[Self::Stalled(TO_NATS[0]), Self::Stalled(TO_NATS[1])],
        &[Self::CommitAnswersLost(Twin::First), Self::CommitAnswersLost(Twin::Second)],
        &[Self::CloudAway],
        &[Self::CloudSlow],
        &[Self::CloudAnswersLost],
    ];

    /// The kinds that there are beyond these where NATS is a cluster.
    pub const OF_A_CLUSTER: [&'static [Self]; 3] = [
        &[
            Self::NodeKilled(Leads::Inbox),
            Self::NodeKilled(Leads::Evt),
            Self::NodeKilled(Leads::Neither),
        ],
        &[
            Self::NodeApart(Leads::Inbox, Clients::Stay),
            Self::NodeApart(Leads::Inbox, Clients::CutToo),
            Self::NodeApart(Leads::Evt, Clients::Stay),
            Self::NodeApart(Leads::Evt, Clients::CutToo),
            Self::NodeApart(Leads::Neither, Clients::Stay),
            Self::NodeApart(Leads::Neither, Clients::CutToo),
        ],
        &[
            Self::NodeEmptied(Leads::Inbox),
            Self::NodeEmptied(Leads::Evt),
            Self::NodeEmptied(Leads::Neither),
        ],
    ];

    /// The kinds that can be with so many NATS servers.
    pub fn kinds(nats: u32) -> Vec<&'static [Self]> {
        let of_a_cluster: &[&'static [Self]] = if nats > 1 { &Self::OF_A_CLUSTER } else { &[] };
        [&Self::KINDS[..], of_a_cluster].concat()
    }

    /// The kind's name, for tables.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Killed(_) => "copy killed",
            Self::Paused(_) => "copy paused",
            Self::PostgresCrashed => "Postgres killed",
            Self::PostgresStopped => "Postgres restarted",
            Self::PostgresClosed => "postmaster paused",
            Self::NatsCrashed => "NATS killed",
            Self::NatsPaused => "NATS paused",
            Self::NodeKilled(_) => "NATS node killed",
            Self::NodeApart(..) => "NATS node cut off",
            Self::NodeEmptied(_) => "NATS node lost its store",
            Self::EvtDeleted => "EVT deleted",
            Self::Cut(Way { to: Server::Postgres, .. }) => "way to Postgres cut",
            Self::Cut(Way { to: Server::Nats, .. }) => "way to NATS cut",
            Self::Stalled(Way { to: Server::Postgres, .. }) => "way to Postgres stalled",
            Self::Stalled(Way { to: Server::Nats, .. }) => "way to NATS stalled",
            Self::CommitAnswersLost(_) => "answers to commits lost",
            Self::CloudAway => "Cloud API away",
            Self::CloudSlow => "Cloud API slow",
            Self::CloudAnswersLost => "Cloud API's answers lost",
        }
    }

    /// Where it strikes.
    pub const fn place(self) -> Place {
        match self {
            Self::Killed(twin) | Self::Paused(twin) => Place::Process(twin),
            Self::PostgresCrashed | Self::PostgresStopped | Self::PostgresClosed => Place::Postgres,
            Self::NatsCrashed | Self::NatsPaused | Self::EvtDeleted => Place::Nats,
            // One at a time, or a majority might be missing.
            Self::NodeKilled(_) | Self::NodeApart(..) | Self::NodeEmptied(_) => Place::Nats,
            Self::Cut(way) | Self::Stalled(way) => Place::Way(way),
            Self::CommitAnswersLost(twin) => Place::Way(between(twin, Server::Postgres)),
            Self::CloudAway | Self::CloudSlow | Self::CloudAnswersLost => Place::Cloud,
        }
    }

    /// For how many milliseconds. A pause and a stall after it together must stay below the sender's
    /// grace time; see `docs/RELIABILITY.md`.
    pub const fn lasts(self) -> RangeInclusive<u64> {
        match self {
            Self::EvtDeleted => 0..=0,
            // An election begins four to nine seconds after the leader was heard last.
            Self::NodeKilled(_) | Self::NodeApart(..) => 1_000..=12_000,
            Self::NodeEmptied(_) => 100..=4_000,
            Self::Killed(_) | Self::PostgresCrashed | Self::PostgresStopped | Self::NatsCrashed => {
                100..=4_000
            }
            Self::Paused(_) => 500..=6_000,
            Self::NatsPaused | Self::Stalled(_) => 500..=5_000,
            Self::PostgresClosed | Self::Cut(_) | Self::CommitAnswersLost(_) => 200..=5_000,
            Self::CloudAway | Self::CloudSlow | Self::CloudAnswersLost => 1_000..=6_000,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        match self {
            Self::NodeKilled(leads) | Self::NodeEmptied(leads) => write!(f, " ({leads})")?,
            Self::NodeApart(leads, clients) => write!(f, " ({leads}; {clients})")?,
            _ => {}
        }
        match self.place() {
            Place::Process(twin) | Place::Way(Way { twin, .. }) => write!(f, " ({twin})"),
            Place::Postgres | Place::Nats | Place::Cloud => Ok(()),
        }
    }
}

impl fmt::Display for Twin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::First => "first",
            Self::Second => "second",
        })
    }
}
