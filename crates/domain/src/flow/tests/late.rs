//! Receipts, statuses and deadlines that come late, twice, or out of order.

use crate::input::SendResult;
use crate::outbound::{DeliveryStatus, Purpose};
use crate::profile::RoomPhase;
use crate::request::Outcome;
use crate::testing::{HOUR, PRIMARY, Story, at, id, lost, names, refused};

fn took() -> SendResult {
    SendResult::Accepted { wamid: id("wamid.out.again") }
}

#[test]
fn the_same_message_is_decided_once() {
    let mut story = Story::of_an_onboarding();
    assert_eq!(names(&story.writes(PRIMARY, "#anna", 60)).first(), Some(&"onboarding-requested"));
    assert_eq!(story.writes(PRIMARY, "#anna", 60), []);
}

#[test]
fn a_second_answer_to_the_same_message_changes_nothing() {
    let mut story = Story::invited();
    assert_eq!(story.reports(Purpose::Invitation, 2, took(), 30), []);
    assert_eq!(story.reports(Purpose::Invitation, 3, SendResult::Attempted, 31), []);
    assert_eq!(story.room().phase, RoomPhase::Invited);
}

#[test]
fn a_status_that_overtakes_the_senders_own_record_is_taken_for_it() {
    use DeliveryStatus::{Delivered, Read, Sent};
    for status in [Sent, Delivered, Read] {
        let mut story = Story::of_an_onboarding();
        let events = story.tells(Purpose::Invitation, status, None, 9);
        let expected = [
            "message-accepted",
            "message-status-changed",
            "room-invited",
            "message-requested",
            "user-info-requested",
        ];
        assert_eq!(names(&events), expected);
        assert_eq!(story.takes(Purpose::Invitation, 10), [], "the record itself is late");
    }
}

#[test]
fn a_status_that_overtakes_the_record_of_the_user_info_activates_the_room() {
    let mut story = Story::invited();
    story.tells(Purpose::UserInfo, DeliveryStatus::Delivered, None, 19);
    assert_eq!(story.room().phase, RoomPhase::Active);
    assert_eq!(story.takes(Purpose::UserInfo, 20), []);
}

#[test]
fn statuses_after_the_answer_are_only_recorded() {
    let mut story = Story::activated();
    for (status, seconds) in [(DeliveryStatus::Sent, 30), (DeliveryStatus::Read, 31)] {
        let events = story.tells(Purpose::Invitation, status, None, seconds);
        assert_eq!(names(&events), ["message-status-changed"]);
    }
    let late = story.tells(Purpose::Invitation, DeliveryStatus::Delivered, None, 32);
    assert_eq!(late, [], "lower than what was told");
}

#[test]
fn an_invitation_that_whatsapp_has_is_not_given_up_any_more() {
    // Its answer was lost, its status was not: the sender's despair comes too late.
    let mut story = Story::of_an_onboarding();
    story.tells(Purpose::Invitation, DeliveryStatus::Delivered, None, 9);
    assert_eq!(story.gives_up(Purpose::Invitation, lost(), 60), []);
    assert_eq!(story.room().phase, RoomPhase::Invited);
    assert_eq!(story.outcome(), None);
}

#[test]
fn an_answer_that_comes_after_the_room_was_closed_is_recorded_and_opens_nothing() {
    let mut story = Story::of_an_onboarding();
    story.times_out(at(2 + HOUR), 2 + HOUR);
    assert_eq!(names(&story.takes(Purpose::Invitation, 3 + HOUR)), ["message-accepted"]);
    assert_eq!(story.room().phase, RoomPhase::Closed);
    assert!(!story.is_sent(Purpose::UserInfo));
    assert_eq!(story.outcome(), Some(Outcome::InvitationFailed));
}

#[test]
fn a_failure_is_compensated_once() {
    let mut story = Story::of_an_onboarding();
    story.gives_up(Purpose::Invitation, refused(), 10);
    let told = story.tells(Purpose::Invitation, DeliveryStatus::Failed, Some(refused()), 11);
    assert_eq!(told, []);
    assert_eq!(story.reports(Purpose::Invitation, 2, took(), 12), []);
    assert_eq!(story.times_out(at(2 + HOUR), 2 + HOUR), []);
    let apologies = story
        .world
        .messages()
        .iter()
        .filter(|(_, m, _)| m.purpose == Purpose::InvitationFailed)
        .count();
    assert_eq!(apologies, 1);
}

#[test]
fn a_user_info_that_is_settled_after_the_room_is_active_changes_nothing_more() {
    let mut story = Story::invited();
    story.writes("2001", "Hi Anna", 15);
    assert_eq!(names(&story.takes(Purpose::UserInfo, 20)), ["message-accepted"]);
}

#[test]
fn an_invitation_that_fails_after_the_client_wrote_leaves_the_room_alone() {
    let mut story = Story::invited();
    story.writes("2001", "Hi Anna", 15);
    let events = story.tells(Purpose::Invitation, DeliveryStatus::Failed, Some(refused()), 20);
    assert_eq!(names(&events), ["message-failed"]);
    assert_eq!(story.room().phase, RoomPhase::Active);
}

#[test]
fn a_message_from_before_the_room_neither_activates_it_nor_spares_its_invitation() {
    let mut story = Story::invited();
    let before = story.writes_late("2001", "Hi", at(-30), 15);
    assert_eq!(names(&before), ["client-wrote"]);
    assert_eq!(story.room().phase, RoomPhase::Invited);
    assert_eq!(story.outcome(), None);
    story.tells(Purpose::Invitation, DeliveryStatus::Failed, Some(refused()), 20);
    assert_eq!(story.room().phase, RoomPhase::Closed);
    assert_eq!(story.outcome(), Some(Outcome::InvitationFailed));
}

#[test]
fn an_invitation_that_fails_after_the_user_info_is_compensated_and_the_outcome_stays() {
    // Accepted is not delivered: the user-info is mostly settled before a failure is told.
    let mut story = Story::activated();
    let events = story.tells(Purpose::Invitation, DeliveryStatus::Failed, Some(refused()), 30);
    let expected = ["message-failed", "room-closed", "number-released", "message-requested"];
    assert_eq!(names(&events), expected);
    assert!(story.is_sent(Purpose::InvitationFailed));
    assert_eq!(story.outcome(), Some(Outcome::Onboarded), "a request ends once");
}

#[test]
fn a_timer_that_was_set_for_an_earlier_phase_is_stale() {
    let first = at(2 + HOUR);
    for mut story in [Story::invited(), Story::activated()] {
        assert_eq!(story.times_out(first, 2 + HOUR), []);
    }
    let mut story = Story::activated();
    assert_eq!(story.times_out(at(10 + 600), 10 + 600), []);
}

#[test]
fn a_room_that_was_closed_waits_for_nothing() {
    let mut story = Story::invited();
    story.tells(Purpose::Invitation, DeliveryStatus::Failed, Some(refused()), 15);
    assert_eq!(story.times_out(at(10 + 600), 10 + 600), []);
}
