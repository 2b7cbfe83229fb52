//! The eight rows of the flow table.

use crate::flow::{Command, Decision, NumberVerdict, ProfileSource, ReminderForm, SelectionStep};
use crate::ids::ProfileId;
use crate::outbound::{Content, Purpose};
use crate::pool::PoolCommand;
use crate::profile::{ProfileCommand, RoomPhase};
use crate::request::Outcome;
use crate::testing::{
    HOUR, PRIMARY, Scene, at, id, number, pool, profile, profile_id, room, room_id, scene, user,
    words,
};

#[track_caller]
fn assert_ends(scene: &Scene, outcome: Outcome) {
    let completion = scene.received().completion.expect("the request goes on");
    assert_eq!((completion.outcome, completion.at), (outcome, scene.facts.at));
}

/// The commands that follow the record of the request.
fn followed_by(scene: &Scene) -> Vec<Command> {
    scene.plan().split_off(1)
}

#[test]
fn row_1_a_message_without_an_extension_gets_the_automatic_reply() {
    let scene = scene().saying("Hello, I'd like to talk to Anna");
    assert_eq!(scene.decision(), Decision::AskForExtension);
    let reply = scene.reply();
    assert_eq!((reply.purpose, reply.from), (Purpose::ExtensionMissing, id(PRIMARY)));
    assert_ends(&scene, Outcome::ExtensionMissing);
    assert_eq!(followed_by(&scene), []);
}

#[test]
fn row_1_so_does_a_message_without_words() {
    for kind in ["image", "audio", "sticker", "location", "reaction", "unsupported"] {
        let wordless = scene().with(|s| {
            s.message.kind = kind.to_owned();
            s.message.text = None;
            s.facts.user = None;
        });
        assert_eq!(wordless.decision(), Decision::AskForExtension, "{kind}");
    }
}

#[test]
fn a_caption_names_an_extension_as_a_text_does() {
    let caption = scene().saying("that's me #Anna").with(|s| s.message.kind = "image".to_owned());
    assert!(matches!(caption.decision(), Decision::OpenRoom { .. }));
}

#[test]
fn row_2_an_extension_that_no_active_user_has_is_reported() {
    let scene = scene().saying("#nobody").with(|s| s.facts.user = None);
    assert_eq!(scene.decision(), Decision::ReportUserNotFound);
    let reply = scene.reply();
    assert_eq!((reply.purpose, reply.from), (Purpose::UserNotFound, id(PRIMARY)));
    assert_ends(&scene, Outcome::UserNotFound);
    assert_eq!(followed_by(&scene), []);
}

#[test]
fn row_3_a_client_with_an_active_room_is_reminded_in_it() {
    let active = room(room_id(1), "anna", "2002", RoomPhase::Active);
    let scene = scene().with_room(active);
    let (profile_id, room_id) = (profile_id(1), room_id(1));
    let form = ReminderForm::Template;
    assert_eq!(scene.decision(), Decision::Remind { profile_id, room_id, form });
    let reminder = scene.reply();
    assert_eq!((reminder.purpose, reminder.from), (Purpose::Reminder, id("2002")));
    assert_eq!(reminder.room_id, Some(room_id));
    assert_ends(&scene, Outcome::Reminded);
    let remind = ProfileCommand::RemindRoom {
        room_id,
        request_id: scene.request_id(),
        message_id: Some(reminder.message_id),
        at: scene.facts.at,
    };
    assert_eq!(followed_by(&scene), [Command::Profile(profile_id, remind)]);
}

#[test]
fn row_3_holds_even_where_the_rooms_profile_is_not_visible() {
    let active = room(room_id(1), "anna", "2002", RoomPhase::Active);
    let scene = scene().with_room(active).with(|s| s.facts.profiles[0].archived = true);
    assert!(matches!(scene.decision(), Decision::Remind { .. }));
}

#[test]
fn a_room_with_another_user_is_no_reason_to_remind() {
    let with_ben = room(room_id(1), "ben", "2001", RoomPhase::Active);
    assert!(matches!(scene().with_room(with_ben).decision(), Decision::OpenRoom { .. }));
}

#[test]
fn a_closed_room_is_no_reason_to_remind() {
    let closed = room(room_id(1), "anna", "2001", RoomPhase::Closed);
    assert!(matches!(scene().with_room(closed).decision(), Decision::OpenRoom { .. }));
}

#[track_caller]
fn profile_choice(scene: &Scene) -> (ProfileId, ProfileSource) {
    match scene.decision() {
        Decision::OpenRoom { profile, .. } => (profile.profile_id, profile.how),
        other => panic!("no room was opened: {other:?}"),
    }
}

#[test]
fn row_4_the_only_profile_is_taken() {
    let scene = scene().knowing([profile(profile_id(1))]);
    assert_eq!(profile_choice(&scene), (profile_id(1), ProfileSource::Taken));
}

#[test]
fn row_5_one_of_several_profiles_is_drawn() {
    let scene = scene().knowing([profile(profile_id(1)), profile(profile_id(2))]);
    assert_eq!(profile_choice(&scene), (profile_id(1), ProfileSource::Drawn));
}

