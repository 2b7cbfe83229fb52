//! The state of an aggregate: its snapshot if that fits, and the events since.

use std::collections::HashMap;

use domain::AnyEvent;
use domain::record::RecordedEvent;

use crate::error::During;
use crate::row::{COLUMNS, EventRow, recorded, signed};
use crate::{EventStore, StoreError, StoredAggregate};

const LOAD: &str = "load an aggregate";

/// An aggregate as it is now, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded<A> {
    /// Its state; the default one if there are no events.
    pub state: A,
    /// How many events made it: the version that an append expects.
    pub version: u64,
    /// How many of them had to be read; when this grows, a snapshot is worth saving.
    pub replayed: u64,
}

impl<A: Default> Default for Loaded<A> {
    fn default() -> Self {
        Self { state: A::default(), version: 0, replayed: 0 }
    }
}

impl<A: StoredAggregate> Loaded<A> {
    /// Takes in the next event of the stream.
    fn apply(&mut self, event: &RecordedEvent) -> Result<(), StoreError> {
        if event.sequence != self.version + 1 {
            let kind = A::TYPE;
            return Err(StoreError::corrupt(LOAD, format!("a stream of {kind} has a hole")));
        }
        let own = A::own(AnyEvent::read(event)?);
        self.state.apply(own.ok_or_else(|| StoreError::corrupt(LOAD, "a foreign event"))?);
        self.version += 1;
        self.replayed += 1;
        Ok(())
    }
}

impl EventStore {
    /// The aggregate as it is now.
    ///
    /// # Errors
    /// If the database does not answer, or one of its events cannot be read: none is skipped.
    pub async fn load<A: StoredAggregate>(&self, id: &A::Id) -> Result<Loaded<A>, StoreError> {
        let mut loaded = self.load_many(std::slice::from_ref(id)).await?;
        Ok(loaded.pop().unwrap_or_default())
    }

    /// Several aggregates of one kind in two round trips, in the order of their ids.
    ///
    /// # Errors
    /// As [`EventStore::load`].
    pub async fn load_many<A: StoredAggregate>(
        &self,
        ids: &[A::Id],
    ) -> Result<Vec<Loaded<A>>, StoreError> {
        let keys: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let mut loaded = self.snapshots::<A>(&keys).await?;
        let after: Vec<i64> =
            keys.iter().map(|key| signed(loaded.get(key).map_or(0, |l| l.version))).collect();
        for event in self.events_of::<A>(&keys, &after, i64::MAX).await? {
            loaded.entry(event.aggregate_id.clone()).or_default().apply(&event)?;
        }
        Ok(keys.iter().map(|key| loaded.get(key).cloned().unwrap_or_default()).collect())
    }

    /// The aggregate as it was after its first `version` events, from those events alone.
    ///
    /// # Errors
    /// As [`EventStore::load`]; `Misuse` if it has fewer events.
    pub async fn load_at<A: StoredAggregate>(
        &self,
        id: &A::Id,
        version: u64,
    ) -> Result<Loaded<A>, StoreError> {
        let mut loaded = Loaded::default();
        for event in self.events_of::<A>(&[id.to_string()], &[0], signed(version)).await? {
            loaded.apply(&event)?;
        }
        if loaded.version < version {
            return Err(StoreError::misuse(LOAD, "the aggregate never had that version"));
        }
        Ok(loaded)
    }

    /// The events of several streams, each after its own sequence, stream by stream in order.
    async fn events_of<A: StoredAggregate>(
        &self,
        ids: &[String],
        after: &[i64],
        upto: i64,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        // DISTINCT: an id that is asked for twice is still one stream.
        let query = format!(
            "SELECT {COLUMNS} FROM (SELECT DISTINCT * FROM unnest($2::text[], $3::bigint[])) \
             AS stream (id, seen) CROSS JOIN LATERAL (SELECT * FROM events \
             WHERE aggregate_type = $1 AND aggregate_id = stream.id \
             AND sequence > stream.seen AND sequence <= $4 ORDER BY sequence) AS e \
             ORDER BY aggregate_id, sequence"
        );
        let rows: Vec<EventRow> = sqlx::query_as(&query)
            .bind(A::TYPE)
            .bind(ids)
            .bind(after)
            .bind(upto)
            .fetch_all(&self.pool)
            .await
            .during(LOAD)?;
        recorded(LOAD, rows)
    }

    /// The snapshots that this program can use.
    async fn snapshots<A: StoredAggregate>(
        &self,
        ids: &[String],
    ) -> Result<HashMap<String, Loaded<A>>, StoreError> {
        let rows = self.usable_snapshots(A::TYPE, ids, &A::fingerprint()).await?;
        // One that does not fit its own fingerprint is ignored too: it is never the truth.
        let usable = rows.into_iter().filter_map(|(id, version, payload)| {
            let state = serde_json::from_str(&payload).ok()?;
            Some((id, Loaded { state, version, replayed: 0 }))
        });
        Ok(usable.collect())
    }
}
