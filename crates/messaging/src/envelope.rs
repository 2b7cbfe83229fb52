//! An event on the wire: CloudEvents 1.0 in binary mode. The headers say what it is, the body is
//! the event's JSON, byte for byte.
//!
//! | header | field |
//! |---|---|
//! | `ce-id`, `ce-time` | `event_id`, `recorded_at` |
//! | `ce-type` | `onboarding.<aggregate_type>.<event_type>.v<event_version>` |
//! | `ce-subject`, `ce-aggregateversion` | `aggregate_id`, `sequence` |
//! | `ce-sequence` | `position`, 20 digits, so that it sorts as text |
//! | `ce-company`, `ce-correlationid`, `ce-causationid`, `traceparent` | the same |
//! | `ce-source`, `ce-dataschema` | derived |

use std::str::FromStr;

use async_nats::{HeaderMap, HeaderName};
use bytes::Bytes;
use chrono::SecondsFormat;
use domain::record::RecordedEvent;

use crate::header::{TRACEPARENT, is_safe, text};
use crate::subject::{BadSubject, Subject};

/// An event ready to be published. Not `Debug`: it holds personal data.
#[derive(Clone)]
pub struct EventMessage {
    /// Where.
    pub subject: Subject,
    /// The envelope.
    pub headers: HeaderMap,
    /// The event's JSON.
    pub body: Bytes,
}

/// Why an event can't be published: it fails for ever.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A part of it can't be a token of its subject.
    #[error("the event has no subject: {0}")]
    Subject(#[from] BadSubject),
    /// Its trace context can't be a header.
    #[error("the event's traceparent can't be a header")]
    Traceparent,
}

/// Puts an event into its envelope.
///
/// # Errors
/// A part of the event that can't be a token of a subject or a header.
pub fn encode(event: &RecordedEvent) -> Result<EventMessage, Unfit> {
    let subject = Subject::of_event(event)?;
    let (aggregate, name, version) =
        (&event.aggregate_type, &event.event_type, &event.event_version);
    let recorded_at = event.recorded_at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    let mut headers = HeaderMap::new();
    let mut put = |name, value: String| headers.insert(HeaderName::from_static(name), value);
    put("ce-specversion", "1.0".to_owned());
    put("ce-id", event.event_id.to_string());
    put("ce-source", format!("/onboarding/{}", event.company));
    put("ce-type", format!("onboarding.{aggregate}.{name}.v{version}"));
    put("ce-subject", event.aggregate_id.clone());
    put("ce-time", recorded_at);
    put("ce-dataschema", dataschema(aggregate, name, version));
    put("content-type", "application/json".to_owned());
    put("ce-sequence", format!("{:020}", event.position));
    put("ce-aggregateversion", event.sequence.to_string());
    put("ce-company", event.company.to_string());
    put("ce-correlationid", event.correlation_id.to_string());
    put("ce-causationid", event.causation_id.to_string());
    if let Some(traceparent) = &event.traceparent {
        if !is_safe(traceparent) {
            return Err(Unfit::Traceparent);
        }
        put(TRACEPARENT, traceparent.clone());
    }
    Ok(EventMessage { subject, headers, body: Bytes::from(event.payload.clone()) })
}

/// The `$id` of the event's published JSON Schema. CloudEvents asks for an absolute URI, and this
/// program does not know under which host it is reached: what follows `urn:onboarding:` is the path
/// below `/api/v1/contracts/`.
fn dataschema(aggregate: &str, name: &str, version: &str) -> String {
    format!("urn:onboarding:schemas/events/{aggregate}/{name}.v{version}.json")
}

