//! Stories over real HTTP, on a real NATS and a real Postgres.
#![allow(clippy::unwrap_used)]

mod access;
mod commands;
mod gateway;
mod limits;
mod ops;
mod queries;
mod support;
mod users;
