//! Why a projection stops, and whether trying again helps.

use std::fmt;

use domain::UnreadableEvent;

/// Why a projection could not apply events. What came before the cause is applied and
/// committed, so that the checkpoint stands right before it.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// Events are missing. The caller fetches those from `expected` on and goes on with them;
    /// everything up to `expected - 1` is applied, nothing from `found` on.
    #[error("{projection} expects the event at position {expected} and got the one at {found}")]
    Hole {
        /// The projection's name.
        projection: &'static str,
        /// The position that comes next.
        expected: u64,
        /// The position that came.
        found: u64,
    },
    /// An event cannot be read; it is not skipped. Everything before it is applied. Only a
    /// program that knows the event helps.
    #[error("{projection} stops before the event at position {position}")]
    Unreadable {
        /// The projection's name.
        projection: &'static str,
        /// The event's position.
        position: u64,
        /// Why it cannot be read; nothing of its content.
        source: UnreadableEvent,
    },
    /// The database failed. Nothing of this call is applied, or all of it if the answer to
    /// the commit was lost: the checkpoint tells.
    #[error("{doing} of {projection} failed")]
    Database {
        /// The projection's name.
        projection: &'static str,
        /// What was being done.
        doing: &'static str,
        /// The cause.
        source: DatabaseError,
    },
}

impl ProjectError {
    /// Whether the same call may succeed later by itself.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Hole { .. } | Self::Unreadable { .. } => false,
            Self::Database { source, .. } => source.is_transient(),
        }
    }
}

/// What the database said, without what may quote a row, and so personal data: Postgres'
/// details, and a decoder's complaint about a value. That is why it has no `source`.
pub struct DatabaseError(sqlx::Error);

impl std::error::Error for DatabaseError {}

impl From<sqlx::Error> for DatabaseError {
    fn from(error: sqlx::Error) -> Self {
        Self(error)
    }
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => {
                f.write_str("a row does not have the shape that this program knows")
            }
            error => error.fmt(f),
        }
    }
}

impl fmt::Debug for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseError({self})")
    }
}

impl DatabaseError {
    /// Whether the connection, the server's state or a competitor was the cause, and not the
    /// statement itself.
    pub fn is_transient(&self) -> bool {
        match &self.0 {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::WorkerCrashed => true,
            sqlx::Error::Database(error) => error.code().is_some_and(|code| {
                // Connection, transaction rollback, resources, intervention, system; and a
                // server that is read-only during a failover.
                ["08", "40", "53", "55", "57", "58"].iter().any(|class| code.starts_with(class))
                    || code == "25006"
            }),
            _ => false,
        }
    }
}
