//! Messages into a room, and requests for a room that is under way.

use crate::flow::{Command, Decision, RoomFacts};
use crate::input::Input;
use crate::outbound::Purpose;
use crate::personal::Personal;
use crate::profile::{ProfileCommand, RoomPhase};
use crate::request::{Completion, Outcome, RequestCommand};
use crate::testing::{
    DAY, PRIMARY, Scene, at, company_id, id, profile, profile_id, request_id, room, room_id, scene,
    words,
};

fn anna(phase: RoomPhase) -> RoomFacts {
    room(room_id(1), "anna", "2001", phase)
}

fn resting_until(seconds: i64) -> RoomFacts {
    RoomFacts { quarantine_until: Some(at(seconds)), ..anna(RoomPhase::Closed) }
}

/// The client writes on the secondary that carries the room.
fn into(room: RoomFacts) -> Scene {
    scene().with_room(room).on_secondary("2001").saying("Hi Anna")
}

fn wrote(scene: &Scene, room: u128) -> Command {
    let wrote = ProfileCommand::RecordClientWrote {
        room_id: room_id(room),
        identifiers: scene.message.identifiers().into_iter().map(Personal::new).collect(),
        input_id: Input::Message(scene.message.clone()).id(&company_id()),
        sent_at: scene.message.sent_at,
        at: scene.facts.at,
    };
    Command::Profile(profile_id(1), wrote)
}

#[test]
fn a_message_into_an_active_room_is_no_request() {
    let scene = into(anna(RoomPhase::Active));
    assert_eq!(scene.plan(), [wrote(&scene, 1)]);
}

#[test]
fn a_message_into_a_room_under_way_ends_the_request_that_opened_it() {
    for phase in [RoomPhase::Reserved, RoomPhase::Invited] {
        let scene = into(anna(phase));
        let onboarded = Completion {
            outcome: Outcome::Onboarded,
            user_id: Some(id("anna")),
            room_id: Some(room_id(1)),
            at: scene.facts.at,
        };
        let complete = Command::Request(request_id(99), RequestCommand::Complete(onboarded));
        assert_eq!(scene.plan(), [wrote(&scene, 1), complete]);
    }
}

#[test]
fn while_its_pair_rests_a_message_belongs_to_the_closed_room() {
    let scene = into(resting_until(3));
    assert_eq!(scene.plan(), [wrote(&scene, 1)]);
}

#[test]
fn an_old_message_still_belongs_to_its_room() {
    let scene = into(anna(RoomPhase::Active)).with(|s| s.facts.at = at(2 * DAY));
    assert_eq!(scene.plan(), [wrote(&scene, 1)]);
}

#[test]
fn the_open_room_comes_before_one_that_rests_on_the_same_number() {
    let rests = resting_until(30 * DAY);
    let open = room(room_id(2), "anna", "2001", RoomPhase::Active);
    for rooms in [[rests.clone(), open.clone()], [open, rests]] {
        let scene =
            into(anna(RoomPhase::Active)).with(|s| s.facts.profiles[0].rooms = rooms.to_vec());
        assert_eq!(scene.plan(), [wrote(&scene, 2)]);
    }
}

fn reserved_at(seconds: i64, room: RoomFacts) -> RoomFacts {
    RoomFacts { reserved_at: Some(at(seconds)), ..room }
}

#[test]
fn a_message_that_is_older_than_the_open_room_belongs_to_the_one_before_it() {
    let rests = reserved_at(-60, resting_until(30 * DAY));
    let open = reserved_at(1, room(room_id(2), "anna", "2001", RoomPhase::Reserved));
    for rooms in [[rests.clone(), open.clone()], [open, rests]] {
        let scene =
            into(anna(RoomPhase::Active)).with(|s| s.facts.profiles[0].rooms = rooms.to_vec());
        assert_eq!(scene.plan(), [wrote(&scene, 1)]);
    }
}

