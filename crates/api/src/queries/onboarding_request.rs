//! `GET /api/v1/onboarding-requests/{id}`, and the query `onboarding-request`.

use axum::Json;
use axum::extract::State;
use domain::ids::RequestId;
use readmodel::View;
use sqlx::PgPool;

use super::{OneQuery, reach};
use crate::ApiState;
use crate::params::Params;
use crate::problem::Problem;
use crate::schema::OnboardingRequestDetail;

/// One request with what the client wrote and the messages that it led to.
///
/// # Errors
/// `unknown-onboarding-request`, `bad-parameter`, `not-yet-visible`, `unavailable`.
pub async fn answer(pool: &PgPool, asked: OneQuery) -> Result<OnboardingRequestDetail, Problem> {
    let OneQuery { company, id, wait } = asked;
    reach(pool, &[View::OnboardingRequests, View::OutboundMessages], wait).await?;
    let found = readmodel::queries::onboarding_request(pool, &company, RequestId::from_uuid(id));
    found.await?.map(Into::into).ok_or_else(|| unknown(&company, id))
}

pub(super) fn unknown(company: &domain::ids::CompanyId, id: uuid::Uuid) -> Problem {
    Problem::not_found(
        "unknown-onboarding-request",
        "There is no such onboarding request",
        format!("Company {company} has no request {id}; a new one may take a moment to be shown"),
    )
}

/// One request with what the client wrote and the messages that it led to. Personal data.
#[utoipa::path(
    get,
    path = "/api/v1/onboarding-requests/{id}",
    tag = "queries",
    params(
        ("id" = uuid::Uuid, Path, description = "The request"),
        ("company" = String, Query, description = "Whose", example = "acme"),
        ("wait" = Option<u64>, Query, description = "Answer only once the event at this position, from the answer to a command, is applied; at most 5 s later"),
    ),
    responses(
        (status = 200, description = "The request", body = OnboardingRequestDetail),
        (status = 400, description = "`bad-parameter`", body = Problem),
        (status = 404, description = "`unknown-onboarding-request`", body = Problem),
        (status = 503, description = "`unavailable`, `not-yet-visible`", body = Problem),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Params(asked): Params<OneQuery>,
) -> Result<Json<OnboardingRequestDetail>, Problem> {
    answer(&state.readmodel, asked).await.map(Json)
}
