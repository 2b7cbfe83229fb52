//! Rooms that carry messages and end: an operator asks for it, or the directory has no place for them.

use chrono::Duration;

use super::operator::OperatorRefusal;
use super::profiles::may_see;
use super::{Command, RoomInProfile};
use crate::company::UserFacts;
use crate::ids::{ExternalCompanyId, RoomId};
use crate::input::Timestamp;
use crate::personal::Personal;
use crate::pool::PoolCommand;
use crate::profile::{CloseReason, ProfileCommand, RoomPhase};

/// What is known when a room is to be closed.
#[derive(Clone, Copy, Debug)]
pub struct CloseFacts<'a> {
    /// The moment of the decision.
    pub at: Timestamp,
    /// The room, if the company has it.
    pub room: Option<RoomInProfile<'a>>,
    /// For how many seconds the pairs of closed rooms rest.
    pub quarantine: u32,
}

/// What the directory has of what a room stands on.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Its user, if active.
    pub user: Option<UserFacts>,
    /// Whether its number is a secondary number of the company, in whichever pool.
    pub has_number: bool,
}

impl Standing {
    /// Why a room of a profile with this external company can't stay. `None`: it can.
    pub fn lost(&self, external_company: Option<&ExternalCompanyId>) -> Option<CloseReason> {
        let Some(user) = &self.user else { return Some(CloseReason::UserDeactivated) };
        if !self.has_number {
            return Some(CloseReason::NumberRemoved);
        }
        (!may_see(user, external_company)).then_some(CloseReason::PermissionLost)
    }
}

/// An operator ends a room: its number carries one room less, and until the quarantine is over
/// what the client writes on it still belongs to this room. A room that is closed stays as it is.
///
/// # Errors
/// Why it is refused.
pub fn on_close_room(
    actor: &Personal<String>,
    room_id: RoomId,
    facts: &CloseFacts<'_>,
) -> Result<Vec<Command>, OperatorRefusal> {
    let found = facts.room.ok_or(OperatorRefusal::UnknownRoom(room_id))?;
    match found.room.phase {
        // The request that opened it has no outcome yet.
        RoomPhase::Reserved | RoomPhase::Invited => Err(OperatorRefusal::RoomUnderWay(room_id)),
        RoomPhase::Closed => Ok(vec![]),
        RoomPhase::Active => {
            Ok(close(found, CloseReason::Operator, Some(actor.clone()), facts).to_vec())
        }
    }
}

/// A version of the directory took from a room what it stands on. A room whose onboarding goes on
/// is left alone: it ends by itself, or becomes active and is looked at again.
pub fn on_room_review(standing: &Standing, facts: &CloseFacts<'_>) -> Vec<Command> {
    let Some(found) = facts.room.filter(|it| it.room.phase == RoomPhase::Active) else {
        return vec![];
    };
    match standing.lost(found.profile.external_company.as_ref()) {
        Some(reason) => close(found, reason, None, facts).to_vec(),
        None => vec![],
    }
}

fn close(
    room: RoomInProfile<'_>,
    reason: CloseReason,
    by: Option<Personal<String>>,
    facts: &CloseFacts<'_>,
) -> [Command; 2] {
    let RoomInProfile { profile, room_id, room } = room;
    let close = ProfileCommand::CloseRoom {
        room_id,
        reason,
        at: facts.at,
        quarantine_until: Some(facts.at + Duration::seconds(facts.quarantine.into())),
        by,
    };
    let release = PoolCommand::ReleaseNumber { number: room.number.clone(), room_id };
    [Command::Profile(profile.profile_id, close), Command::Pool(room.pool_id.clone(), release)]
}
