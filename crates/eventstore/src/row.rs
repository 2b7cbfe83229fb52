//! A row of `events` as it is read.

use domain::ids::InputId;
use domain::input::Timestamp;
use domain::record::RecordedEvent;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row};
use uuid::Uuid;

use crate::StoreError;

/// A recorded event with what only the log itself needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEvent {
    /// The event.
    pub recorded: RecordedEvent,
    /// cqrs-es' metadata, byte for byte.
    pub metadata: String,
    /// The digest over it and all before it.
    pub digest: Vec<u8>,
}

/// The columns that [`EventRow`] reads, in its order, of a table or query `e`.
pub(crate) const COLUMNS: &str = "e.aggregate_type, e.aggregate_id, e.sequence, e.event_type, \
     e.event_version, e.payload::text AS payload, e.metadata::text AS metadata, e.position, \
     e.event_id, e.recorded_at, e.company, e.correlation_id, e.causation_id, e.traceparent, e.digest";

pub(crate) struct EventRow {
    aggregate_type: String,
    aggregate_id: String,
    sequence: i64,
    event_type: String,
    event_version: String,
    payload: String,
    metadata: String,
    position: i64,
    event_id: Uuid,
    recorded_at: Timestamp,
    company: String,
    correlation_id: Uuid,
    causation_id: Uuid,
    traceparent: Option<String>,
    digest: Vec<u8>,
}

/// By place, and not derived: fifteen columns looked up by their names take as long as the rest.
impl FromRow<'_, PgRow> for EventRow {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            aggregate_type: row.try_get(0)?,
            aggregate_id: row.try_get(1)?,
            sequence: row.try_get(2)?,
            event_type: row.try_get(3)?,
            event_version: row.try_get(4)?,
            payload: row.try_get(5)?,
            metadata: row.try_get(6)?,
            position: row.try_get(7)?,
            event_id: row.try_get(8)?,
            recorded_at: row.try_get(9)?,
            company: row.try_get(10)?,
            correlation_id: row.try_get(11)?,
            causation_id: row.try_get(12)?,
            traceparent: row.try_get(13)?,
            digest: row.try_get(14)?,
        })
    }
}

impl EventRow {
    pub(crate) fn logged(self, operation: &'static str) -> Result<LoggedEvent, StoreError> {
        let recorded = RecordedEvent {
            position: unsigned(operation, self.position)?,
            event_id: self.event_id,
            company: parse(operation, "company", &self.company)?,
            aggregate_type: self.aggregate_type,
            aggregate_id: self.aggregate_id,
            sequence: unsigned(operation, self.sequence)?,
            event_type: self.event_type,
            event_version: self.event_version,
            payload: self.payload,
            recorded_at: self.recorded_at,
            correlation_id: self.correlation_id,
            causation_id: InputId::from_uuid(self.causation_id),
            traceparent: self.traceparent,
        };
        Ok(LoggedEvent { recorded, metadata: self.metadata, digest: self.digest })
    }
}

/// The events of rows, in their order.
pub(crate) fn recorded(
    operation: &'static str,
    rows: Vec<EventRow>,
) -> Result<Vec<RecordedEvent>, StoreError> {
    rows.into_iter().map(|row| Ok(row.logged(operation)?.recorded)).collect()
}

/// A position, sequence or count as Postgres keeps it.
pub(crate) fn unsigned(operation: &'static str, number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| StoreError::corrupt(operation, "a number is negative"))
}

/// The same the other way; what is too large for Postgres is past every row.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A stored text as the value type it was written from.
pub(crate) fn parse<T: std::str::FromStr>(
    operation: &'static str,
    column: &str,
    text: &str,
) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::corrupt(operation, format!("{column} is not valid")))
}
