//! A client says by a word that it wants no more templates, or wants them again.

use crate::company::{Limits, Line};
use crate::consent::{Said, Wish};
use crate::flow::{
    AskedInVain, Command, Decision, IgnoreReason, OperatorRefusal, ReminderForm, RoomFacts,
};
use crate::input::{Input, OperatorCommand, OperatorRequest};
use crate::outbound::{Content, Purpose};
use crate::personal::Personal;
use crate::profile::{ProfileCommand, RoomPhase};
use crate::request::{Completion, Outcome, RequestCommand};
use crate::testing::{
    DAY, HOUR, PRIMARY, Scene, Story, World, at, company_id, id, names, profile_id, request_id,
    room, room_id, scene, unhealthy, withdrawn, words,
};

fn said(wish: Wish, seconds: i64) -> Option<Said> {
    Some(Said { wish, sent_at: at(seconds) })
}

/// The client has wanted no templates since a minute before the message.
fn stopped() -> Option<Said> {
    said(Wish::Stop, -60)
}

fn says(text: &str) -> Scene {
    scene().saying_after(text, None)
}

fn stops(counts: bool, confirmed: bool) -> Decision {
    Decision::StopTemplates { counts, confirmed }
}

fn starts(counts: bool, confirmed: bool) -> Decision {
    Decision::StartTemplates { counts, confirmed }
}

fn outcome(scene: &Scene) -> Outcome {
    scene.received().completion.unwrap().outcome
}

#[test]
fn who_writes_the_stop_word_is_told_that_it_gets_no_more_templates() {
    for text in ["STOP", "  stop\n", "ＳＴＯＰ", "\u{200e}Stop"] {
        let scene = says(text);
        assert_eq!(scene.decision(), stops(true, true), "{text:?}");
        let reply = scene.reply();
        assert_eq!((reply.purpose, reply.from.clone()), (Purpose::Stopped, id(PRIMARY)));
        assert!(words(&reply).ends_with("Write START to get them again."));
        assert_eq!(outcome(&scene), Outcome::Stopped);
        assert_eq!(scene.plan().len(), 1, "nothing but the record");
    }
}

#[test]
fn who_writes_the_start_word_gets_them_again() {
    let scene = scene().saying_after("Start", stopped());
    assert_eq!(scene.decision(), starts(true, true));
    assert_eq!(scene.reply().purpose, Purpose::Started);
    assert_eq!(outcome(&scene), Outcome::Started);
}

#[test]
fn more_than_the_word_is_an_ordinary_message() {
    for text in ["STOP it", "please stop", "stop."] {
        assert_eq!(says(text).decision(), Decision::AskForExtension, "{text:?}");
    }
}

#[test]
fn what_was_sent_last_counts_and_of_the_same_second_stop() {
    use Wish::{Start, Stop};
    for (text, before, expected) in [
        ("STOP", said(Start, -1), stops(true, true)),
        ("STOP", said(Start, 0), stops(true, true)),
        ("STOP", said(Start, 1), stops(false, false)),
        ("START", said(Stop, -1), starts(true, true)),
        ("START", said(Stop, 0), starts(false, false)),
        ("START", said(Stop, 1), starts(false, false)),
    ] {
        assert_eq!(scene().saying_after(text, before).decision(), expected, "{text} {before:?}");
    }
}

#[test]
fn who_says_the_same_again_is_not_told_again() {
    assert_eq!(scene().saying_after("STOP", stopped()).decision(), stops(true, false));
    let started = said(Wish::Start, -60);
    assert_eq!(scene().saying_after("START", started).decision(), starts(true, false));
}

#[test]
fn an_old_word_is_recorded_and_not_answered() {
    for (late, answered) in [(DAY, true), (DAY + 1, false)] {
        let scene = says("STOP").with(|s| s.facts.at = at(late));
        assert_eq!(scene.decision(), stops(true, answered));
        assert_eq!(scene.received().messages.len(), usize::from(answered));
        assert_eq!(outcome(&scene), Outcome::Stopped);
    }
}

#[test]
fn who_is_blocked_is_heard_and_not_answered() {
    let anna = room(room_id(1), "anna", "2001", RoomPhase::Active);
    let scene = says("STOP").with_room(anna).with(|s| s.facts.profiles[0].blocked = true);
    assert_eq!(scene.decision(), stops(true, false));
    assert_eq!(scene.received().messages, []);
    assert_eq!(scene.on_secondary("2001").plan().len(), 1, "it is nothing that is written there");
}

