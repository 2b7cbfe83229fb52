//! Applies the log's events to projections, to each exactly once.

use std::collections::HashMap;

use domain::record::RecordedEvent;
use domain::{AnyEvent, Told};
use sqlx::{PgConnection, PgPool};

use crate::error::ProjectError;
use crate::projection::{self, Projection};
use crate::view::View;

/// Writes one projection or several together: then an event is read and parsed once, and one
/// transaction does for all of them. Any number of projectors may work on the same projections at
/// once: they take turns on the rows of the checkpoints, and whoever comes second finds its events
/// applied.
#[derive(Clone, Debug)]
pub struct Projector {
    pool: PgPool,
    projections: Vec<Projection>,
}

/// What a call of [`Projector::apply`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The position of the last event that is applied to every one of the projections.
    pub last: u64,
    /// How many of the events had been applied before to all of them.
    pub skipped: usize,
}

impl Projector {
    /// The projector of a view.
    pub fn new(pool: PgPool, view: View) -> Self {
        Self { pool, projections: vec![Projection::View(view)] }
    }

    /// The projector of the send queue.
    pub fn send_queue(pool: PgPool) -> Self {
        Self { pool, projections: vec![Projection::SendQueue] }
    }

    /// The projector of all views.
    pub fn of_all_views(pool: PgPool) -> Self {
        Self { pool, projections: View::ALL.map(Projection::View).to_vec() }
    }

    /// This one and another one together.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.projections.extend(other.projections);
        self
    }

    /// One projector for each projection.
    pub fn apart(&self) -> Vec<Self> {
        let single = |p: &Projection| Self { pool: self.pool.clone(), projections: vec![*p] };
        self.projections.iter().map(single).collect()
    }

    /// The name of the projection: a view's, `send-queue`, or `together` for several.
    pub fn name(&self) -> &'static str {
        match self.projections.as_slice() {
            [only] => only.name(),
            _ => "together",
        }
    }

    /// The position of the last event that is applied to every one of the projections; 0 before
    /// the first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn checkpoint(&self) -> Result<u64, ProjectError> {
        let checkpoints = self.checkpoints().await?;
        Ok(checkpoints.into_iter().map(|(_, position)| position).min().unwrap_or(0))
    }

    /// The same for each projection, by name.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn checkpoints(&self) -> Result<Vec<(&'static str, u64)>, ProjectError> {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT view, position FROM rm_checkpoints WHERE view = ANY ($1)")
                .bind(self.names())
                .fetch_all(&self.pool)
                .await
                .map_err(|error| self.failed("reading the checkpoint", error))?;
        let known: HashMap<String, i64> = rows.into_iter().collect();
        let of = |name: &'static str| known.get(name).map_or(0, |at| at.unsigned_abs());
        Ok(self.names().into_iter().map(|name| (name, of(name))).collect())
    }

    /// Applies events, in the order of their positions, in one transaction with the
    /// checkpoints. For each projection those at or below its checkpoint are skipped.
    ///
    /// # Errors
    /// Before an event that is missing or cannot be read a projection stops: what comes before is
    /// applied and committed all the same, nothing after. If the database fails, nothing is
    /// applied (or, if only the answer to the commit was lost, everything:
    /// [`Self::checkpoint`] tells, and calling again with the same events is safe).
    pub async fn apply(&self, events: &[RecordedEvent]) -> Result<Applied, ProjectError> {
        self.apply_all(events.iter().map(|recorded| (recorded, None))).await
    }

    /// The same with events that need not be parsed, as far as their meaning is known.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub async fn apply_told(&self, events: &[Told]) -> Result<Applied, ProjectError> {
        self.apply_all(events.iter().map(|told| (&told.recorded, told.meaning.as_ref()))).await
    }

    async fn apply_all(
        &self,
        events: impl Iterator<Item = (&RecordedEvent, Option<&AnyEvent>)> + Send,
    ) -> Result<Applied, ProjectError> {
        let mut transaction =
            self.pool.begin().await.map_err(|e| self.failed("beginning a transaction", e))?;
        let from = self
            .lock_checkpoints(&mut transaction)
            .await
            .map_err(|e| self.failed("locking the checkpoint", e))?;
        let progress = projection::apply(&mut transaction, &from, events)
            .await
            .map_err(|e| self.failed("writing the rows", e))?;
        let moved: Vec<_> =
            progress.iter().zip(&from).filter(|(to, (_, from))| to.last > *from).collect();
        if !moved.is_empty() {
            let (names, positions): (Vec<_>, Vec<_>) =
                moved.iter().map(|(to, _)| (to.projection.name(), to.last.cast_signed())).unzip();
            set_checkpoints(&mut transaction, &names, &positions)
                .await
                .map_err(|e| self.failed("writing the checkpoint", e))?;
            transaction.commit().await.map_err(|e| self.failed("committing", e))?;
        }
        let last = progress.iter().map(|one| one.last).min().unwrap_or(0);
        let skipped = progress.iter().map(|one| one.skipped).min().unwrap_or(0);
        match progress.into_iter().find_map(|one| one.stop) {
            Some(stop) => Err(stop),
            None => Ok(Applied { last, skipped }),
        }
    }

    /// Waits until no one else applies events to the projections, and reads how far they are.
    /// Everybody locks in the order of the names.
    async fn lock_checkpoints(
        &self,
        connection: &mut PgConnection,
    ) -> Result<Vec<(Projection, u64)>, sqlx::Error> {
        const LOCK: &str = "SELECT view, position FROM rm_checkpoints WHERE view = ANY ($1) \
             ORDER BY view FOR UPDATE";
        let names = self.names();
        let mut locked: Vec<(String, i64)> =
            sqlx::query_as(LOCK).bind(&names).fetch_all(&mut *connection).await?;
        if locked.len() < names.len() {
            // A projection that is younger than the table: its first reader makes the row.
            sqlx::query(
                "INSERT INTO rm_checkpoints (view, position) SELECT view, 0 FROM unnest($1::text[]) \
                 AS new (view) ORDER BY view ON CONFLICT DO NOTHING",
            )
            .bind(&names)
            .execute(&mut *connection)
            .await?;
            locked = sqlx::query_as(LOCK).bind(&names).fetch_all(&mut *connection).await?;
        }
        let known: HashMap<String, i64> = locked.into_iter().collect();
        let of = |p: &Projection| known.get(p.name()).map_or(0, |at| at.unsigned_abs());
        Ok(self.projections.iter().map(|projection| (*projection, of(projection))).collect())
    }

    /// The names of all its projections.
    pub fn names(&self) -> Vec<&'static str> {
        self.projections.iter().map(|projection| projection.name()).collect()
    }

    fn failed(&self, doing: &'static str, source: sqlx::Error) -> ProjectError {
        ProjectError::Database { projection: self.name(), doing, source: source.into() }
    }
}

async fn set_checkpoints(
    connection: &mut PgConnection,
    names: &[&str],
    positions: &[i64],
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE rm_checkpoints c SET position = n.position \
         FROM unnest($1::text[], $2::bigint[]) AS n (view, position) WHERE c.view = n.view",
    )
    .bind(names)
    .bind(positions)
    .execute(connection)
    .await?;
    Ok(())
}
