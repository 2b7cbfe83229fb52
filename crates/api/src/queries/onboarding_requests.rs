//! `GET /api/v1/onboarding-requests`, and the query `onboarding-requests`.

use axum::Json;
use axum::extract::State;
use domain::ids::{ClientId, CompanyId, UserId};
use domain::input::Timestamp;
use domain::request::Outcome;
use readmodel::View;
use readmodel::queries::{OnboardingRequestFilter, RequestStatus};
use serde::Deserialize;
use sqlx::PgPool;
use utoipa::IntoParams;

use super::{Items, paging, reach};
use crate::ApiState;
use crate::params::Params;
use crate::problem::Problem;
use crate::read::{flag, limit, position};
use crate::schema::OnboardingRequest;

/// Which requests. What is left out does not matter.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RequestsQuery {
    /// Whose.
    #[param(value_type = String, example = "acme")]
    pub company: CompanyId,
    /// `under_way` or `ended`.
    #[param(value_type = Option<String>)]
    pub status: Option<RequestStatus>,
    /// Ended in this way, e.g. `onboarded`.
    #[param(value_type = Option<String>)]
    pub outcome: Option<Outcome>,
    /// Prospects only: those that an operator has promoted (`true`), or those that wait (`false`).
    #[serde(default, deserialize_with = "flag")]
    pub promoted: Option<bool>,
    /// About this user.
    #[param(value_type = Option<String>)]
    pub user: Option<UserId>,
    /// By this client.
    #[param(value_type = Option<uuid::Uuid>)]
    pub client: Option<ClientId>,
    /// Received at this moment or later (RFC 3339).
    #[param(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub from: Option<Timestamp>,
    /// Received before this moment (RFC 3339).
    #[param(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub to: Option<Timestamp>,
    /// How many at most; 50 if left out.
    #[serde(default, deserialize_with = "limit")]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the part before.
    pub cursor: Option<String>,
    /// Answer only once the event at this position, from the answer to a command, is applied; at
    /// most 5 s later.
    #[serde(default, deserialize_with = "position")]
    pub wait: Option<u64>,
}

/// A company's requests, the one received last first.
///
/// # Errors
/// `bad-parameter`, `not-yet-visible`, `unavailable`.
pub async fn answer(
    pool: &PgPool,
    asked: RequestsQuery,
) -> Result<Items<OnboardingRequest>, Problem> {
    let RequestsQuery {
        company,
        status,
        outcome,
        promoted,
        user,
        client,
        from,
        to,
        limit,
        cursor,
        wait,
    } = asked;
    let filter =
        OnboardingRequestFilter { company, status, outcome, promoted, user, client, from, to };
    let paging = paging(limit, cursor);
    reach(pool, &[View::OnboardingRequests], wait).await?;
    Ok(Items::of(readmodel::queries::onboarding_requests(pool, &filter, &paging).await?))
}

/// A company's requests, the one received last first.
#[utoipa::path(
    get,
    path = "/api/v1/onboarding-requests",
    tag = "queries",
    params(RequestsQuery),
    responses(
        (status = 200, description = "A part of the list", body = Items<OnboardingRequest>),
        (status = 400, description = "`bad-parameter`", body = Problem),
        (status = 503, description = "`unavailable`, `not-yet-visible`", body = Problem),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Params(asked): Params<RequestsQuery>,
) -> Result<Json<Items<OnboardingRequest>>, Problem> {
    answer(&state.readmodel, asked).await.map(Json)
}
