//! `GET /api/v1/reminders`, and the query `reminders`.

use axum::Json;
use axum::extract::State;
use domain::ids::{ClientId, CompanyId, RoomId, UserId};
use domain::input::Timestamp;
use readmodel::View;
use readmodel::queries::ReminderFilter;
use serde::Deserialize;
use sqlx::PgPool;
use utoipa::IntoParams;

use super::{Items, paging, reach};
use crate::ApiState;
use crate::params::Params;
use crate::problem::Problem;
use crate::read::{flag, limit, position};
use crate::schema::Reminder;

/// Which reminders. What is left out does not matter.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RemindersQuery {
    /// Whose.
    #[param(value_type = String, example = "acme")]
    pub company: CompanyId,
    /// Of this user.
    #[param(value_type = Option<String>)]
    pub user: Option<UserId>,
    /// Of this client.
    #[param(value_type = Option<uuid::Uuid>)]
    pub client: Option<ClientId>,
    /// Into this room.
    #[param(value_type = Option<uuid::Uuid>)]
    pub room: Option<RoomId>,
    /// Suppressed ones only, or sent ones only.
    #[serde(default, deserialize_with = "flag")]
    pub suppressed: Option<bool>,
    /// At this moment or later (RFC 3339).
    #[param(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub from: Option<Timestamp>,
    /// Before this moment (RFC 3339).
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

/// A company's reminders, the latest first.
///
/// # Errors
/// `bad-parameter`, `not-yet-visible`, `unavailable`.
pub async fn answer(pool: &PgPool, asked: RemindersQuery) -> Result<Items<Reminder>, Problem> {
    let RemindersQuery { company, user, client, room, suppressed, from, to, limit, cursor, wait } =
        asked;
    let filter = ReminderFilter { company, user, client, room, suppressed, from, to };
    let paging = paging(limit, cursor);
    reach(pool, &[View::Reminders], wait).await?;
    Ok(Items::of(readmodel::queries::reminders(pool, &filter, &paging).await?))
}

/// A company's reminders, sent and suppressed, the latest first.
#[utoipa::path(
    get,
    path = "/api/v1/reminders",
    tag = "queries",
    params(RemindersQuery),
    responses(
        (status = 200, description = "A part of the list", body = Items<Reminder>),
        (status = 400, description = "`bad-parameter`", body = Problem),
        (status = 503, description = "`unavailable`, `not-yet-visible`", body = Problem),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Params(asked): Params<RemindersQuery>,
) -> Result<Json<Items<Reminder>>, Problem> {
    answer(&state.readmodel, asked).await.map(Json)
}