#[test]
fn who_used_its_replies_up_is_heard_and_not_answered() {
    let limits = Limits { replies: 30, wrong_extensions: 10 };
    for (replies, answered) in [(29, true), (30, false)] {
        let asked = AskedInVain { replies, wrong_extensions: 10, limits };
        let scene = says("STOP").with(|s| s.facts.asked_in_vain = Some(asked));
        assert_eq!(scene.decision(), stops(true, answered));
    }
    let asked = AskedInVain { replies: 30, wrong_extensions: 0, limits };
    let scene = scene().saying_after("#anna", stopped());
    let scene = scene.with(|s| s.facts.asked_in_vain = Some(asked));
    let reason = IgnoreReason::TooManyReplies;
    assert_eq!(scene.decision(), Decision::Ignore { reason });
}

#[test]
fn where_nobody_can_be_answered_it_is_heard_all_the_same() {
    let in_no_pool = says("STOP").with(|s| s.facts.line = Line::Unpooled);
    let from_a_number_that_it_left = says("STOP").with(|s| s.facts.moved = true);
    for scene in [in_no_pool, from_a_number_that_it_left] {
        assert_eq!(scene.decision(), stops(true, false));
        assert_eq!(scene.received().messages, []);
    }
}

#[test]
fn what_no_client_writes_is_not_heard() {
    let in_group = says("STOP").with(|s| s.message.in_group = true);
    let ours = says("STOP").with(|s| s.facts.from_own_number = true);
    for (scene, reason) in [(in_group, IgnoreReason::Group), (ours, IgnoreReason::OwnNumber)] {
        assert_eq!(scene.decision(), Decision::Ignore { reason });
    }
}

#[test]
fn it_is_heard_on_a_secondary_too_and_answered_from_there() {
    let scene = says("STOP").on_secondary("2001");
    assert_eq!(scene.decision(), stops(true, true));
    assert_eq!(scene.reply().from, id("2001"));
}

#[test]
fn in_a_room_it_is_also_what_the_client_wrote_there() {
    for phase in [RoomPhase::Active, RoomPhase::Invited] {
        let scene = says("STOP").with_room(room(room_id(1), "anna", "2001", phase));
        let scene = scene.on_secondary("2001");
        let wrote = ProfileCommand::RecordClientWrote {
            room_id: room_id(1),
            identifiers: scene.message.identifiers().into_iter().map(Personal::new).collect(),
            input_id: Input::Message(scene.message.clone()).id(&company_id()),
            sent_at: scene.message.sent_at,
            at: scene.facts.at,
        };
        let mut follows = vec![Command::Profile(profile_id(1), wrote)];
        if phase == RoomPhase::Invited {
            let onboarded = Completion {
                outcome: Outcome::Onboarded,
                user_id: Some(id("anna")),
                room_id: Some(room_id(1)),
                at: scene.facts.at,
            };
            let complete = RequestCommand::Complete(onboarded);
            follows.push(Command::Request(request_id(99), complete));
        }
        assert_eq!(scene.received().decision, stops(true, true));
        assert_eq!(scene.reply().from, id("2001"));
        assert_eq!(scene.plan()[1..], follows);
    }
}

#[test]
fn who_has_stopped_gets_no_room_and_no_number_and_is_told_what_to_write() {
    let scene = scene().saying_after("#anna", stopped());
    assert_eq!(scene.decision(), Decision::ReportTemplatesStopped);
    let reply = scene.reply();
    assert_eq!((reply.purpose, reply.from.clone()), (Purpose::TemplatesStopped, id(PRIMARY)));
    assert!(words(&reply).contains("write START first"));
    assert_eq!(outcome(&scene), Outcome::TemplatesStopped);
    assert_eq!(scene.received().completion.unwrap().user_id, Some(id("anna")));
    assert_eq!(scene.plan().len(), 1, "nothing but the record");
}

#[test]
fn who_wants_them_again_gets_its_room() {
    let scene = scene().saying_after("#anna", said(Wish::Start, -60));
    assert!(matches!(scene.decision(), Decision::OpenRoom { .. }));
}

#[test]
fn who_has_stopped_is_a_prospect_all_the_same() {
    let scene = scene().saying_after("#anna", stopped());
    let scene = scene.with(|s| s.facts.company.auto_promotion = false);
    assert_eq!(scene.decision(), Decision::RecordProspect);
}

#[test]
fn a_reminder_that_would_be_a_template_is_suppressed() {
    for (wrote, reminded, expected) in [
        (None, None, ReminderForm::TemplatesStopped),
        (Some(-DAY), None, ReminderForm::TemplatesStopped),
        (Some(-HOUR), None, ReminderForm::FreeText),
        (None, Some(-1), ReminderForm::Suppressed),
    ] {
        let active = RoomFacts {
            client_wrote_at: wrote.map(at),
            reminded_at: reminded.map(at),
            ..room(room_id(1), "anna", "2001", RoomPhase::Active)
        };
        let scene = scene().with_room(active).saying_after("#anna", stopped());
        let Decision::Remind { form, .. } = scene.decision() else { panic!("no reminder") };
        assert_eq!(form, expected);
        let sent = scene.received().messages;
        assert_eq!(sent.len(), usize::from(expected == ReminderForm::FreeText));
        assert!(sent.iter().all(|sent| matches!(sent.content, Content::Text { .. })));
        assert_eq!(outcome(&scene), Outcome::Reminded);
        assert_eq!(scene.plan().len(), 2, "the request and the room tell of it");
    }
}

