//! `POST /api/v1/companies/{company}/chat-rooms/{room_id}/close`: an operator ends a room.

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

/// A room that is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClosedRoom {
    /// The room.
    #[schema(value_type = uuid::Uuid)]
    pub room_id: RoomId,
    /// Position of the last event that the command led to; none if the room was closed before.
    pub position: Option<u64>,
    /// The version of the room's client profile then, for `If-Match`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// Ends an active room for good. Its number carries one room less. For the time of the company's
/// quarantine no other user gets this client on this number, and what the client writes there
/// still belongs to this room. The same key gets the same answer, however often it is asked.
#[utoipa::path(
    post,
    path = "/api/v1/companies/{company}/chat-rooms/{room_id}/close",
    tag = "commands",
    params(RoomInCompany, CommandHeaders),
    responses(
        (status = 200, description = "Closed, now or before", body = ClosedRoom),
        (status = 202, description = "Stored and not decided yet: ask again with the same key", body = Pending),
        (status = 400, description = "`bad-parameter`", body = Problem),
        (status = 404, description = "`unknown-company`, `unknown-chat-room`", body = Problem),
        (status = 409, description = "`room-under-way`: its onboarding has not ended", body = Problem),
        (status = 503, description = "`unavailable`: ask again with the same key", body = Problem),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Params(RoomInCompany { company, room_id }): Params<RoomInCompany>,
    asked: Asked,
) -> Result<Response, Problem> {
    let request = OperatorRequest::CloseRoom { room_id };
    asked.ask::<ClosedRoom>(&state, company, request, StatusCode::OK).await
}
