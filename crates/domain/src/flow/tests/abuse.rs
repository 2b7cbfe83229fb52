//! A client asks in vain again and again.

use crate::company::Limits;
use crate::flow::{AskedInVain, Decision, IgnoreReason, Promotion};
use crate::personal::Personal;
use crate::profile::RoomPhase;
use crate::testing::{Scene, request_id, room, room_id, scene};

/// The client was answered and tried extensions so often within the hour.
fn after(scene: Scene, replies: u32, wrong_extensions: u32) -> Scene {
    let limits = Limits { replies: 30, wrong_extensions: 10 };
    let asked = AskedInVain { replies, wrong_extensions, limits };
    scene.with(|s| s.facts.asked_in_vain = Some(asked))
}

fn ignored(scene: &Scene) -> Option<IgnoreReason> {
    match scene.decision() {
        Decision::Ignore { reason } => Some(reason),
        _ => None,
    }
}

#[test]
fn up_to_the_limit_everything_is_answered() {
    for scene in [scene().saying("hello"), scene(), scene().on_secondary("2001")] {
        assert_eq!(ignored(&after(scene, 29, 9)), None);
    }
}

#[test]
fn the_budget_of_replies_ends_what_leads_to_nothing() {
    let nobody = || scene().with(|s| s.facts.user = None);
    for scene in [scene().saying("hello"), nobody(), scene().on_secondary("2001")] {
        let scene = after(scene, 30, 0);
        assert_eq!(ignored(&scene), Some(IgnoreReason::TooManyReplies));
        assert_eq!(scene.received().messages, []);
    }
}

#[test]
fn after_too_many_wrong_extensions_a_right_one_is_not_told_from_a_wrong_one() {
    let wrong = scene().with(|s| s.facts.user = None);
    let prospect = scene().with(|s| s.facts.company.auto_promotion = false);
    for scene in [wrong, scene(), scene().pools([]), prospect] {
        let scene = after(scene, 10, 10);
        assert_eq!(ignored(&scene), Some(IgnoreReason::TooManyExtensions));
        assert_eq!(scene.plan().len(), 1, "nothing but the record");
    }
    assert_eq!(ignored(&after(scene().saying("hello"), 10, 10)), None, "no extension, no guess");
}

#[test]
fn who_has_a_room_with_the_user_is_led_there_all_the_same() {
    for phase in [RoomPhase::Active, RoomPhase::Invited] {
        let scene = scene().with_room(room(room_id(1), "anna", "2001", phase));
        assert_eq!(ignored(&after(scene, 99, 99)), None);
    }
}

#[test]
fn what_an_operator_takes_up_again_is_not_the_clients_asking() {
    let by = Personal::new("Olga".to_owned());
    let promotion = Promotion { prospect: request_id(7), by };
    let scene = scene().with(|s| s.facts.promotion = Some(promotion));
    assert_eq!(ignored(&after(scene, 99, 99)), None);
}
