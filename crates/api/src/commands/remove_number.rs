//! `POST /api/v1/companies/{company}/numbers/{number}/remove`: an operator takes a secondary number
//! out of its pool.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::input::OperatorRequest;

use super::add_number::NumberOfDirectory;
use super::{Asked, CommandHeaders, NumberInCompany, Pending};
use crate::ApiState;
use crate::params::Params;
use crate::problem::Problem;

/// Takes a secondary number out of its pool without a whole file: a new version of the directory with
/// this one change. Its active rooms are closed, those under way once they are active; no new ones
/// come. The official account stays the company's, in no pool. The same key gets the same answer,
/// however often it is asked.
#[utoipa::path(
    post,
    path = "/api/v1/companies/{company}/numbers/{number}/remove",
    tag = "commands",
    params(NumberInCompany, CommandHeaders),
    responses(
        (status = 200, description = "In no pool, now or before", body = NumberOfDirectory),
        (status = 202, description = "Stored and not decided yet: ask again with the same key", body = Pending),
        (status = 400, description = "`bad-parameter`", body = Problem),
        (status = 404, description = "`unknown-company`, `unknown-number`", body = Problem),
        (status = 409, description = "`number-is-primary`", body = Problem),
        (status = 503, description = "`unavailable`: ask again with the same key", body = Problem),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Params(NumberInCompany { company, number }): Params<NumberInCompany>,
    asked: Asked,
) -> Result<Response, Problem> {
    let request = OperatorRequest::RemoveNumber { number };
    asked.ask::<NumberOfDirectory>(&state, company, request, StatusCode::OK).await
}
