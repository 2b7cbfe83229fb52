//! Answers `qry.onboarding.v1.events` from the log: how a consumer fills a hole.

use api::events_query::{EventsBy, EventsPage, EventsQuery, MAX_LIMIT, NAME};
use domain::AggregateType;
use domain::record::RecordedEvent;
use eventstore::{EventStore, StoreError};
use messaging::query::{Problem, QueryService};
use serde_json::Value;

/// Bytes of events in one page at most, well below the server's `max_payload` of 1 MiB.
const MAX_BYTES: usize = 700_000;

/// Begins to answer.
///
/// # Errors
/// The client is closed.
pub(crate) async fn serve(queries: &mut QueryService, store: EventStore) -> anyhow::Result<()> {
    let handler = move |question: Value| {
        let store = store.clone();
        async move { answer(&store, question).await }
    };
    Ok(queries.endpoint(NAME, handler).await?)
}

async fn answer(store: &EventStore, question: Value) -> Result<Value, Problem> {
    let query: EventsQuery = api::read(question)?;
    if !(1..=MAX_LIMIT).contains(&query.limit) {
        let detail = format!("limit: must be a number from 1 to {MAX_LIMIT}");
        let mut refusal = problem("bad-parameter", "A parameter is wrong", 400, &detail);
        refusal.field = Some("limit".to_owned());
        return Err(refusal);
    }
    let found = read(store, &query).await.map_err(|error| {
        tracing::warn!(%error, "a query for events failed");
        problem("unavailable", "The log can't be read now", 503, "try again")
    })?;
    let page = page(found, query.limit as usize);
    serde_json::to_value(page)
        .map_err(|_| problem("internal", "Internal error", 500, "the answer can't be written"))
}

/// One event more than asked for, if there are more.
async fn read(store: &EventStore, query: &EventsQuery) -> Result<Vec<RecordedEvent>, StoreError> {
    let (after, more) = (query.after, query.limit + 1);
    let later = |events: Vec<RecordedEvent>| {
        let mut events: Vec<_> =
            events.into_iter().filter(|event| event.position > after).collect();
        events.truncate(more as usize);
        events
    };
    match &query.by {
        EventsBy::Position => store.events_after(after, more).await,
        EventsBy::Time { from, to } => store.events_between(*from, *to, after, more).await,
        EventsBy::CorrelationId(id) => store.events_by_correlation(*id).await.map(later),
        EventsBy::Stream { aggregate_type, aggregate_id } => {
            let known = AggregateType::ALL.into_iter().find(|t| t.as_str() == aggregate_type);
            let Some(kind) = known else { return Ok(vec![]) };
            store.stream(kind, aggregate_id, 0).await.map(later)
        }
    }
}

fn page(mut events: Vec<RecordedEvent>, limit: usize) -> EventsPage {
    let mut bytes = 0;
    let fitting = events.iter().take(limit).take_while(|event| {
        bytes += event.payload.len() * 2 + 500;
        bytes <= MAX_BYTES
    });
    let kept = fitting.count().max(1).min(events.len());
    let more = events.len() > kept;
    events.truncate(kept);
    let next_after = events.last().filter(|_| more).map(|event| event.position);
    EventsPage { events, next_after }
}

fn problem(code: &str, title: &str, status: u16, detail: &str) -> Problem {
    Problem {
        kind: format!("urn:onboarding:problem:{code}"),
        title: title.to_owned(),
        status,
        detail: detail.to_owned(),
        field: None,
    }
}
