//! The write side on Postgres: the log of all events, and the few tables that decisions look
//! things up in.
//!
//! Start at [`EventStore::append`], the only way in. What follows from it:
//!
//! **Architecture invariants.** A position is contiguous and in commit order: one append is one
//! call of one SQL function that locks the counter row first (`migrations/0066`). One item is all
//! or nothing, over every stream that it touches, and its input id makes it idempotent. Rows are
//! never changed, and each carries a digest over all before it, which [`EventStore::check`]
//! verifies from the outside.
//!
//! Deliberately absent: notifications (the relay reads by position), read models, the
//! configuration of companies, and any logging: errors are returned, and they carry no
//! personal data.

mod aggregates;
mod append;
mod check;
mod columns;
mod cqrs;
mod digest;
mod early;
mod error;
mod evidence;
mod facts;
mod in_vain;
mod lanes;
mod load;
mod log;
mod lookup;
mod parked;
mod parked_list;
mod parked_outcomes;
mod retries;
mod reviews;
mod rooms;
mod row;
mod snapshot;
mod verdict;

pub use aggregates::StoredAggregate;
pub use append::{AppendItem, Appended, Prepared, StreamAppend};
pub use check::{Finding, FindingKind, Progress};
pub use cqrs::{CqrsContext, CqrsStore};
pub use digest::{GENESIS, digest_of};
pub use error::{DatabaseFault, StoreError};
pub use evidence::{Arrival, Piece};
pub use in_vain::InVain;
pub use load::Loaded;
pub use lookup::{ClientLookup, ClientQuery, LookedUp};
pub use parked::{NewParkedInput, ParkedInput};
pub use parked_list::{Dropped, ListedInput, ParkedFilter, ParkedStep, RetryFailed};
pub use parked_outcomes::{DropRequest, Dropping};
pub use retries::{PuttingBack, RetryRequest};
pub use reviews::{OpenRoom, RoomCursor};
pub use rooms::StoredRoom;
pub use row::LoggedEvent;
pub use verdict::{AppendVerdict, Loss, Positions, RoomConstraint, StoredAnswer};

use sqlx::PgPool;

/// The store. Cheap to clone: all clones share the pool's connections.
#[derive(Clone, Debug)]
pub struct EventStore {
    pool: PgPool,
}

impl EventStore {
    /// A store on a database whose migrations have run.
    pub const fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The connections that it uses.
    pub const fn pool(&self) -> &PgPool {
        &self.pool
    }
}
