//! Webhook bodies as WhatsApp posts them, for the fake, the demo and tests.
//!
//! ```
//! use whatsapp::post::{Client, ClientMessage, WebhookPost};
//!
//! let ann = Client::with_phone("12025550101").named("Ann");
//! let at = chrono::DateTime::UNIX_EPOCH + chrono::TimeDelta::days(20_000);
//! let body = WebhookPost::new()
//!     .messages("1001", &[ClientMessage::text(&ann, "wamid.A", at, "Hi #michael")])
//!     .into_body();
//! assert_eq!(whatsapp::webhook::parse(&body, at)?.items.len(), 1);
//! # Ok::<(), whatsapp::webhook::MalformedPost>(())
//! ```

use domain::input::{MessageReference, Timestamp};
use domain::outbound::DeliveryStatus;
use serde_json::{Map, Value, json};

/// A post under construction: entries with changes with messages or statuses.
/// It has no `Debug`, because what is in it must not be printed.
#[derive(Clone)]
pub struct WebhookPost {
    entries: Vec<Value>,
    changes: Vec<Value>,
}

impl Default for WebhookPost {
    fn default() -> Self {
        Self::new()
    }
}

impl WebhookPost {
    /// A post with one entry and no change yet.
    pub const fn new() -> Self {
        Self { entries: Vec::new(), changes: Vec::new() }
    }

    /// Adds one change with these messages to a number, and their contacts.
    #[must_use]
    pub fn messages(self, number: &str, messages: &[ClientMessage]) -> Self {
        let mut contacts: Vec<&Value> = Vec::new();
        for message in messages {
            if !contacts.contains(&&message.contact) {
                contacts.push(&message.contact);
            }
        }
        let messages: Vec<&Value> = messages.iter().map(|m| &m.json).collect();
        self.value(number, &json!({ "contacts": contacts, "messages": messages }))
    }

    /// Adds one change with these statuses of a number's messages.
    #[must_use]
    pub fn statuses(self, number: &str, statuses: &[StatusUpdate]) -> Self {
        let statuses: Vec<&Value> = statuses.iter().map(|s| &s.json).collect();
        self.value(number, &json!({ "statuses": statuses }))
    }

    /// Adds a change of any field, as it stands.
    #[must_use]
    pub fn change(mut self, field: &str, value: Value) -> Self {
        self.changes.push(json!({ "field": field, "value": value }));
        self
    }

    /// Ends the entry; what is added from here on is in the next one.
    #[must_use]
    pub fn next_entry(mut self) -> Self {
        let changes = std::mem::take(&mut self.changes);
        self.entries.push(json!({ "id": "102290129340398", "changes": changes }));
        self
    }

    /// The bytes to post.
    pub fn into_body(self) -> Vec<u8> {
        let entries = self.next_entry().entries;
        json!({ "object": "whatsapp_business_account", "entry": entries }).to_string().into_bytes()
    }

    fn value(self, number: &str, parts: &Value) -> Self {
        let mut value = json!({
            "messaging_product": "whatsapp",
            "metadata": { "display_phone_number": "12025550199", "phone_number_id": number },
        });
        merge(&mut value, parts);
        self.change("messages", value)
    }
}

/// A client, as far as WhatsApp shows it.
#[derive(Clone, Default)]
pub struct Client {
    wa_id: Option<String>,
    bsuid: Option<String>,
    name: Option<String>,
}

impl Client {
    /// A client whose phone number (digits) everybody sees.
    pub fn with_phone(digits: &str) -> Self {
        Self { wa_id: Some(digits.trim_start_matches('+').to_owned()), ..Self::default() }
    }

    /// A client with a username: without phone number and `wa_id`.
    pub fn with_bsuid(bsuid: &str) -> Self {
        Self::default().and_bsuid(bsuid)
    }

    /// Adds a bsuid.
    #[must_use]
    pub fn and_bsuid(mut self, bsuid: &str) -> Self {
        self.bsuid = Some(bsuid.to_owned());
        self
    }

    /// Adds the name in the profile.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }
}

/// A message of a client.
#[derive(Clone)]
pub struct ClientMessage {
    contact: Value,
    json: Value,
}

impl ClientMessage {
    /// A text.
    pub fn text(client: &Client, wamid: &str, at: Timestamp, body: &str) -> Self {
        Self::of_type(client, wamid, at, "text", json!({ "body": body }))
    }

