//! `GET /api/v1/me`: whose token it is.

use axum::{Extension, Json};
use directory::access::AccessToken;
use domain::Personal;
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::Problem;

/// The token that was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Me {
    /// The company whose data it opens.
    #[schema(example = "acme")]
    company: String,
    /// What it may do: `admin`, `operator`, `auditor`, `dashboard` or `am-user`.
    role: String,
    /// Who holds it. Personal data.
    #[schema(value_type = String)]
    name: Personal<String>,
    /// The user whose pages it opens, if it is an AM user's.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
}

/// Whose token it is, and what it opens.
#[utoipa::path(
    get,
    path = "/api/v1/me",
    tag = "pages",
    responses((status = 200, description = "The token", body = Me), (status = 503, description = "`unavailable`", body = Problem))
)]
pub(crate) async fn handler(Extension(caller): Extension<AccessToken>) -> Json<Me> {
    Json(Me {
        company: caller.company.to_string(),
        role: caller.role.as_str().to_owned(),
        user: caller.role.user().map(ToString::to_string),
        name: caller.name,
    })
}
