//! The AsyncAPI document: which subjects there are, and what is on them.

use serde_json::{Map, Value, json};

use super::schemas;

/// The document, AsyncAPI 3.0.
pub(super) fn document() -> Value {
    let mut channels = Map::new();
    let mut operations = Map::new();
    for (name, schema) in schemas::events() {
        let mut parts = name.trim_start_matches("schemas/events/").split(['/', '.']);
        let (Some(aggregate), Some(event)) = (parts.next(), parts.next()) else { continue };
        let key = format!("{aggregate}.{event}");
        let summary = schema["description"].clone();
        channels.insert(
            key.clone(),
            json!({
                "address": format!("evt.onboarding.{aggregate}.{event}.v1.{{company}}.{{aggregate_id}}"),
                "parameters": {
                    "company": { "description": "The company's id." },
                    "aggregate_id": { "description": "The aggregate's id." }
                },
                "messages": { event: {
                    "summary": summary,
                    "contentType": "application/json",
                    "headers": { "$ref": "#/components/schemas/eventHeaders" },
                    "payload": { "$ref": format!("./{name}") }
                }}
            }),
        );
        operations.insert(
            format!("publish-{event}"),
            json!({ "action": "send", "channel": { "$ref": format!("#/channels/{}", pointer(&key)) } }),
        );
    }
    for (key, address, schema, summary) in INPUTS {
        channels.insert(
            (*key).to_owned(),
            json!({
                "address": address,
                "messages": { *key: {
                    "summary": summary,
                    "contentType": "application/json",
                    "payload": { "$ref": format!("./schemas/inputs/{schema}.v1.json") }
                }}
            }),
        );
        operations.insert(
            format!("take-{key}"),
            json!({ "action": "receive", "channel": { "$ref": format!("#/channels/{}", pointer(key)) } }),
        );
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Onboarding",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Events on the stream EVT, whose stream sequence is the event's position; \
                            inputs on the stream INBOX. Subjects and headers hold no personal data, bodies do."
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": { "schemas": { "eventHeaders": headers() } }
    })
}

const INPUTS: &[(&str, &str, &str, &str)] = &[
    (
        "inbound-message",
        "wa.in.v1.{company}.{phone_number_id}",
        "inbound-message",
        "A client's message; connectors of other services may publish it too.",
    ),
    (
        "message-status",
        "wa.status.v1.{company}.{phone_number_id}",
        "message-status",
        "What WhatsApp tells about a message of ours.",
    ),
    (
        "send-receipt",
        "cmd.onboarding.v1.{company}.record-receipt",
        "send-receipt",
        "What the sender did with a message.",
    ),
    (
        "register-client-profile",
        "cmd.onboarding.v1.{company}.register-client-profile",
        "operator-command",
        "An operator enters a client that the company knows already.",
    ),
];

/// CloudEvents 1.0, binary mode.
fn headers() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    json!({
        "type": "object",
        "required": ["ce-id", "ce-source", "ce-specversion", "ce-type", "ce-sequence"],
        "properties": {
            "ce-id": text("The event's id (UUIDv7)."),
            "ce-source": text("Who recorded it."),
            "ce-specversion": { "const": "1.0" },
            "ce-type": text("onboarding.<aggregate>.<event>.v<version>"),
            "ce-subject": text("The aggregate's id."),
            "ce-time": text("When it was recorded, RFC 3339."),
            "ce-dataschema": text("Where its JSON Schema is."),
            "ce-sequence": text("Its position, zero-padded to 20 digits: equal to the stream sequence."),
            "ce-aggregateversion": text("Its place in its aggregate's stream."),
            "ce-correlationid": text("The request or operation that began it all."),
            "ce-causationid": text("The input whose decision it is."),
            "traceparent": text("W3C trace context.")
        }
    })
}

/// A key as a token of a JSON pointer.
fn pointer(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
