//! Publishing inputs.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::Context;
use async_nats::jetstream::context::ContextBuilder;
use tokio::sync::Semaphore;

use super::message::InboxMessage;
use crate::publish::{Outgoing, PublishFailure, pipelined};

/// Unacknowledged messages of one call, and of all calls together.
const PIPELINE: usize = 256;
const IN_FLIGHT: usize = 4096;
const ACK_TIMEOUT: Duration = Duration::from_secs(5);

/// Publishes into `INBOX`. Clones share one limit on what is on the way.
#[derive(Debug, Clone)]
pub struct InboxPublisher {
    client: Client,
    js: Context,
    /// Taken for a whole pipeline at once: async-nats' own permits are taken one by one, and many
    /// half-sent pipelines could wait for each other.
    permits: Arc<Semaphore>,
}

/// Not everything is known to be stored. Some of it may be: publishing all of it again is safe,
/// because the engine recognises duplicates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("publishing into INBOX: {kind}")]
pub struct PublishError {
    /// The first failure.
    pub kind: PublishFailure,
}

impl PublishError {
    /// Whether publishing the same again may work later.
    pub const fn retry_helps(&self) -> bool {
        self.kind.retry_helps()
    }
}

impl InboxPublisher {
    /// Nothing is asked of the server yet.
    pub fn new(client: &Client) -> Self {
        Self {
            client: client.clone(),
            js: ContextBuilder::new()
                .timeout(ACK_TIMEOUT)
                .max_ack_inflight(2 * IN_FLIGHT)
                .build(client.clone()),
            permits: Arc::new(Semaphore::new(IN_FLIGHT)),
        }
    }

    /// Publishes in the order given and returns once the stream has acknowledged all of it, which
    /// takes at most some 10 seconds.
    ///
    /// # Errors
    /// At the first failure no more is sent; what is on the way is awaited.
    pub async fn publish(&self, messages: Vec<InboxMessage>) -> Result<(), PublishError> {
        let outgoing = self.outgoing(messages).map_err(|kind| PublishError { kind })?;
        let wanted = u32::try_from(outgoing.len().clamp(1, PIPELINE)).unwrap_or(1);
        let closed = |_| PublishError { kind: PublishFailure::Closed };
        let _permits = self.permits.acquire_many(wanted).await.map_err(closed)?;
        pipelined(&self.js, PIPELINE, outgoing.into_iter().map(Ok), |_| Ok(()))
            .await
            .map_err(|kind| PublishError { kind })
    }

    /// All of it before any is sent: what can't be published must not leave half a post behind.
    fn outgoing(&self, messages: Vec<InboxMessage>) -> Result<Vec<Outgoing>, PublishFailure> {
        let max_payload = self.client.max_payload();
        let mut all = Vec::with_capacity(messages.len());
        for message in messages {
            all.extend(message.into_outgoing(max_payload)?);
        }
        if all.iter().any(|one| one.payload.len() > max_payload) {
            return Err(PublishFailure::TooLarge);
        }
        Ok(all)
    }
}