#[test]
fn who_has_stopped_joins_a_room_that_is_under_way() {
    let invited = room(room_id(1), "anna", "2001", RoomPhase::Invited);
    let scene = scene().with_room(invited).saying_after("#anna", stopped());
    assert!(matches!(scene.decision(), Decision::Join { repeat_user_info: true, .. }));
}

#[test]
fn an_invitation_that_fails_by_its_number_is_not_sent_from_another() {
    let mut story = Story::of_an_onboarding();
    story.writes(PRIMARY, "STOP", 5);
    story.gives_up(Purpose::Invitation, unhealthy(), 10);
    assert_eq!(story.outcome(), Some(Outcome::TemplatesStopped));
    assert_eq!(story.world.rooms().count(), 1);
    assert!(words(&story.sent(Purpose::TemplatesStopped)).contains("write START first"));
}

#[test]
fn an_invitation_that_had_to_wait_is_withdrawn_when_its_client_stops_templates() {
    let mut story = Story::of_an_onboarding();
    story.writes(PRIMARY, "STOP", 5);
    let events = story.gives_up(Purpose::Invitation, withdrawn(), 10);
    let expected = [
        "message-failed",
        "room-closed",
        "number-released",
        "message-requested",
        "outcome-recorded",
    ];
    assert_eq!(names(&events), expected);
    assert_eq!(story.room().phase, RoomPhase::Closed);
    assert_eq!(story.room().quarantine_until, None, "the client knows nothing of the number");
    assert_eq!(story.outcome(), Some(Outcome::TemplatesStopped));
    assert!(story.is_sent(Purpose::TemplatesStopped));
}

#[test]
fn who_takes_the_word_back_too_late_is_told_that_the_invitation_failed() {
    let mut story = Story::of_an_onboarding();
    story.writes(PRIMARY, "STOP", 5);
    story.writes(PRIMARY, "START", 8);
    story.gives_up(Purpose::Invitation, withdrawn(), 10);
    assert_eq!(story.outcome(), Some(Outcome::InvitationFailed));
    assert!(story.is_sent(Purpose::InvitationFailed));
}

#[test]
fn the_order_in_which_words_come_makes_no_difference() {
    for (first, second) in [(("STOP", 5), ("START", 8)), (("START", 8), ("STOP", 5))] {
        let mut story = Story::of_an_onboarding();
        story.writes_late(PRIMARY, first.0, at(first.1), 20);
        story.writes_late(PRIMARY, second.0, at(second.1), 21);
        story.gives_up(Purpose::Invitation, unhealthy(), 30);
        assert_eq!(story.world.rooms().count(), 2, "it wants them again: another number");
    }
}

fn operation(request: OperatorRequest, seconds: i64) -> OperatorCommand {
    OperatorCommand {
        operation_id: id(&format!("00000000-0000-0000-0000-{seconds:012}")),
        actor: Personal::new("Olga".to_owned()),
        at: at(seconds),
        expected_version: None,
        request,
    }
}

#[test]
fn nobody_is_invited_again_who_has_stopped() {
    let mut story = Story::activated();
    story.writes(PRIMARY, "STOP", 50);
    let own = story.world.rooms().next().map(|(profile, room, _)| (profile, room)).unwrap();
    let again = |seconds| operation(OperatorRequest::ResendInvitation { room_id: own.1 }, seconds);
    let refusal = OperatorRefusal::ClientStopped(story.request);
    assert_eq!(story.world.resend(&again(60), own, at(60)), Err(refusal));
    story.writes(PRIMARY, "START", 70);
    assert!(story.world.resend(&again(80), own, at(80)).is_ok());
}

#[test]
fn a_prospect_who_has_stopped_is_not_promoted() {
    let mut world = World::new();
    world.company.auto_promotion = false;
    let mut story = Story::in_a(world);
    story.writes(PRIMARY, "STOP", 50);
    let request_id = story.request;
    let promote = |seconds| operation(OperatorRequest::PromoteProspect { request_id }, seconds);
    assert_eq!(story.world.promote(&promote(60), at(60), 0), []);
    story.writes(PRIMARY, "START", 70);
    assert!(!story.world.promote(&promote(80), at(80), 0).is_empty());
    assert_eq!(story.world.rooms().count(), 1);
}
