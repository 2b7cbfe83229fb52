//! The chain of digests, computed here as Postgres computes it: two programs that have to agree.
//!
//! Since `migrations/0046` (now `migrations/0053`) the content of an event is digested by whoever appends, before the lock,
//! and the chain goes over these digests. What was recorded before has the older form
//! (`migrations/0016`), in which each link covers the whole row; both are verified.

use domain::input::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::row::LoggedEvent;

/// The digest before the first event.
pub const GENESIS: [u8; 32] = [0; 32];

/// What is known of an event before it has a position.
pub(crate) struct Content<'a> {
    pub(crate) event_id: Uuid,
    pub(crate) company: &'a str,
    pub(crate) aggregate_type: &'a str,
    pub(crate) aggregate_id: &'a str,
    pub(crate) sequence: u64,
    pub(crate) event_type: &'a str,
    pub(crate) event_version: &'a str,
    pub(crate) correlation_id: Uuid,
    pub(crate) causation_id: Uuid,
    pub(crate) traceparent: Option<&'a str>,
    pub(crate) metadata: &'a str,
    pub(crate) payload: &'a str,
}

impl<'a> Content<'a> {
    fn of(event: &'a LoggedEvent) -> Self {
        let LoggedEvent { recorded: e, metadata, digest: _ } = event;
        Self {
            event_id: e.event_id,
            company: e.company.as_str(),
            aggregate_type: &e.aggregate_type,
            aggregate_id: &e.aggregate_id,
            sequence: e.sequence,
            event_type: &e.event_type,
            event_version: &e.event_version,
            correlation_id: e.correlation_id,
            causation_id: e.causation_id.as_uuid(),
            traceparent: e.traceparent.as_deref(),
            metadata,
            payload: &e.payload,
        }
    }
}

/// SHA-256 over an event's id, company, aggregate type and id, sequence, type and version,
/// correlation and causation id, trace parent or nothing, metadata and payload, one a line.
pub(crate) fn content_of(content: &Content<'_>) -> [u8; 32] {
    let mut digest = Sha256::new();
    let mut line = |text: &str| {
        digest.update(text);
        digest.update(b"\n");
    };
    let mut buffer = Uuid::encode_buffer();
    line(content.event_id.hyphenated().encode_lower(&mut buffer));
    line(content.company);
    line(content.aggregate_type);
    line(content.aggregate_id);
    line(&content.sequence.to_string());
    line(content.event_type);
    line(content.event_version);
    line(content.correlation_id.hyphenated().encode_lower(&mut buffer));
    line(content.causation_id.hyphenated().encode_lower(&mut buffer));
    line(content.traceparent.unwrap_or(""));
    line(content.metadata);
    digest.update(content.payload);
    digest.finalize().into()
}

/// The digest of an event that follows one with the digest `previous`: SHA-256 over `previous`, the
/// position and the time (microseconds since 1970), eight bytes each, the highest first, and the
/// SHA-256 over the event's id, company, aggregate type and id, sequence, type and version,
/// correlation and causation id, trace parent or nothing, metadata and payload, one a line.
pub fn digest_of(previous: &[u8], event: &LoggedEvent) -> [u8; 32] {
    let recorded = &event.recorded;
    Sha256::new()
        .chain_update(previous)
        .chain_update(recorded.position.to_be_bytes())
        .chain_update(recorded.recorded_at.timestamp_micros().to_be_bytes())
        .chain_update(content_of(&Content::of(event)))
        .finalize()
        .into()
}

/// Whether an event carries the digest that it must have after `previous`, in either form.
pub(crate) fn is_chained(previous: &[u8], event: &LoggedEvent) -> bool {
    digest_of(previous, event)[..] == event.digest || whole_row(previous, event)[..] == event.digest
}

/// The older form: SHA-256 over the digest before and the row's fields, one a line.
fn whole_row(previous: &[u8], event: &LoggedEvent) -> [u8; 32] {
    let content = Content::of(event);
    let micros = |at: Timestamp| at.timestamp_micros();
    let row = format!(
        "{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}",
        event.recorded.position,
        content.event_id,
        content.company,
        content.aggregate_type,
        content.aggregate_id,
        content.sequence,
        content.event_type,
        content.event_version,
        micros(event.recorded.recorded_at),
        content.correlation_id,
        content.causation_id,
        content.traceparent.unwrap_or(""),
        content.metadata,
        content.payload,
    );
    Sha256::new().chain_update(previous).chain_update(row).finalize().into()
}
