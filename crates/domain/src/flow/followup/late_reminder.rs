//! A reminder came after its room's window had closed: the template takes its place.

use super::super::wording::Wording;
use super::{Command, FollowUp, RoomInProfile, Settled, Told};
use crate::outbound::{Content, ErrorClass, OutboundMessage, Purpose, SendError};
use crate::profile::ProfileCommand;

impl FollowUp<'_> {
    /// Whether a reminder failed whose place the template may take.
    pub(super) fn is_reminder_too_late(&self, told: &Told) -> bool {
        if !told.is_failure() {
            return false;
        }
        let Some((message, Settled::Failed(error), _)) = self.settled(told) else { return false };
        message.purpose == Purpose::Reminder && came_too_late(message, &error)
    }

    /// The room's window had closed when its reminder went out: the template takes its place, for
    /// which windows do not matter. Not if the client was reminded again since, that one counts;
    /// nor if it has left its number, or wants no templates.
    pub(super) fn remind_by_template(&self, room: RoomInProfile<'_>) -> Vec<Command> {
        let Some((facts, _)) = &self.request.decided else { return vec![] };
        let is_the_last = room.room.reminded_at == Some(facts.at);
        let now = self.now.as_ref().unwrap_or(facts);
        let may_be_sent = !self.is_blocked(room) && !now.moved && !now.has_stopped_templates();
        if !room.room.is_open() || !is_the_last || !may_be_sent {
            return vec![];
        }
        let wording = Wording { facts, message: &self.request.message };
        let (room_id, number) = (room.room_id, room.room.number.clone());
        let id = self.request.next_message_id();
        // The room may be another user's by now.
        let user = facts.user.as_ref().filter(|user| user.user_id == room.room.user_id);
        let reminder = user.and_then(|user| wording.reminder(id, user, room_id, number, None));
        let Some(message) = reminder.filter(|message| self.at < message.expires_at) else {
            return vec![];
        };
        let remind = ProfileCommand::RemindRoom {
            room_id,
            request_id: self.request.request_id,
            message_id: Some(message.message_id),
            at: self.at,
        };
        vec![self.request_message(message), Command::Profile(room.profile.profile_id, remind)]
    }
}

/// Whether it is free text that WhatsApp refused because the client's window is closed.
pub(super) fn came_too_late(message: &OutboundMessage, error: &SendError) -> bool {
    let is_free_text = matches!(message.content, Content::Text { .. });
    is_free_text && error.class == ErrorClass::WindowClosed
}
