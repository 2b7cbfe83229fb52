//! Recording decisions: the only way into the log.

use domain::ids::{CompanyId, InputId};
use domain::input::Timestamp;
use domain::record::RecordedEvent;
use domain::{AggregateType, AnyEvent};
use sqlx::types::Json;
use uuid::Uuid;

use crate::columns::Columns;
use crate::error::During;
use crate::row::unsigned;
use crate::verdict::AppendVerdict;
use crate::{EventStore, Positions, StoreError, StoredAnswer};

const APPEND: &str = "append events";

/// The decision of one input: recorded as a whole or not at all.
#[derive(Clone, Debug)]
pub struct AppendItem {
    /// The lane.
    pub company: CompanyId,
    /// The input; the same one is never recorded twice.
    pub input_id: InputId,
    /// The moment of the decision, against which quarantines are checked. Whole microseconds.
    pub at: Timestamp,
    /// What the events belong to: the request or operation that began it all.
    pub correlation_id: Uuid,
    /// W3C trace context of the input.
    pub traceparent: Option<String>,
    /// What an operator is told, now and when asking again.
    pub answer: Option<serde_json::Value>,
    /// The directory version that the input brings, if it brings one.
    pub directory_version: Option<u64>,
    /// The streams that the decision touches or depends on; each at most once.
    pub streams: Vec<StreamAppend>,
}

/// New events of one stream.
#[derive(Clone, Debug)]
pub struct StreamAppend {
    /// The aggregate's kind.
    pub kind: AggregateType,
    /// Which one.
    pub id: String,
    /// The version that the decision was made on; 0 if there was nothing.
    pub expected_version: u64,
    /// The events with their ids (UUIDv7), in order. None: the version is checked all the same.
    pub events: Vec<(Uuid, AnyEvent)>,
}

/// What an append did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// What became of each item, in order.
    pub verdicts: Vec<AppendVerdict>,
    /// The events that are recorded now, in the order of their positions.
    pub events: Vec<RecordedEvent>,
}

/// Items in the form in which they go to Postgres. To make it takes a fifth of the time that an
/// append takes, so whoever has many items does it while an earlier append is under way.
pub struct Prepared(Columns);

impl Prepared {
    /// Of these items; append it with the same ones.
    ///
    /// # Errors
    /// An item contradicts itself: a misuse.
    pub fn of(items: &[AppendItem]) -> Result<Self, StoreError> {
        Self::with(items, "{}")
    }

    fn with(items: &[AppendItem], metadata: &str) -> Result<Self, StoreError> {
        let misuse = |what| StoreError::misuse(APPEND, what);
        Ok(Self(Columns::of(items, metadata).map_err(misuse)?))
    }
}

impl EventStore {
    /// Records the items in order, in one transaction, and tells of each what became of it.
    ///
    /// An item that loses changes nothing, and the later items of its lane in this call lose with
    /// it; other lanes go on. Hundreds of items a call are fine.
    ///
    /// # Errors
    /// The whole call had no effect, unless it is [`StoreError::Connection`]: then it may have had
    /// all of it. In every case calling again is safe. `Refused` with a constraint (the backstop:
    /// a unique index found what the checks did not) means that some item can never be recorded.
    pub async fn append(&self, items: &[AppendItem]) -> Result<Vec<AppendVerdict>, StoreError> {
        Ok(self.append_all(items, "{}").await?.verdicts)
    }

    /// The same of items that are [`Prepared`]; gives the events as they are recorded, so that
    /// nobody has to read them back.
    ///
    /// # Errors
    /// As [`EventStore::append`]; then the same can be appended again.
    pub async fn append_prepared(
        &self,
        items: &[AppendItem],
        prepared: &mut Prepared,
    ) -> Result<Appended, StoreError> {
        self.append_columns(items, &mut prepared.0).await
    }

    pub(crate) async fn append_all(
        &self,
        items: &[AppendItem],
        metadata: &str,
    ) -> Result<Appended, StoreError> {
        self.append_columns(items, &mut Prepared::with(items, metadata)?.0).await
    }

    async fn append_columns(
        &self,
        items: &[AppendItem],
        columns: &mut Columns,
    ) -> Result<Appended, StoreError> {
        if items.is_empty() {
            return Ok(Appended::default());
        }
        let rows = columns.query().fetch_all(&self.pool).await.during(APPEND)?;
        if rows.len() != items.len() {
            return Err(StoreError::corrupt(APPEND, "not one verdict for each item"));
        }
        let mut appended = Appended::default();
        for (n, ((verdict, first, last, recorded_at, detail), item)) in
            rows.into_iter().zip(items).enumerate()
        {
            let position = |at: Option<i64>| at.map(|at| unsigned(APPEND, at)).transpose();
            let positions = Positions { first: position(first)?, last: position(last)? };
            let detail = detail.map(|Json(detail)| detail);
            appended.verdicts.push(match verdict.as_str() {
                "appended" => {
                    if let Some(first) = positions.first {
                        appended.events.extend(columns.recorded(n, item, first, recorded_at));
                    }
                    AppendVerdict::Appended(positions)
                }
                "duplicate" => AppendVerdict::Duplicate(StoredAnswer { answer: detail, positions }),
                _ => {
                    let loss = serde_json::from_value(detail.unwrap_or_default());
                    let unknown = |_| StoreError::corrupt(APPEND, "a loss without its reason");
                    AppendVerdict::Lost(loss.map_err(unknown)?)
                }
            });
        }
        Ok(appended)
    }
}
