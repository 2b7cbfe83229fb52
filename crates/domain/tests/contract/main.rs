//! Events are published: other services and auditors read them for years. Their
//! shapes stand in `tests/golden/events/<aggregate>/<event>.v<version>.json`
//! (a third part of the name tells one of several forms).
//!
//! To accept a shape that is meant, run `UPDATE_GOLDEN=1 cargo test -p domain
//! --test contract` and review the difference. A shape that was ever recorded
//! never changes: the event gets a new version, its old file stays, and an
//! upcaster keeps it readable.

#![expect(clippy::unwrap_used, reason = "a test's helper that cannot go on says so by panicking")]

mod debug;
mod golden;
mod samples;
mod unreadable;
mod vocabulary;
