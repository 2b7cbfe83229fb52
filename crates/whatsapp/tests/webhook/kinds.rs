//! What each kind of update says.

use domain::outbound::{DeliveryStatus, ErrorClass};
use serde_json::{Value, json};
use whatsapp::post::{Client, ClientMessage, WebhookPost};
use whatsapp::webhook::Update;

use crate::{a_message, at, change, message, parsed, received, shown, status};

#[test]
fn every_kind_of_message_is_read_with_its_words() {
    let post = parsed(include_str!("../fixtures/every_kind.json"));
    let read: Vec<_> = post
        .items
        .iter()
        .map(message)
        .map(|m| {
            let text = m.text.as_ref().map(|text| text.expose().as_str());
            (m.id.as_str(), m.kind.as_str(), text)
        })
        .collect();
    assert_eq!(
        read,
        [
            ("wamid.TEXT", "text", Some("Hi #michael")),
            ("wamid.IMAGE", "image", Some("#anna")),
            ("wamid.VIDEO", "video", Some("look")),
            ("wamid.DOCUMENT", "document", Some("read")),
            ("wamid.VOICE", "audio", None),
            ("wamid.STICKER", "sticker", None),
            ("wamid.LOCATION", "location", None),
            ("wamid.REACTION", "reaction", None),
            ("wamid.BUTTON", "button", Some("#button")),
            ("wamid.REPLY", "interactive", Some("#reply")),
            ("wamid.LIST", "interactive", Some("#list")),
            ("wamid.FORM", "interactive", None),
            ("wamid.CONTACTS", "contacts", None),
            ("wamid.SYSTEM", "system", None),
            ("wamid.UNSUPPORTED", "unsupported", None),
            ("wamid.FUTURE", "hologram", None),
        ]
    );
    let first = message(&post.items[0]);
    assert_eq!(shown(&first.from), "US.1349120865530274 12025550101 +12025550101 Ann");
    assert_eq!(first.phone_number_id.as_str(), "1001");
    assert_eq!((first.sent_at, first.received_at), (at(1), at(100)));
    assert_eq!(shown(&message(&post.items[1]).from), "- 447700900123 +447700900123 Ben");
}

#[test]
fn every_status_is_read() {
    let post = parsed(include_str!("../fixtures/statuses.json"));
    let read: Vec<_> = post.items[..5].iter().map(status).map(|s| s.status).collect();
    use DeliveryStatus::{Delivered, Failed, Read, Sent};
    assert_eq!(read, [Sent, Delivered, Read, Read, Failed]);

    let sent = status(&post.items[0]);
    assert_eq!(
        sent.reference.unwrap().to_string(),
        "5f0c0f3e-0000-5000-8000-000000000001/5f0c0f3e-0000-5000-8000-000000000002"
    );
    assert_eq!((sent.wamid.as_str(), sent.at), ("wamid.S", at(1)));
    assert_eq!(status(&post.items[1]).reference, None);
    assert!(sent.evidence.is_some());

    let error = status(&post.items[4]).error.clone().unwrap();
    assert_eq!(
        (error.code, error.class, error.definite),
        (131026, ErrorClass::RecipientRefused, true)
    );
    assert!(!error.title.contains("555"));
    assert_eq!(format!("{:?}", post.items[5].content), "Ok(Other(statuses))");
}

#[test]
fn changes_of_other_fields_are_kept() {
    let post = parsed(include_str!("../fixtures/other_changes.json"));
    let kept: Vec<_> = post
        .items
        .iter()
        .map(|item| {
            let number = item.phone_number_id.as_ref().map(|id| id.as_str());
            (number, format!("{:?}", item.content))
        })
        .collect();
    assert_eq!(
        kept,
        [
            (None, "Ok(Other(account_update))".to_owned()),
            (Some("1001"), "Ok(Other(smb_message_echoes))".to_owned()),
            (Some("1001"), "Ok(Other(errors))".to_owned()),
            (Some("1001"), "Ok(Other(messages))".to_owned()),
        ]
    );
}

#[test]
fn a_message_in_a_group_says_so() {
    for (parts, in_group) in [
        (json!({ "group_id": "G1" }), true),
        (json!({ "recipient_type": "group" }), true),
        (json!({ "context": { "group_id": "G1" } }), true),
        (json!({ "recipient_type": "individual", "context": { "id": "wamid.B" } }), false),
        (json!({ "group_id": null }), false),
    ] {
        let mut parts = parts;
        parts["from"] = json!("12025550101");
        let items = received(json!([a_message(parts.clone())]), json!([]));
        assert_eq!(message(&items[0]).in_group, in_group, "{parts}");
    }
}

#[test]
fn moments_are_seconds_or_milliseconds_in_text_or_number() {
    let read = |timestamp: Value| {
        let message = a_message(json!({ "from": "12025550101", "timestamp": timestamp }));
        received(json!([message]), json!([]))[0].content.clone()
    };
    for good in [
        json!("1775000001"),
        json!(1_775_000_001),
        json!("1775000001000"),
        json!(1_775_000_001_000_i64),
    ] {
        let Ok(Update::Message(message)) = read(good.clone()) else {
            panic!("{good} was refused");
        };
        assert_eq!(message.sent_at, at(1), "{good}");
    }
    for refused in [
        json!(""),
        json!("0"),
        json!(-1),
        json!(1775000001.5),
        json!("1775000001 "),
        json!(i64::MAX),
        json!("99999999999999999999"),
        json!(true),
        json!({}),
    ] {
        assert!(read(refused.clone()).is_err(), "{refused} was taken");
    }
}

#[test]
fn texts_come_through_as_they_were_written() {
    let long = "é".repeat(4096);
    for (written, read) in [
        ("＃ＭＩＣＨＡＥＬ", Some("＃ＭＩＣＨＡＥＬ")),
        ("\u{200e}#mi\u{200b}chael", Some("\u{200e}#mi\u{200b}chael")),
        ("a\0b", Some("ab")),
        ("", None),
        (long.as_str(), Some(long.as_str())),
    ] {
        let ann = Client::with_phone("12025550101");
        let written = ClientMessage::text(&ann, "wamid.A", at(0), written);
        let post = parsed(WebhookPost::new().messages("1001", &[written]).into_body());
        let text = message(&post.items[0]).text.as_ref();
        assert_eq!(text.map(|text| text.expose().as_str()), read);
    }
}

#[test]
fn half_an_emoji_does_not_cost_the_text() {
    let body = String::from_utf8(change(json!({ "messages": [
        a_message(json!({ "from": "12025550101", "text": { "body": "#michael HALF" } })),
    ] })))
    .unwrap()
    .replace("HALF", "\\ud83d");
    let post = parsed(body);
    let text = message(&post.items[0]).text.as_ref().unwrap().expose().clone();
    assert_eq!(text, "#michael \u{fffd}");
}