#[test]
fn a_message_that_is_older_than_every_room_is_recorded_and_ends_no_request() {
    for phase in [RoomPhase::Reserved, RoomPhase::Invited] {
        let scene = into(reserved_at(1, anna(phase)));
        assert_eq!(scene.plan(), [wrote(&scene, 1)]);
        let in_the_same_second = into(reserved_at(0, anna(phase)));
        assert_eq!(in_the_same_second.plan().len(), 2);
    }
}

#[test]
fn a_room_in_a_profile_that_only_holds_the_room_is_found_too() {
    let scene = into(anna(RoomPhase::Active))
        .with(|s| s.facts.profiles[0].held = crate::flow::Held::RoomOnly);
    assert_eq!(scene.plan(), [wrote(&scene, 1)]);
}

/// What a second `#anna` leads to while the room is in this state.
fn joins(room: RoomFacts) -> Scene {
    scene().with_room(room)
}

#[track_caller]
fn assert_joins(scene: &Scene, repeat_user_info: bool) {
    let (profile_id, room_id) = (profile_id(1), room_id(1));
    assert_eq!(scene.decision(), Decision::Join { profile_id, room_id, repeat_user_info });
    let completion = scene.received().completion.unwrap();
    assert_eq!((completion.outcome, completion.room_id), (Outcome::Joined, Some(room_id)));
}

#[test]
fn a_second_request_joins_a_reserved_room_without_a_word() {
    let scene = joins(anna(RoomPhase::Reserved));
    assert_joins(&scene, false);
    let request_id = scene.request_id();
    let join = ProfileCommand::JoinRoom { room_id: room_id(1), request_id, at: at(2) };
    assert_eq!(scene.plan()[1..], [Command::Profile(profile_id(1), join)]);
    assert_eq!(scene.received().messages, []);
}

#[test]
fn a_second_request_for_an_invited_room_repeats_the_user_info_after_60_s() {
    let told_at =
        |seconds| RoomFacts { user_info_at: Some(at(seconds)), ..anna(RoomPhase::Invited) };
    for (told, repeats) in [(2, false), (2 - 59, false), (2 - 60, true), (2 - 3_600, true)] {
        assert_joins(&joins(told_at(told)), repeats);
    }
    assert_joins(&joins(anna(RoomPhase::Invited)), true);
}

#[test]
fn the_interval_is_the_companys() {
    let told = RoomFacts { user_info_at: Some(at(-2)), ..anna(RoomPhase::Invited) };
    let scene = joins(told).with(|s| s.facts.company.timing.user_info_interval = 5);
    assert_joins(&scene, false);
    assert_joins(&scene.with(|s| s.facts.company.timing.user_info_interval = 4), true);
}

#[test]
fn the_repeated_user_info_names_the_user_and_the_rooms_number() {
    let scene = joins(anna(RoomPhase::Invited));
    let reply = scene.reply();
    assert_eq!((reply.purpose, reply.from.as_str()), (Purpose::UserInfo, PRIMARY));
    assert_eq!(reply.room_id, Some(room_id(1)));
    let words = words(&reply);
    assert!(words.contains("employee Anna") && words.ends_with("from +447700900801."), "{words}");
    let message_id = reply.message_id;
    let again = ProfileCommand::RequestUserInfo { room_id: room_id(1), message_id, at: at(2) };
    assert_eq!(scene.plan().last(), Some(&Command::Profile(profile_id(1), again)));
}

#[test]
fn joining_takes_no_number_and_makes_no_profile() {
    for phase in [RoomPhase::Reserved, RoomPhase::Invited] {
        let plan = joins(anna(phase)).plan();
        assert!(plan.iter().all(|command| !matches!(
            command,
            Command::Pool(..)
                | Command::Profile(
                    _,
                    ProfileCommand::Create { .. } | ProfileCommand::ReserveRoom { .. }
                )
        )));
    }
}

#[test]
fn a_room_with_the_user_is_found_in_whichever_profile_it_is() {
    let mut second = profile(profile_id(1));
    second.rooms = vec![anna(RoomPhase::Reserved)];
    let scene = scene().knowing([profile(profile_id(7)), second]);
    assert_joins(&scene, false);
}
