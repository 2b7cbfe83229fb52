//! Posts as WhatsApp sends them, and posts as it should not.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod batches;
mod broken;
mod identities;
mod kinds;
mod senders;

use chrono::DateTime;
use domain::identity::Sender;
use domain::input::{InboundMessage, MessageStatus, Timestamp};
use serde_json::{Value, json};
use whatsapp::post::WebhookPost;
use whatsapp::webhook::{BadItem, Item, Post, Update, parse};

fn at(seconds: i64) -> Timestamp {
    DateTime::from_timestamp(1_775_000_000 + seconds, 0).unwrap()
}

fn parsed(body: impl AsRef<[u8]>) -> Post {
    parse(body.as_ref(), at(100)).unwrap()
}

fn message(item: &Item) -> &InboundMessage {
    match &item.content {
        Ok(Update::Message(message)) => message,
        other => panic!("not a message: {other:?}"),
    }
}

fn status(item: &Item) -> &MessageStatus {
    match &item.content {
        Ok(Update::Status(status)) => status,
        other => panic!("not a status: {other:?}"),
    }
}

fn bad(item: &Item) -> BadItem {
    *item.content.as_ref().unwrap_err()
}

/// One change of the field `messages` to number 1001.
fn change(parts: Value) -> Vec<u8> {
    let mut value = json!({ "metadata": { "phone_number_id": "1001" } });
    let parts = parts.as_object().unwrap().clone();
    value.as_object_mut().unwrap().extend(parts);
    WebhookPost::new().change("messages", value).into_body()
}

/// The items of a change with these messages and contacts.
fn received(messages: Value, contacts: Value) -> Vec<Item> {
    parsed(change(json!({ "messages": messages, "contacts": contacts }))).items
}

/// A valid message of nobody yet.
fn a_message(parts: Value) -> Value {
    let mut message = json!({ "id": "wamid.A", "timestamp": "1775000001", "type": "text" });
    let parts = parts.as_object().unwrap().clone();
    message.as_object_mut().unwrap().extend(parts);
    message
}

/// `bsuid wa_id phone name`, `-` for what is not there.
fn shown(sender: &Sender) -> String {
    fn or_dash<T: ToString>(value: &Option<domain::Personal<T>>) -> String {
        value.as_ref().map_or_else(|| "-".to_owned(), |v| v.expose().to_string())
    }
    let Sender { bsuid, wa_id, phone, name } = sender;
    [or_dash(bsuid), or_dash(wa_id), or_dash(phone), or_dash(name)].join(" ")
}
