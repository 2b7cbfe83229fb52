//! `GET /api/v1/onboarding-requests/{id}/history`: every event that a request led to. Asked of
//! whoever has the event store, over NATS.

use axum::Json;
use axum::extract::State;
use domain::ids::CompanyId;
use domain::input::Timestamp;
use domain::record::RecordedEvent;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Items, onboarding_request};
use crate::ApiState;
use crate::events_query::{self, EventsBy, EventsPage, EventsQuery};
use crate::params::Params;
use crate::problem::Problem;
use crate::read::limit;

/// Which request's history.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryQuery {
    /// Whose.
    company: CompanyId,
    /// The request; or the operation of an operator's command.
    id: Uuid,
    /// How many events at most; 200 if left out.
    #[serde(default, deserialize_with = "limit")]
    limit: Option<u32>,
    /// `next_cursor` of the part before.
    cursor: Option<String>,
}

/// One recorded event.
#[derive(Debug, Serialize, ToSchema)]
pub struct HistoryEvent {
    /// Its place in the whole log.
    position: u64,
    /// Its own id.
    event_id: Uuid,
    /// `onboarding-request`, `client-profile` or `secondary-number-pool`.
    aggregate_type: String,
    /// Which one.
    aggregate_id: String,
    /// Its place in that one's stream, from 1.
    sequence: u64,
    /// Its name.
    event_type: String,
    /// The version of its shape.
    event_version: String,
    /// When the store took it.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    recorded_at: Timestamp,
    /// The input whose decision it is.
    causation_id: Uuid,
    /// W3C trace context of that input.
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
    /// The event as it was recorded, byte for byte; `/api/v1/contracts` has its schema. Personal data.
    #[schema(value_type = Object)]
    data: Box<RawValue>,
}

/// Everything that a request led to, in order: what came in, what was known, what was decided,
/// what was sent and what became of it. Personal data.
#[utoipa::path(
    get,
    path = "/api/v1/onboarding-requests/{id}/history",
    tag = "queries",
    params(
        ("id" = Uuid, Path, description = "The request; or the operation of an operator's command"),
        ("company" = String, Query, description = "Whose", example = "acme"),
        ("limit" = Option<u32>, Query, description = "How many at most, 1 to 200; 200 if left out"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the part before"),
    ),
    responses(
        (status = 200, description = "Events, the oldest first", body = Items<HistoryEvent>),
        (status = 400, description = "`bad-parameter`", body = Problem),
        (status = 404, description = "`unknown-onboarding-request`", body = Problem),
        (status = 503, description = "`unavailable`", body = Problem),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Params(asked): Params<HistoryQuery>,
) -> Result<Json<Items<HistoryEvent>>, Problem> {
    let HistoryQuery { company, id, limit, cursor } = asked;
    let first = EventsQuery::new(EventsBy::CorrelationId(id));
    let after = cursor.as_deref().map_or(Ok(0), str::parse).map_err(|_| {
        const DETAIL: &str = "cursor: is not one that this list gave out; start again without it";
        Problem::bad("cursor", DETAIL)
    })?;
    let query = EventsQuery { after, limit: limit.unwrap_or(first.limit), ..first };
    let EventsPage { events, next_after } =
        crate::ask::ask(&state.client, events_query::NAME, &query).await?;
    // A correlation belongs to one company; another one must not even learn that it is there.
    if events.iter().any(|event| event.company != company) || events.is_empty() && after == 0 {
        return Err(onboarding_request::unknown(&company, id));
    }
    let items = events.into_iter().map(shown).collect::<Result<_, _>>()?;
    Ok(Json(Items { items, next_cursor: next_after.map(|after| after.to_string()) }))
}

fn shown(event: RecordedEvent) -> Result<HistoryEvent, Problem> {
    let data = RawValue::from_string(event.payload).map_err(|_| {
        tracing::error!(position = event.position, "an event's payload is not JSON");
        Problem::internal()
    })?;
    Ok(HistoryEvent {
        position: event.position,
        event_id: event.event_id,
        aggregate_type: event.aggregate_type,
        aggregate_id: event.aggregate_id,
        sequence: event.sequence,
        event_type: event.event_type,
        event_version: event.event_version,
        recorded_at: event.recorded_at,
        causation_id: event.causation_id.as_uuid(),
        traceparent: event.traceparent,
        data,
    })
}
