//! A client has another number, and somebody else gets the old one.

use crate::flow::{
    Command, Decision, IgnoreReason, OperatorRefusal, ResendFacts, on_resend_invitation,
};
use crate::identity::{Identifier, Sender};
use crate::personal::Personal;
use crate::profile::{ProfileCommand, RoomPhase};
use crate::request::{OnboardingRequest, RequestCommand, RequestEvent};
use crate::testing::{
    Scene, Story, at, from_bsuid, from_phone, from_wa_id, id, room, room_id, scene,
};

const OLD: &str = "447700900123";

fn old_number() -> Personal<Identifier> {
    Personal::new(Identifier::WaId(id(OLD)))
}

/// WhatsApp tells of a change of who somebody was.
fn changes(from: Sender, to: Sender) -> Scene {
    scene().from(from).with(|s| {
        s.message.kind = "system".to_owned();
        s.message.text = None;
        s.message.became = Some(Box::new(to));
    })
}

fn events(scene: &Scene) -> Vec<RequestEvent> {
    let receive = RequestCommand::Receive(Box::new(scene.received()));
    OnboardingRequest::default().decide(&receive).unwrap()
}

#[test]
fn the_number_that_it_had_is_left() {
    let scene = changes(from_wa_id(OLD), from_wa_id("447700900124"));
    let left = RequestEvent::IdentifiersLeft {
        client_id: scene.facts.client_id,
        identifiers: [old_number()].into(),
        since: scene.message.sent_at,
        at: scene.facts.at,
    };
    assert_eq!(events(&scene)[1], left);
}

#[test]
fn a_new_id_with_the_same_number_or_none_leaves_nothing() {
    for (from, to) in [
        (from_wa_id(OLD), from_wa_id(OLD)),
        (from_phone("+447700900123"), from_wa_id(OLD)),
        (from_wa_id(OLD), from_bsuid("GB.new")),
        (from_bsuid("GB.old"), from_bsuid("GB.new")),
    ] {
        assert!(changes(from, to).message.left().is_empty());
    }
}

#[test]
fn it_is_left_however_it_is_written() {
    let scene = changes(from_phone("+5511987654321"), from_wa_id("5511912345678"));
    let phone = |text: &str| Personal::new(Identifier::Phone(id(text)));
    assert_eq!(scene.message.left(), [phone("+5511987654321"), phone("+551187654321")].into());
}

#[test]
fn whoever_gets_the_number_is_recorded_to_have_it() {
    let scene = scene().with(|s| s.facts.vacated = [old_number()].into());
    let taken_over = RequestEvent::IdentifiersTakenOver {
        client_id: scene.facts.client_id,
        identifiers: [old_number()].into(),
        at: scene.facts.at,
    };
    assert_eq!(events(&scene)[1], taken_over);
}

#[test]
fn what_comes_late_from_the_old_number_is_not_answered_there() {
    let late = scene().with(|s| s.facts.moved = true);
    assert_eq!(late.decision(), Decision::Ignore { reason: IgnoreReason::Moved });
    assert_eq!(late.received().messages, []);
}

#[test]
fn what_was_written_into_a_room_before_is_the_rooms() {
    let active = room(room_id(1), "anna", "2001", RoomPhase::Active);
    let late = scene().with_room(active).on_secondary("2001").with(|s| s.facts.moved = true);
    let plan = late.plan();
    let wrote =
        matches!(plan.as_slice(), [Command::Profile(_, ProfileCommand::RecordClientWrote { .. })]);
    assert!(wrote, "{plan:?}");
}

#[test]
fn nobody_is_invited_again_by_a_number_that_it_has_left() {
    let story = Story::activated();
    let (profile_id, own, _) = story.world.rooms().next().unwrap();
    let request = story.world.request(story.request).unwrap();
    let room = Some((story.world.room(profile_id, own), request));
    let (said, user) = (None, None);
    let facts = ResendFacts { at: at(100), room, moved: true, said, client_blocked: false, user };
    let refused = on_resend_invitation(&Personal::new("Olga".to_owned()), own, &facts);
    assert_eq!(refused, Err(OperatorRefusal::ClientMoved(story.request)));
}
