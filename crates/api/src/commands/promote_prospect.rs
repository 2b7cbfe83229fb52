//! `POST /api/v1/companies/{company}/onboarding-requests/{request_id}/promote`: an operator onboards a
//! client who was recorded as a prospect.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::ids::{CompanyId, RequestId};
use domain::input::OperatorRequest;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Asked, CommandHeaders, Pending};
use crate::ApiState;
use crate::params::Params;
use crate::problem::Problem;

/// A request of a company.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestInCompany {
    /// The company.
    #[param(value_type = String, example = "acme")]
    company: CompanyId,
    /// The request that recorded the prospect.
    #[param(value_type = uuid::Uuid)]
    request_id: RequestId,
}

/// What a promotion makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PromotedProspect {
    /// The request that goes on with the prospect's message; its outcome tells how it ended.
    #[schema(value_type = uuid::Uuid)]
    pub request_id: RequestId,
    /// Position of the last event that the command led to.
    pub position: Option<u64>,
    /// The version of the request that recorded the prospect then, for `If-Match`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// Onboards a client whose request ended as `prospect_recorded`: its message is decided as if it had
/// come now and auto promotion were on, as a request of its own. Who has a room with the user by then
/// joins it or is reminded of it. The same key gets the same answer, however often it is asked.
#[utoipa::path(
    post,
    path = "/api/v1/companies/{company}/onboarding-requests/{request_id}/promote",
    tag = "commands",
    params(RequestInCompany, CommandHeaders),
    responses(
        (status = 201, description = "Decided, now or before", body = PromotedProspect),
        (status = 202, description = "Stored and not decided yet: ask again with the same key", body = Pending),
        (status = 400, description = "`bad-parameter`", body = Problem),
        (status = 404, description = "`unknown-company`, `unknown-onboarding-request`", body = Problem),
        (status = 409, description = "`no-prospect`; `user-not-found`: nobody active has the extension any more; `client-moved`: it has another number; `client-blocked`; `client-stopped`: it wants no templates", body = Problem),
        (status = 503, description = "`unavailable`: ask again with the same key", body = Problem),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Params(RequestInCompany { company, request_id }): Params<RequestInCompany>,
    asked: Asked,
) -> Result<Response, Problem> {
    let request = OperatorRequest::PromoteProspect { request_id };
    asked.ask::<PromotedProspect>(&state, company, request, StatusCode::CREATED).await
}
