//! What follows from a request later: WhatsApp took its messages or refused
//! them, the client wrote, or nothing happened for too long.
//!
//! Everything here is decided from the request's own record and its room.

use chrono::Duration;

use super::wording::Wording;
use super::{Command, Decision};
use crate::ids::{MessageId, ProfileId, RoomId};
use crate::input::{MessageStatus, SendReceipt, Timestamp};
use crate::outbound::{Purpose, SendError};
use crate::pool::PoolCommand;
use crate::profile::{ActivationCause, CloseReason, Profile, ProfileCommand, Room, RoomPhase};
use crate::request::{Completion, Outcome, Request, RequestCommand, RequestEvent};

/// A room with its profile, as a follow-up finds it.
#[derive(Clone, Copy, Debug)]
pub struct RoomInProfile<'a> {
    /// The profile.
    pub profile: &'a Profile,
    /// The room.
    pub room_id: RoomId,
    /// The room's state.
    pub room: &'a Room,
}

/// What became of a message.
enum Settled {
    Accepted,
    Failed(SendError),
}

/// The sender tells what it did with a message.
pub fn on_receipt(
    request: &Request,
    room: Option<RoomInProfile<'_>>,
    receipt: &SendReceipt,
) -> Vec<Command> {
    let record = RequestCommand::RecordReceipt(receipt.clone());
    FollowUp { request, room, at: receipt.at }.after(receipt.message_id, record)
}

/// WhatsApp tells how far a message got. A status that overtakes our own record
/// of the send settles the message just as that record would.
pub fn on_status(
    request: &Request,
    room: Option<RoomInProfile<'_>>,
    message_id: MessageId,
    status: &MessageStatus,
    at: Timestamp,
) -> Vec<Command> {
    let record = RequestCommand::RecordStatus {
        message_id,
        wamid: status.wamid.clone(),
        status: status.status,
        error: status.error.clone(),
        at: status.at,
    };
    FollowUp { request, room, at }.after(message_id, record)
}

/// A room has been in its phase for as long as it may.
pub fn on_room_deadline(
    request: &Request,
    room: RoomInProfile<'_>,
    deadline: Timestamp,
    at: Timestamp,
) -> Vec<Command> {
    if room.room.deadline != Some(deadline) {
        return vec![];
    }
    let next = FollowUp { request, room: Some(room), at };
    match room.room.phase {
        RoomPhase::Reserved => next.give_up(room, CloseReason::InvitationLost),
        RoomPhase::Invited => next.activate(room, ActivationCause::Deadline),
        RoomPhase::Active | RoomPhase::Closed => vec![],
    }
}

struct FollowUp<'a> {
    request: &'a Request,
    room: Option<RoomInProfile<'a>>,
    at: Timestamp,
}

