//! The one shape of every refusal: RFC 9457.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

const PREFIX: &str = "urn:onboarding:problem:";

/// Why something is refused (RFC 9457, `application/problem+json`). Holds no personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A stable name of the kind of problem: `urn:onboarding:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the kind means, in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What it is in this case, and the way out.
    pub detail: String,
    /// The parameter, header or member of the body that is at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// After how many seconds the same call may work.
    #[serde(skip)]
    #[schema(ignore)]
    pub retry_after: Option<u32>,
}

impl Problem {
    /// A problem of the kind `code`: lower-case letters, digits and `-`.
    pub fn new(
        status: StatusCode,
        code: &str,
        title: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            kind: format!("{PREFIX}{code}"),
            title: title.into(),
            status: status.as_u16(),
            detail: detail.into(),
            field: None,
            retry_after: None,
        }
    }

    /// Names what is at fault.
    #[must_use]
    pub fn field(self, field: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..self }
    }

    /// Says when the same call may work.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// The kind's name: the end of `type`.
    pub fn code(&self) -> &str {
        self.kind.strip_prefix(PREFIX).unwrap_or(&self.kind)
    }

    /// A bad parameter, header or member of the body.
    pub fn bad(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-parameter", "A parameter is wrong", detail)
            .field(field)
    }

    /// There is no such thing in the company.
    pub fn not_found(code: &str, title: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, title, detail)
    }

    /// Something that we need does not answer.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        const TITLE: &str = "The service can't do this right now";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", TITLE, detail).retry_after(5)
    }

    /// A fault of ours. What it is stands in the log.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Internal error",
            "The fault is ours and is logged; trying again does not help",
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_string(&self).unwrap_or_default();
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        let mut response = (status, kind, body).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        // A webhook's signature is another matter.
        let asks_for_token = self.field.as_deref() == Some(header::AUTHORIZATION.as_str());
        if status == StatusCode::UNAUTHORIZED && asks_for_token {
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

/// Over NATS `field` has no place of its own; the detail names it as well.
impl From<Problem> for messaging::query::Problem {
    fn from(problem: Problem) -> Self {
        let Problem { kind, title, status, detail, field, .. } = problem;
        Self { kind, title, status, detail, field }
    }
}

/// A refusal that came over NATS.
impl From<messaging::query::Problem> for Problem {
    fn from(problem: messaging::query::Problem) -> Self {
        let messaging::query::Problem { kind, title, status, detail, field } = problem;
        Self { kind, title, status, detail, field, retry_after: None }
    }
}

impl From<readmodel::queries::QueryError> for Problem {
    fn from(error: readmodel::queries::QueryError) -> Self {
        use readmodel::queries::QueryError;
        match &error {
            QueryError::BadCursor => Self::bad("cursor", format!("cursor: {error}")),
            QueryError::BadLimit(_) => Self::bad("limit", error.to_string()),
            QueryError::Database { source, .. } => {
                tracing::warn!(%error, cause = %source, "a query could not be answered");
                if error.is_transient() {
                    Self::unavailable("The read models don't answer; try again in a moment")
                } else {
                    Self::internal()
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_the_members_of_rfc_9457() {
        let problem = Problem::bad("limit", "limit: must be a number from 1 to 200");
        let json = serde_json::to_value(&problem).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "type": "urn:onboarding:problem:bad-parameter",
                "title": "A parameter is wrong",
                "status": 400,
                "detail": "limit: must be a number from 1 to 200",
                "field": "limit",
            })
        );
        assert_eq!(problem.code(), "bad-parameter");
        let response = problem.retry_after(5).into_response();
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["retry-after"], "5");
    }
}
