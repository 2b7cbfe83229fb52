//! `POST /api/v1/companies/{company}/client-profiles/{profile_id}/block` and `…/unblock`: an operator
//! has a client answered no more, or again.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::ids::ProfileId;
use domain::input::OperatorRequest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Asked, CommandHeaders, Pending, ProfileInCompany};
use crate::ApiState;
use crate::params::Params;
use crate::problem::Problem;

/// A profile whose client is blocked, or not any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BlockedClient {
    /// The profile.
    #[schema(value_type = uuid::Uuid)]
    pub profile_id: ProfileId,
    /// Position of the last event that the command led to; none if it was so before.
    pub position: Option<u64>,
    /// The version of the client profile then, for `If-Match`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// Has a profile's client answered no more, whatever it writes to which number: its messages are
/// recorded with the outcome `ignored`. The same key gets the same answer, however often it is asked.
#[utoipa::path(
    post,
    path = "/api/v1/companies/{company}/client-profiles/{profile_id}/block",
    tag = "commands",
    params(ProfileInCompany, CommandHeaders),
    responses(
        (status = 200, description = "Blocked, now or before", body = BlockedClient),
        (status = 202, description = "Stored and not decided yet: ask again with the same key", body = Pending),
        (status = 400, description = "`bad-parameter`", body = Problem),
        (status = 404, description = "`unknown-company`, `unknown-client-profile`", body = Problem),
        (status = 503, description = "`unavailable`: ask again with the same key", body = Problem),
    )
)]
pub(crate) async fn block(
    State(state): State<ApiState>,
    Params(ProfileInCompany { company, profile_id }): Params<ProfileInCompany>,
    asked: Asked,
) -> Result<Response, Problem> {
    let request = OperatorRequest::BlockClient { profile_id };
    asked.ask::<BlockedClient>(&state, company, request, StatusCode::OK).await
}

/// Has a profile's client answered again. What it wrote meanwhile stays unanswered. The same key gets
/// the same answer, however often it is asked.
#[utoipa::path(
    post,
    path = "/api/v1/companies/{company}/client-profiles/{profile_id}/unblock",
    tag = "commands",
    params(ProfileInCompany, CommandHeaders),
    responses(
        (status = 200, description = "Not blocked, now or before", body = BlockedClient),
        (status = 202, description = "Stored and not decided yet: ask again with the same key", body = Pending),
        (status = 400, description = "`bad-parameter`", body = Problem),
        (status = 404, description = "`unknown-company`, `unknown-client-profile`", body = Problem),
        (status = 503, description = "`unavailable`: ask again with the same key", body = Problem),
    )
)]
pub(crate) async fn unblock(
    State(state): State<ApiState>,
    Params(ProfileInCompany { company, profile_id }): Params<ProfileInCompany>,
    asked: Asked,
) -> Result<Response, Problem> {
    let request = OperatorRequest::UnblockClient { profile_id };
    asked.ask::<BlockedClient>(&state, company, request, StatusCode::OK).await
}
