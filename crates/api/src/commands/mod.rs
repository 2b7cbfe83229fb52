//! Operators' commands: sent into their company's lane, answered after commit.

pub mod archive_client_profile;
pub mod close_room;
pub mod register_client_profile;
pub mod set_number_service;

use std::time::Duration;

use axum::Json;
use axum::extract::{FromRequestParts, OriginalUri};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::Personal;
use domain::ids::{CompanyId, OperationId};
use domain::input::{OperatorCommand, OperatorRequest};
use messaging::inbox::{Answers, InboxBody, InboxMessage};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ApiState;
use crate::problem::Problem;
use crate::trace::traceparent;

/// How long the answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
const KEY: &str = "Idempotency-Key";
const ACTOR: &str = "X-Actor";

/// A command that is not answered yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pending {
    /// `pending`.
    pub status: String,
    /// What to do.
    pub detail: String,
}

/// What the engine answers.
#[derive(Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
enum Answer<T> {
    Done(T),
    Refused { code: String, detail: String },
}

/// Who asks for a command, and with which key: the headers of its request.
pub(crate) struct Asked {
    operation_id: OperationId,
    actor: Personal<String>,
    traceparent: String,
    path: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Ok(OriginalUri(uri)) = OriginalUri::from_request_parts(parts, state).await;
        Ok(Self {
            operation_id: key(&parts.headers)?,
            actor: actor(&parts.headers)?,
            traceparent: traceparent(&parts.headers),
            path: uri.path().to_owned(),
        })
    }
}

impl Asked {
    /// Puts the command into its company's lane and waits for a while. If it is done, the answer has
    /// the status `done` and the body `T`; if nobody has answered yet, 202.
    ///
    /// # Errors
    /// The command is refused, or could not be sent.
    async fn ask<T: Serialize + DeserializeOwned>(
        self,
        state: &ApiState,
        company: CompanyId,
        request: OperatorRequest,
        done: StatusCode,
    ) -> Result<Response, Problem> {
        let Self { operation_id, actor, traceparent, path } = self;
        state.pictures.of(&company).await?;
        let command = OperatorCommand { operation_id, actor, at: (state.clock)(), request };
        let Some(answer) = send(state, company, command, traceparent).await? else {
            return Ok(pending(path));
        };
        let answer: Answer<T> = serde_json::from_slice(&answer).map_err(|_| {
            tracing::error!("the answer to a command is not as agreed");
            Problem::internal()
        })?;
        match answer {
            Answer::Done(body) => Ok((done, Json(body)).into_response()),
            Answer::Refused { code, detail } => Err(refused(&code, detail)),
        }
    }
}

async fn send(
    state: &ApiState,
    company: CompanyId,
    command: OperatorCommand,
    traceparent: String,
) -> Result<Option<bytes::Bytes>, Problem> {
    let again = || Problem::unavailable("NATS does not answer; ask again with the same key");
    let mut answers = Answers::open(&state.client).await.map_err(|error| {
        tracing::warn!(%error, "a command could not be sent");
        again()
    })?;
    let reply_to = Some(answers.subject().to_owned());
    let message = InboxMessage {
        body: InboxBody::Command { company, command, reply_to },
        source: "api".parse().map_err(|_| Problem::internal())?,
        traceparent: Some(traceparent),
    };
    state.inbox.publish(vec![message]).await.map_err(|error| {
        tracing::warn!(%error, "a command could not be sent");
        if error.retry_helps() { again() } else { Problem::internal() }
    })?;
    Ok(answers.next(PATIENCE).await)
}

fn refused(code: &str, detail: String) -> Problem {
    let status = match code {
        "unknown-chat-room" | "unknown-client-profile" | "unknown-number" => StatusCode::NOT_FOUND,
        "phone-taken" | "room-under-way" => StatusCode::CONFLICT,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let field = detail.split_once(": ").map(|(field, _)| field.to_owned());
    let problem = Problem::new(status, code, "The command is refused", detail);
    Problem { field: field.filter(|field| !field.contains(' ')), ..problem }
}

fn pending(path: String) -> Response {
    let body = Pending {
        status: "pending".into(),
        detail: format!("It is stored and not decided yet: send it again with the same {KEY}"),
    };
    let headers = [(header::LOCATION, path), (header::RETRY_AFTER, "2".to_owned())];
    (StatusCode::ACCEPTED, headers, Json(body)).into_response()
}

fn key(headers: &HeaderMap) -> Result<OperationId, Problem> {
    let rule = || {
        let detail = format!("{KEY}: must be a UUID that you choose, and keep when you ask again");
        Problem::bad(KEY, detail)
    };
    let key = headers.get(KEY).and_then(|key| key.to_str().ok()).ok_or_else(rule)?;
    key.parse().map_err(|_| rule())
}

fn actor(headers: &HeaderMap) -> Result<Personal<String>, Problem> {
    let Some(actor) = headers.get(ACTOR) else { return Ok(Personal::new("unknown".to_owned())) };
    let text = std::str::from_utf8(actor.as_bytes()).ok().map(str::trim);
    let fits = text.filter(|text| (1..=200).contains(&text.chars().count()));
    let actor = fits.ok_or_else(|| {
        Problem::bad(ACTOR, format!("{ACTOR}: must be 1 to 200 characters of UTF-8"))
    })?;
    Ok(Personal::new(actor.to_owned()))
}
