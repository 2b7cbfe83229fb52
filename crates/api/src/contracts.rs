//! `GET /api/v1/contracts` and `/api/v1/contracts/{name}`: JSON Schemas and AsyncAPI, as published.

use axum::Json;
use axum::extract::{RawPathParams, State};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::ApiState;
use crate::problem::Problem;

/// The contracts that there are.
#[derive(Serialize, ToSchema)]
pub struct Contracts {
    /// Their names.
    items: Vec<String>,
    /// Always none: this is all.
    next_cursor: Option<String>,
}

/// Names of all published contracts.
#[utoipa::path(
    get,
    path = "/api/v1/contracts",
    tag = "contracts",
    responses((status = 200, description = "Their names", body = Contracts))
)]
pub(crate) async fn list(State(state): State<ApiState>) -> Json<Contracts> {
    let items = state.contracts.keys().cloned().collect();
    Json(Contracts { items, next_cursor: None })
}

/// One published contract.
#[utoipa::path(
    get,
    path = "/api/v1/contracts/{name}",
    tag = "contracts",
    params(("name" = String, Path, description = "A name of `/api/v1/contracts`; it may hold `/`")),
    responses(
        (status = 200, description = "The document", body = Object),
        (status = 404, description = "`unknown-contract`", body = Problem),
    )
)]
pub(crate) async fn one(
    State(state): State<ApiState>,
    path: RawPathParams,
) -> Result<Json<Value>, Problem> {
    let name = path.iter().find_map(|(name, value)| (name == "name").then_some(value));
    let found = name.and_then(|name| state.contracts.get(name));
    found.cloned().map(Json).ok_or_else(|| {
        Problem::not_found(
            "unknown-contract",
            "There is no such contract",
            "/api/v1/contracts lists the names",
        )
    })
}
