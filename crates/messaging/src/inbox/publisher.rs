//! Publishing inputs.

use std::time::Duration;

use async_nats::Client;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::group::{self, Call, GROUP_BYTES, GROUP_MESSAGES};
use super::message::InboxMessage;
use crate::batch;
use crate::publish::{Outgoing, PublishFailure};

/// Calls that wait for their group; whoever comes later waits before it.
const WAITING: usize = 4096;
/// Shorter than that of who posts, or nobody is there to be refused: ten seconds are usual.
const PATIENCE: Duration = Duration::from_secs(8);

/// Publishes into `INBOX`. Clones share the groups in which their messages are stored: what
/// several calls bring at the same time becomes durable together.
#[derive(Debug, Clone)]
pub struct InboxPublisher {
    client: Client,
    calls: mpsc::Sender<Call>,
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
    /// Starts the task that forms the groups; it ends with the last clone. Nothing is asked of the
    /// server yet.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new(client: &Client) -> Self {
        let (calls, waiting) = mpsc::channel(WAITING);
        tokio::spawn(group::run(client.clone(), waiting));
        Self { client: client.clone(), calls }
    }

    /// Publishes in the order given and returns once the stream has acknowledged all of it.
    ///
    /// # Errors
    /// At the first failure no more is sent; what is on the way is awaited. A thousand messages
    /// take 8 seconds at most, then they are `NotAcknowledged`.
    pub async fn publish(&self, messages: Vec<InboxMessage>) -> Result<(), PublishError> {
        let outgoing = self.outgoing(messages).map_err(|kind| PublishError { kind })?;
        for part in parts(outgoing) {
            self.publish_part(part).await.map_err(|kind| PublishError { kind })?;
        }
        Ok(())
    }

    async fn publish_part(&self, messages: Vec<Outgoing>) -> Result<(), PublishFailure> {
        let (done, outcome) = oneshot::channel();
        let stored = async {
            self.calls.send(Call { messages, done }).await.ok()?;
            outcome.await.ok()
        };
        match timeout(PATIENCE, stored).await {
            Ok(outcome) => outcome.unwrap_or(Err(PublishFailure::Closed)),
            Err(_late) => Err(PublishFailure::NotAcknowledged),
        }
    }

    /// All of it before any is sent: what can't be published must not leave half a post behind.
    fn outgoing(&self, messages: Vec<InboxMessage>) -> Result<Vec<Outgoing>, PublishFailure> {
        let max_payload = self.client.max_payload();
        let mut all = Vec::with_capacity(messages.len());
        for message in messages {
            all.extend(message.into_outgoing(max_payload)?);
        }
        if all.iter().any(|one| one.size() + batch::HEADERS > max_payload) {
            return Err(PublishFailure::TooLarge);
        }
        Ok(all)
    }
}

/// Cuts what is more than one group takes.
fn parts(messages: Vec<Outgoing>) -> Vec<Vec<Outgoing>> {
    let mut parts: Vec<Vec<Outgoing>> = vec![];
    let mut bytes = 0;
    for message in messages {
        let size = message.size();
        match parts.last_mut() {
            Some(part) if part.len() < GROUP_MESSAGES && bytes + size <= GROUP_BYTES => {
                bytes += size;
                part.push(message);
            }
            _ => {
                bytes = size;
                parts.push(vec![message]);
            }
        }
    }
    parts
}
