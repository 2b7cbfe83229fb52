//! What clients read: the company's words, where it has its own.

use std::collections::BTreeSet;

use crate::consent::{Said, Wish};
use crate::flow::{RoomFacts, on_message};
use crate::identity::Recipient;
use crate::outbound::{Content, Purpose};
use crate::profile::RoomPhase;
use crate::testing::{DAY, Scene, at, company_id, from_bsuid, id, room, room_id, scene, words};
use crate::texts::TextKey;

/// The company has its own wording for everything: the text's name, and what fits in.
fn worded(scene: Scene) -> Scene {
    scene.with(|s| {
        s.facts.company.texts.language = "pt_BR".to_owned();
        s.facts.company.texts.worded = TextKey::ALL
            .into_iter()
            .map(|key| {
                let values = key.placeholders().iter().map(|name| format!(" {{{name}}}"));
                (key, key.as_str().to_owned() + &values.collect::<String>())
            })
            .collect();
    })
}

fn active(wrote: Option<i64>) -> RoomFacts {
    RoomFacts {
        client_wrote_at: wrote.map(at),
        ..room(room_id(1), "anna", "2001", RoomPhase::Active)
    }
}

fn invited(user_info: Option<i64>) -> RoomFacts {
    RoomFacts {
        user_info_at: user_info.map(at),
        ..room(room_id(1), "anna", "2001", RoomPhase::Invited)
    }
}

/// The client wanted no more templates a minute ago.
fn stopped() -> Option<Said> {
    Some(Said { wish: Wish::Stop, sent_at: at(-60) })
}

#[test]
fn a_company_words_its_replies_itself() {
    for (scene, expected) in [
        (scene().saying("hello"), "extension_missing"),
        (scene().with(|s| s.facts.user = None), "user_not_found"),
        (scene().pools([]), "no_secondary_number Anna"),
        (scene().with(|s| s.facts.company.auto_promotion = false), "prospect Anna"),
        (scene().on_secondary("2001"), "redirect +447700900800"),
        (scene().with_room(active(Some(1))), "reminder Anna"),
        (scene().with_room(invited(None)), "user_info Anna +447700900801\n\nrecording_notice"),
        (scene().saying_after("STOP", None), "stopped START"),
        (scene().saying_after("START", stopped()), "started"),
        (scene().saying_after("#anna", stopped()), "templates_stopped START"),
    ] {
        assert_eq!(words(&worded(scene).reply()), expected);
    }
}

#[test]
fn what_a_company_records_it_says_below_the_user_info_if_it_words_it() {
    let plain = words(&scene().with_room(invited(None)).reply());
    let told = scene().with_room(invited(None)).with(|s| {
        let notice = "What is written here is recorded.".to_owned();
        s.facts.company.texts.worded.insert(TextKey::RecordingNotice, notice);
    });
    assert_eq!(words(&told.reply()), plain + "\n\nWhat is written here is recorded.");
}

#[test]
fn a_template_is_asked_for_in_the_companys_language() {
    for scene in [scene(), scene().with_room(active(None))] {
        let content = worded(scene).reply().content;
        assert!(matches!(content, Content::Template { language, .. } if language == "pt_BR"));
    }
}

#[test]
fn a_reply_may_be_sent_as_long_as_the_clients_message_allows() {
    let reply = scene().saying("hello").reply();
    assert_eq!(reply.expires_at, at(DAY));
}

#[test]
fn a_reply_goes_where_the_client_was_received() {
    let to_phone = scene().reply().to;
    assert_eq!(*to_phone.expose(), Recipient::Phone(id("+447700900123")));
    let to_bsuid = scene().from(from_bsuid("GB.client1")).reply().to;
    assert_eq!(*to_bsuid.expose(), Recipient::Bsuid(id("GB.client1")));
}

/// The company's own texts that are kept with the decision.
fn kept(scene: Scene) -> BTreeSet<TextKey> {
    worded(scene).received().facts.company.texts.worded.into_keys().collect()
}

#[test]
fn the_record_keeps_the_texts_that_were_or_may_be_used_and_no_others() {
    use TextKey as T;
    let reminded = RoomFacts { reminded_at: Some(at(1)), ..active(Some(1)) };
    for (scene, expected) in [
        (scene().saying("hello"), &[T::ExtensionMissing][..]),
        (scene().with(|s| s.facts.user = None), &[T::UserNotFound]),
        (scene().pools([]), &[T::NoSecondaryNumber]),
        (scene().with(|s| s.facts.company.auto_promotion = false), &[T::Prospect]),
        (scene().on_secondary("2001"), &[T::Redirect]),
        (scene(), &[T::UserInfo, T::RecordingNotice, T::InvitationFailed]),
        (scene().with_room(active(Some(1))), &[T::Reminder]),
        (scene().with_room(active(None)), &[]),
        (scene().with_room(reminded), &[]),
        (scene().with_room(invited(None)), &[T::UserInfo, T::RecordingNotice]),
        (scene().with_room(invited(Some(1))), &[]),
        (scene().saying_after("STOP", None), &[T::Stopped]),
        (scene().saying_after("STOP", stopped()), &[]),
        (scene().saying_after("START", stopped()), &[T::Started]),
        (scene().saying_after("#anna", stopped()), &[T::TemplatesStopped]),
        (scene().with(|s| s.message.in_group = true), &[]),
        (scene().with(|s| s.facts.at = at(DAY + 1)), &[]),
    ] {
        let decision = scene.decision();
        assert_eq!(kept(scene), expected.iter().copied().collect(), "{decision:?}");
    }
}

#[test]
fn a_decision_made_again_from_its_record_is_the_same_to_the_last_word() {
    for scene in [
        scene(),
        scene().saying("hello"),
        scene().on_secondary("2001"),
        scene().with_room(active(Some(1))),
        scene().with_room(active(None)),
        scene().with_room(invited(None)),
        scene().pools([]),
        scene().saying_after("STOP", None),
        scene().saying_after("START", stopped()),
        scene().saying_after("#anna", stopped()),
    ] {
        let scene = worded(scene);
        let recorded = serde_json::to_string(&scene.received().facts).unwrap();
        let facts = serde_json::from_str(&recorded).unwrap();
        let again = on_message(&company_id(), &scene.message, facts);
        assert_eq!(again, scene.plan());
    }
}

#[test]
fn every_purpose_but_the_invitation_has_a_text_of_its_name() {
    // The notice is no message of its own.
    let own = TextKey::ALL.iter().filter(|key| **key != TextKey::RecordingNotice);
    let texts: BTreeSet<_> = own.map(|key| key.as_str()).collect();
    let purposes = [
        Purpose::ExtensionMissing,
        Purpose::UserNotFound,
        Purpose::Reminder,
        Purpose::UserInfo,
        Purpose::NoSecondaryNumber,
        Purpose::InvitationFailed,
        Purpose::Prospect,
        Purpose::Redirect,
        Purpose::Stopped,
        Purpose::Started,
        Purpose::TemplatesStopped,
    ];
    assert_eq!(texts, purposes.iter().map(|purpose| purpose.as_str()).collect());
}
