//! The chain of digests, computed here as `event_digest` (`migrations/0016`) computes it: two
//! programs that have to agree.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::row::LoggedEvent;

/// The digest before the first event.
pub const GENESIS: [u8; 32] = [0; 32];

/// SHA-256 over the digest before and this row: its position, event id, company, aggregate type
/// and id, sequence, event type and version, time in microseconds since 1970, correlation and
/// causation id, trace parent or nothing, metadata and payload, one a line.
pub fn digest_of(previous: &[u8], event: &LoggedEvent) -> [u8; 32] {
    let LoggedEvent { recorded: e, metadata, digest: _ } = event;
    let mut row = String::with_capacity(e.payload.len() + 512);
    let fixed = [
        &e.position as &dyn std::fmt::Display,
        &e.event_id,
        &e.company,
        &e.aggregate_type,
        &e.aggregate_id,
        &e.sequence,
        &e.event_type,
        &e.event_version,
        &e.recorded_at.timestamp_micros(),
        &e.correlation_id,
        &e.causation_id,
        &e.traceparent.as_deref().unwrap_or(""),
        metadata,
    ];
    for field in fixed {
        // Writing to a String cannot fail.
        let _ = writeln!(row, "{field}");
    }
    row.push_str(&e.payload);
    Sha256::new().chain_update(previous).chain_update(row).finalize().into()
}
