//! A room's invitation is sent once more.

use chrono::Duration;

use super::super::wording::Wording;
use super::super::{Command, RoomInProfile};
use super::OperatorRefusal;
use crate::company::UserFacts;
use crate::consent::{Said, Wish};
use crate::ids::RoomId;
use crate::input::Timestamp;
use crate::outbound::{OutboundMessage, Purpose};
use crate::personal::Personal;
use crate::profile::ProfileCommand;
use crate::request::{Request, RequestCommand};

/// What is known when an invitation is to be sent once more.
#[derive(Clone, Copy, Debug)]
pub struct ResendFacts<'a> {
    /// The moment of the decision.
    pub at: Timestamp,
    /// The room, if the company has it, and the request that opened it.
    pub room: Option<(RoomInProfile<'a>, &'a Request)>,
    /// Whether the client has left the number that the request was sent by.
    pub moved: bool,
    /// What its client said last about templates, if it did.
    pub said: Option<Said>,
    /// Whether one of its client's profiles is blocked.
    pub client_blocked: bool,
    /// The room's user, if active.
    pub user: Option<&'a UserFacts>,
}

/// An operator has a room's invitation sent once more, in the words of the first; the name is that
/// of the user whose room it is by now. If it fails, the one that WhatsApp took before still
/// stands, and so does the room.
///
/// # Errors
/// Why it is refused.
pub fn on_resend_invitation(
    actor: &Personal<String>,
    room_id: RoomId,
    facts: &ResendFacts<'_>,
) -> Result<Vec<Command>, OperatorRefusal> {
    let ResendFacts { at, room, moved, said, client_blocked, user } = *facts;
    let (found, request) = room.ok_or(OperatorRefusal::UnknownRoom(room_id))?;
    if !found.room.is_open() {
        return Err(OperatorRefusal::RoomClosed(room_id));
    }
    if moved {
        return Err(OperatorRefusal::ClientMoved(request.request_id));
    }
    if client_blocked || found.profile.blocked {
        return Err(OperatorRefusal::ClientBlocked(request.request_id));
    }
    if said.is_some_and(|said| said.wish == Wish::Stop) {
        return Err(OperatorRefusal::ClientStopped(request.request_id));
    }
    if found.room.was_written_to() {
        return Err(OperatorRefusal::NoInvitationNeeded(room_id));
    }
    let under_way = |message: &OutboundMessage| {
        let settled = request.progress.get(&message.message_id).is_some_and(|it| it.is_settled());
        message.purpose == Purpose::Invitation && message.room_id == Some(room_id) && !settled
    };
    if request.messages.iter().any(under_way) {
        return Err(OperatorRefusal::InvitationUnderWay(room_id));
    }
    let user = user.ok_or_else(|| OperatorRefusal::NoActiveUser(found.room.user_id.clone()))?;
    let message = request.decided.as_ref().and_then(|(then, _)| {
        let deadline = at + Duration::seconds(then.company.timing.invitation_deadline.into());
        let wording = Wording { facts: then, message: &request.message };
        let (id, number) = (request.next_message_id(), found.room.number.clone());
        wording.invitation(id, user, room_id, number, (at, deadline))
    });
    let message = message.ok_or(OperatorRefusal::UnknownRoom(room_id))?;
    let (message_id, by) = (message.message_id, actor.clone());
    let resent = ProfileCommand::ResendInvitation { room_id, message_id, at, by };
    Ok(vec![
        Command::Request(request.request_id, RequestCommand::RequestMessage(message)),
        Command::Profile(found.profile.profile_id, resent),
    ])
}
