//! An operator gives a room to another user.

use crate::AnyEvent;
use crate::company::UserFacts;
use crate::flow::{OperatorRefusal, ReassignFacts, RoomInProfile, on_reassign_room};
use crate::ids::{ProfileId, RoomId};
use crate::input::{OperatorCommand, OperatorRequest};
use crate::outbound::{Content, Purpose};
use crate::personal::Personal;
use crate::profile::{ProfileEvent, RoomPhase};
use crate::testing::{PRIMARY, Story, at, id, names, room_id, user};

impl Story {
    fn own_room(&self) -> (ProfileId, RoomId) {
        let own = self.world.rooms().find(|(_, _, room)| room.request_id == self.request);
        own.map(|(profile, room, _)| (profile, room)).unwrap()
    }

    /// An operator asks that the room be this user's.
    fn is_given_to(&mut self, user: &str, seconds: i64) -> Result<Vec<AnyEvent>, OperatorRefusal> {
        let (profile_id, room_id) = self.own_room();
        let command = OperatorCommand {
            operation_id: id(&format!("00000000-0000-0000-0000-{seconds:012}")),
            actor: olga(),
            at: at(seconds),
            expected_version: None,
            request: OperatorRequest::ReassignRoom { room_id, user_id: id(user) },
        };
        self.world.reassign(&command, (profile_id, room_id), at(seconds))
    }
}

fn olga() -> Personal<String> {
    Personal::new("Olga".to_owned())
}

#[test]
fn an_active_room_goes_to_another_user_and_keeps_its_number() {
    let mut story = Story::activated();
    let (_, room_id) = story.own_room();
    let number = story.room().number.clone();
    let events = story.is_given_to("ben", 100).unwrap();
    let reassigned = ProfileEvent::RoomReassigned {
        room_id,
        from: id("anna"),
        to: id("ben"),
        at: at(100),
        by: olga(),
    };
    assert_eq!(names(&events), ["user-assigned", "room-reassigned"]);
    assert_eq!(events[1], AnyEvent::Profile(reassigned));
    let room = story.room();
    assert_eq!((room.phase, &room.number), (RoomPhase::Active, &number));
    assert_eq!(room.user_id, id("ben"));
}

#[test]
fn who_asks_for_the_new_user_is_led_into_the_room() {
    let mut story = Story::activated();
    let (_, room) = story.own_room();
    story.is_given_to("ben", 100).unwrap();
    let events = story.writes(PRIMARY, "#ben", 200);
    assert!(names(&events).contains(&"room-reminded"), "{events:?}");
    assert_eq!(story.sent(Purpose::Reminder).room_id, Some(room));
}

#[test]
fn who_asks_for_the_user_before_gets_another_room_on_another_number() {
    let mut story = Story::activated();
    story.is_given_to("ben", 100).unwrap();
    let number = story.room().number.clone();
    let events = story.writes(PRIMARY, "#anna", 200);
    assert!(names(&events).contains(&"room-reserved"), "{events:?}");
    let with_anna = story.world.rooms().find(|(_, _, room)| room.user_id == id("anna"));
    assert_ne!(with_anna.unwrap().2.number, number);
}

#[test]
fn a_room_that_is_the_users_already_stays_as_it_is() {
    let mut story = Story::activated();
    assert_eq!(story.is_given_to("anna", 100), Ok(vec![]));
    story.is_given_to("ben", 110).unwrap();
    assert_eq!(story.is_given_to("ben", 120), Ok(vec![]));
}

#[test]
fn it_may_go_back_and_nobody_is_assigned_twice() {
    let mut story = Story::activated();
    story.is_given_to("ben", 100).unwrap();
    assert_eq!(names(&story.is_given_to("anna", 110).unwrap()), ["room-reassigned"]);
    assert_eq!(names(&story.is_given_to("ben", 120).unwrap()), ["room-reassigned"]);
}

