//! Extractors whose refusals are [`Problem`]s.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use domain::ids::CompanyId;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use utoipa::IntoParams;

use crate::limits::BodyTime;
use crate::problem::Problem;
use crate::read::read;

/// The parameters of path and query string together, so that a query over HTTP reads what the same
/// query over NATS reads.
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        read(Value::Object(parameters(parts).await?)).map(Self)
    }
}

/// What path and query string name, each once.
///
/// # Errors
/// `bad-parameter`: one is given twice, or can't be read.
pub(crate) async fn parameters(parts: &mut Parts) -> Result<Map<String, Value>, Problem> {
    let mut members = Map::new();
    let mut add = |name: &str, value: &str| {
        let before = members.insert(name.to_owned(), value.into());
        match before {
            None => Ok(()),
            Some(_) => Err(Problem::bad(name, format!("{name}: is given twice"))),
        }
    };
    let path = RawPathParams::from_request_parts(parts, &()).await;
    let path = path.map_err(|_| Problem::bad("path", "The path is not UTF-8"))?;
    for (name, value) in &path {
        add(name, value)?;
    }
    let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
    let Query(query) =
        query.map_err(|_| Problem::bad("query", "The query string can't be read"))?;
    for (name, value) in &query {
        add(name, value)?;
    }
    Ok(members)
}

/// The company in a path.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
#[serde(deny_unknown_fields)]
pub(crate) struct InCompany {
    /// The company.
    #[param(value_type = String, example = "acme")]
    pub(crate) company: CompanyId,
}

/// A body of JSON.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if !kind.is_some_and(|kind| kind.starts_with("application/json")) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not-json",
                "The body is not JSON",
                "Send the body as Content-Type: application/json",
            )
            .field("Content-Type"));
        }
        let body = body(request, state).await?;
        let value = serde_json::from_slice(&body).map_err(|error| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                "not-json",
                "The body is not JSON",
                format!("It stops being JSON at line {}, column {}", error.line(), error.column()),
            )
        })?;
        read(value).map(Self)
    }
}

/// A body as it came, as long as the route takes it, and its client does not take too long.
pub(crate) async fn body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    let within = BodyTime::of(&request);
    let read = tokio::time::timeout(within, Bytes::from_request(request, state)).await;
    read.map_err(|_| body_too_slow(within))?.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            body_too_large()
        } else {
            body_unreadable()
        }
    })
}

pub(crate) fn body_too_large() -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body-too-large",
        "The body is too large",
        "This route takes less; see its description in /api/v1/openapi.json",
    )
}

pub(crate) fn body_unreadable() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "body-unreadable",
        "The body could not be read",
        "The connection ended before the body did; send it again",
    )
}

/// Not 408: nothing is wrong with what was sent, and after 504 WhatsApp sends it again.
pub(crate) fn body_too_slow(within: Duration) -> Problem {
    Problem::new(
        StatusCode::GATEWAY_TIMEOUT,
        "too-slow",
        "The request took too long",
        format!("Its body did not come within {} seconds; send it again", within.as_secs()),
    )
    .retry_after(5)
}
