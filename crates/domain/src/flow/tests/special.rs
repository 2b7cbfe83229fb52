//! Messages that are no request for a user, or come too late to be one.

use crate::company::Line;
use crate::flow::{Decision, Held, IgnoreReason, ProfileFacts};
use crate::outbound::Purpose;
use crate::profile::RoomPhase;
use crate::request::Outcome;
use crate::testing::{
    DAY, MINUTE, Scene, at, id, profile, profile_id, room, room_id, scene, words,
};

/// The same message, decided so many seconds after it was sent.
fn decided_after(scene: Scene, seconds: i64) -> Scene {
    scene.with(|s| s.facts.at = at(seconds))
}

#[test]
fn a_message_is_answered_for_24_hours() {
    assert!(matches!(decided_after(scene(), DAY).decision(), Decision::OpenRoom { .. }));
    assert_eq!(decided_after(scene(), DAY + 1).decision(), Decision::Expire);
}

#[test]
fn what_counts_is_when_the_client_sent_it_not_when_it_arrived() {
    let late = decided_after(scene(), DAY + MINUTE);
    let just_arrived = late.with(|s| s.message.received_at = at(DAY + MINUTE - 1));
    assert_eq!(just_arrived.decision(), Decision::Expire);
}

#[test]
fn a_message_from_a_clock_that_is_ahead_is_answered() {
    let ahead = scene().with(|s| s.message.sent_at = at(5 * MINUTE));
    assert!(matches!(ahead.decision(), Decision::OpenRoom { .. }));
}

#[test]
fn an_expired_message_is_recorded_and_not_answered() {
    let late = decided_after(scene(), DAY + 1);
    let received = late.received();
    assert_eq!(received.messages, []);
    assert_eq!(received.completion.unwrap().outcome, Outcome::Expired);
    assert_eq!(late.plan().len(), 1, "nothing but the record");
}

#[test]
fn whatever_it_asks_for_an_old_message_is_expired() {
    let active = room(room_id(1), "anna", "2001", RoomPhase::Active);
    for old in [
        scene().saying("hello"),
        scene().with(|s| s.facts.user = None),
        scene().with_room(active),
        scene().on_secondary("2001"),
        scene().pools([]),
    ] {
        assert_eq!(decided_after(old, DAY + 1).decision(), Decision::Expire);
    }
}

#[test]
fn nobody_is_answered_who_is_no_client() {
    type Change = fn(&mut Scene);
    let cases: [(IgnoreReason, Change); 7] = [
        (IgnoreReason::OwnNumber, |s| s.facts.from_own_number = true),
        (IgnoreReason::Group, |s| s.message.in_group = true),
        (IgnoreReason::System, |s| s.message.kind = "system".to_owned()),
        (IgnoreReason::Unpooled, |s| s.facts.line = Line::Unpooled),
        (IgnoreReason::Moved, |s| s.facts.moved = true),
        (IgnoreReason::Blocked, |s| s.facts.profiles = vec![blocked(Held::Exactly)]),
        (IgnoreReason::Blocked, |s| s.facts.profiles = vec![blocked(Held::RoomOnly)]),
    ];
    for (reason, change) in cases {
        let scene = scene().with(change);
        assert_eq!(scene.decision(), Decision::Ignore { reason });
        let received = scene.received();
        assert_eq!(received.messages, []);
        assert_eq!(received.completion.unwrap().outcome, Outcome::Ignored);
        assert_eq!(scene.plan().len(), 1, "nothing but the record");
    }
}

fn blocked(held: Held) -> ProfileFacts {
    ProfileFacts { blocked: true, held, ..profile(profile_id(1)) }
}

#[test]
fn a_profile_that_is_only_perhaps_the_clients_blocks_nobody() {
    let scene = scene().knowing([blocked(Held::ByVariant)]);
    assert!(matches!(scene.decision(), Decision::OpenRoom { .. }));
}

#[test]
fn who_is_blocked_does_not_write_into_a_room_either() {
    let active = room(room_id(1), "anna", "2001", RoomPhase::Active);
    let blocked = scene().with_room(active).on_secondary("2001").with(|s| {
        s.facts.profiles[0].blocked = true;
    });
    assert_eq!(blocked.received().completion.unwrap().outcome, Outcome::Ignored);
}

#[test]
fn who_is_no_client_does_not_write_into_a_room_either() {
    let active = room(room_id(1), "anna", "2001", RoomPhase::Active);
    let from_us =
        scene().with_room(active).on_secondary("2001").with(|s| s.facts.from_own_number = true);
    assert_eq!(from_us.received().completion.unwrap().outcome, Outcome::Ignored);
}

#[test]
fn an_old_message_of_no_client_is_ignored_rather_than_expired() {
    let old = decided_after(scene(), 2 * DAY).with(|s| s.message.in_group = true);
    assert_eq!(old.decision(), Decision::Ignore { reason: IgnoreReason::Group });
}

#[test]
fn a_client_without_a_room_on_a_secondary_is_sent_to_the_primary() {
    let lost = scene().on_secondary("2001");
    assert_eq!(lost.decision(), Decision::Redirect);
    let reply = lost.reply();
    assert_eq!((reply.purpose, reply.from.clone()), (Purpose::Redirect, id("2001")));
    assert_eq!(words(&reply), "Please write to +447700900800.");
    assert_eq!(lost.received().completion.unwrap().outcome, Outcome::Redirected);
    assert_eq!(lost.plan().len(), 1, "and there is no room");
}

#[test]
fn an_extension_makes_no_difference_on_a_secondary() {
    assert_eq!(scene().on_secondary("2001").saying("#anna").decision(), Decision::Redirect);
}

#[test]
fn a_room_on_another_number_does_not_keep_a_client_from_being_redirected() {
    let elsewhere = room(room_id(1), "anna", "2002", RoomPhase::Active);
    let lost = scene().with_room(elsewhere).on_secondary("2001");
    assert_eq!(lost.received().decision, Decision::Redirect);
}

#[test]
fn a_closed_room_whose_pair_no_longer_rests_does_not_either() {
    let mut closed = room(room_id(1), "anna", "2001", RoomPhase::Closed);
    let lost = |room| scene().with_room(room).on_secondary("2001").received().decision;
    assert_eq!(lost(closed.clone()), Decision::Redirect, "it never rested");
    closed.quarantine_until = Some(at(2));
    assert_eq!(lost(closed), Decision::Redirect, "it rested until now");
}
