//! What follows from a request: WhatsApp takes its messages or refuses them.

use crate::AnyEvent;
use crate::input::SendResult;
use crate::outbound::{DeliveryStatus, Purpose};
use crate::profile::{ActivationCause, CloseReason, ProfileEvent, RoomPhase};
use crate::request::Outcome;
use crate::testing::{DAY, HOUR, PRIMARY, Story, World, at, id, lost, names, refused, words};

const ACTIVATES: [&str; 3] = ["user-assigned", "room-activated", "outcome-recorded"];

const COMPENSATES: [&str; 5] =
    ["message-failed", "room-closed", "number-released", "message-requested", "outcome-recorded"];

fn cause(events: &[AnyEvent]) -> Option<ActivationCause> {
    events.iter().find_map(|event| match event {
        AnyEvent::Profile(ProfileEvent::RoomActivated { cause, .. }) => Some(*cause),
        _ => None,
    })
}

fn closing(events: &[AnyEvent]) -> Option<(CloseReason, bool)> {
    events.iter().find_map(|event| match event {
        AnyEvent::Profile(ProfileEvent::RoomClosed { reason, quarantine_until, .. }) => {
            Some((*reason, quarantine_until.is_some()))
        }
        _ => None,
    })
}

#[test]
fn an_attempt_is_only_recorded() {
    let mut story = Story::of_an_onboarding();
    let events = story.reports(Purpose::Invitation, 1, SendResult::Attempted, 3);
    assert_eq!(names(&events), ["message-attempted"]);
    assert_eq!(story.room().phase, RoomPhase::Reserved);
}

#[test]
fn when_whatsapp_takes_the_invitation_the_primary_names_user_and_number() {
    let mut story = Story::of_an_onboarding();
    let events = story.takes(Purpose::Invitation, 10);
    let expected = ["message-accepted", "room-invited", "message-requested", "user-info-requested"];
    assert_eq!(names(&events), expected);
    let user_info = story.sent(Purpose::UserInfo);
    assert_eq!((user_info.from.as_str(), user_info.expires_at), (PRIMARY, at(DAY)));
    assert_eq!(
        words(&user_info),
        "Dear customer, I have found an employee Anna with this extension. You should receive \
         an invite to message in the next few seconds from +447700900801."
    );
    assert_eq!(story.room().deadline, Some(at(10 + 600)));
    assert_eq!(story.room().user_info_at, Some(at(10)));
    assert_eq!(story.outcome(), None);
}

#[test]
fn when_the_user_info_is_taken_the_room_is_activated_and_the_request_ends() {
    let mut story = Story::invited();
    let events = story.takes(Purpose::UserInfo, 20);
    assert_eq!(names(&events)[1..], ACTIVATES);
    assert_eq!(cause(&events), Some(ActivationCause::UserInfoSettled));
    assert_eq!((story.room().phase, story.room().deadline), (RoomPhase::Active, None));
    assert_eq!(story.outcome(), Some(Outcome::Onboarded));
}

#[test]
fn a_user_info_that_is_given_up_activates_the_room_all_the_same() {
    for error in [refused(), lost()] {
        let mut story = Story::invited();
        let events = story.gives_up(Purpose::UserInfo, error, 20);
        assert_eq!(names(&events)[0], "message-failed");
        assert_eq!(names(&events)[1..], ACTIVATES);
        assert_eq!(story.outcome(), Some(Outcome::Onboarded));
    }
}

#[test]
fn a_user_info_whose_failure_whatsapp_tells_activates_it_too() {
    for error in [Some(refused()), None] {
        let mut story = Story::invited();
        let events = story.tells(Purpose::UserInfo, DeliveryStatus::Failed, error, 20);
        assert_eq!(names(&events)[1..], ACTIVATES);
    }
}

#[test]
fn an_invitation_that_is_refused_is_compensated_without_a_rest() {
    let mut story = Story::of_an_onboarding();
    let events = story.gives_up(Purpose::Invitation, refused(), 10);
    assert_eq!(names(&events), COMPENSATES);
    assert_eq!(closing(&events), Some((CloseReason::InvitationRefused, false)));
    assert_eq!(story.outcome(), Some(Outcome::InvitationFailed));
    let apology = story.sent(Purpose::InvitationFailed);
    assert_eq!((apology.from.as_str(), apology.expires_at), (PRIMARY, at(DAY)));
    assert!(words(&apology).starts_with("We found Anna, but our invitation did not reach you."));
}

#[test]
fn an_invitation_whose_answer_was_lost_leaves_the_pair_resting() {
    let mut story = Story::of_an_onboarding();
    let events = story.gives_up(Purpose::Invitation, lost(), 10);
    assert_eq!(names(&events), COMPENSATES);
    assert_eq!(closing(&events), Some((CloseReason::InvitationLost, true)));
    assert_eq!(story.room().quarantine_until, Some(at(10 + 30 * DAY)));
}

#[test]
fn an_invitation_that_fails_after_whatsapp_took_it_is_compensated() {
    let mut story = Story::invited();
    let events = story.tells(Purpose::Invitation, DeliveryStatus::Failed, Some(refused()), 15);
    assert_eq!(names(&events), COMPENSATES);
    assert_eq!(closing(&events), Some((CloseReason::InvitationRefused, false)));
}

