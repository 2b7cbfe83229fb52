//! Who wrote a message.

use serde_json::json;
use whatsapp::webhook::BadItemCode;

use crate::{a_message, bad, message, parsed, received, shown};

#[test]
fn a_client_with_a_username_has_a_bsuid_and_no_phone() {
    let post = parsed(include_str!("../fixtures/username_only.json"));
    assert_eq!(shown(&message(&post.items[0]).from), "GB.abc123 - - ann.a");
}

#[test]
fn a_bad_part_does_not_cost_a_message_that_names_somebody() {
    for (parts, contact, from) in [
        (json!({ "from": 5, "from_user_id": "US.1" }), json!({}), "US.1 - - -"),
        (json!({ "from": "x", "from_user_id": "US.1" }), json!({ "wa_id": "y" }), "US.1 - - -"),
        (
            json!({ "from": "12025550101", "from_user_id": "?" }),
            json!({}),
            "- 12025550101 +12025550101 -",
        ),
        (json!({ "from": "+12025550101" }), json!(7), "- 12025550101 +12025550101 -"),
        (json!({ "from": "12345" }), json!({}), "- 12345 - -"),
        (json!({ "from": "1234567890123456" }), json!({}), "- 1234567890123456 - -"),
        (json!({}), json!({ "wa_id": "12025550101" }), "- 12025550101 - -"),
        (json!({}), json!({ "user_id": "US.1", "profile": { "name": "" } }), "US.1 - - -"),
        (
            json!({ "from": "12025550101", "type": 3, "text": 4 }),
            json!({ "profile": [] }),
            "- 12025550101 +12025550101 -",
        ),
    ] {
        let items = received(json!([a_message(parts.clone())]), json!([contact]));
        assert_eq!(shown(&message(&items[0]).from), from, "{parts}");
    }
}

#[test]
fn contacts_go_to_their_messages() {
    let contacts = json!([
        { "wa_id": "12025550101", "user_id": "US.1", "profile": { "name": "Ann" } },
        { "user_id": "US.2", "profile": { "name": "Ben" } },
        { "wa_id": "12025550103", "profile": { "name": "Cid" } },
    ]);
    let messages = json!([
        a_message(json!({ "from": "12025550101" })),
        a_message(json!({ "from_user_id": "US.2" })),
        a_message(json!({ "from": "12025550103", "from_user_id": "US.3" })),
        a_message(json!({ "from": "12025550104" })),
        a_message(json!({ "from": "12025550101", "from_user_id": "US.9" })),
        a_message(json!({})),
    ]);
    let items = received(messages, contacts);
    let senders: Vec<_> = items[..5].iter().map(message).map(|m| shown(&m.from)).collect();
    assert_eq!(
        senders,
        [
            "US.1 12025550101 +12025550101 Ann",
            "US.2 - - Ben",
            "US.3 12025550103 +12025550103 Cid",
            "- 12025550104 +12025550104 -",
            "US.9 12025550101 +12025550101 -",
        ]
    );
    assert_eq!(bad(&items[5]).code, BadItemCode::NoIdentity);
}

#[test]
fn the_only_contact_goes_to_every_message_that_it_does_not_contradict() {
    let contacts =
        json!([{ "wa_id": "12025550101", "user_id": "US.1", "profile": { "name": "Ann" } }]);
    let messages = json!([
        a_message(json!({})),
        a_message(json!({ "from": "12025550102" })),
        a_message(json!({ "from_user_id": "US.2" })),
    ]);
    let items = received(messages, contacts);
    let senders: Vec<_> = items.iter().map(message).map(|m| shown(&m.from)).collect();
    assert_eq!(senders, ["US.1 12025550101 - Ann", "- 12025550102 +12025550102 -", "US.2 - - -",]);
}
