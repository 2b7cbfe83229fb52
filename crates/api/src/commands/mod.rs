//! Operators' commands: sent into their company's lane, answered after commit.

pub mod add_number;
pub mod archive_client_profile;
pub mod block_client;
pub mod close_room;
pub mod drop_parked_input;
pub mod promote_prospect;
pub mod reassign_room;
pub mod register_client_profile;
pub mod remove_number;
pub mod resend_invitation;
pub mod retry_parked_input;
pub mod set_client_language;
pub mod set_number_service;
pub mod set_user_extension;

use std::time::Duration;

use axum::Json;
use axum::extract::{FromRequestParts, OriginalUri};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use directory::access::AccessToken;
use domain::Personal;
use domain::ids::{CompanyId, OperationId, PhoneNumberId, ProfileId, RoomId};
use domain::input::{OperatorCommand, OperatorRequest};
use messaging::inbox::{Answers, InboxBody, InboxMessage};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::ApiState;
use crate::problem::Problem;
use crate::trace::traceparent;

/// How long the answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
const KEY: &str = "Idempotency-Key";
const ACTOR: &str = "X-Actor";

/// A client profile of a company.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileInCompany {
    /// The company.
    #[param(value_type = String, example = "acme")]
    company: CompanyId,
    /// The profile.
    #[param(value_type = uuid::Uuid)]
    profile_id: ProfileId,
}

/// A room of a company.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoomInCompany {
    /// The company.
    #[param(value_type = String, example = "acme")]
    company: CompanyId,
    /// The room.
    #[param(value_type = uuid::Uuid)]
    room_id: RoomId,
}

/// A number of a company.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
#[serde(deny_unknown_fields)]
pub(crate) struct NumberInCompany {
    /// The company.
    #[param(value_type = String, example = "acme")]
    company: CompanyId,
    /// The number's `phone_number_id`.
    #[param(value_type = String)]
    number: PhoneNumberId,
}

/// The headers of every command.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes headers, is never made")]
pub(crate) struct CommandHeaders {
    /// Chosen by the caller; asking again with it gives the stored answer.
    #[param(rename = "Idempotency-Key")]
    idempotency_key: uuid::Uuid,
    /// For whom the token's holder asks, for the record. Personal data.
    #[param(rename = "X-Actor")]
    actor: Option<String>,
    /// The version that the caller saw of what is to change, in quotes: the `version` of an earlier
    /// answer; for a change of the directory its `directory_version`. If it is another one by now,
    /// nothing is done.
    #[param(rename = "If-Match", example = "\"7\"")]
    if_match: Option<String>,
    /// W3C Trace Context.
    traceparent: Option<String>,
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
enum Answer<T> {
    Done(T),
    Refused { code: String, detail: String },
    Parked { code: String, detail: String },
}

/// Who asks for a command, and with which key: the headers of its request.
pub(crate) struct Asked {
    operation_id: OperationId,
    actor: Personal<String>,
    expected_version: Option<u64>,
    traceparent: String,
    path: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Ok(OriginalUri(uri)) = OriginalUri::from_request_parts(parts, state).await;
        Ok(Self {
            operation_id: key(&parts.headers)?,
            actor: actor(parts)?,
            expected_version: expected_version(&parts.headers)?,
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
        let Self { operation_id, actor, expected_version, traceparent, path } = self;
        state.pictures.of(&company).await?;
        let at = (state.clock)();
        let command = OperatorCommand { operation_id, actor, at, expected_version, request };
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
            Answer::Parked { code, detail } => Err(parked(&code, &detail)),
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
        "unknown-chat-room"
        | "unknown-client-profile"
        | "unknown-number"
        | "unknown-parked-input"
        | "unknown-pool"
        | "unknown-onboarding-request" => StatusCode::NOT_FOUND,
        "extension-taken" => StatusCode::CONFLICT,
        "room-closed" | "no-invitation-needed" | "invitation-under-way" => StatusCode::CONFLICT,
        "room-open-with-user" | "client-profile-hidden" => StatusCode::CONFLICT,
        "not-retriable" | "retry-under-way" => StatusCode::CONFLICT,
        "number-exists" | "number-taken" | "display-number-taken" | "number-is-primary" => {
            StatusCode::CONFLICT
        }
        "phone-taken" | "room-under-way" | "no-prospect" | "user-not-found" | "client-blocked"
        | "client-moved" | "client-stopped" => StatusCode::CONFLICT,
        "version-mismatch" => StatusCode::PRECONDITION_FAILED,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let field = detail.split_once(": ").map(|(field, _)| field.to_owned());
    let problem = Problem::new(status, code, "The command is refused", detail);
    Problem { field: field.filter(|field| !field.contains(' ')), ..problem }
}

/// It is neither done nor refused: whoever runs the service may have it decided yet.
fn parked(code: &str, detail: &str) -> Problem {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "parked",
        "The command could not be decided",
        format!(
            "It is parked ({code}: {detail}) and may be done yet, once it is put back; who runs the \
             service finds it in `onboarding parked list`. Don't give it again under another key"
        ),
    )
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

/// One strong tag, as the answers give it: a list, `*` or a weak one leave open which version is meant.
fn expected_version(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(given) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = given.to_str().ok().map(str::trim);
    let quoted = text.and_then(|text| text.strip_prefix('"')?.strip_suffix('"'));
    let version = quoted.and_then(|digits| digits.parse().ok());
    version.map(Some).ok_or_else(|| {
        Problem::bad("If-Match", "If-Match: must be one version in quotes, as in \"7\"")
    })
}

/// Who asks, for the record: the holder of the token, and in front of it whom the holder names.
fn actor(parts: &Parts) -> Result<Personal<String>, Problem> {
    let caller = parts.extensions.get::<AccessToken>().ok_or_else(|| {
        tracing::error!("a command's route has no guard");
        Problem::internal()
    })?;
    let holder = caller.name.expose();
    let Some(named) = parts.headers.get(ACTOR) else { return Ok(Personal::new(holder.clone())) };
    let text = std::str::from_utf8(named.as_bytes()).ok().map(str::trim);
    let fits = text.filter(|text| (1..=200).contains(&text.chars().count()));
    let named = fits.ok_or_else(|| {
        Problem::bad(ACTOR, format!("{ACTOR}: must be 1 to 200 characters of UTF-8"))
    })?;
    Ok(Personal::new(format!("{named} ({holder})")))
}
