//! Given events, when applied, then rows; on a real Postgres, a database a test.

#![expect(clippy::unwrap_used, reason = "a test ends where something fails")]

mod database;
mod log;
mod paces;
mod portfolio;
mod projecting;
mod queries;
mod rebuilding;
mod send_queue;
mod withdrawn;
