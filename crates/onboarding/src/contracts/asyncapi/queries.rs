//! Queries: NATS services that answer like their HTTP routes.

use api::{dry_run, events_query};
use serde_json::{Map, Value, json};

use super::{Action, Parts};

/// A query that is described in OpenAPI, and its route.
const ROUTES: &[(&str, &str)] = &[
    ("onboarding-requests", "/api/v1/onboarding-requests"),
    ("onboarding-request", "/api/v1/onboarding-requests/{id}"),
    ("chat-rooms", "/api/v1/chat-rooms"),
    ("chat-room", "/api/v1/chat-rooms/{id}"),
    ("reminders", "/api/v1/reminders"),
    ("secondary-numbers", "/api/v1/companies/{company}/numbers"),
    ("client-profile", "/api/v1/companies/{company}/client-profiles/{profile_id}"),
    ("parked-inputs", "/api/v1/companies/{company}/parked-inputs"),
    ("parked-input", "/api/v1/companies/{company}/parked-inputs/{parked_input_id}"),
    ("parked-input-content", "/api/v1/companies/{company}/parked-inputs/{parked_input_id}/content"),
];

pub(super) fn add(parts: &mut Parts, openapi: &Value) {
    for (name, summary) in [
        (events_query::NAME, "Recorded events: how a consumer fills a hole."),
        (dry_run::NAME, "What a message would lead to now; recorded nowhere."),
    ] {
        let schema = |what| json!({ "$ref": format!("./schemas/queries/{name}.{what}.v1.json") });
        query(parts, name, summary, schema("question"), schema("answer"));
    }
    for (name, route) in ROUTES {
        let operation = &openapi["paths"][*route]["get"];
        let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        let answer = format!("./openapi.json{}", schema["$ref"].as_str().unwrap_or_default());
        let summary = operation["summary"].as_str().unwrap_or_default();
        query(parts, name, summary, question(operation), json!({ "$ref": answer }));
    }
}

fn query(parts: &mut Parts, name: &str, summary: &str, question: Value, answer: Value) {
    let message = json!({
        "summary": summary,
        "contentType": "application/json",
        "payload": question
    });
    let answers = json!({
        "answer": { "contentType": "application/json", "payload": answer },
        "problem": {
            "summary": "A refusal (RFC 9457), as over HTTP.",
            "contentType": "application/json",
            "headers": { "$ref": "#/components/schemas/problemHeaders" },
            "payload": { "$ref": "./openapi.json#/components/schemas/Problem" }
        }
    });
    let address = format!("qry.onboarding.v1.{name}");
    parts.add(&format!("query.{name}"), &address, message, Action::Answer { answers });
}

/// A route's parameters as the members of one object.
fn question(operation: &Value) -> Value {
    let mut members = Map::new();
    let mut required = vec![];
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let Some(name) = parameter["name"].as_str() else { continue };
        let mut member = parameter["schema"].clone();
        member["description"] = parameter["description"].clone();
        members.insert(name.to_owned(), member);
        if parameter["required"] == true {
            required.push(name);
        }
    }
    json!({
        "type": "object",
        "required": required,
        "properties": members,
        "additionalProperties": false
    })
}
