//! Row 3 in detail: how a client is reminded of a room, and how often.

use crate::flow::{Decision, ProfileFacts, ReminderForm, RoomFacts, share_windows};
use crate::outbound::Content;
use crate::profile::RoomPhase;
use crate::request::Outcome;
use crate::testing::{DAY, Scene, at, profile, profile_id, room, room_id, scene, words};

/// `#anna` at second 0, decided at `now`, while a room with Anna is active.
fn asked(now: i64, wrote: Option<i64>, reminded: Option<i64>) -> Scene {
    let room = RoomFacts {
        client_wrote_at: wrote.map(at),
        reminded_at: reminded.map(at),
        ..room(room_id(1), "anna", "2001", RoomPhase::Active)
    };
    scene().with_room(room).with(|s| {
        s.message.sent_at = at(now - 1);
        s.facts.at = at(now);
    })
}

fn form(scene: &Scene) -> ReminderForm {
    match scene.decision() {
        Decision::Remind { form, .. } => form,
        other => panic!("nobody was reminded: {other:?}"),
    }
}

#[test]
fn inside_24_hours_since_the_client_wrote_there_a_reminder_is_free_text() {
    let scene = asked(DAY, Some(1), None);
    assert_eq!(form(&scene), ReminderForm::FreeText);
    let reminder = scene.reply();
    assert_eq!(
        words(&reminder),
        "You asked for Anna on our main number. You can reach Anna right here."
    );
    assert_eq!(reminder.expires_at, at(1 + DAY), "with the window");
}

#[test]
fn outside_it_is_the_template() {
    for wrote in [Some(0), Some(-DAY), None] {
        let scene = asked(DAY, wrote, None);
        assert_eq!(form(&scene), ReminderForm::Template);
        let reminder = scene.reply();
        let name = "resume_conversation".to_owned();
        let parameters = vec!["Anna".to_owned().into()];
        let language = "en".to_owned();
        assert_eq!(reminder.content, Content::Template { name, language, parameters });
        assert_eq!(reminder.expires_at, at(2 * DAY));
    }
}

#[test]
fn what_it_wrote_into_another_room_on_the_number_counts_as_well() {
    let others = [
        // Of another user, or the same one's, closed; its pair rests.
        ("2001", Some(at(5)), ReminderForm::FreeText, Some(at(5 + DAY))),
        ("2001", Some(at(5 - DAY)), ReminderForm::Template, None),
        ("2001", None, ReminderForm::Template, None),
        ("2002", Some(at(5)), ReminderForm::Template, None),
    ];
    for (number, when, expected, expires) in others {
        let other = room(room_id(2), "ben", number, RoomPhase::Closed);
        let other = RoomFacts { client_wrote_at: when, ..other };
        let scene = asked(10, None, None).with(|s| {
            let rooms = vec![other];
            s.facts.profiles.push(ProfileFacts { rooms, ..profile(profile_id(2)) });
            share_windows(&mut s.facts.profiles);
        });
        assert_eq!(form(&scene), expected, "{number} {when:?}");
        if let Some(expires) = expires {
            assert_eq!(scene.reply().expires_at, expires);
        }
    }
}

#[test]
fn what_the_client_wrote_to_the_primary_opens_no_window_on_the_secondary() {
    let scene = asked(10, None, None);
    assert_eq!(form(&scene), ReminderForm::Template);
}

#[test]
fn at_most_one_reminder_is_sent_in_60_s() {
    for (reminded, suppressed) in [(100, true), (41, true), (40, false), (0, false)] {
        let scene = asked(100, Some(90), Some(reminded));
        assert_eq!(form(&scene) == ReminderForm::Suppressed, suppressed, "{reminded}");
    }
}

#[test]
fn a_suppressed_reminder_is_recorded_and_not_sent() {
    let scene = asked(100, Some(90), Some(99));
    let received = scene.received();
    assert_eq!(received.messages, []);
    assert_eq!(received.completion.unwrap().outcome, Outcome::Reminded);
    assert_eq!(scene.plan().len(), 2, "the request and the room tell of it");
}

#[test]
fn the_interval_is_the_companys() {
    let scene = asked(100, None, Some(90));
    let every_ten = scene.with(|s| s.facts.company.timing.reminder_interval = 10);
    assert_eq!(form(&every_ten), ReminderForm::Template);
}
