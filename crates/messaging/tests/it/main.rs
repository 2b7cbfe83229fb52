//! Stories on a real NATS: each test has a small server of its own.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod cluster;
mod dlq;
mod evt;
mod failover;
mod groups;
mod inbox;
mod numbers;
mod query;
mod streams;
mod support;
