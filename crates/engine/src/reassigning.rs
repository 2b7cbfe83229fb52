//! A room is given to another user.

use directory::Picture;
use domain::flow::{self, ReassignFacts, RoomInProfile};
use domain::ids::{ProfileId, RoomId, UserId};
use domain::input::OperatorCommand;
use domain::profile::ClientProfile;
use eventstore::StreamAppend;
use serde_json::json;

use crate::decide::{Plan, Undecided};
use crate::lane::Lane;
use crate::operators::answered;
use crate::working_set::looked_at;

impl Lane {
    pub(crate) async fn reassign_room(
        &mut self,
        picture: &Picture,
        command: &OperatorCommand,
        (profile_id, room_id): (Option<ProfileId>, RoomId),
        user_id: &UserId,
    ) -> Result<Plan, Undecided> {
        let mut seen = vec![];
        let open_with_user = match &profile_id {
            Some(id) => self.open_elsewhere(id, room_id, user_id, &mut seen).await?,
            None => None,
        };
        let at = self.engine.clock.now();
        let user = picture.active_user(user_id);
        let room = profile_id.and_then(|profile_id| {
            let profile = self.working_set.profiles.here(&profile_id)?.state.present()?;
            let room = profile.rooms.get(&room_id)?;
            Some(RoomInProfile { profile, room_id, room })
        });
        let facts = ReassignFacts { at, room, user: user.as_ref(), open_with_user };
        let done = flow::on_reassign_room(&command.actor, room_id, user_id, &facts);
        let done = done.map(|commands| {
            (json!({ "status": "done", "room_id": room_id, "user_id": user_id }), commands)
        });
        Ok(Plan { looked_at: seen, ..answered(command, at, done) })
    }

    /// Another open room that the client of a room, by whatever id it is known, has with a user. The
    /// room's profile is loaded. What the store has not got yet it refuses when the decision is
    /// appended.
    async fn open_elsewhere(
        &mut self,
        profile_id: &ProfileId,
        room_id: RoomId,
        user_id: &UserId,
        seen: &mut Vec<StreamAppend>,
    ) -> Result<Option<RoomId>, Undecided> {
        let Lane { engine, working_set, company, .. } = self;
        let store = &engine.store;
        let profile = working_set.profiles.get(store, profile_id).await?;
        looked_at::<ClientProfile>(seen, profile_id, profile.version);
        let Some(room) = profile.state.room(room_id) else { return Ok(None) };
        let client_id = room.client_id;
        let open = store.open_room_with(company, client_id, user_id).await?;
        let Some((holder, other)) = open.filter(|(_, other)| *other != room_id) else {
            return Ok(None);
        };
        let profile = working_set.profiles.get(store, &holder).await?;
        if holder != *profile_id {
            looked_at::<ClientProfile>(seen, &holder, profile.version);
        }
        // It may be closed by what is decided and not appended yet.
        let other_room = profile.state.room(other);
        let is_so = other_room.is_some_and(|room| room.is_open() && room.user_id == *user_id);
        Ok(is_so.then_some(other))
    }
}
