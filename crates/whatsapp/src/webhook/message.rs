//! One element of `messages`.

use domain::Personal;
use domain::identity::{Bsuid, PhoneNumber, Sender};
use domain::ids::PhoneNumberId;
use domain::input::{InboundMessage, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::contact::{self, Contacts};
use super::{BadItem, BadItemCode, identity, json};

/// The message, without its evidence.
pub(super) fn read(
    raw: &RawValue,
    contacts: &Contacts,
    number: &PhoneNumberId,
    received_at: Timestamp,
) -> Result<InboundMessage, BadItem> {
    let message: RawMessage<'_> = json::object(raw, "messages[]")?;
    let id = json::required(message.id, "messages[].id")?;
    let at = json::required(message.timestamp, "messages[].timestamp")?;
    let kind = message.kind.and_then(json::name);
    let kind = kind.unwrap_or_else(|| "unknown".to_owned());
    let changed = (kind == "system").then(|| identity::of_system(message.system?)).flatten();
    let (previous, became) =
        changed.map_or((None, None), |changed| (changed.previous, Some(changed.current)));
    Ok(InboundMessage {
        phone_number_id: number.clone(),
        id: json::text(id).and_then(|id| id.parse().ok()).ok_or(json::invalid("messages[].id"))?,
        from: sender(&message, contacts, previous)?,
        sent_at: json::moment(at).ok_or(json::invalid("messages[].timestamp"))?,
        received_at,
        text: text(&kind, &message).map(Personal::new),
        kind,
        in_group: in_group(&message),
        became: became.map(Box::new),
        evidence: None,
    })
}

#[derive(Deserialize)]
struct RawMessage<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    from: Option<&'a RawValue>,
    from_user_id: Option<&'a RawValue>,
    timestamp: Option<&'a RawValue>,
    #[serde(rename = "type")]
    kind: Option<&'a RawValue>,
    group_id: Option<&'a RawValue>,
    recipient_type: Option<&'a RawValue>,
    context: Option<&'a RawValue>,
    text: Option<&'a RawValue>,
    image: Option<&'a RawValue>,
    video: Option<&'a RawValue>,
    document: Option<&'a RawValue>,
    button: Option<&'a RawValue>,
    interactive: Option<&'a RawValue>,
    system: Option<&'a RawValue>,
}

/// Who wrote it: what the message says itself, completed from its contact.
/// WhatsApp documents `from` as the client's phone number; a contact's `wa_id`
/// is not one, so no phone is taken from there.
fn sender(
    message: &RawMessage<'_>,
    contacts: &Contacts,
    previous: Option<Bsuid>,
) -> Result<Sender, BadItem> {
    let bsuid = message.from_user_id.and_then(contact::bsuid).or(previous);
    let wa_id = message.from.and_then(contact::wa_id);
    let phone: Option<PhoneNumber> =
        message.from.and_then(json::text).and_then(|from| from.parse().ok());
    let contact = contacts.matching(bsuid.as_ref(), wa_id.as_ref());
    let sender = Sender {
        bsuid: bsuid.or_else(|| contact.and_then(|c| c.bsuid.clone())).map(Personal::new),
        wa_id: wa_id.or_else(|| contact.and_then(|c| c.wa_id.clone())).map(Personal::new),
        phone: phone.map(Personal::new),
        name: contact.and_then(|c| c.name.clone()).map(Personal::new),
    };
    if sender.bsuid.is_none() && sender.wa_id.is_none() && sender.phone.is_none() {
        return Err(BadItem { code: BadItemCode::NoIdentity, field: "messages[]" });
    }
    Ok(sender)
}

/// The objects in which words stand.
#[derive(Deserialize)]
struct Wording<'a> {
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    caption: Option<&'a RawValue>,
    text: Option<&'a RawValue>,
    title: Option<&'a RawValue>,
    button_reply: Option<&'a RawValue>,
    list_reply: Option<&'a RawValue>,
}

fn wording(raw: Option<&RawValue>) -> Option<Wording<'_>> {
    json::object(raw?, "").ok()
}

/// The words in it. A reply to a form (`nfm_reply`) has none.
fn text(kind: &str, message: &RawMessage<'_>) -> Option<String> {
    let words = match kind {
        "text" => wording(message.text)?.body,
        "image" => wording(message.image)?.caption,
        "video" => wording(message.video)?.caption,
        "document" => wording(message.document)?.caption,
        "button" => wording(message.button)?.text,
        "interactive" => {
            let interactive = wording(message.interactive)?;
            wording(interactive.button_reply.or(interactive.list_reply))?.title
        }
        _ => None,
    };
    json::words(words?)
}

#[derive(Deserialize)]
struct RawContext<'a> {
    #[serde(borrow)]
    group_id: Option<&'a RawValue>,
}

fn in_group(message: &RawMessage<'_>) -> bool {
    let to_a_group = |raw| json::text(raw).as_deref() == Some("group");
    let context: Option<RawContext<'_>> =
        message.context.and_then(|raw| json::object(raw, "").ok());
    message.group_id.is_some()
        || message.recipient_type.is_some_and(to_a_group)
        || context.is_some_and(|context| context.group_id.is_some())
}
