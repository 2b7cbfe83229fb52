//! Answers `qry.onboarding.v1.dry-run`: decides as the engine would, and records nothing.

use api::Problem;
use api::dry_run::{DryRun, DryRunQuery, NAME};
use axum::http::StatusCode;
use domain::flow::Command;
use domain::ids::Wamid;
use domain::input::{InboundMessage, Timestamp};
use domain::profile::ProfileCommand;
use domain::request::RequestCommand;
use engine::{Engine, WhatIfError};
use messaging::query::QueryService;
use serde_json::Value;
use uuid::Uuid;

/// Begins to answer.
///
/// # Errors
/// The client is closed.
pub(crate) async fn serve(queries: &mut QueryService, engine: Engine) -> anyhow::Result<()> {
    let handler = move |question: Value| {
        let engine = engine.clone();
        async move {
            let answer = answer(&engine, question).await?;
            Ok(serde_json::to_value(answer).map_err(|_| Problem::internal())?)
        }
    };
    Ok(queries.endpoint(NAME, handler).await?)
}

async fn answer(engine: &Engine, question: Value) -> Result<DryRun, Problem> {
    let query: DryRunQuery = api::read(question)?;
    let company = query.company.clone();
    let message = arrived(query, engine.now())?;
    let commands = engine.what_if(&company, &message).await.map_err(problem)?;
    told(commands).ok_or_else(Problem::internal)
}

/// The message as if it had just come in, under an id that no message of WhatsApp's has.
fn arrived(query: DryRunQuery, now: Timestamp) -> Result<InboundMessage, Problem> {
    let DryRunQuery { client, phone_number_id, text, .. } = query;
    let id: Wamid =
        format!("dry-run.{}", Uuid::now_v7()).parse().map_err(|_| Problem::internal())?;
    let kind = if text.is_some() { "text" } else { "audio" };
    Ok(InboundMessage {
        phone_number_id,
        id,
        from: client,
        sent_at: now,
        received_at: now,
        kind: kind.to_owned(),
        text,
        in_group: false,
        became: None,
        evidence: None,
    })
}

fn told(commands: Vec<Command>) -> Option<DryRun> {
    let ends =
        |command: &Command| matches!(command, Command::Request(_, RequestCommand::Complete(_)));
    let activates = commands.iter().any(ends);
    commands.into_iter().find_map(|command| match command {
        Command::Request(_, RequestCommand::Receive(received)) => Some(DryRun::Request {
            decision: Box::new(received.decision),
            outcome: received.completion.map(|completion| completion.outcome),
            messages: received.messages,
            facts: Box::new(received.facts),
        }),
        Command::Profile(profile_id, ProfileCommand::RecordClientWrote { room_id, .. }) => {
            Some(DryRun::IntoRoom { profile_id, room_id, activates })
        }
        _ => None,
    })
}

fn problem(error: WhatIfError) -> Problem {
    match &error {
        WhatIfError::UnknownCompany => {
            let detail = "company: the directory has no such company";
            let title = "There is no such company";
            Problem::not_found("unknown-company", title, detail).field("company")
        }
        WhatIfError::UnknownNumber => {
            let detail = "phone_number_id: the company has no such number";
            let title = "There is no such number";
            Problem::not_found("unknown-number", title, detail).field("phone_number_id")
        }
        WhatIfError::NoSender => {
            Problem::bad("client", "client: must have a bsuid, a wa_id or a phone")
        }
        WhatIfError::Rejected(rejection) => {
            let title = "The message would be parked";
            let detail = format!("an aggregate refuses what would be decided: {rejection}");
            Problem::new(StatusCode::CONFLICT, "rejected", title, detail)
        }
        WhatIfError::Store(_) | WhatIfError::Directory(_) if error.retry_helps() => {
            tracing::warn!(%error, "a dry run failed");
            Problem::unavailable("The log or the directory can't be read; try again in a moment")
        }
        WhatIfError::Store(_) | WhatIfError::Directory(_) => {
            tracing::error!(%error, "a dry run can't read what it needs");
            Problem::internal()
        }
    }
}
