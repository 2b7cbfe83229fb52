//! JSON Schemas of what travels on NATS.

use std::collections::BTreeSet;

use domain::AggregateType;
use domain::input::{InboundMessage, MessageStatus, OperatorCommand, SendReceipt};
use domain::pool::PoolEvent;
use domain::profile::ProfileEvent;
use domain::request::RequestEvent;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// One schema per event: `schemas/events/<aggregate>/<event>.v1.json`.
pub(super) fn events() -> Vec<(String, Value)> {
    let mut all = vec![];
    for (aggregate, schema) in [
        (AggregateType::OnboardingRequest, schema_of::<RequestEvent>()),
        (AggregateType::ClientProfile, schema_of::<ProfileEvent>()),
        (AggregateType::SecondaryNumberPool, schema_of::<PoolEvent>()),
    ] {
        for (event, schema) in variants(&schema) {
            let name = format!("schemas/events/{}/{event}.v1.json", aggregate.as_str());
            all.push((name, schema));
        }
    }
    all
}

/// One schema per input that other programs may publish.
pub(super) fn inputs() -> Vec<(String, Value)> {
    [
        ("inbound-message", schema_of::<InboundMessage>()),
        ("message-status", schema_of::<MessageStatus>()),
        ("send-receipt", schema_of::<SendReceipt>()),
        ("operator-command", schema_of::<OperatorCommand>()),
    ]
    .into_iter()
    .map(|(name, schema)| (format!("schemas/inputs/{name}.v1.json"), schema))
    .collect()
}

fn schema_of<T: JsonSchema>() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    generator.into_root_schema_for::<T>().to_value()
}

/// Splits the schema of an enum of events into one schema an event, each with
/// only the definitions that it refers to.
fn variants(schema: &Value) -> Vec<(String, Value)> {
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
