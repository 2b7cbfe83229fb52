//! Applies the log's events to one projection, each exactly once.

use domain::record::RecordedEvent;
use sqlx::{PgConnection, PgPool};

use crate::error::ProjectError;
use crate::projection::Projection;
use crate::view::View;

/// Writes one projection. Any number of them may work on the same one at once: they take
/// turns on the row of its checkpoint, and whoever comes second finds its events applied.
#[derive(Clone, Debug)]
pub struct Projector {
    pool: PgPool,
    projection: Projection,
}

/// What a call of [`Projector::apply`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The checkpoint: the position of the last event that is applied.
    pub last: u64,
    /// How many of the events had been applied before.
    pub skipped: usize,
}

impl Projector {
    /// The projector of a view.
    pub const fn new(pool: PgPool, view: View) -> Self {
        Self { pool, projection: Projection::View(view) }
    }

    /// The projector of the send queue.
    pub const fn send_queue(pool: PgPool) -> Self {
        Self { pool, projection: Projection::SendQueue }
    }

    /// The name of the projection: a view's, or `send-queue`.
    pub const fn name(&self) -> &'static str {
        self.projection.name()
    }

    /// The position of the last event that is applied; 0 before the first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn checkpoint(&self) -> Result<u64, ProjectError> {
        let position: Option<i64> =
            sqlx::query_scalar("SELECT position FROM rm_checkpoints WHERE view = $1")
                .bind(self.name())
                .fetch_optional(&self.pool)
                .await
                .map_err(|error| self.failed("reading the checkpoint", error))?;
        Ok(position.map_or(0, i64::unsigned_abs))
    }

    /// Applies events, in the order of their positions, in one transaction with the
    /// checkpoint. Those at or below the checkpoint are skipped.
    ///
    /// # Errors
    /// Before an event that is missing or cannot be read it stops: what comes before is
    /// applied and committed all the same, nothing after. If the database fails, nothing is
    /// applied (or, if only the answer to the commit was lost, everything:
    /// [`Self::checkpoint`] tells, and calling again with the same events is safe).
    pub async fn apply(&self, events: &[RecordedEvent]) -> Result<Applied, ProjectError> {
        let mut transaction =
            self.pool.begin().await.map_err(|e| self.failed("beginning a transaction", e))?;
        let from = lock_checkpoint(&mut transaction, self.name())
            .await
            .map_err(|e| self.failed("locking the checkpoint", e))?;
        let progress = self
            .projection
            .apply(&mut transaction, from, events)
            .await
            .map_err(|e| self.failed("writing the rows", e))?;
        if progress.last > from {
            set_checkpoint(&mut transaction, self.name(), progress.last)
                .await
                .map_err(|e| self.failed("writing the checkpoint", e))?;
            transaction.commit().await.map_err(|e| self.failed("committing", e))?;
        }
        match progress.stop {
            Some(stop) => Err(stop),
            None => Ok(Applied { last: progress.last, skipped: progress.skipped }),
        }
    }

    fn failed(&self, doing: &'static str, source: sqlx::Error) -> ProjectError {
        ProjectError::Database { projection: self.name(), doing, source: source.into() }
    }
}

/// Waits until no one else applies events to the projection, and reads how far it is.
async fn lock_checkpoint(
    connection: &mut PgConnection,
    name: &'static str,
) -> Result<u64, sqlx::Error> {
    const LOCK: &str = "SELECT position FROM rm_checkpoints WHERE view = $1 FOR UPDATE";
    let locked: Option<i64> =
        sqlx::query_scalar(LOCK).bind(name).fetch_optional(&mut *connection).await?;
    if let Some(position) = locked {
        return Ok(position.unsigned_abs());
    }
    // A projection that is younger than the table: its first reader makes the row.
    sqlx::query(
        "INSERT INTO rm_checkpoints (view, position) VALUES ($1, 0) ON CONFLICT DO NOTHING",
    )
    .bind(name)
    .execute(&mut *connection)
    .await?;
    let position: i64 = sqlx::query_scalar(LOCK).bind(name).fetch_one(connection).await?;
    Ok(position.unsigned_abs())
}

async fn set_checkpoint(
    connection: &mut PgConnection,
    name: &'static str,
    position: u64,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE rm_checkpoints SET position = $2 WHERE view = $1")
        .bind(name)
        .bind(position.cast_signed())
        .execute(connection)
        .await?;
    Ok(())
}
