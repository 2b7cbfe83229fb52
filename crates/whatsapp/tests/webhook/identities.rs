//! Clients whose identifiers have changed.

use serde_json::{Value, json};
use whatsapp::post::WebhookPost;
use whatsapp::webhook::BadItemCode;

use crate::{a_message, at, bad, message, parsed, received, shown};

fn system(parts: Value, system: Value) -> Value {
    let mut message = a_message(parts);
    message["type"] = json!("system");
    message["system"] = system;
    message
}

/// Who wrote, and who that is from now on.
fn changed(raw: Value) -> (String, Option<String>) {
    let items = received(json!([raw]), json!([]));
    let read = message(&items[0]);
    assert_eq!(read.kind, "system");
    (shown(&read.from), read.became.as_deref().map(shown))
}

#[test]
fn a_client_with_a_new_number_stays_the_client() {
    let new = json!({
        "type": "user_changed_number", "body": "changed from A to B",
        "wa_id": "12025550102", "user_id": "US.new",
    });
    let old = json!({ "from": "12025550101", "from_user_id": "US.old" });
    let (from, became) = changed(system(old, new));
    assert_eq!(from, "US.old 12025550101 +12025550101 -");
    assert_eq!(became.as_deref(), Some("US.new 12025550102 - -"), "no phone is invented");
}

#[test]
fn a_client_with_a_new_id_alone_is_told_by_the_one_before() {
    let new = json!({
        "type": "user_changed_user_id", "previous_user_id": "US.old", "user_id": "US.new",
    });
    let (from, became) = changed(system(json!({}), new));
    assert_eq!((from.as_str(), became.as_deref()), ("US.old - - -", Some("US.new - - -")));
}

#[test]
fn other_notices_change_nobody() {
    for other in [
        json!({ "type": "customer_identity_changed", "wa_id": "12025550102" }),
        json!({ "type": "user_changed_number", "body": "changed from A to B" }),
        json!({ "type": "user_changed_user_id", "user_id": "not an id" }),
        json!("broken"),
    ] {
        let (_, became) = changed(system(json!({ "from": "12025550101" }), other));
        assert_eq!(became, None);
    }
    let mut text = a_message(json!({ "from": "12025550101", "text": { "body": "hello" } }));
    text["system"] = json!({ "type": "user_changed_user_id", "user_id": "US.new" });
    let items = received(json!([text]), json!([]));
    assert_eq!(message(&items[0]).became, None, "only a system message tells it");
}

fn updates(list: Value) -> Vec<whatsapp::webhook::Item> {
    let value = json!({
        "messaging_product": "whatsapp",
        "metadata": { "phone_number_id": "1001" },
        "contacts": [{ "profile": { "name": "Ann" }, "wa_id": "12025550101" }],
        "user_id_update": list,
    });
    parsed(WebhookPost::new().change("user_id_update", value).into_body()).items
}

#[test]
fn a_change_of_ids_is_a_message_in_the_clients_place() {
    let pair = json!({ "previous": "US.old", "current": "US.new" });
    let one = json!({ "wa_id": "12025550101", "user_id": pair, "timestamp": "1775000001" });
    let items = updates(json!([one.clone(), { "user_id": { "previous": "US.a" } }, one]));
    let first = message(&items[0]);
    assert_eq!((shown(&first.from).as_str(), first.kind.as_str()), ("US.old - - -", "system"));
    assert_eq!(first.became.as_deref().map(shown).as_deref(), Some("US.new - - -"));
    assert_eq!((first.sent_at, first.phone_number_id.as_str()), (at(1), "1001"));
    assert!(first.evidence.is_some());
    let broken = bad(&items[1]);
    assert_eq!(
        (broken.code, broken.field),
        (BadItemCode::Missing, "user_id_update[].user_id.current")
    );
    assert_eq!(message(&items[2]).id, first.id, "told again, it is the same");
}
