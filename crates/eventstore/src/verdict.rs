//! What became of an item of an append.

use domain::ids::RoomId;
use serde::{Deserialize, Serialize};

/// What became of one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppendVerdict {
    /// It is recorded.
    Appended(Positions),
    /// Its input had been decided before; nothing new is recorded.
    Duplicate(StoredAnswer),
    /// Nothing of it is recorded; load again and decide again.
    Lost(Loss),
}

/// Where an input's events are in the log: both `None` if it led to no event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Positions {
    /// The first.
    pub first: Option<u64>,
    /// The last.
    pub last: Option<u64>,
}

/// What is kept of an input that was decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredAnswer {
    /// What the operator was told, if it was an operator's.
    pub answer: Option<serde_json::Value>,
    /// Where its events are.
    pub positions: Positions,
}

/// Why an item lost.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Loss {
    /// A stream is not at the version that the decision was made on.
    #[error(
        "{aggregate_type} {aggregate_id} is at version {found}, the decision was made on {expected}"
    )]
    VersionConflict {
        /// The stream's kind.
        aggregate_type: String,
        /// Which one.
        aggregate_id: String,
        /// The version that the decision was made on.
        expected: u64,
        /// The version that the stream has.
        found: u64,
    },
    /// A new room's client has another open room with the user, or on the number.
    #[error("room {room_id} is open already ({constraint:?})")]
    RoomOpen {
        /// With the user, or on the number.
        constraint: RoomConstraint,
        /// The room that is open.
        room_id: RoomId,
    },
    /// A new room's (client, number) pair rests after a room with another user.
    #[error("the pair of client and number rests")]
    PairQuarantined,
    /// It brings a new client, and what leads to that client leads to another one already.
    #[error("the client is known already")]
    ClientKnown,
    /// An earlier item of the same lane in this call lost, or was a duplicate: what was decided
    /// after it was decided on events that are not recorded.
    #[error("an earlier item of the lane is not recorded now")]
    LaneBehind,
}

/// What no two open rooms may have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomConstraint {
    /// The client and the user.
    ClientUser,
    /// The client and the secondary number.
    ClientNumber,
}
