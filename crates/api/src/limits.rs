//! How much a caller may ask of the HTTP server, and for how long. What a limit's caller sees stands
//! in docs/OPERATIONS.md.

use std::time::Duration;

use axum::extract::Request;

/// What [`crate::serve`] allows. Every limit that is nobody's fault is answered so that WhatsApp
/// posts again, or by closing the connection before there was a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one address (of IPv6: from one /64 network).
    pub connections_per_peer: usize,
    /// From the moment at which a connection waits for a request until that request's head is
    /// there: for slow heads, and for connections that nobody uses.
    pub head: Duration,
    /// Bytes of a request's head, its first line included.
    pub head_bytes: usize,
    /// How long a request's body may take.
    pub body: Duration,
    /// How long any request may take, its body included.
    pub request: Duration,
    /// How long a client may take in nothing of its answer.
    pub stalled: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4_096,
            connections_per_peer: 2_048,
            head: Duration::from_secs(20),
            head_bytes: 32 * 1_024,
            body: Duration::from_secs(15),
            request: Duration::from_secs(30),
            stalled: Duration::from_secs(10),
        }
    }
}

/// How long the body of a request may take; in its extensions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyTime(pub(crate) Duration);

impl BodyTime {
    /// Without [`crate::serve`] around it, a request has all the time there is.
    pub(crate) fn of(request: &Request) -> Duration {
        request.extensions().get().map_or(Duration::MAX, |Self(time)| *time)
    }
}
