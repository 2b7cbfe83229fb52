//! Field by field, by what async-nats writes and reads.

use std::collections::BTreeSet;
use std::fmt;

use async_nats::jetstream::stream::Config;
use serde_json::{Map, Value};

/// A field of a stream that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The stream.
    pub stream: String,
    /// The field, as JetStream's API writes it; `stream` if there is no such stream.
    pub field: String,
    /// What it should be, as JSON.
    pub expected: String,
    /// What it is, as JSON.
    pub found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, field, expected, found } = self;
        write!(f, "{stream}: {field} is {found}, expected {expected}")
    }
}

impl Difference {
    pub(super) fn missing(stream: &str) -> Self {
        Self {
            stream: stream.to_owned(),
            field: "stream".to_owned(),
            expected: "present".to_owned(),
            found: "missing".to_owned(),
        }
    }
}

/// Not compared: the server's notes (`metadata`), the beginning of the log (`first_seq`, which
/// depends on when the stream was made), where it lies, and words.
const FREE: [&str; 4] = ["metadata", "first_seq", "placement", "description"];

pub(super) fn between(expected: &Config, found: &Config) -> Vec<Difference> {
    let (wanted, there) = (fields(expected), fields(found));
    let names: BTreeSet<&String> = wanted.keys().chain(there.keys()).collect();
    names
        .into_iter()
        .filter(|name| !FREE.contains(&name.as_str()))
        .filter(|name| wanted.get(*name) != there.get(*name))
        .map(|name| Difference {
            stream: expected.name.clone(),
            field: name.clone(),
            expected: shown(wanted.get(name)),
            found: shown(there.get(name)),
        })
        .collect()
}

/// The fields that say something: absent, null, false, empty and `default` are the same.
fn fields(config: &Config) -> Map<String, Value> {
    let mut fields = match serde_json::to_value(config) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    fields.retain(|_, value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::Object(inner) => !inner.is_empty(),
        Value::Array(inner) => !inner.is_empty(),
        Value::String(text) => text != "default",
        _ => true,
    });
    fields
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "not set".to_owned(), Value::to_string)
}
