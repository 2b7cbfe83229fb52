//! `POST /api/v1/companies/{company}/users/{user_id}/extension`: an operator gives a user another
//! extension, or none.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::Extension;
use domain::ids::{CompanyId, UserId};
use domain::input::OperatorRequest;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Asked, CommandHeaders, Pending};
use crate::ApiState;
use crate::params::{JsonBody, Params};
use crate::problem::Problem;

/// A user of a company.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserInCompany {
    /// The company.
    #[param(value_type = String, example = "acme")]
    company: CompanyId,
    /// The user.
    #[param(value_type = String, example = "michael")]
    user_id: UserId,
}

/// What a user is named by.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserExtension {
    /// The word after `#`; `null` takes it away. Never left out.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(value_type = Option<String>, required = true, example = "mike")]
    extension: Option<Extension>,
}

/// A user whose extension is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserExtensionSet {
    /// The user.
    #[schema(value_type = String)]
    pub user_id: UserId,
    /// The version of the directory in which it is so.
    pub directory_version: u64,
    /// Position of the last event that the command led to, if it led to one.
    pub position: Option<u64>,
}

/// Gives a user another extension, or none, without a whole file: a new version of the directory with
/// this one change, which counts for the company's next message. A file that is applied later says
/// again what every user's extension is. The same key gets the same answer, however often it is asked.
#[utoipa::path(
    post,
    path = "/api/v1/companies/{company}/users/{user_id}/extension",
    tag = "commands",
    params(UserInCompany, CommandHeaders),
    request_body = UserExtension,
    responses(
        (status = 200, description = "Set, now or before", body = UserExtensionSet),
        (status = 202, description = "Stored and not decided yet: ask again with the same key", body = Pending),
        (status = 400, description = "`bad-parameter`, `not-json`", body = Problem),
        (status = 404, description = "`unknown-company`", body = Problem),
        (status = 409, description = "`extension-taken`", body = Problem),
        (status = 413, description = "`body-too-large`: more than 64 KB", body = Problem),
        (status = 415, description = "`not-json`", body = Problem),
        (status = 422, description = "Refused: `unknown-user`", body = Problem),
        (status = 503, description = "`unavailable`: ask again with the same key", body = Problem),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Params(UserInCompany { company, user_id }): Params<UserInCompany>,
    asked: Asked,
    JsonBody(UserExtension { extension }): JsonBody<UserExtension>,
) -> Result<Response, Problem> {
    let request = OperatorRequest::SetUserExtension { user_id, extension };
    asked.ask::<UserExtensionSet>(&state, company, request, StatusCode::OK).await
}
