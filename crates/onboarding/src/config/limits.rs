//! How much callers of the HTTP server may ask, and for how long.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Limits of the HTTP server; what each one's caller sees stands in docs/OPERATIONS.md. Each process
/// keeps them for itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpLimits {
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one address (of IPv6: from one /64 network).
    pub connections_per_peer: usize,
    /// From the moment at which a connection waits for a request until the request's head is there,
    /// in seconds: for slow heads, and for connections that nobody uses.
    pub head_seconds: u64,
    /// Most kilobytes of a request's head.
    pub head_kilobytes: usize,
    /// How long a request's body may take, in seconds.
    pub body_seconds: u64,
    /// How long a request may take, its body included, in seconds.
    pub request_seconds: u64,
    /// How long a client may take in nothing of its answer, in seconds.
    pub stalled_seconds: u64,
    /// Megabytes of memory for the webhooks' posts that are being taken in.
    pub posts_megabytes: usize,
    /// How often each token may call the API in a second.
    pub calls_per_second: u32,
}

impl Default for HttpLimits {
    fn default() -> Self {
        let of_the_server = api::Limits::default();
        Self {
            connections: of_the_server.connections,
            connections_per_peer: of_the_server.connections_per_peer,
            head_seconds: of_the_server.head.as_secs(),
            head_kilobytes: of_the_server.head_bytes / 1_024,
            body_seconds: of_the_server.body.as_secs(),
            request_seconds: of_the_server.request.as_secs(),
            stalled_seconds: of_the_server.stalled.as_secs(),
            posts_megabytes: 256,
            calls_per_second: 50,
        }
    }
}

impl HttpLimits {
    /// Those that hold for every request.
    pub fn of_the_server(&self) -> api::Limits {
        api::Limits {
            connections: self.connections,
            connections_per_peer: self.connections_per_peer,
            head: Duration::from_secs(self.head_seconds),
            head_bytes: self.head_kilobytes * 1_024,
            body: Duration::from_secs(self.body_seconds),
            request: Duration::from_secs(self.request_seconds),
            stalled: Duration::from_secs(self.stalled_seconds),
        }
    }

    /// # Errors
    /// One of them lets nobody through, or could never be reached.
    pub(super) fn validate(&self) -> anyhow::Result<()> {
        let of_seconds = [
            ("head_seconds", self.head_seconds),
            ("body_seconds", self.body_seconds),
            ("request_seconds", self.request_seconds),
            ("stalled_seconds", self.stalled_seconds),
            ("calls_per_second", self.calls_per_second.into()),
        ];
        for (name, value) in of_seconds {
            anyhow::ensure!(value > 0, "configuration: http.limits.{name} must be at least 1");
        }
        anyhow::ensure!(
            (1..=self.connections).contains(&self.connections_per_peer),
            "configuration: http.limits.connections_per_peer must be from 1 to \
             http.limits.connections ({})",
            self.connections
        );
        anyhow::ensure!(
            (8..=256).contains(&self.head_kilobytes),
            "configuration: http.limits.head_kilobytes must be from 8 to 256"
        );
        anyhow::ensure!(
            self.body_seconds <= self.request_seconds,
            "configuration: http.limits.body_seconds must not be more than \
             http.limits.request_seconds ({}), which the body is a part of",
            self.request_seconds
        );
        anyhow::ensure!(
            (16..=65_536).contains(&self.posts_megabytes),
            "configuration: http.limits.posts_megabytes must be from 16 to 65536: one post may have 3"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&mut HttpLimits);

    #[test]
    fn a_limit_that_lets_nobody_through_is_refused() {
        assert!(HttpLimits::default().validate().is_ok());
        let changes: [(&str, Change); 9] = [
            ("connections_per_peer", |limits| limits.connections = 0),
            ("connections_per_peer", |limits| limits.connections_per_peer = 0),
            ("head_seconds", |limits| limits.head_seconds = 0),
            ("head_kilobytes", |limits| limits.head_kilobytes = 1),
            ("body_seconds", |limits| limits.body_seconds = 31),
            ("request_seconds", |limits| limits.request_seconds = 0),
            ("stalled_seconds", |limits| limits.stalled_seconds = 0),
            ("posts_megabytes", |limits| limits.posts_megabytes = 2),
            ("calls_per_second", |limits| limits.calls_per_second = 0),
        ];
        for (name, change) in changes {
            let mut limits = HttpLimits::default();
            change(&mut limits);
            let refused = limits.validate().unwrap_err().to_string();
            assert!(refused.contains(&format!("http.limits.{name} must")), "{refused}");
        }
    }
}
