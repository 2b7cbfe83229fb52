//! `POST /api/v1/companies/{company}/pools/{pool}/numbers`: an operator adds a secondary number to a
//! pool.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::identity::{Country, PhoneNumber};
use domain::ids::{CompanyId, PhoneNumberId, PoolKey};
use domain::input::{NewNumber, OperatorRequest};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Asked, CommandHeaders, Pending};
use crate::ApiState;
use crate::params::{JsonBody, Params};
use crate::problem::Problem;

/// A pool of a company.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
#[serde(deny_unknown_fields)]
pub(crate) struct PoolInCompany {
    /// The company.
    #[param(value_type = String, example = "acme")]
    company: CompanyId,
    /// The pool, as the directory names it.
    #[param(value_type = String, example = "main")]
    pool: PoolKey,
}

/// A secondary number.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PoolNumber {
    /// Its `phone_number_id`: of the app of the pool's primary.
    #[schema(value_type = String, example = "100000000000004")]
    number: PhoneNumberId,
    /// What clients see.
    #[schema(value_type = String, example = "+12025550104")]
    display_number: PhoneNumber,
    /// Its country; told from the display number if none is given.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "US")]
    country: Option<Country>,
    /// At most this many open rooms; no limit if none is given.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000)]
    capacity: Option<u32>,
}

/// A number that is in its pool, or in none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NumberOfDirectory {
    /// The number.
    #[schema(value_type = String)]
    pub number: PhoneNumberId,
    /// The version of the directory in which it is so.
    pub directory_version: u64,
    /// Position of the last event that the command led to, if it led to one.
    pub position: Option<u64>,
}

/// Adds a secondary number to a pool without a whole file: a new version of the directory with this
/// one change, under the rules of a file, which counts for the company's next message. A file that is
/// applied later says again what the pools have. The same key gets the same answer, however often it
/// is asked.
#[utoipa::path(
    post,
    path = "/api/v1/companies/{company}/pools/{pool}/numbers",
    tag = "commands",
    params(PoolInCompany, CommandHeaders),
    request_body = PoolNumber,
    responses(
        (status = 200, description = "In the pool, now or before", body = NumberOfDirectory),
        (status = 202, description = "Stored and not decided yet: ask again with the same key", body = Pending),
        (status = 400, description = "`bad-parameter`, `not-json`", body = Problem),
        (status = 404, description = "`unknown-company`, `unknown-pool`", body = Problem),
        (status = 409, description = "`number-exists`: the company has it in a pool, or with another display number; `number-taken`: another company has it; `display-number-taken`", body = Problem),
        (status = 413, description = "`body-too-large`: more than 64 KB", body = Problem),
        (status = 415, description = "`not-json`", body = Problem),
        (status = 422, description = "Refused: `other-app`, `no-country`, `capacity-out-of-range`", body = Problem),
        (status = 503, description = "`unavailable`: ask again with the same key", body = Problem),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Params(PoolInCompany { company, pool }): Params<PoolInCompany>,
    asked: Asked,
    JsonBody(body): JsonBody<PoolNumber>,
) -> Result<Response, Problem> {
    let PoolNumber { number, display_number, country, capacity } = body;
    let new = NewNumber { pool, number, display_number, country, capacity };
    let request = OperatorRequest::AddNumber(new);
    asked.ask::<NumberOfDirectory>(&state, company, request, StatusCode::OK).await
}
