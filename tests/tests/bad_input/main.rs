//! The table of bad input. Whatever comes in: it is answered as the contract says, it is decided
//! once or parked with its reason, its bytes are kept, and nothing else notices.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod bank;
mod batches;
mod connectors;
mod messages;
mod posts;
mod repeats;
mod senders;
mod statuses;
