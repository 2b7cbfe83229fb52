//! What follows when a reminder fails.

use crate::input::{OperatorCommand, OperatorRequest};
use crate::outbound::{Content, DeliveryStatus, OutboundMessage, Purpose};
use crate::personal::Personal;
use crate::request::Outcome;
use crate::testing::{DAY, PRIMARY, Story, at, id, lost, names, refused, window_closed};

const BY_TEMPLATE: [&str; 3] = ["message-failed", "message-requested", "room-reminded"];

/// The client wrote into the room at second 50 and asked for Anna once more at second 100, so that
/// the reminder is free text.
fn reminded() -> Story {
    let mut story = Story::activated();
    story.writes("2001", "Hi Anna", 50);
    story.writes(PRIMARY, "#anna", 100);
    assert!(!is_template(&story.sent(Purpose::Reminder)));
    story
}

fn is_template(message: &OutboundMessage) -> bool {
    matches!(&message.content, Content::Template { name, .. } if name == "resume_conversation")
}

fn reminders(story: &Story) -> usize {
    let all = story.world.messages();
    all.iter().filter(|(_, message, _)| message.purpose == Purpose::Reminder).count()
}

/// An operator's command at second 101.
fn command(request: OperatorRequest) -> OperatorCommand {
    OperatorCommand {
        operation_id: id("00000000-0000-0000-0000-000000000101"),
        actor: Personal::new("Olga".to_owned()),
        at: at(101),
        expected_version: None,
        request,
    }
}

#[test]
fn free_text_into_a_closed_window_goes_out_as_the_template() {
    let mut story = reminded();
    let free_text = story.sent(Purpose::Reminder);
    let request = story.world.request_with(free_text.message_id).request_id;
    let events = story.gives_up(Purpose::Reminder, window_closed(), 110);
    assert_eq!(names(&events), BY_TEMPLATE);
    let template = story.sent(Purpose::Reminder);
    let content = Content::Template {
        name: "resume_conversation".to_owned(),
        language: "en".to_owned(),
        parameters: vec!["Anna".to_owned().into()],
    };
    assert_eq!(template.content, content);
    assert_eq!((&template.from, &template.to), (&free_text.from, &free_text.to));
    assert_eq!((template.room_id, template.expires_at), (free_text.room_id, at(100 + DAY)));
    let of_request = story.world.request(request).unwrap();
    let ids: Vec<_> = of_request.messages.iter().map(|message| message.message_id).collect();
    assert_eq!(ids, [free_text.message_id, template.message_id], "the same request's next one");
    assert_eq!(of_request.outcome, Some(Outcome::Reminded));
    assert_eq!(names(&story.takes(Purpose::Reminder, 120)), ["message-accepted"]);
}

#[test]
fn so_it_does_if_whatsapp_tells_of_the_closed_window_after_it_took_the_message() {
    let mut story = reminded();
    story.takes(Purpose::Reminder, 101);
    let failed = DeliveryStatus::Failed;
    let events = story.tells(Purpose::Reminder, failed, Some(window_closed()), 110);
    assert_eq!(names(&events), BY_TEMPLATE);
}

#[test]
fn it_does_so_once() {
    let mut story = reminded();
    let free_text = story.sent(Purpose::Reminder);
    story.gives_up(Purpose::Reminder, window_closed(), 110);
    let failed = DeliveryStatus::Failed;
    let again = story.world.status(&free_text, failed, Some(window_closed()), at(111));
    assert_eq!(again, [], "the same told twice");
    let events = story.gives_up(Purpose::Reminder, window_closed(), 120);
    assert_eq!(names(&events), ["message-failed"], "a template needs no window");
    assert_eq!(reminders(&story), 2);
}

#[test]
fn no_other_error_leads_to_the_template() {
    for error in [Some(refused()), Some(lost()), None] {
        let mut story = reminded();
        let events = story.tells(Purpose::Reminder, DeliveryStatus::Failed, error, 110);
        assert_eq!(names(&events), ["message-failed"]);
    }
}

#[test]
fn free_text_from_the_primary_has_no_template() {
    let mut story = Story::activated();
    story.writes(PRIMARY, "hello", 100);
    let events = story.gives_up(Purpose::ExtensionMissing, window_closed(), 110);
    assert_eq!(names(&events), ["message-failed"]);
    let mut story = Story::invited();
    let events = story.gives_up(Purpose::UserInfo, window_closed(), 20);
    assert_eq!(names(&events)[..2], ["message-failed", "user-assigned"]);
    assert_eq!(story.world.messages().len(), 2, "the invitation and the user info");
}

#[test]
fn the_interval_begins_with_the_template() {
    let mut story = reminded();
    story.gives_up(Purpose::Reminder, window_closed(), 140);
    assert_eq!(story.room().reminded_at, Some(at(140)));
    story.writes(PRIMARY, "#anna", 199);
    assert_eq!(reminders(&story), 2, "suppressed");
    story.writes(PRIMARY, "#anna", 200);
    assert_eq!(reminders(&story), 3);
}

#[test]
fn who_was_reminded_again_meanwhile_gets_one_template() {
    let mut story = reminded();
    let first = story.sent(Purpose::Reminder);
    story.writes(PRIMARY, "#anna", 170);
    let failed = DeliveryStatus::Failed;
    let events = story.world.status(&first, failed, Some(window_closed()), at(171));
    assert_eq!(names(&events), ["message-failed"], "the second one is under way");
    let events = story.gives_up(Purpose::Reminder, window_closed(), 172);
    assert_eq!(names(&events), BY_TEMPLATE);
    assert_eq!(reminders(&story), 3);
}

#[test]
fn nobody_is_reminded_of_a_room_that_is_over() {
    let mut story = reminded();
    let (profile_id, room_id, _) = story.world.rooms().next().unwrap();
    let close = command(OperatorRequest::CloseRoom { room_id });
    story.world.close(&close, (profile_id, room_id), at(101));
    let events = story.gives_up(Purpose::Reminder, window_closed(), 110);
    assert_eq!(names(&events), ["message-failed"]);
}

#[test]
fn nor_is_who_is_blocked() {
    let mut story = reminded();
    let (profile_id, ..) = story.world.rooms().next().unwrap();
    let block = command(OperatorRequest::BlockClient { profile_id });
    story.world.block(&block, (profile_id, true), at(101));
    let events = story.gives_up(Purpose::Reminder, window_closed(), 110);
    assert_eq!(names(&events), ["message-failed"]);
}

#[test]
fn nor_is_who_wants_no_templates() {
    let mut before = Story::activated();
    before.writes("2001", "Hi Anna", 50);
    before.writes(PRIMARY, "STOP", 60);
    before.writes(PRIMARY, "#anna", 100);
    let mut since = reminded();
    since.writes(PRIMARY, "STOP", 105);
    for mut story in [before, since] {
        let events = story.gives_up(Purpose::Reminder, window_closed(), 110);
        assert_eq!(names(&events), ["message-failed"]);
    }
}

#[test]
fn a_reminder_that_would_come_a_day_late_is_not_sent() {
    let mut story = reminded();
    let events = story.gives_up(Purpose::Reminder, window_closed(), 100 + DAY);
    assert_eq!(names(&events), ["message-failed"]);
}
