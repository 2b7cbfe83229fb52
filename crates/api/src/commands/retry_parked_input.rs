//! `POST /api/v1/companies/{company}/parked-inputs/{parked_input_id}/retry`: an operator has an input
//! put back into its lane that could not be decided.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::ids::CompanyId;
use domain::input::OperatorRequest;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Asked, CommandHeaders, Pending};
use crate::ApiState;
use crate::params::Params;
use crate::problem::Problem;
use crate::read::number;

/// A parked input of a company.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
#[serde(deny_unknown_fields)]
pub(crate) struct ParkedInputInCompany {
    /// The company.
    #[param(value_type = String, example = "acme")]
    pub(super) company: CompanyId,
    /// The input's number, as the list has it.
    #[serde(deserialize_with = "number")]
    pub(super) parked_input_id: u64,
}

/// A parked input that is to be put back, or was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RetriedInput {
    /// Its number.
    pub parked_input_id: u64,
}

/// Has a parked input put back into its lane, once its cause is mended: byte for byte, within
/// moments, and once, however often and by whomever it is asked for. What was decided before is
/// recognised; what still can't be decided is parked again, under another number.
#[utoipa::path(
    post,
    path = "/api/v1/companies/{company}/parked-inputs/{parked_input_id}/retry",
    tag = "commands",
    params(ParkedInputInCompany, CommandHeaders),
    responses(
        (status = 200, description = "On record, now or before", body = RetriedInput),
        (status = 202, description = "Stored and not decided yet: ask again with the same key", body = Pending),
        (status = 400, description = "`bad-parameter`", body = Problem),
        (status = 404, description = "`unknown-company`, `unknown-parked-input`", body = Problem),
        (status = 409, description = "`not-retriable`: it is kept in parts", body = Problem),
        (status = 503, description = "`unavailable`: ask again with the same key", body = Problem),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Params(named): Params<ParkedInputInCompany>,
    asked: Asked,
) -> Result<Response, Problem> {
    let ParkedInputInCompany { company, parked_input_id } = named;
    let request = OperatorRequest::RetryParkedInput { parked_input_id };
    asked.ask::<RetriedInput>(&state, company, request, StatusCode::OK).await
}
