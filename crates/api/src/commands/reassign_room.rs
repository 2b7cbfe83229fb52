//! `POST /api/v1/companies/{company}/chat-rooms/{room_id}/reassign`: an operator gives a room to
//! another user.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::ids::{RoomId, UserId};
use domain::input::OperatorRequest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Asked, CommandHeaders, Pending, RoomInCompany};
use crate::ApiState;
use crate::params::{JsonBody, Params};
use crate::problem::Problem;

/// Whose room it is to be.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoomsUser {
    /// The user: active, and allowed to see the client's profile.
    #[schema(value_type = String, example = "anna")]
    user_id: UserId,
}

/// A room that is a user's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReassignedRoom {
    /// The room.
    #[schema(value_type = uuid::Uuid)]
    pub room_id: RoomId,
    /// Its user.
    #[schema(value_type = String)]
    pub user_id: UserId,
    /// Position of the last event that the command led to; none if it was the user's before.
    pub position: Option<u64>,
    /// The version of the room's client profile then, for `If-Match`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// Gives an active room to another user. The room, its number and with it the thread on the client's
/// phone stay; the user before stays assigned to the profile. From then on the client's requests for
/// the new user lead into this room, and those for the user before to another one. The client is told
/// nothing. The same key gets the same answer, however often it is asked.
#[utoipa::path(
    post,
    path = "/api/v1/companies/{company}/chat-rooms/{room_id}/reassign",
    tag = "commands",
    params(RoomInCompany, CommandHeaders),
    request_body = RoomsUser,
    responses(
        (status = 200, description = "The user's, now or before", body = ReassignedRoom),
        (status = 202, description = "Stored and not decided yet: ask again with the same key", body = Pending),
        (status = 400, description = "`bad-parameter`, `not-json`", body = Problem),
        (status = 404, description = "`unknown-company`, `unknown-chat-room`", body = Problem),
        (status = 409, description = "`room-closed`, `room-under-way`: its onboarding has not ended; `room-open-with-user`: the client has a room with this user; `client-profile-hidden`: this user may not see the client's profile", body = Problem),
        (status = 413, description = "`body-too-large`: more than 64 KB", body = Problem),
        (status = 415, description = "`not-json`", body = Problem),
        (status = 422, description = "Refused: `unknown-user`", body = Problem),
        (status = 503, description = "`unavailable`: ask again with the same key", body = Problem),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Params(RoomInCompany { company, room_id }): Params<RoomInCompany>,
    asked: Asked,
    JsonBody(RoomsUser { user_id }): JsonBody<RoomsUser>,
) -> Result<Response, Problem> {
    let request = OperatorRequest::ReassignRoom { room_id, user_id };
    asked.ask::<ReassignedRoom>(&state, company, request, StatusCode::OK).await
}
