//! WhatsApp lets a number send no more; which message tells it makes no difference.

use crate::AnyEvent;
use crate::outbound::{DeliveryStatus, Purpose};
use crate::pool::{PoolEvent, Service};
use crate::profile::RoomPhase;
use crate::testing::{DAY, PRIMARY, Story, id, names, refused, unhealthy};

const SUSPENDS: [&str; 2] = ["message-failed", "number-service-changed"];

fn suspended(events: &[AnyEvent]) -> Option<(String, String)> {
    events.iter().find_map(|event| match event {
        AnyEvent::Pool(PoolEvent::NumberServiceChanged {
            number,
            service: Service::Suspended,
            by,
            ..
        }) => Some((number.to_string(), by.expose().clone())),
        _ => None,
    })
}

fn why() -> String {
    "WhatsApp's error 131031".to_owned()
}

/// A reminder is to be sent into the room on `2001`: free text, or the template.
fn reminded(free_text: bool) -> Story {
    let mut story = Story::activated();
    if free_text {
        story.writes("2001", "Hi Anna", 50);
    }
    story.writes(PRIMARY, "#anna", 100);
    story
}

/// The client writes to `2002`, where it has no room.
fn redirected() -> Story {
    let mut story = Story::activated();
    story.writes("2002", "Hello?", 100);
    story
}

#[test]
fn a_reminder_tells_it() {
    for free_text in [true, false] {
        let mut story = reminded(free_text);
        let events = story.gives_up(Purpose::Reminder, unhealthy(), 110);
        assert_eq!(names(&events), SUSPENDS);
        assert_eq!(suspended(&events), Some(("2001".to_owned(), why())));
        assert_eq!(story.room().phase, RoomPhase::Active, "the room goes on");
    }
}

#[test]
fn so_does_the_reply_of_a_secondary_without_a_room() {
    let mut story = redirected();
    let events = story.gives_up(Purpose::Redirect, unhealthy(), 110);
    assert_eq!(names(&events), SUSPENDS);
    assert_eq!(suspended(&events), Some(("2002".to_owned(), why())));
}

#[test]
fn what_whatsapp_tells_later_counts_too() {
    for (mut story, purpose) in
        [(reminded(true), Purpose::Reminder), (redirected(), Purpose::Redirect)]
    {
        story.takes(purpose, 101);
        let events = story.tells(purpose, DeliveryStatus::Failed, Some(unhealthy()), 110);
        assert_eq!(names(&events), SUSPENDS);
    }
}

#[test]
fn it_takes_no_new_rooms() {
    for (error, takes_one) in [(refused(), true), (unhealthy(), false)] {
        let mut story = redirected();
        story.gives_up(Purpose::Redirect, error, 110);
        // The other number carries a room of this client.
        story.writes(PRIMARY, "#ben", 120);
        assert_eq!(story.world.rooms().any(|(_, _, room)| room.number == id("2002")), takes_one);
        assert_eq!(story.is_sent(Purpose::NoSecondaryNumber), !takes_one);
    }
}

#[test]
fn a_number_is_suspended_once() {
    let mut story = reminded(true);
    story.gives_up(Purpose::Reminder, unhealthy(), 110);
    story.writes(PRIMARY, "#anna", 200);
    let events = story.gives_up(Purpose::Reminder, unhealthy(), 210);
    assert_eq!(names(&events), ["message-failed"]);
}

#[test]
fn no_other_error_suspends_a_number() {
    for (mut story, purpose) in
        [(reminded(true), Purpose::Reminder), (redirected(), Purpose::Redirect)]
    {
        let events = story.gives_up(purpose, refused(), 110);
        assert_eq!(names(&events), ["message-failed"]);
    }
}

#[test]
fn a_primary_is_in_no_pool() {
    let mut story = Story::activated();
    story.writes(PRIMARY, "hello", DAY);
    let events = story.gives_up(Purpose::ExtensionMissing, unhealthy(), DAY + 1);
    assert_eq!(names(&events), ["message-failed"]);
    let mut story = Story::invited();
    let events = story.gives_up(Purpose::UserInfo, unhealthy(), 20);
    assert_eq!(names(&events)[0], "message-failed");
    assert_eq!(suspended(&events), None);
}
