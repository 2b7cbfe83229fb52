//! Recording decisions: the only way into the log.

use std::collections::HashSet;

use domain::ids::{CompanyId, InputId};
use domain::input::Timestamp;
use domain::{AggregateType, AnyEvent};
use sqlx::types::Json;
use uuid::Uuid;

use crate::error::During;
use crate::verdict::AppendVerdict;
use crate::wire::Item;
use crate::{EventStore, StoreError};

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
        let items = items.iter().map(encode).collect::<Result<Vec<_>, _>>()?;
        self.append_encoded(&items).await
    }

    pub(crate) async fn append_encoded(
        &self,
        items: &[Item<'_>],
    ) -> Result<Vec<AppendVerdict>, StoreError> {
        if items.is_empty() {
            return Ok(vec![]);
        }
        let verdicts: Vec<Json<AppendVerdict>> = sqlx::query_scalar("SELECT append_events($1)")
            .bind(Json(items))
            .fetch_all(&self.pool)
            .await
            .during(APPEND)?;
        if verdicts.len() != items.len() {
            return Err(StoreError::corrupt(APPEND, "not one verdict for each item"));
        }
        Ok(verdicts.into_iter().map(|Json(verdict)| verdict).collect())
    }
}

fn encode(item: &AppendItem) -> Result<Item<'_>, StoreError> {
    let mut seen = HashSet::new();
    if !item.streams.iter().all(|stream| seen.insert((stream.kind, &stream.id))) {
        return Err(StoreError::misuse(APPEND, "an item names a stream twice"));
    }
    Item::encode(item, "{}").map_err(|what| StoreError::misuse(APPEND, what))
}
