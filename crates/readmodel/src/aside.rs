//! A view built beside the one that readers see: in temporary tables of a connection of its
//! own, by the same statements. They name their tables without a schema, and Postgres looks
//! into `pg_temp` first. When the connection ends, for whatever reason, nothing is left.

use std::future::Future;

use domain::record::RecordedEvent;
use sqlx::{Connection, Executor, PgConnection, PgPool};

use crate::error::{DatabaseError, ProjectError};
use crate::projection::{self, Projection};
use crate::view::View;

/// Any error of whoever reads the log.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a view could not be rebuilt or verified. The view that readers see is untouched.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The log could not be read.
    #[error("reading the log after position {after} for the view {view}")]
    Source {
        /// The view.
        view: View,
        /// The last position that was read.
        after: u64,
        /// The cause.
        source: BoxError,
    },
    /// The log has a hole or an event that cannot be read.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// The log ends before what the view has already applied: it is not that view's log, or
    /// not all of it.
    #[error("the log ends at position {log_end}, but the view {view} is at {checkpoint}")]
    LogTooShort {
        /// The view.
        view: View,
        /// The view's checkpoint.
        checkpoint: u64,
        /// The last position of the log.
        log_end: u64,
    },
    /// The database failed.
    #[error("{doing} of the view {view} failed")]
    Database {
        /// The view.
        view: View,
        /// What was being done.
        doing: &'static str,
        /// The cause.
        source: DatabaseError,
    },
}

impl ReplayError {
    /// Whether the log itself is at fault, and not what it is read with.
    pub const fn is_of_the_log(&self) -> bool {
        matches!(
            self,
            Self::Project(ProjectError::Hole { .. } | ProjectError::Unreadable { .. })
                | Self::LogTooShort { .. }
        )
    }
}

pub(crate) struct Aside {
    pub(crate) connection: PgConnection,
    pub(crate) view: View,
    /// The schema of the tables that readers see, safe in SQL.
    pub(crate) live: String,
    /// The last position that is folded in.
    pub(crate) last: u64,
}

impl Aside {
    /// Empty tables on a new connection: one from the pool may hold prepared statements that
    /// mean the other tables.
    pub(crate) async fn start(pool: &PgPool, view: View) -> Result<Self, ReplayError> {
        let failed = |source| database(view, "preparing a copy", source);
        let options = pool.connect_options();
        let mut connection = PgConnection::connect_with(&options).await.map_err(failed)?;
        let live = sqlx::query_scalar(
            "SELECT relnamespace::regnamespace::text FROM pg_class
             WHERE oid = 'rm_checkpoints'::regclass",
        )
        .fetch_one(&mut connection)
        .await
        .map_err(failed)?;
        for table in view.tables() {
            let create = format!(
                "CREATE TEMP TABLE {name} (LIKE {live}.{name} INCLUDING DEFAULTS INCLUDING \
                 CONSTRAINTS, PRIMARY KEY ({key}))",
                name = table.name,
                key = table.key,
            );
            sqlx::query(&create).execute(&mut connection).await.map_err(failed)?;
        }
        Ok(Self { connection, view, live, last: 0 })
    }

    /// Folds the log in, up to `until` or its end.
    pub(crate) async fn fold<F, Fut, E>(
        &mut self,
        source: &mut F,
        until: Option<u64>,
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<(), ReplayError>
    where
        F: FnMut(u64) -> Fut + Send,
        Fut: Future<Output = Result<Vec<RecordedEvent>, E>> + Send,
        E: Into<BoxError>,
    {
        let view = self.view;
        while until.is_none_or(|until| self.last < until) {
            let after = self.last;
            let mut events = source(after).await.map_err(|e| ReplayError::Source {
                view,
                after,
                source: e.into(),
            })?;
            events.retain(|event| until.is_none_or(|until| event.position <= until));
            let projections = [(Projection::View(view), after)];
            let unread = events.iter().map(|recorded| (recorded, None));
            let folded = projection::apply(&mut self.connection, &projections, unread)
                .await
                .map_err(|e| database(view, "folding the log", e))?;
            for progress in folded {
                if let Some(stop) = progress.stop {
                    return Err(stop.into());
                }
                self.last = progress.last;
            }
            if self.last == after {
                break;
            }
            progress(self.last);
        }
        Ok(())
    }

    /// The checkpoint of the view that readers see; with the lock, no projector moves it
    /// until the transaction ends.
    pub(crate) async fn checkpoint(&mut self, lock: bool) -> Result<u64, ReplayError> {
        let read = format!(
            "SELECT position FROM {live}.rm_checkpoints WHERE view = $1{lock}",
            live = self.live,
            lock = if lock { " FOR UPDATE" } else { "" },
        );
        let position: Option<i64> = sqlx::query_scalar(&read)
            .bind(self.view.as_str())
            .fetch_optional(&mut self.connection)
            .await
            .map_err(|e| database(self.view, "reading the checkpoint", e))?;
        Ok(position.map_or(0, i64::unsigned_abs))
    }

    /// Refuses to go on with a log that ends before `checkpoint`.
    pub(crate) const fn expect_at(&self, checkpoint: u64) -> Result<(), ReplayError> {
        if self.last < checkpoint {
            let log_end = self.last;
            return Err(ReplayError::LogTooShort { view: self.view, checkpoint, log_end });
        }
        Ok(())
    }

    /// Runs statements without parameters.
    pub(crate) async fn run(
        &mut self,
        doing: &'static str,
        statements: &str,
    ) -> Result<(), ReplayError> {
        // Not `sqlx::raw_sql`: its future cannot be spawned.
        let done = self.connection.execute(statements).await;
        done.map(drop).map_err(|e| database(self.view, doing, e))
    }
}

pub(crate) fn database(view: View, doing: &'static str, source: sqlx::Error) -> ReplayError {
    ReplayError::Database { view, doing, source: source.into() }
}
