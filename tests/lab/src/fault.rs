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

    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
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

/// Whose clock is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whose {
    /// One copy's, so that the two differ.
    One(Twin),
    /// Both copies'.
    Both,
}

impl Whose {
    /// The copies.
    pub fn twins(self) -> Vec<Twin> {
        match self {
            Self::One(twin) => vec![twin],
            Self::Both => Twin::BOTH.to_vec(),
        }
    }
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
    /// NATS is killed, and comes back with an older copy of EVT's folder: its tail is gone.
    EvtOlder,
    /// NATS is killed, and comes back without EVT's folder.
    EvtFolderGone,
    /// INBOX takes nothing more: its own limit is what it holds.
    InboxFull,
    /// The disk of Postgres is full.
    PostgresDiskFull,
    /// The disk of NATS is full; healed by space and a new start.
    NatsDiskFull,
    /// Every connection is cut, and none comes about.
    Cut(Way),
    /// Nothing gets through, and nobody is told.
    Stalled(Way),
    /// What the active relay publishes next does not get through, its lock goes with its way to
    /// Postgres, and the other copy's relay publishes before it. In no schedule that is drawn, as it
    /// strikes whichever copy has the lock.
    RelayOvertaken,
    /// Every third commit gets through, and its answer is lost with the connection.
    CommitAnswersLost(Twin),
    /// The Cloud API hangs up or answers 503, by turns.
    CloudAway,
    /// The Cloud API takes its time: every other call for longer than the sender waits.
    CloudSlow,
    /// Every other call to the Cloud API is taken, and its answer is lost.
    CloudAnswersLost,
    /// Clocks of the service jump so many seconds forward, and stay there; what heals it is that the
    /// other copy's follows.
    ClockAhead(Whose, u16),
    /// They jump so many seconds back; healed by going forward again.
    ClockBack(Whose, u16),
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
    /// The clocks of the copies.
    Clocks,
    /// The relay, in whichever copy it is active.
    Relay,
}

const fn between(twin: Twin, to: Server) -> Way {
    Way { twin, to }
}

const TO_POSTGRES: [Way; 2] =
    [between(Twin::First, Server::Postgres), between(Twin::Second, Server::Postgres)];
const TO_NATS: [Way; 2] = [between(Twin::First, Server::Nats), between(Twin::Second, Server::Nats)];

const FIRST: Whose = Whose::One(Twin::First);
const SECOND: Whose = Whose::One(Twin::Second);

impl Fault {
    /// The usual kinds, each with the places where it can strike.
    pub const KINDS: [&'static [Self]; 21] = [
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
        &[Self::EvtOlder],
        &[Self::EvtFolderGone],
        &[Self::InboxFull],
        // No longer than a call may take: then a claim still excludes the other copy's; see `LEAPS`.
        &[
            Self::ClockAhead(FIRST, 1),
            Self::ClockAhead(SECOND, 1),
            Self::ClockAhead(Whose::Both, 1),
        ],
        &[Self::ClockBack(FIRST, 1), Self::ClockBack(SECOND, 1), Self::ClockBack(Whose::Both, 1)],
    ];

    /// Jumps of clocks by more than the sender's grace time: for themselves, as the lease of a claim
    /// then excludes nobody; see `docs/RELIABILITY.md`.
    pub const LEAPS: [&'static [Self]; 3] = [
        &[
            Self::ClockAhead(FIRST, 60),
            Self::ClockAhead(SECOND, 420),
            Self::ClockAhead(Whose::Both, 900),
        ],
        &[
            Self::ClockAhead(FIRST, 7_200),
            Self::ClockAhead(SECOND, 4_500),
            Self::ClockAhead(Whose::Both, 5_400),
        ],
        &[
            Self::ClockBack(FIRST, 300),
            Self::ClockBack(SECOND, 120),
            Self::ClockBack(Whose::Both, 600),
        ],
    ];

