//! Answers `qry.onboarding.v1.parked-inputs`: what of a company could not be decided, without its
//! bytes.

use api::Problem;
use api::queries::parked_inputs::{NAME, ParkedInput, ParkedInputs, ParkedInputsQuery};
use eventstore::{EventStore, ParkedOfCompany};
use messaging::query::QueryService;
use messaging::subject::{RECORD_RECEIPT, Subject};
use serde_json::Value;

/// How many are told if nobody says how many.
const DEFAULT_LIMIT: u32 = 50;

/// Begins to answer.
///
/// # Errors
/// The client is closed.
pub(crate) async fn serve(queries: &mut QueryService, store: EventStore) -> anyhow::Result<()> {
    let handler = move |question: Value| {
        let store = store.clone();
        async move {
            let answer = answer(&store, question).await?;
            Ok(serde_json::to_value(answer).map_err(|_| Problem::internal())?)
        }
    };
    Ok(queries.endpoint(NAME, handler).await?)
}

async fn answer(store: &EventStore, question: Value) -> Result<ParkedInputs, Problem> {
    let ParkedInputsQuery { company, limit, cursor } = api::read(question)?;
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    let before = cursor.as_deref().map(str::parse).transpose().map_err(|_| {
        const DETAIL: &str = "cursor: is not one that this list gave out; start again without it";
        Problem::bad("cursor", DETAIL)
    })?;
    // One more than asked for, if there are more.
    let found = store.parked_of(&company, before, limit + 1).await.map_err(|error| {
        tracing::warn!(%error, "a query for parked inputs failed");
        Problem::unavailable("The parked inputs can't be read; try again in a moment")
    })?;
    let more = found.len() > limit as usize;
    let items: Vec<_> = found.into_iter().take(limit as usize).map(shown).collect();
    let next_cursor = items.last().filter(|_| more).map(|last| last.id.to_string());
    Ok(ParkedInputs { items, next_cursor })
}

fn shown(parked: ParkedOfCompany) -> ParkedInput {
    let ParkedOfCompany { id, subject, code, reason, parked_at, tries, retry_requested_at } =
        parked;
    let kind = kind_of(&subject).to_owned();
    ParkedInput { id, kind, subject, code, reason, parked_at, tries, retry_requested_at }
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
