//! A message shows that two clients are one.

use crate::flow::{Command, Decision, ProfileFacts, RoomFacts};
use crate::ids::ClientId;
use crate::profile::{ProfileCommand, RoomPhase};
use crate::request::{OnboardingRequest, RequestCommand, RequestEvent};
use crate::testing::{Scene, profile, profile_id, request_id, room, room_id, scene};

fn other() -> ClientId {
    ClientId::first_seen_by(request_id(7))
}

/// Each of the two has a profile with a room.
fn with_rooms(one: RoomFacts, two: RoomFacts) -> Scene {
    let of = |n, room| ProfileFacts { rooms: vec![room], ..profile(profile_id(n)) };
    scene().knowing([of(1, one), of(2, two)]).with(|s| s.facts.same_as = vec![other()])
}

fn active(n: u128, user: &str, number: &str) -> RoomFacts {
    room(room_id(n), user, number, RoomPhase::Active)
}

fn reports(plan: &[Command]) -> Vec<Command> {
    let is_report =
        |it: &&Command| matches!(it, Command::Profile(_, ProfileCommand::ReportClash { .. }));
    plan.iter().filter(is_report).cloned().collect()
}

fn report(scene: &Scene) -> Command {
    let (room_id, with) = (room_id(1), room_id(2));
    let report = ProfileCommand::ReportClash { room_id, with, at: scene.facts.at };
    Command::Profile(profile_id(1), report)
}

#[test]
fn that_is_recorded_before_what_is_decided() {
    let scene = scene().with(|s| s.facts.same_as = vec![other()]);
    let receive = RequestCommand::Receive(Box::new(scene.received()));
    let events = OnboardingRequest::default().decide(&receive).unwrap();
    let linked = RequestEvent::ClientsLinked {
        client_id: scene.facts.client_id,
        same_as: vec![other()],
        at: scene.facts.at,
    };
    assert_eq!(events[1], linked);
    assert!(matches!(events[2], RequestEvent::DecisionMade { .. }));
}

#[test]
fn open_rooms_with_one_user_clash_and_the_client_is_led_into_one_of_them() {
    let scene = with_rooms(active(1, "anna", "2001"), active(2, "anna", "2002"));
    assert!(matches!(scene.decision(), Decision::Remind { .. }));
    assert_eq!(reports(&scene.plan()), [report(&scene)]);
}

#[test]
fn open_rooms_on_one_number_clash() {
    let scene = with_rooms(active(1, "anna", "2001"), active(2, "ben", "2001"));
    assert_eq!(reports(&scene.plan()), [report(&scene)]);
}

#[test]
fn other_rooms_do_not() {
    let closed = RoomFacts { phase: RoomPhase::Closed, ..active(2, "anna", "2001") };
    for two in [active(2, "ben", "2002"), closed] {
        assert_eq!(reports(&with_rooms(active(1, "anna", "2001"), two).plan()), []);
    }
}

#[test]
fn it_is_told_once() {
    let scene = with_rooms(active(1, "anna", "2001"), active(2, "anna", "2002"));
    assert_eq!(reports(&scene.with(|s| s.facts.same_as = vec![]).plan()), []);
}

#[test]
fn a_message_into_a_room_tells_it_to_the_profile() {
    let scene = with_rooms(active(1, "anna", "2001"), active(2, "anna", "2002"));
    let scene = scene.on_secondary("2001");
    let plan = scene.plan();
    let linked = ProfileCommand::LinkClients {
        client_id: scene.facts.client_id,
        same_as: vec![other()],
        at: scene.facts.at,
    };
    assert_eq!(plan[0], Command::Profile(profile_id(1), linked));
    let wrote = matches!(plan[1], Command::Profile(_, ProfileCommand::RecordClientWrote { .. }));
    assert!(wrote, "{plan:?}");
    assert_eq!(plan[2..], [report(&scene)]);
}
