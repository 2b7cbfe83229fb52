//! The store as cqrs-es' framework uses it, for whoever wants one aggregate and no flow.
//!
//! Our own, because postgres-es 0.5 applies events twice when it makes snapshots, commits before
//! it checks for a conflict, and shortens a replay silently when the database fails.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::time::SystemTime;

use cqrs_es::{AggregateContext, AggregateError, EventEnvelope};
use domain::AnyEvent;
use domain::ids::{CompanyId, InputId};
use domain::input::Timestamp;
use uuid::Uuid;

use crate::append::{AppendItem, StreamAppend};
use crate::{AppendVerdict, EventStore, Loaded, Loss, StoreError, StoredAggregate};

const COMMIT: &str = "commit events";

/// [`cqrs_es::EventStore`] for one kind of aggregate of one company.
#[derive(Clone, Debug)]
pub struct CqrsStore<A> {
    store: EventStore,
    company: CompanyId,
    kind: PhantomData<fn() -> A>,
}

impl<A> CqrsStore<A> {
    /// Over the store; what it commits belongs to the company.
    pub const fn new(store: EventStore, company: CompanyId) -> Self {
        Self { store, company, kind: PhantomData }
    }
}

/// An aggregate on its way through a command.
#[derive(Debug)]
pub struct CqrsContext<A> {
    id: String,
    loaded: Loaded<A>,
}

impl<A: StoredAggregate> AggregateContext<A> for CqrsContext<A> {
    fn aggregate(&mut self) -> &mut A {
        &mut self.loaded.state
    }
}

impl<A: StoredAggregate> cqrs_es::EventStore<A> for CqrsStore<A>
where
    A::Id: std::str::FromStr,
    A::Event: Send,
{
    type AC = CqrsContext<A>;

    async fn load_events(
        &self,
        id: &str,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let events = self.store.logged_stream(A::KIND, id, 0).await.map_err(as_cqrs)?;
        events
            .into_iter()
            .map(|logged| {
                let event = AnyEvent::read(&logged.recorded).map_err(|e| as_cqrs(e.into()))?;
                let corrupt = |what| as_cqrs(StoreError::corrupt(COMMIT, what));
                Ok(EventEnvelope {
                    aggregate_id: logged.recorded.aggregate_id,
                    sequence: usize::try_from(logged.recorded.sequence)
                        .map_err(|_| corrupt("a sequence is too large"))?,
                    payload: A::own(event).ok_or_else(|| corrupt("a foreign event"))?,
                    metadata: serde_json::from_str(&logged.metadata)
                        .map_err(|_| corrupt("metadata is no map of texts"))?,
                })
            })
            .collect()
    }

    async fn load_aggregate(&self, id: &str) -> Result<CqrsContext<A>, AggregateError<A::Error>> {
        let parsed = id.parse().map_err(|_| {
            as_cqrs(StoreError::misuse("load an aggregate", "its id does not have its kind's form"))
        })?;
        let loaded = self.store.load(&parsed).await.map_err(as_cqrs)?;
        Ok(CqrsContext { id: id.to_owned(), loaded })
    }

    async fn commit(
        &self,
        events: Vec<A::Event>,
        context: CqrsContext<A>,
        metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        if events.is_empty() {
            return Ok(vec![]);
        }
        let version = context.loaded.version;
        let item = self.item(&context, &events);
        let metadata_json = serde_json::to_string(&metadata)
            .map_err(|_| as_cqrs(StoreError::misuse(COMMIT, "the metadata has no JSON")))?;
        let appended = self.store.append_all(&[item], &metadata_json).await.map_err(as_cqrs)?;
        match appended.verdicts.into_iter().next() {
            Some(AppendVerdict::Appended(_)) => Ok((version + 1..)
                .zip(events)
                .map(|(sequence, payload)| EventEnvelope {
                    aggregate_id: context.id.clone(),
                    sequence: usize::try_from(sequence).unwrap_or(usize::MAX),
                    payload,
                    metadata: metadata.clone(),
                })
                .collect()),
            Some(AppendVerdict::Lost(Loss::VersionConflict { .. })) => {
                Err(AggregateError::AggregateConflict)
            }
            Some(AppendVerdict::Lost(loss)) => Err(AggregateError::UnexpectedError(loss.into())),
            Some(AppendVerdict::Duplicate(_)) | None => {
                Err(as_cqrs(StoreError::corrupt(COMMIT, "a new input has been decided already")))
            }
        }
    }
}

impl<A: StoredAggregate> CqrsStore<A> {
    /// cqrs-es knows no inputs: each commit is one of its own.
    fn item(&self, context: &CqrsContext<A>, events: &[A::Event]) -> AppendItem {
        let input = Uuid::now_v7();
        AppendItem {
            company: self.company.clone(),
            input_id: InputId::from_uuid(input),
            at: now(),
            correlation_id: input,
            traceparent: None,
            answer: None,
            directory_version: None,
            streams: vec![StreamAppend {
                kind: A::KIND,
                id: context.id.clone(),
                expected_version: context.loaded.version,
                events: events.iter().map(|e| (Uuid::now_v7(), A::any(e.clone()))).collect(),
            }],
        }
    }
}

/// The present, in whole microseconds.
fn now() -> Timestamp {
    let now = Timestamp::from(SystemTime::now());
    Timestamp::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
}

fn as_cqrs<E: std::error::Error>(error: StoreError) -> AggregateError<E> {
    match error {
        StoreError::Refused { .. } | StoreError::Connection { .. } => {
            AggregateError::DatabaseConnectionError(error.into())
        }
        StoreError::Unreadable(_) => AggregateError::DeserializationError(error.into()),
        StoreError::Corrupt { .. } | StoreError::Misuse { .. } => {
            AggregateError::UnexpectedError(error.into())
        }
    }
}
