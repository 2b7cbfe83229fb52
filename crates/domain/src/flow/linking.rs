//! Two clients turn out to be one: what of their rooms can't stay side by side.

use super::{Command, Facts, ProfileFacts, RoomFacts};
use crate::ids::ProfileId;
use crate::profile::ProfileCommand;

/// Reports the open rooms that exclude each other, if the facts show that clients are one: of one
/// client there is at most one open room with a user, and at most one on a number. Neither is
/// closed: which of them goes on is for an operator to say.
pub(super) fn report_clashes(facts: &Facts) -> Vec<Command> {
    if facts.same_as.is_empty() {
        return vec![];
    }
    let rooms = facts.profiles.iter().flat_map(|profile| {
        let ProfileFacts { profile_id, rooms, .. } = profile;
        rooms.iter().filter(|room| room.is_open()).map(move |room| (*profile_id, room))
    });
    let mut rooms: Vec<(ProfileId, &RoomFacts)> = rooms.collect();
    rooms.sort_by_key(|(_, room)| room.room_id);
    let pairs = rooms.iter().enumerate().flat_map(|(n, (profile_id, room))| {
        let later = rooms[n + 1..].iter().filter(|(_, other)| exclude_each_other(room, other));
        later.map(|(_, other)| (*profile_id, room.room_id, other.room_id))
    });
    pairs
        .map(|(profile_id, room_id, with)| {
            let report = ProfileCommand::ReportClash { room_id, with, at: facts.at };
            Command::Profile(profile_id, report)
        })
        .collect()
}

fn exclude_each_other(room: &RoomFacts, other: &RoomFacts) -> bool {
    room.user_id == other.user_id || room.number == other.number
}
