//! `GET /readyz`: may requests be sent here?

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::OpsState;

/// One thing that the process needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Check {
    /// What: `postgres`, `nats`, ….
    pub name: String,
    /// Whether it is there.
    pub ok: bool,
    /// What is wrong with it and what to do; no secrets.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// Whether the process is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Readiness {
    /// Whether all checks are.
    pub ready: bool,
    /// The checks.
    pub checks: Vec<Check>,
}

/// Whether requests may be sent here, check by check.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operation",
    responses(
        (status = 200, description = "Ready", body = Readiness),
        (status = 503, description = "Not ready; the checks say why", body = Readiness),
    )
)]
pub(crate) async fn handler(State(state): State<OpsState>) -> (StatusCode, Json<Readiness>) {
    let checks = (state.checks)().await;
    let ready = checks.iter().all(|check| check.ok);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, checks }))
}
