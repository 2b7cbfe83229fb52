//! `GET /webhooks/whatsapp/{app}`: Meta asks whether the webhook is ours.

use axum::extract::{Query, RawPathParams, State};
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use super::GatewayState;
use crate::problem::Problem;

/// What Meta sends.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Handshake {
    /// `subscribe`.
    #[serde(default, rename = "hub.mode")]
    mode: String,
    /// The token that was typed into Meta's app dashboard.
    #[serde(default, rename = "hub.verify_token")]
    verify_token: String,
    /// What to answer.
    #[serde(default, rename = "hub.challenge")]
    challenge: String,
}

/// Answers the challenge of Meta's verification handshake, as text.
#[utoipa::path(
    get,
    path = "/webhooks/whatsapp/{app}",
    tag = "webhooks",
    params(("app" = String, Path, description = "The app's id in our configuration"), Handshake),
    responses(
        (status = 200, description = "The challenge", body = String, content_type = "text/plain"),
        (status = 403, description = "Not `subscribe`, or another token: `handshake-refused`", body = Problem),
        (status = 404, description = "`unknown-app`", body = Problem),
    )
)]
pub(crate) async fn handshake(
    State(state): State<GatewayState>,
    path: RawPathParams,
    query: Result<Query<Handshake>, axum::extract::rejection::QueryRejection>,
) -> Result<String, Problem> {
    let (id, app) = state.app(&path)?;
    if let Ok(Query(asked)) = query
        && asked.mode == "subscribe"
        && app.verify_token.matches(&asked.verify_token)
    {
        tracing::info!(app = %id, "webhook verified");
        return Ok(asked.challenge);
    }
    tracing::warn!(app = %id, "a webhook handshake was refused");
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "handshake-refused",
        "The handshake is refused",
        "hub.mode must be subscribe and hub.verify_token the app's configured token",
    ))
}
