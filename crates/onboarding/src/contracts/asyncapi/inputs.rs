//! Inputs, on the stream INBOX, and parked ones, on the stream DLQ.

use serde_json::{Value, json};

use super::{Action, Parts};

/// An input with its channel, address, schema and summary.
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
        "record-receipt",
        "cmd.onboarding.v1.{company}.record-receipt",
        "send-receipt",
        "What the sender did with a message.",
    ),
];

/// An operator's command with its summary.
const COMMANDS: &[(&str, &str)] = &[
    ("register-client-profile", "An operator enters a client that the company knows already."),
    ("archive-client-profile", "An operator uses a profile no more."),
    ("block-client", "An operator has a profile's client answered no more."),
    ("unblock-client", "An operator has a profile's client answered again."),
    ("set-client-language", "An operator says in which language a client is written to."),
    ("promote-prospect", "An operator onboards a client who was recorded as a prospect."),
    ("set-user-extension", "An operator gives a user another extension, or none."),
    ("set-number-service", "An operator says whether a secondary number takes new rooms."),
    ("add-number", "An operator adds a secondary number to a pool."),
    ("remove-number", "An operator takes a secondary number out of its pool."),
    ("resend-invitation", "An operator has a room's invitation sent once more."),
    ("reassign-room", "An operator gives an active room to another user."),
    ("close-room", "An operator ends a room."),
    ("retry-parked-input", "An operator has a parked input put back into its lane."),
    ("drop-parked-input", "An operator gives up a parked input, with a reason."),
];

pub(super) fn add(parts: &mut Parts) {
    for (key, address, schema, summary) in INPUTS {
        parts.add(key, address, input("inputHeaders", schema, summary), Action::Receive);
    }
    for (command, summary) in COMMANDS {
        parts.add(
            command,
            &format!("cmd.onboarding.v1.{{company}}.{command}"),
            input("commandHeaders", "operator-command", summary),
            Action::Answer { answers: json!({ "answer": answer() }) },
        );
    }
    let raw_post = json!({
        "summary": "A webhook's post as it came, or a piece of it. Read by the evidence store only.",
        "contentType": "application/octet-stream",
        "headers": { "$ref": "#/components/schemas/rawPostHeaders" },
        "payload": { "description": "Bytes." }
    });
    parts.add("raw-post", "wa.raw.v1.{app}", raw_post, Action::Receive);
    let parked = json!({
        "summary": "An input that could not be decided, body unchanged, with the reason.",
        "headers": { "$ref": "#/components/schemas/parkedHeaders" },
        "payload": { "description": "The input as it came; it need not be JSON. Of an update for a number that nobody has: what was read of it." }
    });
    parts.add("parked-input", "dlq.onboarding.{original_subject}", parked, Action::Send);
}

fn input(headers: &str, schema: &str, summary: &str) -> Value {
    json!({
        "summary": summary,
        "contentType": "application/json",
        "headers": { "$ref": format!("#/components/schemas/{headers}") },
        "payload": { "$ref": format!("./schemas/inputs/{schema}.v1.json") }
    })
}

/// What an operator gets, if the command names a subject for it.
fn answer() -> Value {
    json!({
        "summary": "Sent after commit, to the subject in the command's header `reply-to`.",
        "contentType": "application/json",
        "payload": {
            "type": "object",
            "required": ["status"],
            "properties": {
                "status": { "enum": ["done", "refused", "parked"] },
                "profile_id": {
                    "type": "string",
                    "format": "uuid",
                    "description": "If done: the profile that it is about."
                },
                "request_id": {
                    "type": "string",
                    "format": "uuid",
                    "description": "If done: the request that the promotion makes."
                },
                "user_id": {
                    "type": "string",
                    "description": "If done: the user that it is about."
                },
                "directory_version": {
                    "type": "integer",
                    "description": "If done: the version of the directory in which it is so."
                },
                "number": {
                    "type": "string",
                    "description": "If done: the number that it is about."
                },
                "room_id": {
                    "type": "string",
                    "format": "uuid",
                    "description": "If done: the room that it is about."
                },
                "parked_input_id": {
                    "type": "integer",
                    "description": "If done: the parked input that is put back, or was dropped."
                },
                "version": {
                    "type": "integer",
                    "description": "If done: the version of the client profile, request or pool that it is about, for `expected_version`."
                },
                "position": {
                    "type": "integer",
                    "description": "If done: the position of the last event that it led to."
                },
                "code": { "type": "string", "description": "If refused: a stable word." },
                "detail": { "type": "string", "description": "If refused: what is wrong." }
            }
        }
    })
}
