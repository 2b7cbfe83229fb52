//! `GET /api/v1/companies/{company}/parked-inputs`, and the query `parked-inputs`: inputs of a company
//! that could not be decided, or those that were dropped. Whoever has the event store answers, over
//! NATS.

use axum::Json;
use axum::extract::State;
use domain::ids::CompanyId;
use domain::input::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ApiState;
use crate::params::Params;
use crate::problem::Problem;
use crate::read::{flag, limit};

/// The query's name: the last token of its subject.
pub const NAME: &str = "parked-inputs";

/// Which of a company's parked inputs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParkedInputsQuery {
    /// Whose.
    pub company: CompanyId,
    /// How many at most, 1 to 200; 50 if left out.
    #[serde(default, deserialize_with = "limit", skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Only those with this code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Those that were dropped instead of those that are parked.
    #[serde(default, deserialize_with = "flag", skip_serializing_if = "Option::is_none")]
    pub dropped: Option<bool>,
    /// `next_cursor` of the part before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// An input that could not be decided, parked or dropped. Its bytes, which may be personal data, are
/// not told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ParkedInput {
    /// Its number.
    pub id: u64,
    /// `message`, `status`, `receipt`, `command`, or `other`.
    pub kind: String,
    /// The subject that it came on.
    pub subject: String,
    /// What is wrong with it: a stable word.
    pub code: String,
    /// What is wrong with it, in plain words.
    pub reason: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// When it was parked.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub parked_at: Timestamp,
    /// How often it was put back before, and parked again.
    pub tries: u64,
    /// Since when it is to be put back, if it is.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub retry_requested_at: Option<Timestamp>,
    /// Why it could not be put back the last time that it was asked for, if it could not.
    pub retry_failed: Option<RetryFailed>,
    /// Who dropped it and why, if somebody did.
    pub dropped: Option<ParkedInputDropped>,
}

/// A retry that could not be done: the input stays parked, and nobody waits for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RetryFailed {
    /// When that was found.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub at: Timestamp,
    /// What stands against it.
    pub problem: String,
}

/// An input that was dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ParkedInputDropped {
    /// When.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub at: Timestamp,
    /// Who. Personal data.
    pub actor: String,
    /// Why, in their words.
    pub reason: String,
}

/// A part of the list, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ParkedInputs {
    /// The inputs.
    pub items: Vec<ParkedInput>,
    /// What to pass as `cursor` for the next part; null at the end.
    pub next_cursor: Option<String>,
}

/// A company's inputs that could not be decided, or those of them that were dropped; the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/companies/{company}/parked-inputs",
    tag = "queries",
    params(
        ("company" = String, Path, description = "Whose", example = "acme"),
        ("limit" = Option<u32>, Query, description = "How many at most, 1 to 200; 50 if left out"),
        ("code" = Option<String>, Query, description = "Only those with this code", example = "unknown-number"),
        ("dropped" = Option<bool>, Query, description = "`true`: those that were dropped, instead of those that are parked"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the part before"),
    ),
    responses(
        (status = 200, description = "A part of the list", body = ParkedInputs),
        (status = 400, description = "`bad-parameter`", body = Problem),
        (status = 503, description = "`unavailable`", body = Problem),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Params(asked): Params<ParkedInputsQuery>,
) -> Result<Json<ParkedInputs>, Problem> {
    crate::ask::ask(&state.client, NAME, &asked).await.map(Json)
}
