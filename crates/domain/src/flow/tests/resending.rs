//! An operator has an invitation sent once more.

use crate::AnyEvent;
use crate::flow::OperatorRefusal;
use crate::ids::RoomId;
use crate::input::{OperatorCommand, OperatorRequest};
use crate::outbound::{DeliveryStatus, Purpose};
use crate::personal::Personal;
use crate::profile::RoomPhase;
use crate::testing::{Story, at, id, names, refused, unhealthy};

impl Story {
    fn room_id(&self) -> RoomId {
        self.world.rooms().find(|(_, _, room)| room.request_id == self.request).unwrap().1
    }

    fn is_invited_again(&mut self, seconds: i64) -> Result<Vec<AnyEvent>, OperatorRefusal> {
        let own = self.world.rooms().find(|(_, _, room)| room.request_id == self.request);
        let (profile_id, room_id) = own.map(|(profile, room, _)| (profile, room)).unwrap();
        let command = OperatorCommand {
            operation_id: id(&format!("00000000-0000-0000-0000-{seconds:012}")),
            actor: Personal::new("Olga".to_owned()),
            at: at(seconds),
            expected_version: None,
            request: OperatorRequest::ResendInvitation { room_id },
        };
        self.world.resend(&command, (profile_id, room_id), at(seconds))
    }
}

#[test]
fn it_goes_out_in_the_words_of_the_first() {
    for mut story in [Story::invited(), Story::activated()] {
        let first = story.sent(Purpose::Invitation);
        let events = story.is_invited_again(100).unwrap();
        assert_eq!(names(&events), ["message-requested", "invitation-resent"]);
        let second = story.sent(Purpose::Invitation);
        assert_ne!(second.message_id, first.message_id);
        assert_eq!((&second.content, &second.from), (&first.content, &first.from));
        let phase = story.room().phase;
        story.takes(Purpose::Invitation, 110);
        assert_eq!(story.room().phase, phase, "it changes nothing of the room");
    }
}

#[test]
fn one_at_a_time() {
    let mut story = Story::of_an_onboarding();
    let under_way = OperatorRefusal::InvitationUnderWay(story.room_id());
    assert_eq!(story.is_invited_again(5), Err(under_way.clone()), "the first");
    let mut story = Story::activated();
    story.is_invited_again(100).unwrap();
    assert_eq!(story.is_invited_again(101), Err(under_way), "the second");
}

#[test]
fn if_it_fails_the_one_before_still_stands() {
    // A number that can't send takes no new rooms all the same.
    let cases: [(_, &[&str]); 2] = [
        (refused(), &["message-failed"]),
        (unhealthy(), &["message-failed", "number-service-changed"]),
    ];
    for (error, expected) in cases {
        let mut story = Story::activated();
        story.is_invited_again(100).unwrap();
        let events = story.gives_up(Purpose::Invitation, error, 110);
        assert_eq!(names(&events), expected);
        assert_eq!(story.room().phase, RoomPhase::Active);
    }
}

#[test]
fn if_the_one_before_fails_late_it_stands_itself() {
    let mut story = Story::activated();
    let first = story.sent(Purpose::Invitation);
    story.is_invited_again(100).unwrap();
    let failed = DeliveryStatus::Failed;
    let events = story.world.status(&first, failed, Some(refused()), at(110));
    assert_eq!(names(&events), ["message-failed"]);
    let events = story.gives_up(Purpose::Invitation, refused(), 120);
    assert!(names(&events).contains(&"room-closed"), "now none is left: {events:?}");
}

#[test]
fn who_has_written_into_the_room_needs_none() {
    let mut story = Story::activated();
    let number = story.room().number.clone();
    story.writes(number.as_str(), "hello", 50);
    let refusal = OperatorRefusal::NoInvitationNeeded(story.room_id());
    assert_eq!(story.is_invited_again(100), Err(refusal));
}

#[test]
fn nobody_is_invited_into_a_room_that_is_over() {
    let mut story = Story::of_an_onboarding();
    story.gives_up(Purpose::Invitation, refused(), 10);
    let refusal = OperatorRefusal::RoomClosed(story.room_id());
    assert_eq!(story.is_invited_again(100), Err(refusal));
}
