//! `GET /api/v1/users/{id}/click-to-chat`.

use axum::Json;
use axum::extract::State;
use domain::Personal;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Link, UserQuery, link};
use crate::ApiState;
use crate::params::Params;
use crate::problem::Problem;

/// What leads a client to a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ClickToChat {
    /// The user's name, as clients see it. Personal data.
    #[schema(value_type = String)]
    name: Personal<String>,
    /// Opens WhatsApp with the message `#<extension>` to the primary.
    #[schema(example = "https://wa.me/4930123456?text=%23michael")]
    url: String,
    /// The user's extension.
    extension: String,
    /// The number that clients of this user write to first.
    primary: String,
}

/// A link that opens WhatsApp with the message `#<extension>` to the user's primary.
#[utoipa::path(
    get,
    path = "/api/v1/users/{id}/click-to-chat",
    tag = "pages",
    params(
        ("id" = String, Path, description = "The user; unique in the company only"),
        ("company" = String, Query, description = "Whose user", example = "acme"),
    ),
    responses(
        (status = 200, description = "The link", body = ClickToChat),
        (status = 400, description = "`bad-parameter`", body = Problem),
        (status = 404, description = "`unknown-company`, `unknown-user`", body = Problem),
        (status = 409, description = "`no-extension`, `account-configuration-broken`", body = Problem),
        (status = 503, description = "`unavailable`", body = Problem),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Params(asked): Params<UserQuery>,
) -> Result<Json<ClickToChat>, Problem> {
    let Link { name, url, extension, primary } = link(&state, &asked).await?;
    Ok(Json(ClickToChat { name, url, extension, primary }))
}
