//! `POST /api/v1/companies/{company}/numbers/{number}/service`: an operator says whether a secondary
//! number takes new rooms.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::ids::PhoneNumberId;
use domain::input::OperatorRequest;
use domain::pool::Service;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Asked, CommandHeaders, NumberInCompany, Pending};
use crate::ApiState;
use crate::params::{JsonBody, Params};
use crate::problem::Problem;

/// What a number does.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NumberService {
    /// `in_service`: it takes new rooms. `suspended`: not for the time being. `draining`: no more.
    /// Its open rooms go on.
    #[schema(value_type = String, example = "suspended")]
    service: Service,
}

/// A number whose service is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NumberServiceSet {
    /// The number.
    #[schema(value_type = String)]
    pub number: PhoneNumberId,
    /// Position of the last event that the command led to; none if it was so before.
    pub position: Option<u64>,
    /// The version of the number's pool then, for `If-Match`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// Says whether a secondary number takes new rooms; its open rooms go on whatever it is. New
/// versions of the directory leave it as it is. The same key gets the same answer, however often
/// it is asked.
#[utoipa::path(
    post,
    path = "/api/v1/companies/{company}/numbers/{number}/service",
    tag = "commands",
    params(NumberInCompany, CommandHeaders),
    request_body = NumberService,
    responses(
        (status = 200, description = "Set, now or before", body = NumberServiceSet),
        (status = 202, description = "Stored and not decided yet: ask again with the same key", body = Pending),
        (status = 400, description = "`bad-parameter`, `not-json`", body = Problem),
        (status = 404, description = "`unknown-company`, `unknown-number`", body = Problem),
        (status = 413, description = "`body-too-large`: more than 64 KB", body = Problem),
        (status = 415, description = "`not-json`", body = Problem),
        (status = 503, description = "`unavailable`: ask again with the same key", body = Problem),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Params(NumberInCompany { company, number }): Params<NumberInCompany>,
    asked: Asked,
    JsonBody(NumberService { service }): JsonBody<NumberService>,
) -> Result<Response, Problem> {
    let request = OperatorRequest::SetNumberService { number, service };
    asked.ask::<NumberServiceSet>(&state, company, request, StatusCode::OK).await
}
