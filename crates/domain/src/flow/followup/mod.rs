//! What follows from a request later: WhatsApp took its messages or refused
//! them, the client wrote, or nothing happened for too long.
//!
//! Everything here is decided from the request's own record and its room, but where the failed number
//! of an invitation makes way for another (`another_number`): that is chosen by what is so then.

mod another_number;
mod late_reminder;
mod suspension;

use chrono::Duration;

pub use self::another_number::MOST_NUMBERS;
use self::late_reminder::came_too_late;
use super::wording::Wording;
use super::{Command, Decision, Facts, Held};
use crate::ids::{MessageId, ProfileId, RoomId};
use crate::input::{MessageStatus, SendReceipt, SendResult, Timestamp};
use crate::outbound::{DeliveryStatus, ErrorClass, OutboundMessage, Purpose, SendError};
use crate::pool::PoolCommand;
use crate::profile::{ActivationCause, CloseReason, Profile, ProfileCommand, Room, RoomPhase};
use crate::request::{Completion, MessageProgress, Outcome, Request, RequestCommand, RequestEvent};

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

/// What somebody tells of a message of ours.
#[derive(Clone, Debug)]
pub struct Told {
    message_id: MessageId,
    record: RequestCommand,
    at: Timestamp,
}

impl Told {
    /// The sender tells what it did with a message.
    pub fn by_receipt(receipt: &SendReceipt) -> Self {
        let record = RequestCommand::RecordReceipt(receipt.clone());
        Self { message_id: receipt.message_id, record, at: receipt.at }
    }

    const fn is_failure(&self) -> bool {
        match &self.record {
            RequestCommand::RecordReceipt(receipt) => {
                matches!(receipt.result, SendResult::GivenUp { .. })
            }
            RequestCommand::RecordStatus { status, .. } => {
                matches!(status, DeliveryStatus::Failed)
            }
            _ => false,
        }
    }

    /// When it is decided.
    #[cfg(test)]
    pub(crate) const fn at(&self) -> Timestamp {
        self.at
    }

    /// WhatsApp tells how far a message got. A status that overtakes our own record
    /// of the send settles the message just as that record would.
    pub fn by_status(message_id: MessageId, status: &MessageStatus, at: Timestamp) -> Self {
        let record = RequestCommand::RecordStatus {
            message_id,
            wamid: status.wamid.clone(),
            status: status.status,
            error: status.error.clone(),
            at: status.at,
        };
        Self { message_id, record, at }
    }
}

/// Whether what follows depends on more than the request and its room: another number is to be
/// looked for, or a template may be sent, so [`on_told`] wants to know what is so now.
pub fn wants_facts(request: &Request, room: Option<RoomInProfile<'_>>, told: &Told) -> bool {
    let next = FollowUp { request, room, at: told.at, now: None, client_blocked: false };
    next.failure_of_number(told).is_some()
        || next.is_reminder_too_late(told)
        || next.is_invitation_withdrawn(told)
}

/// What follows from what is told of a message; `now` if [`wants_facts`] says so. `client_blocked`
/// is whether one of [`profiles_of`] the request is blocked.
pub fn on_told(
    request: &Request,
    room: Option<RoomInProfile<'_>>,
    told: &Told,
    now: Option<Facts>,
    client_blocked: bool,
) -> Vec<Command> {
    // A status of a message that the request does not have is nobody's fault: it is somebody else's.
    let is_status = matches!(told.record, RequestCommand::RecordStatus { .. });
    if is_status && request.message(told.message_id).is_none() {
        return vec![];
    }
    FollowUp { request, room, at: told.at, now, client_blocked }.after(told)
}

/// A room has been in its phase for as long as it may; `client_blocked` as in [`on_told`].
pub fn on_room_deadline(
    request: &Request,
    room: RoomInProfile<'_>,
    deadline: Timestamp,
    at: Timestamp,
    client_blocked: bool,
) -> Vec<Command> {
    if room.room.deadline != Some(deadline) {
        return vec![];
    }
    let next = FollowUp { request, room: Some(room), at, now: None, client_blocked };
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
    now: Option<Facts>,
    client_blocked: bool,
}

impl<'a> FollowUp<'a> {
    fn after(&self, told: &Told) -> Vec<Command> {
        let record = Command::Request(self.request.request_id, told.record.clone());
        let next = match self.settled(told) {
            Some((message, settled, room)) => {
                let another = self
                    .failure_of_number(told)
                    .and_then(|error| self.try_another_number(room, &error, self.now.as_ref()?));
                another.unwrap_or_else(|| self.after_settled(message, &settled, room))
            }
            None => self.suspend_line(told).into_iter().collect(),
        };
        std::iter::once(record).chain(next).collect()
    }

    /// What is told of a message of the room that was not known before. What is told of a message of
    /// an earlier room of the request changes nothing for the one that it has now.
    fn settled(&self, told: &Told) -> Option<(&'a OutboundMessage, Settled, RoomInProfile<'a>)> {
        let (message, _) = self.request.message(told.message_id)?;
        let settled = self.newly_settled(&told.record)?;
        let room = self.room.filter(|room| message.room_id.is_none_or(|id| id == room.room_id))?;
        Some((message, settled, room))
    }

