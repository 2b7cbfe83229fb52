//! The store against a real Postgres; each test has a database of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod append;
mod check;
mod concurrency;
mod cqrs;
mod evidence;
mod load;
mod log;
mod lookup;
mod reassign;
mod retries;
mod support;
