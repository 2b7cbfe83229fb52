//! Which node of a NATS cluster is struck: by what it does when the time has come, because which one
//! that will be nobody knows when the schedule is drawn.

use std::fmt;

use serde::Serialize;

/// What the struck node leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leads {
    /// The stream INBOX: what is on its way to be acknowledged is in its hands.
    Inbox,
    /// The stream EVT.
    Evt,
    /// None of these two, if there is such a node.
    Neither,
}

/// What becomes of the clients of a node that is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clients {
    /// They stay with it, and nothing that they ask is done.
    Stay,
    /// They are cut off too, and find another node.
    CutToo,
}

impl fmt::Display for Leads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inbox => "leader of INBOX",
            Self::Evt => "leader of EVT",
            Self::Neither => "leader of neither",
        })
    }
}

impl fmt::Display for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stay => "its clients stay",
            Self::CutToo => "its clients too",
        })
    }
}
