//! `POST /api/v1/companies/{company}/client-profiles/{profile_id}/archive`: an operator uses a
//! profile no more.

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

/// A profile that is archived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ArchivedClientProfile {
    /// The profile.
    #[schema(value_type = uuid::Uuid)]
    pub profile_id: ProfileId,
    /// Position of the last event that the command led to; none if it was archived before.
    pub position: Option<u64>,
    /// The version of the client profile then, for `If-Match`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// Uses a profile no more: no onboarding takes it, and its client's next request gets another. Its
/// rooms stay as they are. The same key gets the same answer, however often it is asked.
#[utoipa::path(
    post,
    path = "/api/v1/companies/{company}/client-profiles/{profile_id}/archive",
    tag = "commands",
    params(ProfileInCompany, CommandHeaders),
    responses(
        (status = 200, description = "Archived, now or before", body = ArchivedClientProfile),
        (status = 202, description = "Stored and not decided yet: ask again with the same key", body = Pending),
        (status = 400, description = "`bad-parameter`", body = Problem),
        (status = 404, description = "`unknown-company`, `unknown-client-profile`", body = Problem),
        (status = 503, description = "`unavailable`: ask again with the same key", body = Problem),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Params(ProfileInCompany { company, profile_id }): Params<ProfileInCompany>,
    asked: Asked,
) -> Result<Response, Problem> {
    let request = OperatorRequest::ArchiveClientProfile { profile_id };
    asked.ask::<ArchivedClientProfile>(&state, company, request, StatusCode::OK).await
}