#[test]
fn a_room_whose_onboarding_goes_on_is_not_given_away() {
    for mut story in [Story::of_an_onboarding(), Story::invited()] {
        let (_, room) = story.own_room();
        assert_eq!(story.is_given_to("ben", 100), Err(OperatorRefusal::RoomUnderWay(room)));
    }
}

#[test]
fn a_client_has_one_room_with_a_user() {
    let mut story = Story::activated();
    story.writes(PRIMARY, "#ben", 50);
    let with_ben = story.world.rooms().find(|(_, _, room)| room.user_id == id("ben"));
    let other = with_ben.unwrap().1;
    assert_eq!(story.is_given_to("ben", 100), Err(OperatorRefusal::RoomOpenWithUser(other)));
}

#[test]
fn the_user_must_be_active() {
    let mut story = Story::activated();
    let refusal = OperatorRefusal::NoActiveUser(id("zoe"));
    assert_eq!(story.is_given_to("zoe", 100), Err(refusal));
}

#[test]
fn a_room_that_is_not_there_is_named() {
    let facts = ReassignFacts { at: at(1), room: None, user: None, open_with_user: None };
    let refused = on_reassign_room(&olga(), room_id(9), &id("ben"), &facts);
    assert_eq!(refused, Err(OperatorRefusal::UnknownRoom(room_id(9))));
}

/// The same rule by which an onboarding finds a profile.
#[test]
fn the_user_must_see_the_profile() {
    let story = Story::activated();
    let (profile_id, room_id) = story.own_room();
    let RoomInProfile { profile, room, .. } = story.world.room(profile_id, room_id);
    let asked = |archived, external: Option<&str>, ben: &UserFacts| {
        let mut profile = profile.clone();
        profile.archived = archived;
        profile.external_company = external.map(id);
        let room = Some(RoomInProfile { profile: &profile, room_id, room });
        let facts = ReassignFacts { at: at(1), room, user: Some(ben), open_with_user: None };
        on_reassign_room(&olga(), room_id, &ben.user_id, &facts).map(|commands| commands.len())
    };
    let ben = user("ben");
    let of_north = UserFacts { external_companies: [id("north")].into(), ..user("ben") };
    let hidden = Err(OperatorRefusal::ProfileHidden(id("ben")));
    assert_eq!(asked(false, None, &ben), Ok(1));
    assert_eq!(asked(false, Some("north"), &of_north), Ok(1));
    assert_eq!(asked(false, Some("north"), &ben), hidden);
    assert_eq!(asked(false, Some("south"), &of_north), hidden);
    assert_eq!(asked(true, None, &ben), hidden);
}

/// Another one that is open with the user may be in another profile.
#[test]
fn a_room_with_the_user_in_another_profile_counts_too() {
    let story = Story::activated();
    let (profile_id, own) = story.own_room();
    let ben = user("ben");
    let facts = ReassignFacts {
        at: at(1),
        room: Some(story.world.room(profile_id, own)),
        user: Some(&ben),
        open_with_user: Some(room_id(9)),
    };
    let refused = on_reassign_room(&olga(), own, &id("ben"), &facts);
    assert_eq!(refused, Err(OperatorRefusal::RoomOpenWithUser(room_id(9))));
}

#[test]
fn an_invitation_that_is_sent_once_more_names_the_user_whose_room_it_is() {
    let mut story = Story::activated();
    story.is_given_to("ben", 100).unwrap();
    let (profile_id, room_id) = story.own_room();
    let command = OperatorCommand {
        operation_id: id("00000000-0000-0000-0000-000000000777"),
        actor: olga(),
        at: at(110),
        expected_version: None,
        request: OperatorRequest::ResendInvitation { room_id },
    };
    story.world.resend(&command, (profile_id, room_id), at(110)).unwrap();
    let Content::Template { parameters, .. } = story.sent(Purpose::Invitation).content else {
        panic!("no template");
    };
    assert_eq!(parameters[0], user("ben").name);
}
