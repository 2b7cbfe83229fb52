//! Snapshots that are right, over postgres-es' own repository.
//!
//! Those of `PersistedEventStore` are not, in 0.5.0: `commit` applies the new events to a state
//! that the event sink has applied them to already, so a pool would count every room twice; and
//! `PostgresEventRepository::update` commits before it looks whether the snapshot was replaced, so
//! that it reports a conflict for events that are in the log, and a retry writes them twice. Here
//! the state is saved as the sink has left it, after the events, in a statement of its own: a
//! snapshot spares reading, so one that is missing or old does no harm.

use std::collections::HashMap;

use cqrs_es::persist::{
    EventStoreAggregateContext, PersistedEventRepository, PersistenceError, SerializedEvent,
};
use cqrs_es::{Aggregate, AggregateError, EventEnvelope, EventStore};
use postgres_es::PostgresEventRepository;
use sqlx::PgPool;

/// A snapshot is saved when this many events have come since a multiple of it.
const EVERY: usize = 100;

/// An event store that reads the latest snapshot and the events since.
pub(super) struct SnapshotStore {
    pool: PgPool,
    repository: PostgresEventRepository,
}

impl SnapshotStore {
    pub(super) fn new(pool: PgPool) -> Self {
        Self { repository: PostgresEventRepository::new(pool.clone()), pool }
    }

    async fn snapshot<A: Aggregate>(
        &self,
        id: &str,
    ) -> Result<Option<EventStoreAggregateContext<A>>, PersistenceError> {
        let row: Option<(i64, serde_json::Value)> = sqlx::query_as(
            "SELECT sequence, payload FROM latest_snapshots \
             WHERE aggregate_type = $1 AND aggregate_id = $2",
        )
        .bind(A::TYPE)
        .bind(id)
        .fetch_optional(&self.pool)
        .await
        .map_err(unavailable)?;
        row.map(|(sequence, payload)| {
            let current_sequence = usize::try_from(sequence).unwrap_or_default();
            let aggregate = serde_json::from_value(payload)?;
            Ok(context(id, aggregate, current_sequence))
        })
        .transpose()
    }

    /// Keeps a state, unless a later one is kept.
    pub(super) async fn save<A: Aggregate>(
        &self,
        id: &str,
        state: &A,
        sequence: usize,
    ) -> Result<(), PersistenceError> {
        sqlx::query(
            "INSERT INTO latest_snapshots AS s (aggregate_type, aggregate_id, sequence, payload) \
             VALUES ($1, $2, $3, $4) ON CONFLICT (aggregate_type, aggregate_id) DO UPDATE \
             SET sequence = excluded.sequence, payload = excluded.payload \
             WHERE s.sequence < excluded.sequence",
        )
        .bind(A::TYPE)
        .bind(id)
        .bind(sequence as i64)
        .bind(serde_json::to_value(state)?)
        .execute(&self.pool)
        .await
        .map_err(unavailable)?;
        Ok(())
    }
}

impl<A: Aggregate> EventStore<A> for SnapshotStore {
    type AC = EventStoreAggregateContext<A>;

    async fn load_events(
        &self,
        id: &str,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let events = self.repository.get_events::<A>(id).await?;
        Ok(events.into_iter().map(TryInto::try_into).collect::<Result<_, PersistenceError>>()?)
    }

    async fn load_aggregate(&self, id: &str) -> Result<Self::AC, AggregateError<A::Error>> {
        let snapshot = self.snapshot::<A>(id).await?;
        let mut context = snapshot.unwrap_or_else(|| context(id, A::default(), 0));
        for event in self.repository.get_last_events::<A>(id, context.current_sequence).await? {
            let event = EventEnvelope::<A>::try_from(event)?;
            context.current_sequence = event.sequence;
            context.aggregate.apply(event.payload);
        }
        Ok(context)
    }

    async fn commit(
        &self,
        events: Vec<A::Event>,
        context: Self::AC,
        metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let EventStoreAggregateContext { aggregate_id, aggregate, current_sequence, .. } = context;
        let committed: Vec<EventEnvelope<A>> = (current_sequence + 1..)
            .zip(events)
            .map(|(sequence, payload)| EventEnvelope {
                aggregate_id: aggregate_id.clone(),
                sequence,
                payload,
                metadata: metadata.clone(),
            })
            .collect();
        let rows: Result<Vec<_>, _> = committed.iter().map(SerializedEvent::try_from).collect();
        self.repository.persist::<A>(&rows?, None).await?;
        let sequence = current_sequence + committed.len();
        if sequence / EVERY > current_sequence / EVERY
            && let Err(error) = self.save(&aggregate_id, &aggregate, sequence).await
        {
            tracing::error!(%error, "a snapshot could not be saved");
        }
        Ok(committed)
    }
}

fn context<A: Aggregate>(
    id: &str,
    aggregate: A,
    current_sequence: usize,
) -> EventStoreAggregateContext<A> {
    let aggregate_id = id.to_owned();
    EventStoreAggregateContext { aggregate_id, aggregate, current_sequence, current_snapshot: None }
}

fn unavailable(error: sqlx::Error) -> PersistenceError {
    PersistenceError::ConnectionError(Box::new(error))
}
