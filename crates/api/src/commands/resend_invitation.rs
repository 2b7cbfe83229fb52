//! `POST /api/v1/companies/{company}/chat-rooms/{room_id}/resend-invitation`: an operator has an
//! invitation sent once more.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::ids::RoomId;
use domain::input::OperatorRequest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Asked, CommandHeaders, Pending, RoomInCompany};
use crate::ApiState;
use crate::params::Params;
use crate::problem::Problem;

/// A room whose invitation is sent once more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InvitationResent {
    /// The room.
    #[schema(value_type = uuid::Uuid)]
    pub room_id: RoomId,
    /// Position of the last event that the command led to.
    pub position: Option<u64>,
    /// The version of the room's client profile then, for `If-Match`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// Sends a room's invitation once more, in the words of the first, if its client has not written into
/// it and no invitation is on its way. What becomes of it is shown with the request that opened the
/// room; if it fails, an earlier one that did not still stands, and the room with it. The same key gets the same answer, however often it is
/// asked.
#[utoipa::path(
    post,
    path = "/api/v1/companies/{company}/chat-rooms/{room_id}/resend-invitation",
    tag = "commands",
    params(RoomInCompany, CommandHeaders),
    responses(
        (status = 200, description = "Requested, now or before", body = InvitationResent),
        (status = 202, description = "Stored and not decided yet: ask again with the same key", body = Pending),
        (status = 400, description = "`bad-parameter`", body = Problem),
        (status = 404, description = "`unknown-company`, `unknown-chat-room`", body = Problem),
        (status = 409, description = "`room-closed`; `no-invitation-needed`: the client has written; `invitation-under-way`; `client-moved`: it has another number; `client-blocked`; `client-stopped`: it wants no templates", body = Problem),
        (status = 422, description = "Refused: `unknown-user`: the room's user is not active", body = Problem),
        (status = 503, description = "`unavailable`: ask again with the same key", body = Problem),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Params(RoomInCompany { company, room_id }): Params<RoomInCompany>,
    asked: Asked,
) -> Result<Response, Problem> {
    let request = OperatorRequest::ResendInvitation { room_id };
    asked.ask::<InvitationResent>(&state, company, request, StatusCode::OK).await
}
