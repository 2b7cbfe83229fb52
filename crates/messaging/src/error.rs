//! The error of everything that is asked of the server besides publishing.

use std::error::Error;

use async_nats::jetstream::ErrorCode;

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// An operation that NATS did not carry out; the cause is in `source`.
#[derive(Debug, thiserror::Error)]
#[error("{operation} failed")]
pub struct NatsError {
    operation: String,
    retry: bool,
    #[source]
    source: BoxError,
}

impl NatsError {
    /// It may well work later: the server is away, busy or has no leader.
    pub(crate) fn passing(operation: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self { operation: operation.into(), retry: true, source: source.into() }
    }

    /// It fails the same way until somebody changes something.
    pub(crate) fn lasting(operation: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self { retry: false, ..Self::passing(operation, source) }
    }

    /// By JetStream's own answer, where the cause holds one: see [`stays_refused`].
    pub(crate) fn of(operation: impl Into<String>, source: impl Into<BoxError>) -> Self {
        let source = source.into();
        let refused = api_error(source.as_ref()).is_some_and(stays_refused);
        Self { retry: !refused, ..Self::passing(operation, source) }
    }

    /// Whether the same call may work later without anybody's doing.
    pub const fn retry_helps(&self) -> bool {
        self.retry
    }
}

/// What the server refused (4xx) stays refused, anything else passes; and so does the want of nodes
/// for all copies of a stream, which JetStream counts as 400: one of them may just be down.
pub(crate) fn stays_refused(error: &async_nats::jetstream::Error) -> bool {
    (400..500).contains(&error.code()) && error.error_code() != ErrorCode::CLUSTER_NO_PEERS
}

/// JetStream's answer inside an error of async-nats, if there is one.
pub(crate) fn api_error<'a>(
    error: &'a (dyn Error + 'static),
) -> Option<&'a async_nats::jetstream::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: usize, err_code: u64, description: &str) -> NatsError {
        let json = serde_json::json!({
            "code": code, "err_code": err_code, "description": description,
        });
        let answer: async_nats::jetstream::Error = serde_json::from_value(json).unwrap();
        NatsError::of("creating the stream EVT", answer)
    }

    #[test]
    fn a_cluster_that_lacks_a_node_is_asked_again() {
        assert!(refusal(400, 10005, "no suitable peers for placement").retry_helps());
        assert!(refusal(503, 10008, "JetStream system temporarily unavailable").retry_helps());
        assert!(!refusal(400, 10052, "the configuration is invalid").retry_helps());
    }
}
