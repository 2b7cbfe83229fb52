//! The published contracts, generated from the code: OpenAPI, AsyncAPI and a JSON
//! Schema per event, input and query of the log. They are committed under
//! `docs/contracts`, a test compares them, and the API serves them below
//! `/api/v1/contracts`.
//!
//! A contract is known by its path in that folder. A schema's `$id` is
//! `urn:onboarding:<path>`, which is also the `ce-dataschema` of an event.

mod asyncapi;
mod schemas;

use serde_json::Value;

/// Every contract: its path below the contracts' folder, and its text.
pub fn all() -> Vec<(String, String)> {
    let openapi = openapi();
    let asyncapi = asyncapi::document(&openapi);
    let mut contracts =
        vec![("openapi.json".to_owned(), openapi), ("asyncapi.json".to_owned(), asyncapi)];
    contracts.extend(schemas::all());
    contracts.into_iter().map(|(name, value)| (name, pretty(&value))).collect()
}

/// What is generated beside them for people to read: its path and its text. It is not served.
pub fn for_people() -> Vec<(String, String)> {
    vec![("error-codes.md".to_owned(), whatsapp::errors::markdown())]
}

fn openapi() -> Value {
    serde_json::to_value(api::openapi()).unwrap_or_default()
}

fn pretty(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}
