//! `POST /api/v1/companies/{company}/client-profiles`: an operator enters a client that the company
//! knows already.

use std::time::Duration;

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::Personal;
use domain::identity::Identifier;
use domain::ids::{CompanyId, ExternalCompanyId, OperationId, ProfileId, UserId};
use domain::input::{OperatorCommand, OperatorRequest};
use messaging::inbox::{Answers, InboxBody, InboxMessage};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ApiState;
use crate::params::{InCompany, JsonBody, Params};
use crate::problem::Problem;
use crate::trace::traceparent;

/// How long the answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
const KEY: &str = "Idempotency-Key";
const ACTOR: &str = "X-Actor";

/// A client to enter.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewClientProfile {
    /// What leads to the client; at least one.
    #[schema(value_type = Vec<IdentifierBody>, min_items = 1)]
    identifiers: Vec<Personal<Identifier>>,
    /// The client's name. Personal data.
    #[schema(value_type = Option<String>)]
    name: Option<Personal<String>>,
    /// Only users assigned to this external company may see the profile.
    #[schema(value_type = Option<String>)]
    external_company: Option<ExternalCompanyId>,
    /// Users who look after the client.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    users: Vec<UserId>,
}

/// One thing that leads to a client.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes domain::identity::Identifier, is never made")]
pub struct IdentifierBody {
    /// `bsuid`, `wa_id` or `phone`.
    kind: String,
    /// The identifier; a phone number in international format. Personal data.
    #[schema(example = "+491511234567")]
    value: String,
}

/// A profile that was entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RegisteredClientProfile {
    /// The profile.
    #[schema(value_type = uuid::Uuid)]
    pub profile_id: ProfileId,
    /// Position of the last event that the command led to: a read model at it shows the profile.
    pub position: Option<u64>,
}

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
enum Answer {
    Done(RegisteredClientProfile),
    Refused { code: String, detail: String },
}

/// Enters a client that the company knows already. The same key gets the same answer, however
/// often it is asked; a key belongs to one command, so another command needs another key.
#[utoipa::path(
    post,
    path = "/api/v1/companies/{company}/client-profiles",
    tag = "commands",
    params(
        InCompany,
        ("Idempotency-Key" = uuid::Uuid, Header, description = "Chosen by the caller; asking again with it gives the stored answer"),
        ("X-Actor" = Option<String>, Header, description = "Who asks, for the record; `unknown` if missing. Personal data"),
        ("traceparent" = Option<String>, Header, description = "W3C Trace Context"),
    ),
    request_body = NewClientProfile,
    responses(
        (status = 201, description = "Entered, now or before", body = RegisteredClientProfile),
        (status = 202, description = "Stored and not decided yet: ask again with the same key", body = Pending),
        (status = 400, description = "`bad-parameter`, `not-json`", body = Problem),
        (status = 404, description = "`unknown-company`", body = Problem),
        (status = 409, description = "`phone-taken`", body = Problem),
        (status = 413, description = "`body-too-large`: more than 64 KB", body = Problem),
        (status = 415, description = "`not-json`", body = Problem),
        (status = 422, description = "Refused: `no-identifier`, `unknown-user`, `unknown-external-company`", body = Problem),
        (status = 503, description = "`unavailable`: ask again with the same key", body = Problem),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Params(InCompany { company }): Params<InCompany>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    JsonBody(body): JsonBody<NewClientProfile>,
) -> Result<Response, Problem> {
    let operation_id = key(&headers)?;
    let actor = actor(&headers)?;
    state.pictures.of(&company).await?;
    let NewClientProfile { identifiers, name, external_company, users } = body;
    let request =
        OperatorRequest::RegisterClientProfile { identifiers, name, external_company, users };
    let command = OperatorCommand { operation_id, actor, at: (state.clock)(), request };
    match send(&state, company, command, traceparent(&headers)).await? {
        Some(answer) => answered(&answer),
        None => Ok(pending(uri.path())),
    }
}

/// Puts the command into its lane and waits for a while.
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

fn answered(answer: &[u8]) -> Result<Response, Problem> {
    let answer: Answer = serde_json::from_slice(answer).map_err(|_| {
        tracing::error!("the answer to a command is not as agreed");
        Problem::internal()
    })?;
    match answer {
        Answer::Done(registered) => Ok((StatusCode::CREATED, Json(registered)).into_response()),
        Answer::Refused { code, detail } => {
            let status = match code.as_str() {
                "phone-taken" => StatusCode::CONFLICT,
                _ => StatusCode::UNPROCESSABLE_ENTITY,
            };
            let field = detail.split_once(": ").map(|(field, _)| field.to_owned());
            let problem = Problem::new(status, &code, "The command is refused", detail);
            Err(Problem { field: field.filter(|field| !field.contains(' ')), ..problem })
        }
    }
}

fn pending(path: &str) -> Response {
    let body = Pending {
        status: "pending".into(),
        detail: format!("It is stored and not decided yet: send it again with the same {KEY}"),
    };
    let headers = [(header::LOCATION, path.to_owned()), (header::RETRY_AFTER, "2".to_owned())];
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
