//! What happened to a pool.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::company::NumberSpec;
use crate::ids::{CompanyId, PhoneNumberId, PoolId, RoomId};
use crate::input::Timestamp;
use crate::personal::Personal;

/// Facts about a pool of secondary numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum PoolEvent {
    /// The directory has a pool that was not there before.
    PoolCreated {
        /// The pool.
        pool_id: PoolId,
        /// Its company.
        company: CompanyId,
        /// The directory version that brought it.
        directory_version: u64,
    },
    /// A number joined the pool, in service.
    NumberAdded {
        /// The number.
        spec: NumberSpec,
        /// The directory version that brought it.
        directory_version: u64,
    },
    /// The directory describes a number differently.
    NumberChanged {
        /// The number as it is now.
        spec: NumberSpec,
        /// The directory version that changed it.
        directory_version: u64,
    },
    /// The directory no longer has the number. Its open rooms go on; it takes no new ones.
    NumberRemoved {
        /// The number.
        number: PhoneNumberId,
        /// The directory version that removed it.
        directory_version: u64,
    },
    /// An operator decided whether the number takes new rooms.
    NumberServiceChanged {
        /// The number.
        number: PhoneNumberId,
        /// What it does from now on.
        service: Service,
        /// When.
        at: Timestamp,
        /// The operator who asked for it.
        by: Personal<String>,
    },
    /// A room took the number.
    NumberReserved {
        /// The number.
        number: PhoneNumberId,
        /// The room.
        room_id: RoomId,
    },
    /// A room gave the number back.
    NumberReleased {
        /// The number.
        number: PhoneNumberId,
        /// The room.
        room_id: RoomId,
    },
}

/// What a number that the directory lists does, as operators decide it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// It takes new rooms.
    InService,
    /// It takes none for the time being; its open rooms go on.
    Suspended,
    /// It takes none any more; its open rooms go on until they are closed.
    Draining,
}