#[test]
fn an_invitation_that_fails_without_a_reason_is_compensated_too() {
    for mut story in [Story::of_an_onboarding(), Story::invited()] {
        let events = story.tells(Purpose::Invitation, DeliveryStatus::Failed, None, 15);
        assert_eq!(names(&events), COMPENSATES);
        assert_eq!(closing(&events), Some((CloseReason::InvitationRefused, false)));
    }
}

#[test]
fn nobody_is_assigned_where_the_invitation_failed() {
    let mut story = Story::of_an_onboarding();
    story.gives_up(Purpose::Invitation, refused(), 10);
    assert!(story.world.profiles().all(|p| p.present().unwrap().users.is_empty()));
}

#[test]
fn an_apology_that_would_come_too_late_is_not_requested() {
    let mut world = World::new();
    world.company.timing.invitation_deadline = 2 * 86_400;
    let mut story = Story::in_a(world);
    let events = story.gives_up(Purpose::Invitation, refused(), DAY);
    let expected = ["message-failed", "room-closed", "number-released", "outcome-recorded"];
    assert_eq!(names(&events), expected);
}

#[test]
fn what_becomes_of_the_apology_is_only_recorded() {
    let mut story = Story::of_an_onboarding();
    story.gives_up(Purpose::Invitation, refused(), 10);
    assert_eq!(names(&story.takes(Purpose::InvitationFailed, 11)), ["message-accepted"]);
    let read = story.tells(Purpose::InvitationFailed, DeliveryStatus::Read, None, 12);
    assert_eq!(names(&read), ["message-status-changed"]);
}

#[test]
fn after_a_refusal_the_number_is_free_for_everybody() {
    for (extension, user) in [("#anna", "anna"), ("#ben", "ben")] {
        let mut world = World::new();
        world.directory[0].1.truncate(1);
        world.publish_directory();
        let mut story = Story::in_a(world);
        story.gives_up(Purpose::Invitation, refused(), 10);
        story.writes(PRIMARY, extension, 20);
        let (_, _, again) = story.world.rooms().find(|(_, _, room)| room.is_open()).unwrap();
        assert_eq!((again.user_id.as_str(), again.number.as_str()), (user, "2001"));
    }
}

#[test]
fn while_the_pair_rests_only_the_same_user_takes_the_number_again() {
    for (extension, number) in [("#anna", "2001"), ("#ben", "2002")] {
        let mut story = Story::of_an_onboarding();
        story.gives_up(Purpose::Invitation, lost(), 10);
        story.writes(PRIMARY, extension, 20);
        let (_, _, again) = story.world.rooms().find(|(_, _, room)| room.is_open()).unwrap();
        assert_eq!(again.number, id(number));
    }
}

#[test]
fn a_client_who_writes_into_a_room_under_way_activates_it() {
    for mut story in [Story::of_an_onboarding(), Story::invited()] {
        let events = story.writes("2001", "Hi Anna", 15);
        assert_eq!(names(&events)[0], "client-wrote");
        assert_eq!(names(&events)[1..], ACTIVATES);
        assert_eq!(cause(&events), Some(ActivationCause::ClientWrote));
        assert_eq!(story.outcome(), Some(Outcome::Onboarded));
    }
}

#[test]
fn a_client_who_wrote_in_time_needs_no_user_info() {
    let mut story = Story::of_an_onboarding();
    story.writes("2001", "Hi Anna", 5);
    assert_eq!(names(&story.takes(Purpose::Invitation, 10)), ["message-accepted"]);
    assert!(!story.is_sent(Purpose::UserInfo));
}

#[test]
fn the_user_info_of_a_request_that_joined_activates_the_room_and_ends_the_first() {
    let mut story = Story::invited();
    story.writes(PRIMARY, "#anna", 80);
    assert_eq!(story.world.messages().len(), 3, "invitation and two user-infos");
    let events = story.takes(Purpose::UserInfo, 90);
    assert_eq!(names(&events)[1..], ACTIVATES);
    assert_eq!(story.outcome(), Some(Outcome::Onboarded));
}

#[test]
fn several_users_get_several_numbers_and_then_there_are_none() {
    let mut world = World::new();
    world.users.push(crate::testing::user("carl"));
    let mut story = Story::in_a(world);
    story.writes(PRIMARY, "#ben", 20);
    let events = story.writes(PRIMARY, "#carl", 30);
    let numbers: Vec<_> = story.world.rooms().map(|(_, _, r)| r.number.clone()).collect();
    assert_eq!(numbers.len(), 2, "as many rooms as secondaries: {numbers:?}");
    assert_ne!(numbers[0], numbers[1]);
    assert!(names(&events).contains(&"outcome-recorded"));
    assert!(story.is_sent(Purpose::NoSecondaryNumber));
}

#[test]
fn an_invitation_that_nobody_settles_is_lost_at_its_deadline() {
    let mut story = Story::of_an_onboarding();
    let events = story.times_out(at(2 + HOUR), 2 + HOUR);
    assert_eq!(names(&events), COMPENSATES[1..]);
    assert_eq!(closing(&events), Some((CloseReason::InvitationLost, true)));
    assert_eq!(story.outcome(), Some(Outcome::InvitationFailed));
}

#[test]
fn a_user_info_that_nobody_settles_activates_the_room_at_its_deadline() {
    let mut story = Story::invited();
    let events = story.times_out(at(10 + 600), 10 + 600);
    assert_eq!(names(&events), ACTIVATES);
    assert_eq!(cause(&events), Some(ActivationCause::Deadline));
    assert_eq!(story.outcome(), Some(Outcome::Onboarded));
}