impl FollowUp<'_> {
    fn after(&self, message_id: MessageId, record: RequestCommand) -> Vec<Command> {
        let message = self.request.message(message_id);
        let next = match (message, self.newly_settled(&record), self.room) {
            (Some((message, _)), Some(settled), Some(room)) => {
                self.after_settled(message.purpose, &settled, room)
            }
            _ => vec![],
        };
        let record = Command::Request(self.request.request_id, record);
        std::iter::once(record).chain(next).collect()
    }

    /// What the record tells of its message that was not known before. A repeat,
    /// or one that comes too late, tells nothing, and nothing follows from it.
    fn newly_settled(&self, record: &RequestCommand) -> Option<Settled> {
        let events = self.request.decide(record).ok()?;
        events.into_iter().find_map(|event| match event {
            RequestEvent::MessageAccepted { .. } => Some(Settled::Accepted),
            RequestEvent::MessageFailed { error, .. } => Some(Settled::Failed(error)),
            _ => None,
        })
    }

    fn after_settled(
        &self,
        purpose: Purpose,
        settled: &Settled,
        room: RoomInProfile<'_>,
    ) -> Vec<Command> {
        // Whoever wrote into the room needs no invitation. Until then its failure
        // counts, even if the user-info message has activated the room meanwhile.
        let needs_invitation = room.room.is_open() && !room.room.was_written_to();
        match (purpose, settled) {
            (Purpose::Invitation, Settled::Accepted) if room.room.phase == RoomPhase::Reserved => {
                self.invite(room)
            }
            (Purpose::Invitation, Settled::Failed(error)) if needs_invitation => {
                self.give_up(room, close_reason(error))
            }
            (Purpose::UserInfo, _) if room.room.phase == RoomPhase::Invited => {
                self.activate(room, ActivationCause::UserInfoSettled)
            }
            _ => vec![],
        }
    }

    /// The invitation is out: name the user and the number on the primary.
    fn invite(&self, room: RoomInProfile<'_>) -> Vec<Command> {
        let room_id = room.room_id;
        let profile_id = room.profile.profile_id;
        let id = self.request.next_message_id();
        let Some((facts, _)) = &self.request.decided else { return vec![] };
        let wording = Wording { facts, message: &self.request.message };
        let seconds = facts.company.timing.user_info_deadline;
        let deadline = self.at + Duration::seconds(seconds.into());
        let invite = ProfileCommand::InviteRoom { room_id, at: self.at, deadline };
        let mut commands = vec![Command::Profile(profile_id, invite)];
        if let Some(message) = wording.user_info(id, room_id, &room.room.number) {
            let message_id = message.message_id;
            let requested = ProfileCommand::RequestUserInfo { room_id, message_id, at: self.at };
            commands.push(self.request_message(message));
            commands.push(Command::Profile(profile_id, requested));
        }
        commands
    }

    fn activate(&self, room: RoomInProfile<'_>, cause: ActivationCause) -> Vec<Command> {
        let activate = ProfileCommand::ActivateRoom { room_id: room.room_id, cause, at: self.at };
        vec![
            Command::Profile(room.profile.profile_id, activate),
            self.complete(Outcome::Onboarded, room),
        ]
    }

    /// The invitation will not arrive: close the room, free its number, tell
    /// the client through the primary.
    fn give_up(&self, room: RoomInProfile<'_>, reason: CloseReason) -> Vec<Command> {
        let Some((facts, _)) = &self.request.decided else { return vec![] };
        let rest = Duration::seconds(facts.company.timing.quarantine.into());
        let close = ProfileCommand::CloseRoom {
            room_id: room.room_id,
            reason,
            at: self.at,
            quarantine_until: (reason == CloseReason::InvitationLost).then(|| self.at + rest),
            by: None,
        };
        let release =
            PoolCommand::ReleaseNumber { number: room.room.number.clone(), room_id: room.room_id };
        let wording = Wording { facts, message: &self.request.message };
        let apology = wording
            .reply(self.request.next_message_id(), Purpose::InvitationFailed)
            .filter(|message| self.at < message.expires_at)
            .map(|message| self.request_message(message));
        let closed = [
            Command::Profile(room.profile.profile_id, close),
            Command::Pool(room.room.pool_id.clone(), release),
        ];
        let end = self.complete(Outcome::InvitationFailed, room);
        closed.into_iter().chain(apology).chain([end]).collect()
    }

    fn request_message(&self, message: crate::outbound::OutboundMessage) -> Command {
        Command::Request(self.request.request_id, RequestCommand::RequestMessage(message))
    }

    /// The request that opened the room has ended, whichever request moved it.
    fn complete(&self, outcome: Outcome, room: RoomInProfile<'_>) -> Command {
        let completion = Completion {
            outcome,
            user_id: Some(room.room.user_id.clone()),
            room_id: Some(room.room_id),
            at: self.at,
        };
        Command::Request(room.room.request_id, RequestCommand::Complete(completion))
    }
}

/// Only a definite refusal proves that the client has no invitation.
const fn close_reason(error: &SendError) -> CloseReason {
    if error.definite { CloseReason::InvitationRefused } else { CloseReason::InvitationLost }
}

/// The room that a request is about, if it is about one: `(profile, room)`.
pub const fn room_of(decision: &Decision) -> Option<(ProfileId, RoomId)> {
    match decision {
        Decision::OpenRoom { profile, room_id, .. } => Some((profile.profile_id, *room_id)),
        Decision::Join { profile_id, room_id, .. }
        | Decision::Remind { profile_id, room_id, .. } => Some((*profile_id, *room_id)),
        Decision::Ignore { .. }
        | Decision::Expire
        | Decision::Redirect
        | Decision::AskForExtension
        | Decision::ReportUserNotFound
        | Decision::RecordProspect
        | Decision::ReportNoNumber { .. } => None,
    }
}
