//! One element of `statuses`.

use domain::ids::PhoneNumberId;
use domain::input::MessageStatus;
use domain::outbound::{DeliveryStatus, SendError};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{BadItem, json};
use crate::errors;

/// The status, without its evidence; `None` for a kind that we don't know.
pub(super) fn read(
    raw: &RawValue,
    number: &PhoneNumberId,
) -> Result<Option<MessageStatus>, BadItem> {
    let status: RawStatus<'_> = json::object(raw, "statuses[]")?;
    let id = json::required(status.id, "statuses[].id")?;
    let at = json::required(status.timestamp, "statuses[].timestamp")?;
    let kind = json::text(json::required(status.status, "statuses[].status")?)
        .ok_or(json::invalid("statuses[].status"))?;
    let Some(delivery) = delivery(&kind) else {
        return Ok(None);
    };
    Ok(Some(MessageStatus {
        phone_number_id: number.clone(),
        wamid: json::text(id)
            .and_then(|id| id.parse().ok())
            .ok_or(json::invalid("statuses[].id"))?,
        status: delivery,
        at: json::moment(at).ok_or(json::invalid("statuses[].timestamp"))?,
        reference: status
            .biz_opaque_callback_data
            .and_then(json::text)
            .and_then(|reference| reference.parse().ok()),
        error: status.errors.filter(|_| delivery == DeliveryStatus::Failed).and_then(first_error),
        evidence: None,
    }))
}

#[derive(Deserialize)]
struct RawStatus<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    status: Option<&'a RawValue>,
    timestamp: Option<&'a RawValue>,
    biz_opaque_callback_data: Option<&'a RawValue>,
    errors: Option<&'a RawValue>,
}

fn delivery(kind: &str) -> Option<DeliveryStatus> {
    match kind {
        "sent" => Some(DeliveryStatus::Sent),
        "delivered" => Some(DeliveryStatus::Delivered),
        // A voice message that was listened to.
        "read" | "played" => Some(DeliveryStatus::Read),
        "failed" => Some(DeliveryStatus::Failed),
        _ => None,
    }
}

#[derive(Deserialize)]
struct RawError<'a> {
    #[serde(borrow)]
    code: Option<&'a RawValue>,
}

/// A status is WhatsApp's last word, so its error is definite.
fn first_error(raw: &RawValue) -> Option<SendError> {
    let errors = json::list(raw, "statuses[].errors").ok()?;
    let error: RawError<'_> = json::object(errors.first()?, "statuses[].errors[]").ok()?;
    Some(errors::send_error(json::integer(error.code?)?, true))
}
