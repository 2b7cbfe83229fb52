//! Reading the log: by stream, by position, by time, by what belongs together.

use domain::AggregateType;
use domain::input::Timestamp;
use domain::record::RecordedEvent;
use uuid::Uuid;

use crate::error::During;
use crate::row::{COLUMNS, EventRow, LoggedEvent, recorded, signed, unsigned};
use crate::{EventStore, StoreError};

const READ: &str = "read events";

impl EventStore {
    /// At most `limit` events after a position, in order. Since positions have no holes, the
    /// first one is `position + 1`, or there is none yet.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn events_after(
        &self,
        position: u64,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let query = format!(
            "SELECT {COLUMNS} FROM events e WHERE position > $1 ORDER BY position LIMIT $2"
        );
        let rows: Vec<EventRow> = sqlx::query_as(&query)
            .bind(signed(position))
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .during(READ)?;
        recorded(READ, rows)
    }

    /// At most `limit` events that were recorded in `from..to`, after a position, in order.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn events_between(
        &self,
        from: Timestamp,
        to: Timestamp,
        after_position: u64,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let query = format!(
            "SELECT {COLUMNS} FROM events e \
             WHERE position > $3 AND position >= (SELECT first_position_at($1)) \
             AND position < (SELECT first_position_at($2)) ORDER BY position LIMIT $4"
        );
        let rows: Vec<EventRow> = sqlx::query_as(&query)
            .bind(from)
            .bind(to)
            .bind(signed(after_position))
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .during(READ)?;
        recorded(READ, rows)
    }

    /// All events that belong to one request or operation, in order.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn events_by_correlation(&self, id: Uuid) -> Result<Vec<RecordedEvent>, StoreError> {
        let query = format!(
            "SELECT {COLUMNS} FROM inputs i CROSS JOIN LATERAL (SELECT * FROM events \
             WHERE position BETWEEN i.first_position AND i.last_position OFFSET 0) AS e \
             WHERE i.correlation_id = $1 ORDER BY position"
        );
        let rows: Vec<EventRow> =
            sqlx::query_as(&query).bind(id).fetch_all(&self.pool).await.during(READ)?;
        recorded(READ, rows)
    }

    /// The events of one stream after a sequence, in order.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn stream(
        &self,
        kind: AggregateType,
        id: &str,
        after: u64,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let logged = self.logged_stream(kind, id, after).await?;
        Ok(logged.into_iter().map(|logged| logged.recorded).collect())
    }

    /// The same with what only the log itself needs.
    pub(crate) async fn logged_stream(
        &self,
        kind: AggregateType,
        id: &str,
        after: u64,
    ) -> Result<Vec<LoggedEvent>, StoreError> {
        let query = format!(
            "SELECT {COLUMNS} FROM events e WHERE aggregate_type = $1 AND aggregate_id = $2 \
             AND sequence > $3 ORDER BY sequence"
        );
        let rows: Vec<EventRow> = sqlx::query_as(&query)
            .bind(kind.as_str())
            .bind(id)
            .bind(signed(after))
            .fetch_all(&self.pool)
            .await
            .during(READ)?;
        rows.into_iter().map(|row| row.logged(READ)).collect()
    }

    /// The position of the last event; 0 if there is none.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn last_position(&self) -> Result<u64, StoreError> {
        let last: i64 = sqlx::query_scalar("SELECT position FROM log_head")
            .fetch_one(&self.pool)
            .await
            .during(READ)?;
        unsigned(READ, last)
    }

    /// The position of the first event that was recorded at or after a moment; one past the last
    /// event if there is none.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn first_position_at(&self, moment: Timestamp) -> Result<u64, StoreError> {
        let first: i64 = sqlx::query_scalar("SELECT first_position_at($1)")
            .bind(moment)
            .fetch_one(&self.pool)
            .await
            .during(READ)?;
        unsigned(READ, first)
    }
}
