//! One bad item never costs the others.

use serde_json::{Value, json};
use whatsapp::webhook::{BadItemCode, parse};

use crate::{a_message, at, bad, parsed, received};

#[test]
fn ten_broken_items_do_not_cost_the_other_990() {
    let ann = json!({ "from": "12025550101" });
    let mut messages: Vec<Value> = (0..1000)
        .map(|n| a_message(json!({ "from": "12025550101", "id": format!("wamid.{n}") })))
        .collect();
    let broken = [
        (json!(null), "messages[] is not an object"),
        (json!(["wamid.A"]), "messages[] is not an object"),
        (json!("text"), "messages[] is not an object"),
        (json!({ "id": null, "timestamp": "1775000001" }), "messages[].id is missing"),
        (a_message(json!({ "id": 7 })), "messages[].id is not valid"),
        (a_message(json!({ "id": "wamid with blanks" })), "messages[].id is not valid"),
        (json!({ "id": "wamid.A", "from": "12025550101" }), "messages[].timestamp is missing"),
        (a_message(json!({ "timestamp": "yesterday" })), "messages[].timestamp is not valid"),
        (a_message(json!({ "timestamp": -1 })), "messages[].timestamp is not valid"),
        (
            a_message(json!({ "from_user_id": "us.1" })),
            "messages[] names nobody by a valid bsuid, wa_id or phone number",
        ),
    ];
    for (at, (mut message, _)) in broken.clone().into_iter().enumerate() {
        if let (Some(members), true) = (message.as_object_mut(), at != 9) {
            members.extend(ann.as_object().unwrap().clone());
        }
        messages[at * 100] = message;
    }
    let items = received(json!(messages), json!([]));
    assert_eq!(items.len(), 1000);
    let bad: Vec<_> = items
        .iter()
        .enumerate()
        .filter_map(|(at, item)| item.content.as_ref().err().map(|bad| (at, bad.to_string())))
        .collect();
    let expected: Vec<_> = broken
        .iter()
        .enumerate()
        .map(|(at, (_, reason))| (at * 100, (*reason).to_owned()))
        .collect();
    assert_eq!(bad, expected);
    assert!(items.iter().all(|item| item.phone_number_id.is_some()));
}

#[test]
fn a_broken_entry_or_change_costs_only_itself() {
    let good = |wamid| a_message(json!({ "from": "12025550101", "id": wamid }));
    let change = |value: Value| json!({ "field": "messages", "value": value });
    let metadata = json!({ "phone_number_id": "1001" });
    let body = json!({ "object": "whatsapp_business_account", "entry": [
        7,
        { "id": "1" },
        { "changes": {} },
        { "changes": [
            null,
            { "field": 3, "value": {} },
            change(json!([])),
            change(json!({ "messages": [good("wamid.LOST")] })),
            change(json!({ "metadata": { "phone_number_id": "x" }, "messages": [good("wamid.LOST")] })),
            change(json!({ "metadata": metadata, "messages": "none", "statuses": [
                { "id": "wamid.S", "status": "sent", "timestamp": 1_775_000_001 },
                { "id": "wamid.S", "status": "sent" },
            ] })),
            { "value": { "metadata": metadata, "messages": [good("wamid.A")] } },
        ] },
        { "changes": [change(json!({ "metadata": metadata, "messages": [good("wamid.B")] }))] },
    ] });
    let read: Vec<_> = parsed(body.to_string())
        .items
        .iter()
        .map(|item| match &item.content {
            Ok(update) => format!("{update:?}"),
            Err(bad) => format!("{bad} [{}]", bad.code.as_str()),
        })
        .collect();
    assert_eq!(
        read,
        [
            "entry[] is not an object [not_an_object]",
            "entry[].changes is missing [missing]",
            "entry[].changes is not a list [not_a_list]",
            "changes[] is not an object [not_an_object]",
            "changes[].field is not valid [invalid]",
            "changes[].value is not an object [not_an_object]",
            "metadata is missing [missing]",
            "metadata.phone_number_id is not valid [invalid]",
            "messages is not a list [not_a_list]",
            "Status(sent)",
            "statuses[].timestamp is missing [missing]",
            "Message(text)",
            "Message(text)",
        ]
    );
}

#[test]
fn a_post_about_something_else_is_reported_whole() {
    for (body, code) in [
        (r#"{"object":"page","entry":[]}"#, BadItemCode::NotWhatsApp),
        (r#"{"object":"whatsapp_business_account"}"#, BadItemCode::Missing),
        (r#"{"entry":[],"entry":[]}"#, BadItemCode::NotAnObject),
    ] {
        let post = parsed(body);
        assert_eq!(post.items.len(), 1);
        assert_eq!(bad(&post.items[0]).code, code, "{body}");
        assert_eq!(post.items[0].raw.get(), body);
    }
    assert!(parsed(r#"{"object":"whatsapp_business_account","entry":[]}"#).items.is_empty());
}

#[test]
fn what_is_no_json_object_is_refused_with_the_place() {
    let cases: [(&[u8], usize, &str); 8] = [
        (b"", 0, "not JSON"),
        (b"{\"object\"", 8, "not JSON"),
        (b"{\n \"entry\": [\n  nil\n]}", 17, "not JSON"),
        (b"{} {}", 3, "not JSON"),
        (b"{\"a\":\"\xff\"}", 6, "not JSON"),
        (b" []", 1, "not a JSON object"),
        (b"null", 0, "not a JSON object"),
        (b"\"text\"", 0, "not a JSON object"),
    ];
    for (body, offset, reason) in cases {
        let refused = parse(body, at(0)).unwrap_err();
        let shown = String::from_utf8_lossy(body);
        assert_eq!(
            refused.to_string(),
            format!("the body is {reason} (at byte {offset})"),
            "{shown}"
        );
        assert_eq!(refused.offset, offset, "{shown}");
    }
}
