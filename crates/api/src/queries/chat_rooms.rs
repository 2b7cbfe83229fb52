//! `GET /api/v1/chat-rooms`, and the query `chat-rooms`.

use axum::Json;
use axum::extract::State;
use domain::ids::{ClientId, CompanyId, PhoneNumberId, UserId};
use domain::input::Timestamp;
use domain::profile::RoomPhase;
use readmodel::View;
use readmodel::queries::ChatRoomFilter;
use serde::Deserialize;
use sqlx::PgPool;
use utoipa::IntoParams;

use super::{Items, paging, reach};
use crate::ApiState;
use crate::params::Params;
use crate::problem::Problem;
use crate::read::{flag, limit, position};
use crate::schema::ChatRoom;

/// Which rooms. What is left out does not matter.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ChatRoomsQuery {
    /// Whose.
    #[param(value_type = String, example = "acme")]
    pub company: CompanyId,
    /// `reserved`, `invited`, `active` or `closed`.
    #[param(value_type = Option<String>)]
    pub phase: Option<RoomPhase>,
    /// Of this user.
    #[param(value_type = Option<String>)]
    pub user: Option<UserId>,
    /// Of this client.
    #[param(value_type = Option<uuid::Uuid>)]
    pub client: Option<ClientId>,
    /// On this secondary number: its `phone_number_id`.
    #[param(value_type = Option<String>)]
    pub number: Option<PhoneNumberId>,
    /// Only open rooms that clash with another open one: two clients turned out to be one. An
    /// operator closes one of them.
    #[serde(default, deserialize_with = "flag")]
    pub clashing: Option<bool>,
    /// Reserved at this moment or later (RFC 3339).
    #[param(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub from: Option<Timestamp>,
    /// Reserved before this moment (RFC 3339).
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

/// A company's rooms, the one reserved last first.
///
/// # Errors
/// `bad-parameter`, `not-yet-visible`, `unavailable`.
pub async fn answer(pool: &PgPool, asked: ChatRoomsQuery) -> Result<Items<ChatRoom>, Problem> {
    let ChatRoomsQuery {
        company,
        phase,
        user,
        client,
        number,
        clashing,
        from,
        to,
        limit,
        cursor,
        wait,
    } = asked;
    let clashing = clashing.unwrap_or_default();
    let filter = ChatRoomFilter { company, phase, user, client, number, clashing, from, to };
    let paging = paging(limit, cursor);
    reach(pool, &[View::ChatRooms], wait).await?;
    Ok(Items::of(readmodel::queries::chat_rooms(pool, &filter, &paging).await?))
}

/// A company's 1:1 rooms, the one reserved last first.
#[utoipa::path(
    get,
    path = "/api/v1/chat-rooms",
    tag = "queries",
    params(ChatRoomsQuery),
    responses(
        (status = 200, description = "A part of the list", body = Items<ChatRoom>),
        (status = 400, description = "`bad-parameter`", body = Problem),
        (status = 503, description = "`unavailable`, `not-yet-visible`", body = Problem),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Params(asked): Params<ChatRoomsQuery>,
) -> Result<Json<Items<ChatRoom>>, Problem> {
    answer(&state.readmodel, asked).await.map(Json)
}
