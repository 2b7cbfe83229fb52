//! `GET /api/v1/companies/{company}/parked-inputs/{parked_input_id}`, and the query `parked-input`: one
//! input of a company that could not be decided, and what was done with it. Its bytes are another
//! question, [`parked_input_content`](super::parked_input_content).

use axum::Json;
use axum::extract::State;
use domain::ids::CompanyId;
use domain::input::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::parked_inputs::ParkedInput;
use crate::ApiState;
use crate::params::Params;
use crate::problem::Problem;
use crate::read::number;

/// The query's name: the last token of its subject.
pub const NAME: &str = "parked-input";

/// Which parked input.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParkedInputQuery {
    /// Whose.
    pub company: CompanyId,
    /// Its number, as the list has it.
    #[serde(deserialize_with = "number")]
    pub parked_input_id: u64,
}

/// A parked input with its history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ParkedInputDetail {
    /// As the list has it.
    pub input: ParkedInput,
    /// Its place in INBOX.
    pub inbox_sequence: u64,
    /// SHA-256 of its bytes, hexadecimal.
    pub payload_sha256: String,
    /// W3C trace context in which it came.
    pub traceparent: Option<String>,
    /// What was done with it, in order, also under other numbers that it was parked with.
    pub history: Vec<ParkedInputStep>,
}

/// Something that was done with a parked input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ParkedInputStep {
    /// When.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub at: Timestamp,
    /// `retry-requested`, `put-back`, `retry-failed` or `dropped`.
    pub step: String,
    /// Who wanted it. Personal data.
    pub actor: String,
    /// Why it was dropped, or what stood against the retry.
    pub detail: Option<String>,
}

/// The company has no such parked input, now or before.
pub fn unknown(id: u64) -> Problem {
    let detail = format!("parked_input_id: the company has no parked input {id}");
    Problem::not_found("unknown-parked-input", "There is no such parked input", detail)
        .field("parked_input_id")
}

/// One input that could not be decided, parked or dropped, and what was done with it.
#[utoipa::path(
    get,
    path = "/api/v1/companies/{company}/parked-inputs/{parked_input_id}",
    tag = "queries",
    params(
        ("company" = String, Path, description = "Whose", example = "acme"),
        ("parked_input_id" = u64, Path, description = "Its number, as the list has it"),
    ),
    responses(
        (status = 200, description = "The input, without its bytes", body = ParkedInputDetail),
        (status = 400, description = "`bad-parameter`", body = Problem),
        (status = 404, description = "`unknown-parked-input`", body = Problem),
        (status = 503, description = "`unavailable`", body = Problem),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Params(asked): Params<ParkedInputQuery>,
) -> Result<Json<ParkedInputDetail>, Problem> {
    crate::ask::ask(&state.client, NAME, &asked).await.map(Json)
}