/// What is wrong with a message that should be an event. It names a header, never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadEnvelope {
    /// A header that must be there.
    #[error("the header {0} is missing")]
    Missing(&'static str),
    /// A header that can't be read.
    #[error("the header {0} is malformed")]
    Malformed(&'static str),
    /// The body is JSON, and so UTF-8.
    #[error("the body is not UTF-8")]
    Body,
}

/// Takes an event out of its envelope: the inverse of [`encode`].
///
/// # Errors
/// A header that is missing or malformed.
pub fn decode(headers: Option<&HeaderMap>, body: &[u8]) -> Result<RecordedEvent, BadEnvelope> {
    const TYPE: &str = "ce-type";
    if required(headers, "ce-specversion")? != "1.0" {
        return Err(BadEnvelope::Malformed("ce-specversion"));
    }
    let kind: Vec<&str> = required(headers, TYPE)?.split('.').collect();
    let (aggregate_type, event_type, event_version) = match kind.as_slice() {
        ["onboarding", aggregate, event, version] => {
            let version = version.strip_prefix('v');
            (aggregate, event, version.ok_or(BadEnvelope::Malformed(TYPE))?)
        }
        _ => return Err(BadEnvelope::Malformed(TYPE)),
    };
    Ok(RecordedEvent {
        position: parsed(headers, "ce-sequence")?,
        event_id: parsed(headers, "ce-id")?,
        company: parsed(headers, "ce-company")?,
        aggregate_type: (*aggregate_type).to_owned(),
        aggregate_id: required(headers, "ce-subject")?.to_owned(),
        sequence: parsed(headers, "ce-aggregateversion")?,
        event_type: (*event_type).to_owned(),
        event_version: event_version.to_owned(),
        payload: std::str::from_utf8(body).map_err(|_| BadEnvelope::Body)?.to_owned(),
        recorded_at: parsed(headers, "ce-time")?,
        correlation_id: parsed(headers, "ce-correlationid")?,
        causation_id: parsed(headers, "ce-causationid")?,
        traceparent: text(headers, TRACEPARENT).map(str::to_owned),
    })
}

fn required<'a>(
    headers: Option<&'a HeaderMap>,
    name: &'static str,
) -> Result<&'a str, BadEnvelope> {
    text(headers, name).ok_or(BadEnvelope::Missing(name))
}

fn parsed<T: FromStr>(headers: Option<&HeaderMap>, name: &'static str) -> Result<T, BadEnvelope> {
    required(headers, name)?.parse().map_err(|_| BadEnvelope::Malformed(name))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use domain::ids::InputId;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    prop_compose! {
        fn any_event()(
            position in 1..=u64::MAX,
            ids in any::<[u128; 3]>(),
            company in "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?",
            aggregate_type in "[a-z]([a-z-]{0,20}[a-z])?",
            aggregate_id in "[a-z0-9_-]{1,100}",
            sequence in any::<u64>(),
            event_type in "[a-z]([a-z-]{0,20}[a-z])?",
            event_version in "[1-9][0-9]{0,3}",
            payload in ".*",
            micros in 0..=253_402_300_799_999_999_i64,
            traceparent in proptest::option::of("[!-~]([ -~]{0,60}[!-~])?"),
        ) -> RecordedEvent {
            RecordedEvent {
                position,
                event_id: Uuid::from_u128(ids[0]),
                company: company.parse().unwrap(),
                aggregate_type,
                aggregate_id,
                sequence,
                event_type,
                event_version,
                payload,
                recorded_at: DateTime::from_timestamp_micros(micros).unwrap(),
                correlation_id: Uuid::from_u128(ids[1]),
                causation_id: InputId::from_uuid(Uuid::from_u128(ids[2])),
                traceparent,
            }
        }
    }

    proptest! {
        #[test]
        fn an_event_comes_out_as_it_went_in(event in any_event()) {
            let message = encode(&event).unwrap();
            prop_assert_eq!(message.body.as_ref(), event.payload.as_bytes());
            prop_assert_eq!(decode(Some(&message.headers), &message.body), Ok(event));
        }
    }

    #[test]
    fn what_is_wrong_with_an_envelope_is_named() {
        assert_eq!(decode(None, b"{}"), Err(BadEnvelope::Missing("ce-specversion")));
        let mut headers = HeaderMap::new();
        headers.insert("ce-specversion", "1.0");
        headers.insert("ce-type", "onboarding.a");
        assert_eq!(decode(Some(&headers), b"{}"), Err(BadEnvelope::Malformed("ce-type")));
    }
}
