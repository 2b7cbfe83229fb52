//! From any id that an auditor may hold to the events behind it.

use std::collections::BTreeSet;

use directory::DirectoryStore;
use domain::AggregateType;
use domain::ids::{CompanyId, InputId, RoomId, Wamid};
use domain::record::RecordedEvent;
use eventstore::EventStore;
use sqlx::PgPool;
use uuid::Uuid;

/// The events behind an id, in order; none if nothing has it.
pub(super) async fn history(
    pool: &PgPool,
    store: &EventStore,
    id: &str,
) -> anyhow::Result<Vec<RecordedEvent>> {
    if let Ok(uuid) = Uuid::parse_str(id) {
        let events = store.events_by_correlation(uuid).await?;
        if !events.is_empty() {
            return Ok(events);
        }
        if let Some(request) = request_of_message(pool, uuid).await? {
            return Ok(store.events_by_correlation(request).await?);
        }
        return of_room(pool, store, RoomId::from_uuid(uuid)).await;
    }
    let wamid: Wamid = id.parse()?;
    for (number, company, _) in DirectoryStore::new(pool.clone()).numbers().await? {
        let input = InputId::of_message(&company, &number, &wamid);
        if let Some(events) = of_input(store, &company, input).await? {
            return Ok(events);
        }
        if let Some(reference) = store.find_message(&company, &wamid).await? {
            return Ok(store.events_by_correlation(reference.request_id.as_uuid()).await?);
        }
    }
    Ok(vec![])
}

/// What a client's message led to, if it led to anything.
async fn of_input(
    store: &EventStore,
    company: &CompanyId,
    input: InputId,
) -> anyhow::Result<Option<Vec<RecordedEvent>>> {
    let decided = store.decided(company, &[input]).await?;
    let first = decided.first().and_then(|(_, stored)| stored.positions.first);
    let Some(first) = first else { return Ok(None) };
    let events = store.events_after(first - 1, 1).await?;
    let Some(first) = events.first() else { return Ok(None) };
    Ok(Some(store.events_by_correlation(first.correlation_id).await?))
}

async fn request_of_message(pool: &PgPool, message: Uuid) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar("SELECT request_id FROM rm_outbound_messages WHERE message_id = $1")
        .bind(message)
        .fetch_optional(pool)
        .await
}

/// A room's history: its request's, and whatever else happened to the room.
async fn of_room(
    pool: &PgPool,
    store: &EventStore,
    room: RoomId,
) -> anyhow::Result<Vec<RecordedEvent>> {
    let found: Option<(Uuid, Uuid)> =
        sqlx::query_as("SELECT profile_id, request_id FROM rooms WHERE room_id = $1")
            .bind(room.as_uuid())
            .fetch_optional(pool)
            .await?;
    let Some((profile, request)) = found else { return Ok(vec![]) };
    let mut events = store.events_by_correlation(request).await?;
    let mentions = room.to_string();
    let of_profile = store.stream(AggregateType::ClientProfile, &profile.to_string(), 0).await?;
    let about_room = of_profile.into_iter().filter(|event| event.payload.contains(&mentions));
    let known: BTreeSet<u64> = events.iter().map(|event| event.position).collect();
    events.extend(about_room.filter(|event| !known.contains(&event.position)));
    events.sort_by_key(|event| event.position);
    Ok(events)
}
