//! What WhatsApp tells of clients whose identifiers have changed: by a system message, or by a change
//! of the field `user_id_update`.
//!
//! Both become an inbound message of the kind `system`, from who the client was and with who it is
//! from now on, so that they come in the client's place in its company's lane.

use domain::Personal;
use domain::identity::{Bsuid, Sender};
use domain::ids::{PhoneNumberId, Wamid};
use domain::input::{InboundMessage, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{BadItem, contact, json, sha256_hex};

/// A client that is known by something else from now on.
pub(super) struct Changed {
    /// Its business-scoped id until then, if it is told.
    pub(super) previous: Option<Bsuid>,
    /// What it is known by from now on.
    pub(super) current: Sender,
}

#[derive(Deserialize)]
struct RawSystem<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    wa_id: Option<&'a RawValue>,
    user_id: Option<&'a RawValue>,
    previous_user_id: Option<&'a RawValue>,
}

/// What a system message tells of a change; `None` if it tells something else.
pub(super) fn of_system(raw: &RawValue) -> Option<Changed> {
    let system: RawSystem<'_> = json::object(raw, "").ok()?;
    let kind = system.kind.and_then(json::text)?;
    if !["user_changed_number", "user_changed_user_id"].contains(&kind.as_str()) {
        return None;
    }
    let current = Sender {
        bsuid: system.user_id.and_then(contact::bsuid).map(Personal::new),
        wa_id: system.wa_id.and_then(contact::wa_id).map(Personal::new),
        ..Sender::default()
    };
    let previous = system.previous_user_id.and_then(contact::bsuid);
    (current.bsuid.is_some() || current.wa_id.is_some()).then_some(Changed { previous, current })
}

#[derive(Deserialize)]
struct RawUpdate<'a> {
    #[serde(borrow)]
    user_id: Option<&'a RawValue>,
    timestamp: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawPair<'a> {
    #[serde(borrow)]
    previous: Option<&'a RawValue>,
    current: Option<&'a RawValue>,
}

/// One element of `user_id_update`. It has no id of its own, so it is known by what it says: told
/// again, it is the same. Whether its `wa_id` is the old or the new one is not told, so it is left out.
pub(super) fn of_update(
    raw: &RawValue,
    number: &PhoneNumberId,
    received_at: Timestamp,
) -> Result<InboundMessage, BadItem> {
    const PAIR: &str = "user_id_update[].user_id";
    let update: RawUpdate<'_> = json::object(raw, "user_id_update[]")?;
    let pair: RawPair<'_> = json::object(json::required(update.user_id, PAIR)?, PAIR)?;
    let bsuid = |id: Option<&RawValue>, field| {
        contact::bsuid(json::required(id, field)?).ok_or(json::invalid(field))
    };
    let previous = bsuid(pair.previous, "user_id_update[].user_id.previous")?;
    let current = bsuid(pair.current, "user_id_update[].user_id.current")?;
    let at = update.timestamp.and_then(json::moment);
    let moment = at.map_or(0, |at| at.timestamp());
    let said = sha256_hex(format!("{previous}/{current}/{moment}").as_bytes());
    let id: Wamid =
        format!("user-id-update.{said}").parse().map_err(|_| json::invalid("user_id_update[]"))?;
    let of = |id: Bsuid| Sender { bsuid: Some(Personal::new(id)), ..Sender::default() };
    Ok(InboundMessage {
        phone_number_id: number.clone(),
        id,
        from: of(previous),
        sent_at: at.unwrap_or(received_at),
        received_at,
        kind: "system".to_owned(),
        text: None,
        in_group: false,
        became: Some(Box::new(of(current))),
        evidence: None,
    })
}
