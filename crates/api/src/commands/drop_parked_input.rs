//! `POST /api/v1/companies/{company}/parked-inputs/{parked_input_id}/drop`: an operator gives up an
//! input that could not be decided.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::input::OperatorRequest;
use domain::{Personal, Reason};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::retry_parked_input::ParkedInputInCompany;
use super::{Asked, CommandHeaders, Pending};
use crate::ApiState;
use crate::params::{JsonBody, Params};
use crate::problem::Problem;

/// Why a parked input is dropped.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DropReason {
    /// In the operator's words, for the record: 1 to 500 characters on one line. Name no client.
    #[schema(value_type = String, example = "a test of the new connector")]
    reason: Personal<Reason>,
}

/// A parked input that was dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DroppedInput {
    /// Its number.
    pub parked_input_id: u64,
}

/// Gives up a parked input that nobody needs. What it was, who dropped it and why stays on record, for
/// good; its bytes are not kept. Dropped once, it stays so: a second reason changes nothing.
#[utoipa::path(
    post,
    path = "/api/v1/companies/{company}/parked-inputs/{parked_input_id}/drop",
    tag = "commands",
    params(ParkedInputInCompany, CommandHeaders),
    request_body = DropReason,
    responses(
        (status = 200, description = "Dropped, now or before", body = DroppedInput),
        (status = 202, description = "Stored and not decided yet: ask again with the same key", body = Pending),
        (status = 400, description = "`bad-parameter`, `not-json`", body = Problem),
        (status = 404, description = "`unknown-company`, `unknown-parked-input`", body = Problem),
        (status = 409, description = "`retry-under-way`: it is about to be put back", body = Problem),
        (status = 413, description = "`body-too-large`: more than 64 KB", body = Problem),
        (status = 415, description = "`not-json`", body = Problem),
        (status = 503, description = "`unavailable`: ask again with the same key", body = Problem),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Params(named): Params<ParkedInputInCompany>,
    asked: Asked,
    JsonBody(DropReason { reason }): JsonBody<DropReason>,
) -> Result<Response, Problem> {
    let ParkedInputInCompany { company, parked_input_id } = named;
    let request = OperatorRequest::DropParkedInput { parked_input_id, reason };
    asked.ask::<DroppedInput>(&state, company, request, StatusCode::OK).await
}
