//! `GET /api/v1/chat-rooms/{id}`, and the query `chat-room`.

use axum::Json;
use axum::extract::State;
use domain::ids::RoomId;
use readmodel::View;
use sqlx::PgPool;

use super::{OneQuery, reach};
use crate::ApiState;
use crate::params::Params;
use crate::problem::Problem;
use crate::schema::ChatRoom;

/// One room.
///
/// # Errors
/// `unknown-chat-room`, `bad-parameter`, `not-yet-visible`, `unavailable`.
pub async fn answer(pool: &PgPool, asked: OneQuery) -> Result<ChatRoom, Problem> {
    let OneQuery { company, id, wait } = asked;
    reach(pool, &[View::ChatRooms], wait).await?;
    let found = readmodel::queries::chat_room(pool, &company, RoomId::from_uuid(id)).await?;
    found.map(Into::into).ok_or_else(|| {
        Problem::not_found(
            "unknown-chat-room",
            "There is no such chat room",
            format!("Company {company} has no room {id}; a new one may take a moment to be shown"),
        )
    })
}

/// One 1:1 room.
#[utoipa::path(
    get,
    path = "/api/v1/chat-rooms/{id}",
    tag = "queries",
    params(
        ("id" = uuid::Uuid, Path, description = "The room"),
        ("company" = String, Query, description = "Whose", example = "acme"),
        ("wait" = Option<u64>, Query, description = "Answer only once the event at this position, from the answer to a command, is applied; at most 5 s later"),
    ),
    responses(
        (status = 200, description = "The room", body = ChatRoom),
        (status = 400, description = "`bad-parameter`", body = Problem),
        (status = 404, description = "`unknown-chat-room`", body = Problem),
        (status = 503, description = "`unavailable`, `not-yet-visible`", body = Problem),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Params(asked): Params<OneQuery>,
) -> Result<Json<ChatRoom>, Problem> {
    answer(&state.readmodel, asked).await.map(Json)
}
