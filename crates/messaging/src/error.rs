//! The error of everything that is asked of the server besides publishing.

use std::error::Error;

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

    /// By JetStream's own answer, where the cause holds one: what the server
    /// refused (4xx) stays refused, anything else passes.
    pub(crate) fn of(operation: impl Into<String>, source: impl Into<BoxError>) -> Self {
        let source = source.into();
        let refused = api_error(source.as_ref()).is_some_and(|e| (400..500).contains(&e.code()));
        Self { retry: !refused, ..Self::passing(operation, source) }
    }

    /// Whether the same call may work later without anybody's doing.
    pub const fn retry_helps(&self) -> bool {
        self.retry
    }
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
