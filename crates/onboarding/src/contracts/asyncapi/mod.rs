//! The AsyncAPI document: which subjects there are, and what is on them.

mod events;
mod headers;
mod inputs;
mod queries;

use serde_json::{Map, Value, json};

/// The document, AsyncAPI 3.0. Shapes that OpenAPI describes are referred to there.
pub(super) fn document(openapi: &Value) -> Value {
    let mut parts = Parts::default();
    events::add(&mut parts);
    inputs::add(&mut parts);
    queries::add(&mut parts, openapi);
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Onboarding",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "Apache-2.0" }
        },
        "defaultContentType": "application/json",
        "channels": parts.channels,
        "operations": parts.operations,
        "components": { "schemas": headers::all() }
    })
}

const DESCRIPTION: &str = "\
Events are on the stream EVT, whose stream sequence is the event's position; inputs on the stream \
INBOX; parked inputs on the stream DLQ. Queries are NATS services (request and reply).

Subjects and headers hold no personal data, bodies do: in the schemas it is marked \
`x-personal-data`.

Events may get more fields within a version: ignore what you don't know. What has no value is left \
out. Integers use up to 64 bits (`facts.draw` does): read them as such, not as floating point.

Of each aggregate, `ce-aggregateversion` counts 1, 2, 3, …; a consumer of all its events that \
misses a number asks `qry.onboarding.v1.events`. `ce-dataschema` is `urn:onboarding:<path>`, the \
`$id` of the schema; `/api/v1/contracts/<path>` serves it.";

/// The channels and operations, as they come together.
#[derive(Default)]
struct Parts {
    channels: Map<String, Value>,
    operations: Map<String, Value>,
}

/// What the program does with a channel.
enum Action {
    Send,
    Receive,
    /// Takes requests; the answer comes on the request's reply subject.
    Answer {
        answers: Value,
    },
}

impl Parts {
    /// Adds a channel with one message, and what the program does with it.
    fn add(&mut self, key: &str, address: &str, message: Value, action: Action) {
        let name = key.rsplit('.').next().unwrap_or(key);
        let parameters = parameters(address);
        let mut channel = json!({ "address": address, "messages": { name: message } });
        if !parameters.is_empty() {
            channel["parameters"] = Value::Object(parameters);
        }
        self.channels.insert(key.to_owned(), channel);
        let verb = match action {
            Action::Send => "send",
            Action::Receive | Action::Answer { .. } => "receive",
        };
        let mut operation = json!({
            "action": verb,
            "channel": { "$ref": format!("#/channels/{key}") },
            "messages": [{ "$ref": format!("#/channels/{key}/messages/{name}") }]
        });
        if let Action::Answer { answers } = action {
            let reply = format!("{key}.reply");
            let messages = answers.as_object().into_iter().flatten();
            let messages: Vec<_> = messages
                .map(|(name, _)| json!({ "$ref": format!("#/channels/{reply}/messages/{name}") }))
                .collect();
            operation["reply"] = json!({ "channel": { "$ref": format!("#/channels/{reply}") }, "messages": messages });
            // Its address is chosen by whoever asks.
            self.channels.insert(reply, json!({ "address": null, "messages": answers }));
        }
        self.operations.insert(format!("{verb}-{key}"), operation);
    }
}

/// What stands in braces in an address.
fn parameters(address: &str) -> Map<String, Value> {
    let names = address.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    let described = |name: &str| match name {
        "company" => "The company's id.",
        "aggregate_id" => "The aggregate's id: a UUID, or `<company>_<pool>`.",
        "phone_number_id" => "WhatsApp's key of the company's number.",
        "app" => "The Meta app whose webhook it came on.",
        "original_subject" => "The subject that the input came on; it has dots.",
        _ => "",
    };
    names.map(|name| (name.to_owned(), json!({ "description": described(name) }))).collect()
}
