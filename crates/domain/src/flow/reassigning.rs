//! An operator gives a room to another user.

use super::operator::OperatorRefusal;
use super::profiles::hidden_from;
use super::{Command, RoomInProfile};
use crate::company::UserFacts;
use crate::ids::{RoomId, UserId};
use crate::input::Timestamp;
use crate::personal::Personal;
use crate::profile::{ProfileCommand, RoomPhase};

/// What is known when a room is to be given to another user.
#[derive(Clone, Copy, Debug)]
pub struct ReassignFacts<'a> {
    /// The moment of the decision.
    pub at: Timestamp,
    /// The room, if the company has it.
    pub room: Option<RoomInProfile<'a>>,
    /// The user, if active.
    pub user: Option<&'a UserFacts>,
    /// An open room that the room's client has with the user, in whichever profile.
    pub open_with_user: Option<RoomId>,
}

/// An operator gives an active room to another user. Its number and its client stay, and so does
/// the thread on the client's phone. A room that is the user's already stays as it is.
///
/// # Errors
/// Why it is refused.
pub fn on_reassign_room(
    actor: &Personal<String>,
    room_id: RoomId,
    user_id: &UserId,
    facts: &ReassignFacts<'_>,
) -> Result<Vec<Command>, OperatorRefusal> {
    let found = facts.room.ok_or(OperatorRefusal::UnknownRoom(room_id))?;
    match found.room.phase {
        // Its onboarding names the user to the client.
        RoomPhase::Reserved | RoomPhase::Invited => {
            return Err(OperatorRefusal::RoomUnderWay(room_id));
        }
        RoomPhase::Closed => return Err(OperatorRefusal::RoomClosed(room_id)),
        RoomPhase::Active => {}
    }
    if found.room.user_id == *user_id {
        return Ok(vec![]);
    }
    let profile = found.profile;
    let user = facts.user.ok_or_else(|| OperatorRefusal::NoActiveUser(user_id.clone()))?;
    if hidden_from(user, profile.archived, profile.external_company.as_ref()).is_some() {
        return Err(OperatorRefusal::ProfileHidden(user_id.clone()));
    }
    let open = profile.open_with(found.room.client_id, user_id).or(facts.open_with_user);
    if let Some(other) = open {
        return Err(OperatorRefusal::RoomOpenWithUser(other));
    }
    let (user_id, by) = (user_id.clone(), actor.clone());
    let reassign = ProfileCommand::ReassignRoom { room_id, user_id, at: facts.at, by };
    Ok(vec![Command::Profile(profile.profile_id, reassign)])
}