#[test]
fn row_6_where_there_is_none_a_profile_is_created() {
    let new = ProfileId::created_by(scene().request_id());
    assert_eq!(profile_choice(&scene()), (new, ProfileSource::Created));
}

#[test]
fn row_7_a_number_is_taken_and_the_invitation_goes_out_from_it() {
    let scene = scene().knowing([profile(profile_id(1))]);
    let invitation = scene.reply();
    assert_eq!((invitation.purpose, invitation.from), (Purpose::Invitation, id("2001")));
    assert_eq!(invitation.room_id, Some(scene.room_id()));
    let parameters = vec!["Anna".to_owned().into(), "Acme Bank".to_owned().into()];
    let (name, language) = ("invitation".to_owned(), "en".to_owned());
    assert_eq!(invitation.content, Content::Template { name, language, parameters });

    assert_eq!(scene.received().completion, None, "the outcome waits for the room");
    let reserve_room = ProfileCommand::ReserveRoom {
        room_id: scene.room_id(),
        client_id: scene.facts.client_id,
        user_id: id("anna"),
        number: id("2001"),
        pool_id: id("acme_main"),
        request_id: scene.request_id(),
        at: at(2),
        deadline: at(2 + HOUR),
    };
    let reserve_number =
        PoolCommand::ReserveNumber { number: id("2001"), room_id: scene.room_id() };
    let expected = [
        Command::Profile(profile_id(1), reserve_room),
        Command::Pool(id("acme_main"), reserve_number),
    ];
    assert_eq!(followed_by(&scene), expected);
}

#[test]
fn row_7_the_record_tells_how_the_number_was_found() {
    let Decision::OpenRoom { number, considered, .. } = scene().decision() else {
        panic!("no room was opened");
    };
    assert_eq!(number.step, SelectionStep::ClientCountry);
    let verdicts: Vec<_> = considered.iter().map(|c| (c.number.as_str(), c.verdict)).collect();
    let expected = [("2001", NumberVerdict::Chosen), ("2002", NumberVerdict::NotPreferred)];
    assert_eq!(verdicts, expected);
}

#[test]
fn an_invitation_is_given_up_before_its_room_is() {
    for (deadline, expires) in [(3_600, 3_540), (600, 540), (100, 90)] {
        let scene = scene().with(|s| s.facts.company.timing.invitation_deadline = deadline);
        assert_eq!(scene.reply().expires_at, at(2 + expires));
    }
}

#[test]
fn row_8_without_a_number_the_client_is_told_and_the_new_profile_stays() {
    let taken = number("2001", "GB", 1);
    let full = pool("main", [taken]).with_capacity(1);
    let scene = scene().pools([full]);
    let reply = scene.reply();
    assert_eq!((reply.purpose, reply.from.as_str()), (Purpose::NoSecondaryNumber, PRIMARY));
    assert!(words(&reply).starts_with("We found Anna, but no line is free"));
    assert_ends(&scene, Outcome::NoSecondaryNumber);
    let commands = followed_by(&scene);
    let [Command::Profile(_, ProfileCommand::Create { users, .. })] = commands.as_slice() else {
        panic!("{commands:?}");
    };
    assert!(users.is_empty(), "nobody is assigned");
}

#[test]
fn row_8_nothing_is_made_of_a_profile_that_was_there() {
    let scene = scene().knowing([profile(profile_id(1))]).pools([]);
    assert!(matches!(scene.decision(), Decision::ReportNoNumber { .. }));
    assert_eq!(followed_by(&scene), []);
}

#[test]
fn with_auto_promotion_off_the_client_becomes_a_prospect() {
    let off = |scene: Scene| scene.with(|s| s.facts.company.auto_promotion = false);
    let prospect = off(scene().knowing([profile(profile_id(1))]));
    assert_eq!(prospect.decision(), Decision::RecordProspect);
    let reply = prospect.reply();
    assert_eq!((reply.purpose, reply.from.as_str()), (Purpose::Prospect, PRIMARY));
    assert_eq!(words(&reply), "Thank you. Anna will get in touch with you.");
    assert_ends(&prospect, Outcome::ProspectRecorded);
    assert_eq!(prospect.received().completion.unwrap().user_id, Some(user("anna").user_id));
    assert_eq!(followed_by(&prospect), []);
}

#[test]
fn with_auto_promotion_off_rows_1_to_3_are_as_ever() {
    let off = |scene: Scene| scene.with(|s| s.facts.company.auto_promotion = false).decision();
    assert_eq!(off(scene().saying("hello")), Decision::AskForExtension);
    let nobody = scene().with(|s| s.facts.user = None);
    assert_eq!(off(nobody), Decision::ReportUserNotFound);
    let active = room(room_id(1), "anna", "2001", RoomPhase::Active);
    assert!(matches!(off(scene().with_room(active)), Decision::Remind { .. }));
    let invited = room(room_id(1), "anna", "2001", RoomPhase::Invited);
    assert!(matches!(off(scene().with_room(invited)), Decision::Join { .. }));
}
