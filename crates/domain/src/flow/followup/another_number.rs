//! An invitation failed by the fault of its number: the room makes way for one on another number.

use super::super::message::look_for_another_number;
use super::super::{Decision, Facts, ProfileSource};
use super::{Command, FollowUp, RoomInProfile, Settled, Told, close_reason, needs_invitation};
use crate::ids::ProfileId;
use crate::outbound::{ErrorClass, Purpose, SendError};

/// On so many numbers a request tries its invitation at most.
pub const MOST_NUMBERS: usize = 3;

impl FollowUp<'_> {
    /// The error of an invitation that failed by the fault of its number, if another may be tried.
    pub(super) fn failure_of_number(&self, told: &Told) -> Option<SendError> {
        if !told.is_failure() {
            return None;
        }
        let (message, Settled::Failed(error), room) = self.settled(told)? else { return None };
        if message.purpose != Purpose::Invitation {
            return None;
        }
        let (facts, _) = self.request.decided.as_ref()?;
        let may_try =
            facts.failed_numbers.len() + 1 < MOST_NUMBERS && self.request.outcome.is_none();
        let is_numbers_fault = error.class == ErrorClass::NumberUnhealthy;
        let is_the_only = !self.another_stands(message.message_id, room);
        (may_try && is_numbers_fault && is_the_only && needs_invitation(room)).then_some(error)
    }

    /// The room that failed makes way for one on another number. `None` if what was asked for can't
    /// be had any more.
    pub(super) fn try_another_number(
        &self,
        room: RoomInProfile<'_>,
        error: &SendError,
        now: &Facts,
    ) -> Option<Vec<Command>> {
        // Whoever has the extension by now is not whom the client was told of.
        now.user.as_ref().filter(|user| user.user_id == room.room.user_id)?;
        let (before, _) = self.request.decided.as_ref()?;
        let reason = close_reason(error);
        let rests = self.rests_until(reason, before);
        let (room_id, number) = (room.room_id, &room.room.number);
        let now = now.clone().after_failure_of(before, room_id, number, rests);
        let (decision, again) = look_for_another_number(self.request, &now)?;
        // Perhaps the profile was archived meanwhile, or there are more to draw from.
        if profile_of(&decision) != Some(room.profile.profile_id) {
            return None;
        }
        let none_left = matches!(decision, Decision::ReportNoNumber { .. });
        let apology = none_left.then(|| self.apologise(room, before)).into_iter().flatten();
        let closed = self.close(room, reason, before);
        let suspend = self.suspend(room, error);
        Some(closed.into_iter().chain(suspend).chain(again).chain(apology).collect())
    }
}

const fn profile_of(decision: &Decision) -> Option<ProfileId> {
    match decision {
        Decision::OpenRoom { profile, .. } | Decision::ReportNoNumber { profile, .. }
            if !matches!(profile.how, ProfileSource::Created) =>
        {
            Some(profile.profile_id)
        }
        _ => None,
    }
}
