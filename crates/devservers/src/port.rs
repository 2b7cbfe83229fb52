//! Free loopback ports.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};

use anyhow::Context;

/// Below the range from which kernels take ports for outgoing connections (Linux from 32768, macOS
/// from 49152). Otherwise a client that keeps reconnecting to a stopped server can be given that
/// server's port as its own, connect to itself, and so keep the server from starting again.
const RANGE: std::ops::Range<u64> = 20_000..32_000;

/// A port that was free a moment ago. Another process may still be faster: try again then.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    let span = RANGE.end - RANGE.start;
    (0..span)
        .filter_map(|_| u16::try_from(RANGE.start + random() % span).ok())
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .context("found no free port on 127.0.0.1")
}

/// A number that differs between calls and processes; std seeds its hash maps with such.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(std::process::id())
}
