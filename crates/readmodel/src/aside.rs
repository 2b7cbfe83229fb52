//! Views built beside those that readers see: in temporary tables of a connection of its
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

/// Why views could not be rebuilt or verified. Those that readers see are untouched.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The log could not be read.
    #[error("reading the log after position {after}")]
    Source {
        /// The last position that was read.
        after: u64,
        /// The cause.
        source: BoxError,
    },
    /// The log itself is at fault.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The database failed.
    #[error("{doing} failed")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// The cause.
        source: DatabaseError,
    },
}

/// What keeps a view from being made from a log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// It has a hole or an event that cannot be read.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// It ends before what the view has already applied: it is not that view's log, or
    /// not all of it.
    #[error("the log ends at position {log_end}, but the view {view} is at {checkpoint}")]
    TooShort {
        /// The view.
        view: View,
        /// The view's checkpoint.
        checkpoint: u64,
        /// The last position of the log.
        log_end: u64,
    },
}

pub(crate) struct Aside {
    pub(crate) connection: PgConnection,
    /// The schema of the tables that readers see, safe in SQL.
    pub(crate) live: String,
    pub(crate) copies: Vec<Replica>,
}

/// One of the views.
pub(crate) struct Replica {
    pub(crate) view: View,
    /// The last position that is folded in.
    pub(crate) last: u64,
    /// Why no more can be.
    pub(crate) stop: Option<ProjectError>,
}

/// Rows are found by their keys.
const BY_INDEX: &str =
    "SET enable_seqscan TO off; SET enable_hashjoin TO off; SET enable_mergejoin TO off";

/// Whole tables are read once.
pub(crate) const BY_HASH: &str = "RESET enable_seqscan; RESET enable_hashjoin; \
     RESET enable_mergejoin; SET enable_nestloop TO off";

/// As far as the log goes.
pub(crate) const THE_END: u64 = u64::MAX;

impl Aside {
    /// Empty tables on a new connection: one from the pool may hold prepared statements that
    /// mean the other tables.
    pub(crate) async fn start(pool: &PgPool, views: &[View]) -> Result<Self, ReplayError> {
        let failed = |source| database("preparing a copy", source);
        let options = pool.connect_options();
        let mut connection = PgConnection::connect_with(&options).await.map_err(failed)?;
        let live = sqlx::query_scalar(
            "SELECT relnamespace::regnamespace::text FROM pg_class
             WHERE oid = 'rm_checkpoints'::regclass",
        )
        .fetch_one(&mut connection)
        .await
        .map_err(failed)?;
        for table in views.iter().flat_map(|view| view.tables()) {
            let create = format!(
                "CREATE TEMP TABLE {name} (LIKE {live}.{name} INCLUDING DEFAULTS INCLUDING \
                 CONSTRAINTS, PRIMARY KEY ({key}))",
                name = table.name,
                key = table.key,
            );
            sqlx::query(&create).execute(&mut connection).await.map_err(failed)?;
        }
        // Statements are planned while the tables are empty, and nobody analyses temporary ones: a
        // plan that reads a whole table for a batch would be kept as the table grows.
        connection.execute(BY_INDEX).await.map_err(failed)?;
        let copies =
            views.iter().map(|view| Replica { view: *view, last: 0, stop: None }).collect();
        Ok(Self { connection, live, copies })
    }

    /// Folds the log in, each view up to its own position of `until` or the log's end.
    pub(crate) async fn fold<F, Fut, E>(
        &mut self,
        source: &mut F,
        until: &[u64],
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<(), ReplayError>
    where
        F: FnMut(u64) -> Fut + Send,
        Fut: Future<Output = Result<Vec<RecordedEvent>, E>> + Send,
        E: Into<BoxError>,
    {
        let mut read = async |after| {
            let events = source(after).await;
            events.map_err(|e| ReplayError::Source { after, source: e.into() })
        };
        let mut ahead: Option<(u64, Vec<RecordedEvent>)> = None;
        loop {
            let (mut copies, goals): (Vec<_>, Vec<&u64>) = self
                .copies
                .iter_mut()
                .zip(until)
                .filter(|(copy, until)| copy.stop.is_none() && copy.last < **until)
                .unzip();
            let (Some(after), Some(goal)) =
                (copies.iter().map(|copy| copy.last).min(), goals.into_iter().min())
            else {
                return Ok(());
            };
            let events = match ahead.take() {
                Some((of, events)) if of == after => events,
                _ => read(after).await?,
            };
            let batch = &events[..events.partition_point(|event| event.position <= *goal)];
            let Some(end) = batch.last().map(|event| event.position) else { return Ok(()) };
            let from: Vec<_> =
                copies.iter().map(|copy| (Projection::View(copy.view), copy.last)).collect();
            let unread = batch.iter().map(|recorded| (recorded, None));
            let folding = projection::apply(&mut self.connection, &from, unread);
            let folded = if batch.len() == events.len() && end < *goal {
                // The log's database works on the next batch while this one is folded.
                let (next, folded) = futures::join!(read(end), folding);
                ahead = Some((end, next?));
                folded
            } else {
                folding.await
            };
            let folded = folded.map_err(|e| database("folding the log", e))?;
            for (copy, progress) in copies.iter_mut().zip(folded) {
                (copy.last, copy.stop) = (progress.last, progress.stop);
            }
            progress(end);
        }
    }

    /// The checkpoints of the views that readers see; with the lock, no projector moves them
    /// until the transaction ends.
    pub(crate) async fn checkpoints(&mut self, lock: bool) -> Result<Vec<u64>, ReplayError> {
        let read = format!(
            "SELECT position FROM {live}.rm_checkpoints WHERE view = $1{lock}",
            live = self.live,
            lock = if lock { " FOR UPDATE" } else { "" },
        );
        let mut checkpoints = vec![];
        for copy in &self.copies {
            let position: Option<i64> = sqlx::query_scalar(&read)
                .bind(copy.view.as_str())
                .fetch_optional(&mut self.connection)
                .await
                .map_err(|e| database("reading the checkpoint", e))?;
            checkpoints.push(position.map_or(0, i64::unsigned_abs));
        }
        Ok(checkpoints)
    }

    /// Runs statements without parameters.
    pub(crate) async fn run(
        &mut self,
        doing: &'static str,
        statements: &str,
    ) -> Result<(), ReplayError> {
        // Not `sqlx::raw_sql`: its future cannot be spawned.
        let done = self.connection.execute(statements).await;
        done.map(drop).map_err(|e| database(doing, e))
    }
}

impl Replica {
    /// Refuses a log that does not lead to `checkpoint`.
    pub(crate) fn expect_at(&mut self, checkpoint: u64) -> Result<(), LogError> {
        match self.stop.take() {
            Some(stop) => Err(stop.into()),
            None if self.last < checkpoint => {
                let (view, log_end) = (self.view, self.last);
                Err(LogError::TooShort { view, checkpoint, log_end })
            }
            None => Ok(()),
        }
    }
}

pub(crate) fn database(doing: &'static str, source: sqlx::Error) -> ReplayError {
    ReplayError::Database { doing, source: source.into() }
}