    /// A picture with words under it.
    pub fn image(client: &Client, wamid: &str, at: Timestamp, caption: &str) -> Self {
        let image =
            json!({ "id": "2754859441498128", "mime_type": "image/jpeg", "caption": caption });
        Self::of_type(client, wamid, at, "image", image)
    }

    /// A voice message.
    pub fn voice(client: &Client, wamid: &str, at: Timestamp) -> Self {
        let audio = json!({ "id": "1908647269898587", "mime_type": "audio/ogg; codecs=opus", "voice": true });
        Self::of_type(client, wamid, at, "audio", audio)
    }

    /// A place.
    pub fn location(client: &Client, wamid: &str, at: Timestamp) -> Self {
        let place = json!({ "latitude": 51.5, "longitude": -0.12, "name": "The shop" });
        Self::of_type(client, wamid, at, "location", place)
    }

    /// A reaction to another message.
    pub fn reaction(client: &Client, wamid: &str, at: Timestamp, to: &str) -> Self {
        let reaction = json!({ "message_id": to, "emoji": "👍" });
        Self::of_type(client, wamid, at, "reaction", reaction)
    }

    /// A tap on a button under one of our messages.
    pub fn button_reply(client: &Client, wamid: &str, at: Timestamp, title: &str) -> Self {
        let reply =
            json!({ "type": "button_reply", "button_reply": { "id": "1", "title": title } });
        Self::of_type(client, wamid, at, "interactive", reply)
    }

    /// A choice from a list in one of our messages.
    pub fn list_reply(client: &Client, wamid: &str, at: Timestamp, title: &str) -> Self {
        let reply = json!({ "type": "list_reply", "list_reply": { "id": "1", "title": title } });
        Self::of_type(client, wamid, at, "interactive", reply)
    }

    /// A message of any type, with the object that goes by its name.
    pub fn of_type(
        client: &Client,
        wamid: &str,
        at: Timestamp,
        kind: &str,
        content: Value,
    ) -> Self {
        let mut json =
            json!({ "id": wamid, "timestamp": at.timestamp().to_string(), "type": kind });
        merge(&mut json, &json!({ kind: content }));
        let mut contact = json!({});
        if let Some(wa_id) = &client.wa_id {
            merge(&mut json, &json!({ "from": wa_id }));
            merge(&mut contact, &json!({ "wa_id": wa_id }));
        }
        if let Some(bsuid) = &client.bsuid {
            merge(&mut json, &json!({ "from_user_id": bsuid }));
            merge(&mut contact, &json!({ "user_id": bsuid }));
        }
        if let Some(name) = &client.name {
            merge(&mut contact, &json!({ "profile": { "name": name } }));
        }
        Self { contact, json }
    }

    /// The same message, written into a group.
    #[must_use]
    pub fn in_group(mut self, group: &str) -> Self {
        merge(&mut self.json, &json!({ "group_id": group }));
        self
    }
}

/// What became of a message of ours.
#[derive(Clone)]
pub struct StatusUpdate {
    json: Value,
}

impl StatusUpdate {
    /// A status of the message `wamid`.
    pub fn new(wamid: &str, status: DeliveryStatus, at: Timestamp) -> Self {
        let at = at.timestamp().to_string();
        let json = json!({ "id": wamid, "status": status.as_str(), "timestamp": at });
        Self { json }
    }

    /// The message failed with this error code.
    pub fn failed(wamid: &str, at: Timestamp, code: i64) -> Self {
        let mut failed = Self::new(wamid, DeliveryStatus::Failed, at);
        let errors = json!({ "errors": [{ "code": code, "title": "As WhatsApp words it" }] });
        merge(&mut failed.json, &errors);
        failed
    }

    /// Carries our reference back.
    #[must_use]
    pub fn with_reference(mut self, reference: MessageReference) -> Self {
        let data = json!({ "biz_opaque_callback_data": reference.to_string() });
        merge(&mut self.json, &data);
        self
    }

    /// Names the client, by phone number (digits) or bsuid.
    #[must_use]
    pub fn to(mut self, client: &Client) -> Self {
        if let Some(wa_id) = &client.wa_id {
            merge(&mut self.json, &json!({ "recipient_id": wa_id }));
        }
        if let Some(bsuid) = &client.bsuid {
            merge(&mut self.json, &json!({ "recipient_user_id": bsuid }));
        }
        self
    }
}

fn merge(into: &mut Value, from: &Value) {
    let empty = Map::new();
    let members = from.as_object().unwrap_or(&empty).clone();
    if let Some(into) = into.as_object_mut() {
        into.extend(members);
    }
}
