//! What can be asked of a pool, and why it may refuse.

use super::Service;
use crate::company::NumberSpec;
use crate::ids::{PhoneNumberId, PoolId, RoomId};
use crate::input::Timestamp;
use crate::personal::Personal;

/// A request to a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PoolCommand {
    /// Have exactly these numbers; the status of those that stay is untouched.
    Synchronise {
        /// The pool.
        pool_id: PoolId,
        /// What the directory lists.
        specs: Vec<NumberSpec>,
        /// The directory's version.
        directory_version: u64,
    },
    /// Say whether a number takes new rooms.
    SetService {
        /// The number.
        number: PhoneNumberId,
        /// What it does from now on.
        service: Service,
        /// When.
        at: Timestamp,
        /// The operator who asks for it.
        by: Personal<String>,
    },
    /// WhatsApp refuses to send from a number: no new rooms until somebody has looked at it.
    SuspendUnhealthy {
        /// The number.
        number: PhoneNumberId,
        /// When.
        at: Timestamp,
        /// WhatsApp's code, which tells what is wrong.
        code: i64,
    },
    /// Take a number for a room.
    ReserveNumber {
        /// The number.
        number: PhoneNumberId,
        /// The room.
        room_id: RoomId,
    },
    /// Give a room's number back.
    ReleaseNumber {
        /// The number.
        number: PhoneNumberId,
        /// The room.
        room_id: RoomId,
    },
}

/// Why a pool refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolRejection {
    /// The pool has no such number.
    #[error("number {0} is not in the pool")]
    NoSuchNumber(PhoneNumberId),
    /// The number takes no new rooms.
    #[error("number {0} is not in service")]
    NotInService(PhoneNumberId),
    /// The number carries as many rooms as it may.
    #[error("number {0} is at its capacity")]
    AtCapacity(PhoneNumberId),
    /// The number carries no room that could be given back.
    #[error("number {0} carries no room")]
    NothingToRelease(PhoneNumberId),
}
