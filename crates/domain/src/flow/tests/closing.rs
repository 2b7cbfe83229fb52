//! An operator closes a room, or the directory has no place for it any more.

use crate::AnyEvent;
use crate::company::UserFacts;
use crate::flow::{CloseFacts, OperatorRefusal, Standing, on_close_room, on_room_review};
use crate::input::{OperatorCommand, OperatorRequest};
use crate::outbound::Purpose;
use crate::personal::Personal;
use crate::profile::{CloseReason, ProfileEvent, RoomPhase};
use crate::request::Outcome;
use crate::testing::{DAY, PRIMARY, Story, at, id, names, refused, room_id};

impl Story {
    /// An operator asks that the room be closed.
    fn is_closed(&mut self, seconds: i64) -> Vec<AnyEvent> {
        let own = self.world.rooms().find(|(_, _, room)| room.request_id == self.request);
        let (profile_id, room_id) = own.map(|(profile, room, _)| (profile, room)).unwrap();
        let command = OperatorCommand {
            operation_id: id(&format!("00000000-0000-0000-0000-{seconds:012}")),
            actor: olga(),
            at: at(seconds),
            expected_version: None,
            request: OperatorRequest::CloseRoom { room_id },
        };
        self.world.close(&command, (profile_id, room_id), at(seconds))
    }
}

fn olga() -> Personal<String> {
    Personal::new("Olga".to_owned())
}

#[test]
fn an_active_room_is_closed_its_number_is_freed_and_its_pair_rests() {
    let mut story = Story::activated();
    let events = story.is_closed(100);
    assert_eq!(names(&events), ["room-closed", "number-released"]);
    let AnyEvent::Profile(ProfileEvent::RoomClosed {
        reason, at: when, quarantine_until, by, ..
    }) = &events[0]
    else {
        panic!("{events:?}");
    };
    assert_eq!((*reason, *when), (CloseReason::Operator, at(100)));
    assert_eq!(*quarantine_until, Some(at(100 + 30 * DAY)));
    assert_eq!(*by, Some(olga()));
    assert_eq!(story.outcome(), Some(Outcome::Onboarded), "how it began stays as it was");
}

#[test]
fn a_room_that_is_closed_stays_as_it_is() {
    let mut story = Story::activated();
    story.is_closed(100);
    assert_eq!(story.is_closed(200), []);
    assert_eq!(story.room().quarantine_until, Some(at(100 + 30 * DAY)));
}

#[test]
fn a_room_whose_onboarding_goes_on_is_not_closed() {
    for mut story in [Story::of_an_onboarding(), Story::invited()] {
        let phase = story.room().phase;
        assert_eq!(story.is_closed(100), []);
        assert_eq!(story.room().phase, phase);
    }
    let (profile_id, id) =
        Story::invited().world.rooms().map(|(profile, room, _)| (profile, room)).next().unwrap();
    let story = Story::invited();
    let facts =
        CloseFacts { at: at(100), room: Some(story.world.room(profile_id, id)), quarantine: 7 };
    assert_eq!(on_close_room(&olga(), id, &facts), Err(OperatorRefusal::RoomUnderWay(id)));
}

#[test]
fn a_room_that_is_not_there_is_named() {
    let facts = CloseFacts { at: at(100), room: None, quarantine: 7 };
    let refusal = OperatorRefusal::UnknownRoom(room_id(9));
    assert_eq!(on_close_room(&olga(), room_id(9), &facts), Err(refusal));
}

#[test]
fn what_the_client_writes_while_the_pair_rests_belongs_to_the_closed_room() {
    let mut story = Story::activated();
    story.is_closed(100);
    let number = story.room().number.clone();
    assert_eq!(names(&story.writes(number.as_str(), "hello", 200)), ["client-wrote"]);
    assert_eq!(story.room().phase, RoomPhase::Closed);
}

#[test]
fn who_asks_for_the_user_again_gets_another_room_on_the_same_number() {
    let mut story = Story::activated();
    story.is_closed(100);
    let before = story.room().number.clone();
    let events = story.writes(PRIMARY, "#anna", 200);
    assert!(names(&events).contains(&"room-reserved"), "{events:?}");
    let open: Vec<_> = story.world.rooms().filter(|(_, _, room)| room.is_open()).collect();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].2.number, before);
}

/// WhatsApp tells late that the invitation failed: the room is over already, and nobody is told.
#[test]
fn what_comes_late_about_a_closed_room_changes_nothing() {
    use crate::outbound::DeliveryStatus::Failed;
    let mut story = Story::activated();
    story.is_closed(100);
    let events = story.tells(Purpose::Invitation, Failed, Some(refused()), 200);
    assert_eq!(names(&events), ["message-failed"]);
    assert_eq!(story.room().quarantine_until, Some(at(100 + 30 * DAY)));
}

#[test]
fn a_room_stays_while_its_user_its_number_and_the_permission_stand() {
    let story = Story::activated();
    let anna = story.world.users[0].clone();
    let of_north = UserFacts { external_companies: [id("north")].into(), ..anna.clone() };
    let (north, south) = (Some(id("north")), Some(id("south")));
    let with = |user: Option<&UserFacts>, has_number| Standing { user: user.cloned(), has_number };
    assert_eq!(with(Some(&anna), true).lost(None), None);
    assert_eq!(with(Some(&of_north), true).lost(north.as_ref()), None);
    assert_eq!(with(Some(&of_north), true).lost(south.as_ref()), Some(CloseReason::PermissionLost));
    assert_eq!(with(Some(&anna), true).lost(north.as_ref()), Some(CloseReason::PermissionLost));
    assert_eq!(with(Some(&anna), false).lost(None), Some(CloseReason::NumberRemoved));
    assert_eq!(with(None, true).lost(None), Some(CloseReason::UserDeactivated));
    assert_eq!(with(None, false).lost(None), Some(CloseReason::UserDeactivated));
}

#[test]
fn only_an_active_room_is_closed_by_a_review() {
    let nobody = Standing { user: None, has_number: true };
    let of = |story: &Story| {
        let (profile, id, _) = story.world.rooms().next().unwrap();
        let room = Some(story.world.room(profile, id));
        on_room_review(&nobody, &CloseFacts { at: at(100), room, quarantine: 7 }).len()
    };
    let mut closed = Story::activated();
    closed.is_closed(90);
    assert_eq!(of(&Story::of_an_onboarding()), 0, "its onboarding goes on");
    assert_eq!(of(&Story::invited()), 0, "its onboarding goes on");
    assert_eq!(of(&Story::activated()), 2, "the room ends and its number is released");
    assert_eq!(of(&closed), 0, "it is over");
}
