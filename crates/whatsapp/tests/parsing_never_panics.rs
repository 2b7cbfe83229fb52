//! Whatever is posted, the gateway stays up.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use domain::input::Timestamp;
use proptest::prelude::*;
use serde_json::Value;
use whatsapp::webhook::{Post, parse};

const FIXTURES: [&str; 4] = [
    include_str!("fixtures/every_kind.json"),
    include_str!("fixtures/username_only.json"),
    include_str!("fixtures/statuses.json"),
    include_str!("fixtures/other_changes.json"),
];

fn read(body: &[u8]) -> Option<Post> {
    let post = parse(body, Timestamp::UNIX_EPOCH).ok()?;
    for item in &post.items {
        let _ = format!("{item:?}");
        if let Err(bad) = &item.content {
            assert!(!bad.to_string().is_empty());
        }
    }
    Some(post)
}

/// How many values a JSON value has, itself included.
fn nodes(value: &Value) -> usize {
    1 + match value {
        Value::Array(elements) => elements.iter().map(nodes).sum(),
        Value::Object(members) => members.values().map(nodes).sum(),
        _ => 0,
    }
}

/// Puts `new` in place of the `at`th node.
fn replace(value: &mut Value, at: &mut usize, new: &Value) {
    if *at == 0 {
        *value = new.clone();
    }
    *at = at.wrapping_sub(1);
    match value {
        Value::Array(elements) => elements.iter_mut().for_each(|v| replace(v, at, new)),
        Value::Object(members) => members.values_mut().for_each(|v| replace(v, at, new)),
        _ => {}
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(serde_json::json!([])),
        Just(serde_json::json!([{}])),
        Just(serde_json::json!({})),
    ]
}

proptest! {
    #[test]
    fn any_bytes(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        read(&body);
    }

    #[test]
    fn a_fixture_with_bytes_changed(
        fixture in 0..FIXTURES.len(),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
        keep in any::<proptest::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut body = FIXTURES[fixture].as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        if cut {
            body.truncate(keep.index(body.len()));
        }
        read(&body);
    }

    #[test]
    fn a_fixture_with_one_value_replaced(
        fixture in 0..FIXTURES.len(),
        at in any::<proptest::sample::Index>(),
        new in any_value(),
    ) {
        let mut value: Value = serde_json::from_str(FIXTURES[fixture]).unwrap();
        let mut at = at.index(nodes(&value) - 1) + 1;
        replace(&mut value, &mut at, &new);
        prop_assert!(read(value.to_string().as_bytes()).is_some());
    }

    #[test]
    fn a_wrong_value_in_a_message_costs_no_other_message(
        which in any::<proptest::sample::Index>(),
        at in any::<proptest::sample::Index>(),
        new in any_value(),
    ) {
        let mut value: Value = serde_json::from_str(FIXTURES[0]).unwrap();
        let whole = read(FIXTURES[0].as_bytes()).unwrap().items.len();
        let which = which.index(whole);
        let message = value
            .pointer_mut(&format!("/entry/0/changes/0/value/messages/{which}"))
            .unwrap();
        replace(message, &mut at.index(nodes(message)), &new);
        let items = read(value.to_string().as_bytes()).unwrap().items;
        prop_assert_eq!(items.len(), whole);
        for (index, item) in items.iter().enumerate() {
            prop_assert!(index == which || item.content.is_ok());
        }
    }
}

#[test]
fn deep_nesting_is_no_trap() {
    let deep = format!(
        "{{\"entry\":[{{\"changes\":[{{\"field\":\"x\",\"value\":{}{}}}]}}]}}",
        "[".repeat(1_000_000),
        "]".repeat(1_000_000)
    );
    assert_eq!(read(deep.as_bytes()).unwrap().items.len(), 1);
}