    /// Whether the invitation was not sent because of what its client had said or done since.
    fn is_invitation_withdrawn(&self, told: &Told) -> bool {
        let Some((message, Settled::Failed(error), _)) = self.settled(told) else { return false };
        message.purpose == Purpose::Invitation && error.class == ErrorClass::Withdrawn
    }

    /// Whether the room has another invitation, sent once more or before, that did not fail.
    fn another_stands(&self, message_id: MessageId, room: RoomInProfile<'_>) -> bool {
        self.request.messages.iter().any(|other| {
            let progress = self.request.progress.get(&other.message_id);
            other.purpose == Purpose::Invitation
                && other.room_id == Some(room.room_id)
                && other.message_id != message_id
                && progress.is_some_and(|progress| *progress != MessageProgress::Failed)
        })
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
        message: &OutboundMessage,
        settled: &Settled,
        room: RoomInProfile<'_>,
    ) -> Vec<Command> {
        match (message.purpose, settled) {
            (Purpose::Invitation, Settled::Accepted) if room.room.phase == RoomPhase::Reserved => {
                self.invite(room)
            }
            (Purpose::Invitation, Settled::Failed(error))
                if needs_invitation(room) && !self.another_stands(message.message_id, room) =>
            {
                let suspend = self.suspend(room, error);
                self.give_up(room, close_reason(error)).into_iter().chain(suspend).collect()
            }
            // The room goes on; others would fail on its number.
            (Purpose::Invitation, Settled::Failed(error)) => {
                self.suspend(room, error).into_iter().collect()
            }
            (Purpose::UserInfo, _) if room.room.phase == RoomPhase::Invited => {
                self.activate(room, ActivationCause::UserInfoSettled)
            }
            (Purpose::Reminder, Settled::Failed(error)) if came_too_late(message, error) => {
                self.remind_by_template(room)
            }
            (Purpose::Reminder, Settled::Failed(error)) => {
                self.suspend(room, error).into_iter().collect()
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
        let user_info = wording.user_info(id, room_id, &room.room.number);
        if let Some(message) = user_info.filter(|_| !self.is_blocked(room)) {
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
        let closed = self.close(room, reason, facts);
        closed.into_iter().chain(self.apologise(room, facts)).collect()
    }

    fn close(&self, room: RoomInProfile<'_>, reason: CloseReason, facts: &Facts) -> [Command; 2] {
        let close = ProfileCommand::CloseRoom {
            room_id: room.room_id,
            reason,
            at: self.at,
            quarantine_until: self.rests_until(reason, facts),
            by: None,
        };
        let release =
            PoolCommand::ReleaseNumber { number: room.room.number.clone(), room_id: room.room_id };
        [
            Command::Profile(room.profile.profile_id, close),
            Command::Pool(room.room.pool_id.clone(), release),
        ]
    }

    /// A pair rests if its client may have the invitation.
    fn rests_until(&self, reason: CloseReason, facts: &Facts) -> Option<Timestamp> {
        let rest = Duration::seconds(facts.company.timing.quarantine.into());
        (reason == CloseReason::InvitationLost).then(|| self.at + rest)
    }

    /// The client is told through the primary, and the request ends.
    fn apologise(&self, room: RoomInProfile<'_>, facts: &Facts) -> Vec<Command> {
        // What the decision recorded says nothing of stopped templates.
        let (facts, purpose, outcome) = match &self.now {
            Some(now) if now.has_stopped_templates() => {
                (now, Purpose::TemplatesStopped, Outcome::TemplatesStopped)
            }
            _ => (facts, Purpose::InvitationFailed, Outcome::InvitationFailed),
        };
        let wording = Wording { facts, message: &self.request.message };
        let apology = wording
            .reply(self.request.next_message_id(), purpose)
            .filter(|message| self.at < message.expires_at && !self.is_blocked(room))
            .map(|message| self.request_message(message));
        let end = self.complete(outcome, room);
        apology.into_iter().chain([end]).collect()
    }

    /// Whether the client is not to be answered: because of the room's profile or another one, or
    /// because it is known to have left the number that it would be answered at.
    fn is_blocked(&self, room: RoomInProfile<'_>) -> bool {
        let has_moved = self.now.as_ref().is_some_and(|now| now.moved);
        self.client_blocked || room.profile.blocked || has_moved
    }

    fn request_message(&self, message: OutboundMessage) -> Command {
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

/// Whoever wrote into the room needs no invitation. Until then its failure counts, even if the
/// user-info message has activated the room meanwhile.
fn needs_invitation(room: RoomInProfile<'_>) -> bool {
    room.room.is_open() && !room.room.was_written_to()
}

/// Only a definite refusal proves that the client has no invitation.
const fn close_reason(error: &SendError) -> CloseReason {
    if error.definite { CloseReason::InvitationRefused } else { CloseReason::InvitationLost }
}

/// The client's profiles that a request was decided on, but for those that are only perhaps its
/// own: while one of them is blocked, the client is told nothing more.
pub fn profiles_of(request: &Request) -> impl Iterator<Item = ProfileId> {
    let facts = request.decided.iter().map(|(facts, _)| facts);
    let profiles = facts.flat_map(|facts| &facts.profiles);
    profiles.filter(|it| it.held != Held::ByVariant).map(|it| it.profile_id)
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
        | Decision::ReportNoNumber { .. }
        | Decision::StopTemplates { .. }
        | Decision::StartTemplates { .. }
        | Decision::ReportTemplatesStopped => None,
    }
}
