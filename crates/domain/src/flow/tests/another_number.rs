//! An invitation fails by the fault of its number: another one is tried.

use crate::AnyEvent;
use crate::flow::{Decision, NumberVerdict};
use crate::input::{SendReceipt, SendResult};
use crate::outbound::{DeliveryStatus, Purpose};
use crate::pool::{PoolEvent, Service};
use crate::profile::RoomPhase;
use crate::request::Outcome;
use crate::testing::{
    DAY, PRIMARY, Story, World, at, id, lost, names, refused, spec, unhealthy, user,
};

const TRIES_ANOTHER: [&str; 8] = [
    "message-failed",
    "room-closed",
    "number-released",
    "number-service-changed",
    "decision-made",
    "message-requested",
    "room-reserved",
    "number-reserved",
];

/// The numbers of the request's rooms and how far each is, in the order of their opening.
fn rooms(story: &Story) -> Vec<(String, RoomPhase)> {
    let own = story.world.rooms().filter(|(_, _, room)| room.request_id == story.request);
    let mut own: Vec<_> = own.map(|(_, _, room)| room).collect();
    own.sort_by_key(|room| room.reserved_at);
    own.iter().map(|room| (room.number.to_string(), room.phase)).collect()
}

fn decision(story: &Story) -> Decision {
    let request = story.world.request(story.request).unwrap();
    (*request.decided.as_ref().unwrap().1).clone()
}

#[test]
fn the_room_makes_way_for_one_on_another_number() {
    let mut story = Story::of_an_onboarding();
    let events = story.gives_up(Purpose::Invitation, unhealthy(), 10);
    assert_eq!(names(&events), TRIES_ANOTHER);
    let expected = [("2001", RoomPhase::Closed), ("2002", RoomPhase::Reserved)];
    assert_eq!(rooms(&story), expected.map(|(number, phase)| (number.to_owned(), phase)));
    assert_eq!(story.sent(Purpose::Invitation).from, id("2002"));
    assert_eq!(story.outcome(), None);
    let Decision::OpenRoom { considered, .. } = decision(&story) else { panic!("no room") };
    let first = considered.iter().find(|one| one.number == id("2001"));
    assert_eq!(first.unwrap().verdict, NumberVerdict::Failed);

    story.takes(Purpose::Invitation, 20);
    story.takes(Purpose::UserInfo, 30);
    assert_eq!(story.outcome(), Some(Outcome::Onboarded));
    assert_eq!(story.world.profiles().count(), 1, "the profile stays the same");
}

#[test]
fn a_number_that_cannot_send_takes_no_new_rooms() {
    let mut story = Story::of_an_onboarding();
    let events = story.gives_up(Purpose::Invitation, unhealthy(), 10);
    let changed = events.iter().find_map(|event| match event {
        AnyEvent::Pool(PoolEvent::NumberServiceChanged { number, service, by, .. }) => {
            Some((number.clone(), *service, by.expose().clone()))
        }
        _ => None,
    });
    let why = "WhatsApp's error 131031".to_owned();
    assert_eq!(changed, Some((id("2001"), Service::Suspended, why)));
}

#[test]
fn what_whatsapp_tells_later_is_the_same_as_what_it_answers() {
    let mut story = Story::invited();
    let failed = DeliveryStatus::Failed;
    let events = story.tells(Purpose::Invitation, failed, Some(unhealthy()), 15);
    assert_eq!(names(&events), TRIES_ANOTHER);
}

#[test]
fn only_the_numbers_fault_leads_to_another_number() {
    for error in [refused(), lost()] {
        let mut story = Story::of_an_onboarding();
        story.gives_up(Purpose::Invitation, error, 10);
        assert_eq!(story.outcome(), Some(Outcome::InvitationFailed));
        assert_eq!(rooms(&story).len(), 1);
    }
}

#[test]
fn after_three_numbers_the_client_is_told() {
    let mut world = World::new();
    world.directory[0].1 = ["2001", "2002", "2003", "2004"].map(|n| spec(n, "GB")).to_vec();
    world.publish_directory();
    let mut story = Story::in_a(world);
    for seconds in [10, 20] {
        story.gives_up(Purpose::Invitation, unhealthy(), seconds);
        assert_eq!(story.outcome(), None);
    }
    story.gives_up(Purpose::Invitation, unhealthy(), 30);
    assert_eq!(rooms(&story).len(), 3);
    assert_eq!(story.outcome(), Some(Outcome::InvitationFailed));
    assert!(story.is_sent(Purpose::InvitationFailed));
}

#[test]
fn where_no_other_number_is_left_the_client_is_told_and_why_is_recorded() {
    let mut world = World::new();
    world.directory[0].1.truncate(1);
    world.publish_directory();
    let mut story = Story::in_a(world);
    let events = story.gives_up(Purpose::Invitation, unhealthy(), 10);
    assert_eq!(names(&events)[..5], TRIES_ANOTHER[..5]);
    assert!(matches!(decision(&story), Decision::ReportNoNumber { .. }));
    assert_eq!(story.outcome(), Some(Outcome::InvitationFailed));
    assert!(story.is_sent(Purpose::InvitationFailed));
}

#[test]
fn another_number_is_tried_whatever_the_company_has_switched_off_meanwhile() {
    let mut story = Story::of_an_onboarding();
    story.world.company.auto_promotion = false;
    let events = story.gives_up(Purpose::Invitation, unhealthy(), DAY + 10);
    assert_eq!(names(&events), TRIES_ANOTHER);
}

#[test]
fn a_user_who_lost_the_extension_meanwhile_gets_no_second_try() {
    let mut story = Story::of_an_onboarding();
    story.world.users = vec![user("ben")];
    story.world.users[0].extension = Some(id("anna"));
    story.gives_up(Purpose::Invitation, unhealthy(), 10);
    assert_eq!(story.outcome(), Some(Outcome::InvitationFailed));
    assert_eq!(rooms(&story).len(), 1);
}

#[test]
fn what_is_told_of_the_first_invitation_later_changes_nothing_of_the_second_room() {
    let mut story = Story::of_an_onboarding();
    let first = story.sent(Purpose::Invitation);
    story.gives_up(Purpose::Invitation, unhealthy(), 10);
    let before = rooms(&story);
    let request_id = story.request;
    for (seconds, error) in [(20, refused()), (21, lost())] {
        let result = SendResult::GivenUp { error };
        let message_id = first.message_id;
        let at = at(seconds);
        story.world.receipt(&SendReceipt { request_id, message_id, attempt: 2, at, result });
    }
    assert_eq!(rooms(&story), before);
    story.writes(PRIMARY, "#anna", 40);
    assert_eq!(rooms(&story), before, "the client joins the second room");
}
