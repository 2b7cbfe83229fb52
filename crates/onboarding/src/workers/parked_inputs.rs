//! Answers `qry.onboarding.v1.parked-inputs`, `parked-input` and `parked-input-content`: what of a
//! company could not be decided, what was done with it and, apart from that, its bytes.

use api::Problem;
use api::queries::parked_input::{ParkedInputDetail, ParkedInputQuery, ParkedInputStep};
use api::queries::parked_input_content::ParkedInputContent;
use api::queries::parked_inputs::{
    ParkedInput, ParkedInputDropped, ParkedInputs, ParkedInputsQuery, RetryFailed,
};
use api::queries::{parked_input, parked_input_content, parked_inputs};
use eventstore::{EventStore, ListedInput, ParkedFilter, ParkedStep, StoreError};
use messaging::query::QueryService;
use messaging::subject::{RECORD_RECEIPT, Subject};
use serde_json::Value;

use super::answer;

/// How many are told if nobody says how many.
const DEFAULT_LIMIT: u32 = 50;

/// Bytes of a content that are told. An answer is one message, and as JSON a byte may become six.
const MOST_SHOWN: usize = 128 * 1024;

/// Begins to answer.
///
/// # Errors
/// The client is closed.
pub(crate) async fn serve(queries: &mut QueryService, store: EventStore) -> anyhow::Result<()> {
    let of = store.clone();
    let list = move |question| {
        let store = of.clone();
        async move { answer(listed(&store, question).await) }
    };
    queries.endpoint(parked_inputs::NAME, list).await?;
    let of = store.clone();
    let one = move |question| {
        let store = of.clone();
        async move { answer(detail(&store, question).await) }
    };
    queries.endpoint(parked_input::NAME, one).await?;
    let bytes = move |question| {
        let store = store.clone();
        async move { answer(content(&store, question).await) }
    };
    Ok(queries.endpoint(parked_input_content::NAME, bytes).await?)
}

async fn listed(store: &EventStore, question: Value) -> Result<ParkedInputs, Problem> {
    let ParkedInputsQuery { company, limit, code, dropped, cursor } = api::read(question)?;
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    let before = cursor.as_deref().map(str::parse).transpose().map_err(|_| {
        const DETAIL: &str = "cursor: is not one that this list gave out; start again without it";
        Problem::bad("cursor", DETAIL)
    })?;
    let dropped = Some(dropped.unwrap_or(false));
    let filter = ParkedFilter { company: Some(company), id: None, code, dropped, before };
    // One more than asked for, if there are more.
    let found = store.parked_list(&filter, limit + 1).await.map_err(unavailable)?;
    let more = found.len() > limit as usize;
    let items: Vec<_> = found.into_iter().take(limit as usize).map(shown).collect();
    let next_cursor = items.last().filter(|_| more).map(|last| last.id.to_string());
    Ok(ParkedInputs { items, next_cursor })
}

async fn detail(store: &EventStore, question: Value) -> Result<ParkedInputDetail, Problem> {
    let ParkedInputQuery { company, parked_input_id: id } = api::read(question)?;
    let filter = ParkedFilter { company: Some(company), id: Some(id), ..ParkedFilter::default() };
    let found = store.parked_list(&filter, 1).await.map_err(unavailable)?.pop();
    let found = found.ok_or_else(|| parked_input::unknown(id))?;
    let history = store.parked_history(&found).await.map_err(unavailable)?;
    let step = |ParkedStep { at, step, actor, detail }| {
        let detail = detail.map(domain::Personal::into_exposed);
        ParkedInputStep { at, step, actor: actor.into_exposed(), detail }
    };
    Ok(ParkedInputDetail {
        inbox_sequence: found.inbox_sequence,
        payload_sha256: hex::encode(&found.payload_sha256),
        traceparent: found.traceparent.clone(),
        history: history.into_iter().map(step).collect(),
        input: shown(found),
    })
}

async fn content(store: &EventStore, question: Value) -> Result<ParkedInputContent, Problem> {
    let ParkedInputQuery { company, parked_input_id: id } = api::read(question)?;
    let found = store.parked_input(id).await.map_err(unavailable)?;
    let found = found.filter(|parked| parked.input.company.as_ref() == Some(&company));
    let payload = found.ok_or_else(|| parked_input::unknown(id))?.input.payload;
    let first = &payload[..payload.len().min(MOST_SHOWN)];
    let text = String::from_utf8_lossy(first).into_owned();
    let is_exact = text.as_bytes() == payload;
    Ok(ParkedInputContent { parked_input_id: id, bytes: payload.len() as u64, text, is_exact })
}

fn unavailable(error: StoreError) -> Problem {
    tracing::warn!(%error, "a query for parked inputs failed");
    Problem::unavailable("The parked inputs can't be read; try again in a moment")
}

fn shown(listed: ListedInput) -> ParkedInput {
    let failed =
        |failed: eventstore::RetryFailed| RetryFailed { at: failed.at, problem: failed.problem };
    let dropped = |dropped: eventstore::Dropped| ParkedInputDropped {
        at: dropped.at,
        actor: dropped.actor.into_exposed(),
        reason: dropped.reason.into_exposed(),
    };
    ParkedInput {
        id: listed.id,
        kind: kind_of(&listed.subject).to_owned(),
        subject: listed.subject,
        code: listed.code,
        reason: listed.reason,
        bytes: listed.bytes,
        parked_at: listed.parked_at,
        tries: listed.tries,
        retry_requested_at: listed.retry_requested_at,
        retry_failed: listed.retry_failed.map(failed),
        dropped: listed.dropped.map(dropped),
    }
}

fn kind_of(subject: &str) -> &'static str {
    match subject.parse() {
        Ok(Subject::Message { .. }) => "message",
        Ok(Subject::Status { .. }) => "status",
        Ok(Subject::Command { command, .. }) if command.as_str() == RECORD_RECEIPT => "receipt",
        Ok(Subject::Command { .. }) => "command",
        Ok(
            Subject::RawPost { .. }
            | Subject::Event { .. }
            | Subject::Parked { .. }
            | Subject::Query { .. },
        )
        | Err(_) => "other",
    }
}
