//! The words in events that readers branch on: `tests/golden/vocabulary.json`.
//! A word may join them; one that was ever recorded keeps its spelling.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{env, fs};

use domain::consent::Wish;
use domain::flow::{
    Decision, Held, IgnoreReason, NumberVerdict, Preference, ProfileSource, ProfileVerdict,
    ReminderForm, SelectionStep,
};
use domain::input::SendResult;
use domain::outbound::{Content, DeliveryStatus, ErrorClass, Purpose};
use domain::pool::Service;
use domain::profile::{ActivationCause, CloseReason, RoomPhase};
use domain::request::Outcome;
use domain::texts::TextKey;
use schemars::{JsonSchema, schema_for};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The words that a type's JSON Schema lists.
fn words<T: JsonSchema>() -> BTreeSet<String> {
    fn collect(schema: &Value, words: &mut BTreeSet<String>) {
        let field = |name| schema.get(name);
        words.extend(field("const").and_then(Value::as_str).map(str::to_owned));
        let listed = field("enum").and_then(Value::as_array).into_iter().flatten();
        words.extend(listed.filter_map(Value::as_str).map(str::to_owned));
        let forms = field("oneOf").and_then(Value::as_array).into_iter().flatten();
        forms.for_each(|form| collect(form, words));
        // The tag of a form that has more fields.
        let tags = ["kind", "role"].into_iter().filter_map(|tag| field("properties")?.get(tag));
        tags.for_each(|tag| collect(tag, words));
    }
    let mut words_of = BTreeSet::new();
    collect(schema_for!(T).as_value(), &mut words_of);
    words_of
}

fn vocabulary() -> BTreeMap<&'static str, BTreeSet<String>> {
    BTreeMap::from([
        ("activation-cause", words::<ActivationCause>()),
        ("close-reason", words::<CloseReason>()),
        ("content", words::<Content>()),
        ("decision", words::<Decision>()),
        ("delivery-status", words::<DeliveryStatus>()),
        ("error-class", words::<ErrorClass>()),
        ("held", words::<Held>()),
        ("ignore-reason", words::<IgnoreReason>()),
        ("line", words::<domain::company::Line>()),
        ("number-verdict", words::<NumberVerdict>()),
        ("outcome", words::<Outcome>()),
        ("preference", words::<Preference>()),
        ("profile-source", words::<ProfileSource>()),
        ("profile-verdict", words::<ProfileVerdict>()),
        ("purpose", words::<Purpose>()),
        ("reminder-form", words::<ReminderForm>()),
        ("room-phase", words::<RoomPhase>()),
        ("selection-step", words::<SelectionStep>()),
        ("send-result", words::<SendResult>()),
        ("service", words::<Service>()),
        ("text-key", words::<TextKey>()),
        ("wish", words::<Wish>()),
    ])
}

#[test]
fn every_word_is_spelled_as_it_was() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/vocabulary.json");
    let written = serde_json::to_string_pretty(&vocabulary()).unwrap() + "\n";
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, &written).unwrap();
    }
    let golden = fs::read_to_string(&file).unwrap();
    assert!(written == golden, "{} says otherwise than\n{written}", file.display());
}

#[test]
fn a_type_writes_its_words_as_it_names_them() {
    fn check<T: JsonSchema + DeserializeOwned>(name: fn(&T) -> &'static str) {
        let words = words::<T>();
        assert!(!words.is_empty());
        for word in words {
            let value: T = serde_json::from_value(word.clone().into()).unwrap();
            assert_eq!(name(&value), word);
        }
    }
    check::<Outcome>(|value| value.as_str());
    check::<Purpose>(|value| value.as_str());
    check::<DeliveryStatus>(|value| value.as_str());
    check::<RoomPhase>(|value| value.as_str());
    check::<TextKey>(|value| value.as_str());
}