    /// The kinds for which the servers' files must be on small disks of their own.
    pub const DISKS: [&'static [Self]; 2] = [&[Self::PostgresDiskFull], &[Self::NatsDiskFull]];

    /// The kinds for which NATS must be a cluster.
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
            Self::EvtOlder => "EVT's folder older",
            Self::EvtFolderGone => "EVT's folder gone",
            Self::InboxFull => "INBOX full",
            Self::PostgresDiskFull => "Postgres' disk full",
            Self::NatsDiskFull => "NATS' disk full",
            Self::Cut(Way { to: Server::Postgres, .. }) => "way to Postgres cut",
            Self::Cut(Way { to: Server::Nats, .. }) => "way to NATS cut",
            Self::Stalled(Way { to: Server::Postgres, .. }) => "way to Postgres stalled",
            Self::Stalled(Way { to: Server::Nats, .. }) => "way to NATS stalled",
            Self::RelayOvertaken => "relay overtaken",
            Self::CommitAnswersLost(_) => "answers to commits lost",
            Self::CloudAway => "Cloud API away",
            Self::CloudSlow => "Cloud API slow",
            Self::CloudAnswersLost => "Cloud API's answers lost",
            Self::ClockAhead(_, ..60) => "clock seconds ahead",
            Self::ClockAhead(_, ..3_600) => "clock minutes ahead",
            Self::ClockAhead(..) => "clock hours ahead",
            Self::ClockBack(_, ..60) => "clock seconds back",
            Self::ClockBack(..) => "clock minutes back",
        }
    }

    /// Where it strikes.
    pub const fn place(self) -> Place {
        match self {
            Self::Killed(twin) | Self::Paused(twin) => Place::Process(twin),
            Self::PostgresCrashed
            | Self::PostgresStopped
            | Self::PostgresClosed
            | Self::PostgresDiskFull => Place::Postgres,
            // Nodes of a cluster too: one at a time, or a majority might be missing.
            Self::NatsCrashed
            | Self::NatsPaused
            | Self::NodeKilled(_)
            | Self::NodeApart(..)
            | Self::NodeEmptied(_)
            | Self::EvtDeleted
            | Self::EvtOlder
            | Self::EvtFolderGone
            | Self::InboxFull
            | Self::NatsDiskFull => Place::Nats,
            Self::Cut(way) | Self::Stalled(way) => Place::Way(way),
            Self::RelayOvertaken => Place::Relay,
            Self::CommitAnswersLost(twin) => Place::Way(between(twin, Server::Postgres)),
            Self::CloudAway | Self::CloudSlow | Self::CloudAnswersLost => Place::Cloud,
            Self::ClockAhead(..) | Self::ClockBack(..) => Place::Clocks,
        }
    }

    /// Whether it is about the files of a NATS that is one server. Each node of a cluster has files of
    /// its own: see [`Self::OF_A_CLUSTER`].
    pub const fn is_of_one_nats(self) -> bool {
        matches!(self, Self::EvtOlder | Self::EvtFolderGone | Self::NatsDiskFull)
    }

    /// By how many seconds both copies' clocks are ahead after it that were not before it.
    pub const fn seconds_ahead(self) -> u16 {
        match self {
            Self::ClockAhead(_, seconds) => seconds,
            _ => 0,
        }
    }

    /// For how many milliseconds. A pause may outlast the sender's grace time: whoever was stopped
    /// for so long between claiming a message and calling does not call.
    pub const fn lasts(self) -> RangeInclusive<u64> {
        match self {
            Self::EvtDeleted => 0..=0,
            Self::RelayOvertaken => 0..=1_000,
            // An election begins four to nine seconds after the leader was heard last.
            Self::NodeKilled(_) | Self::NodeApart(..) => 1_000..=12_000,
            Self::Killed(_)
            | Self::PostgresCrashed
            | Self::PostgresStopped
            | Self::NatsCrashed
            | Self::NodeEmptied(_)
            | Self::EvtFolderGone => 100..=4_000,
            Self::Paused(_) => 500..=15_000,
            Self::NatsPaused | Self::Stalled(_) | Self::InboxFull => 500..=5_000,
            Self::PostgresClosed | Self::Cut(_) | Self::CommitAnswersLost(_) => 200..=5_000,
            Self::EvtOlder | Self::PostgresDiskFull | Self::NatsDiskFull => 1_000..=5_000,
            Self::CloudAway | Self::CloudSlow | Self::CloudAnswersLost => 1_000..=6_000,
            Self::ClockAhead(..) | Self::ClockBack(..) => 1_000..=8_000,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        match self {
            Self::NodeKilled(leads) | Self::NodeEmptied(leads) => return write!(f, " ({leads})"),
            Self::NodeApart(leads, clients) => return write!(f, " ({leads}; {clients})"),
            Self::ClockAhead(whose, seconds) | Self::ClockBack(whose, seconds) => {
                return write!(f, " ({whose}, {seconds} s)");
            }
            _ => {}
        }
        match self.place() {
            Place::Process(twin) | Place::Way(Way { twin, .. }) => write!(f, " ({twin})"),
            Place::Postgres | Place::Nats | Place::Cloud | Place::Clocks | Place::Relay => Ok(()),
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

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(twin) => twin.fmt(f),
            Self::Both => f.write_str("both"),
        }
    }
}
