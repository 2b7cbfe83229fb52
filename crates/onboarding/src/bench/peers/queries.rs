//! What happens after a commit: cqrs-es' queries. They are called once, and what fails in them is
//! lost; the measurement counts afterwards whether all of it arrived.

use std::sync::{Arc, Mutex, PoisonError};

use async_nats::jetstream::Context;
use async_trait::async_trait;
use cqrs_es::{Aggregate, DomainEvent, EventEnvelope, Query};
use domain::pool::SecondaryNumberPool;
use domain::profile::ProfileEvent;
use domain::record::RecordedEvent;
use engine::Clock;
use futures::future::try_join_all;
use sqlx::PgPool;
use uuid::Uuid;

use super::stock::Profile;

/// Publishes the events of a commit into EVT in the service's envelope, and awaits their
/// acknowledgements.
pub(super) struct Publish {
    pub(super) jetstream: Context,
    pub(super) clock: Clock,
}

#[async_trait]
impl<A: Aggregate> Query<A> for Publish {
    async fn dispatch(&self, _id: &str, events: &[EventEnvelope<A>]) {
        if let Err(error) = self.publish(events).await {
            tracing::error!(%error, "events could not be published");
        }
    }
}

impl Publish {
    async fn publish<A: Aggregate>(&self, events: &[EventEnvelope<A>]) -> anyhow::Result<()> {
        let mut acknowledgements = vec![];
        for event in events {
            let message = messaging::encode(&self.recorded(event)?)?;
            let subject = message.subject.to_string();
            let publish =
                self.jetstream.publish_with_headers(subject, message.headers, message.body);
            acknowledgements.push(publish.await?.into_future());
        }
        try_join_all(acknowledgements).await?;
        Ok(())
    }

    /// The position is 0: this log has none.
    fn recorded<A: Aggregate>(&self, event: &EventEnvelope<A>) -> anyhow::Result<RecordedEvent> {
        let told = |key: &str| event.metadata.get(key).map(String::as_str).unwrap_or_default();
        Ok(RecordedEvent {
            position: 0,
            event_id: Uuid::now_v7(),
            company: told("company").parse()?,
            aggregate_type: A::TYPE.to_owned(),
            aggregate_id: event.aggregate_id.clone(),
            sequence: event.sequence as u64,
            event_type: event.payload.event_type(),
            event_version: event.payload.event_version(),
            payload: serde_json::to_string(&event.payload)?,
            recorded_at: self.clock.now(),
            correlation_id: told("correlation_id").parse()?,
            causation_id: told("causation_id").parse()?,
            traceparent: None,
        })
    }
}

/// Keeps the view of chat rooms, in the service's table.
pub(super) struct ChatRooms(pub(super) PgPool);

#[async_trait]
impl Query<Profile> for ChatRooms {
    async fn dispatch(&self, _id: &str, events: &[EventEnvelope<Profile>]) {
        for event in events {
            if let Err(error) = self.apply(event).await {
                tracing::error!(%error, "a room could not be shown");
            }
        }
    }
}

impl ChatRooms {
    async fn apply(&self, event: &EventEnvelope<Profile>) -> anyhow::Result<()> {
        let ProfileEvent::RoomReserved {
            room_id,
            client_id,
            user_id,
            number,
            pool_id,
            request_id,
            at,
            ..
        } = &event.payload
        else {
            return Ok(());
        };
        let company = event.metadata.get("company").map(String::as_str);
        let profile: Uuid = event.aggregate_id.parse()?;
        sqlx::query(
            "INSERT INTO rm_chat_rooms (room_id, company, profile_id, client_id, user_id, number, \
             pool_id, request_id, phase, reserved_at, joined, position) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'reserved', $9, 0, $10) \
             ON CONFLICT (room_id) DO NOTHING",
        )
        .bind(room_id.as_uuid())
        .bind(company)
        .bind(profile)
        .bind(client_id.as_uuid())
        .bind(user_id.as_str())
        .bind(number.as_str())
        .bind(pool_id.to_string())
        .bind(request_id.as_uuid())
        .bind(at)
        .bind(event.sequence as i64)
        .execute(&self.0)
        .await?;
        Ok(())
    }
}

/// The pool as decisions see it, in memory: what they record of its numbers costs no look-up.
#[derive(Clone)]
pub(super) struct PoolInMemory(pub(super) Arc<Mutex<SecondaryNumberPool>>);

impl PoolInMemory {
    pub(super) fn now(&self) -> SecondaryNumberPool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Query<SecondaryNumberPool> for PoolInMemory {
    async fn dispatch(&self, _id: &str, events: &[EventEnvelope<SecondaryNumberPool>]) {
        let mut pool = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        events.iter().for_each(|event| pool.evolve(&event.payload));
    }
}
