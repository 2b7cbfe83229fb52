//! The headers of messages.

use serde_json::{Value, json};

pub(super) fn all() -> Value {
    json!({
        "eventHeaders": event(),
        "inputHeaders": input(&[], &[]),
        "commandHeaders": input(&[], &[("reply-to", "Where the answer goes: an inbox (`_INBOX.…`).")]),
        "rawPostHeaders": input(
            &["post-sha256", "piece", "pieces", "received-at"],
            &[
                ("post-sha256", "SHA-256 of the whole post, hexadecimal: the key to evidence."),
                ("piece", "Which piece of it this is, from 0."),
                ("pieces", "Of how many."),
                ("received-at", "When the post came, RFC 3339."),
            ],
        ),
        "parkedHeaders": input(
            &["dlq-code", "dlq-reason", "dlq-inbox-sequence"],
            &[
                ("dlq-code", "A stable word for the kind of trouble."),
                ("dlq-reason", "What is wrong, for people; no personal data."),
                ("dlq-inbox-sequence", "Its place in INBOX; 0 if it was not there."),
            ],
        ),
        "problemHeaders": {
            "type": "object",
            "required": ["Nats-Service-Error", "Nats-Service-Error-Code"],
            "properties": {
                "Nats-Service-Error": text("The problem's title (ADR-32)."),
                "Nats-Service-Error-Code": text("The problem's status.")
            }
        }
    })
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

/// What every input may have, and more.
fn input(required: &[&str], more: &[(&str, &str)]) -> Value {
    let mut properties = json!({
        "inbox-source": text("Who published it: `gateway`, `sender`, `api`, a connector's name."),
        "traceparent": text("W3C trace context.")
    });
    for (name, description) in more {
        properties[*name] = text(description);
    }
    json!({ "type": "object", "required": required, "properties": properties })
}

/// CloudEvents 1.0, binary mode.
fn event() -> Value {
    json!({
        "type": "object",
        "required": [
            "ce-specversion", "ce-id", "ce-source", "ce-type", "ce-subject", "ce-time",
            "ce-dataschema", "ce-sequence", "ce-aggregateversion", "ce-company",
            "ce-correlationid", "ce-causationid", "content-type"
        ],
        "properties": {
            "ce-specversion": { "const": "1.0" },
            "ce-id": {
                "type": "string", "format": "uuid", "description": "The event's id (UUIDv7)."
            },
            "ce-source": {
                "type": "string", "format": "uri-reference",
                "description": "`/onboarding/<company>`."
            },
            "ce-type": {
                "type": "string",
                "pattern": r"^onboarding\.[a-z-]+\.[a-z-]+\.v[0-9]+$",
                "description": "`onboarding.<aggregate>.<event>.v<version>`"
            },
            "ce-subject": text("The aggregate's id."),
            "ce-time": {
                "type": "string", "format": "date-time", "description": "When it was recorded."
            },
            "ce-dataschema": {
                "type": "string", "format": "uri",
                "description": "The `$id` of its JSON Schema: `urn:onboarding:<path>`; \
                                `/api/v1/contracts/<path>` serves it."
            },
            "ce-sequence": {
                "type": "string", "pattern": "^[0-9]{20}$",
                "description": "Its position, zero-padded to 20 digits: the stream sequence."
            },
            "ce-aggregateversion": {
                "type": "string", "pattern": "^[1-9][0-9]*$",
                "description": "Its place in its aggregate's stream: 1, 2, 3, …"
            },
            "ce-company": text("The company."),
            "ce-correlationid": {
                "type": "string", "format": "uuid",
                "description": "The request or operation that began it all."
            },
            "ce-causationid": {
                "type": "string", "format": "uuid",
                "description": "The input whose decision it is."
            },
            "content-type": { "const": "application/json" },
            "traceparent": text("W3C trace context of that input.")
        }
    })
}
