//! From the schema of an enum of events to one schema an event.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// Each variant as a schema of its own, with only the definitions that it refers to.
pub(super) fn variants(schema: &Value) -> Vec<(String, Value)> {
    let empty = Map::new();
    let definitions = schema["$defs"].as_object().unwrap_or(&empty);
    let variants = schema["oneOf"].as_array().into_iter().flatten();
    variants
        .filter_map(|variant| {
            let event = variant["properties"]["type"]["const"].as_str()?.to_owned();
            let mut own = variant.as_object()?.clone();
            own.insert("$schema".into(), schema["$schema"].clone());
            own.insert("title".into(), json!(event));
            let used = referenced(&Value::Object(own.clone()), definitions);
            if !used.is_empty() {
                let kept = definitions.iter().filter(|(name, _)| used.contains(*name));
                let kept: Map<_, _> = kept.map(|(k, v)| (k.clone(), v.clone())).collect();
                own.insert("$defs".into(), Value::Object(kept));
            }
            Some((event, Value::Object(own)))
        })
        .collect()
}

/// The names of all definitions that a schema refers to, also through others.
fn referenced(schema: &Value, definitions: &Map<String, Value>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![schema];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(object) => {
                if let Some(Value::String(reference)) = object.get("$ref")
                    && let Some(name) = reference.strip_prefix("#/$defs/")
                    && found.insert(name.to_owned())
                {
                    open.extend(definitions.get(name));
                }
                open.extend(object.values());
            }
            Value::Array(items) => open.extend(items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    found
}
