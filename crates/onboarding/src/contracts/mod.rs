//! The published contracts, generated from the code: OpenAPI, AsyncAPI and a JSON
//! Schema per event and input. They are committed under `docs/contracts`, a test
//! compares them, and the API serves them.

mod asyncapi;
mod schemas;

use serde_json::Value;

/// Every contract: its path below the contracts' folder, and its text.
pub fn all() -> Vec<(String, String)> {
    let mut contracts = vec![
        ("openapi.json".to_owned(), openapi()),
        ("asyncapi.json".to_owned(), asyncapi::document()),
    ];
    contracts.extend(schemas::events().into_iter().chain(schemas::inputs()));
    contracts.into_iter().map(|(name, value)| (name, pretty(&value))).collect()
}

fn openapi() -> Value {
    serde_json::to_value(api::openapi()).unwrap_or_default()
}

fn pretty(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}
