//! Waiting for the answer to a command.

use std::time::Duration;

use async_nats::{Client, Subscriber};
use bytes::Bytes;
use futures::StreamExt;
use tokio::time::timeout;

use crate::error::NatsError;

/// Where one command's answer comes in. Open it before the command is published; dropping it ends
/// the waiting.
pub struct Answers {
    subject: String,
    subscriber: Subscriber,
}

impl Answers {
    /// Begins to listen.
    ///
    /// # Errors
    /// The client is closed.
    pub async fn open(client: &Client) -> Result<Self, NatsError> {
        let subject = client.new_inbox();
        let subscriber = client
            .subscribe(subject.clone())
            .await
            .map_err(|e| NatsError::lasting("listening for an answer", e))?;
        Ok(Self { subject, subscriber })
    }

    /// What goes into [`InboxBody::Command`](super::InboxBody::Command)'s `reply_to`.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The answer (JSON), if one comes within `patience`.
    pub async fn next(&mut self, patience: Duration) -> Option<Bytes> {
        let message = timeout(patience, self.subscriber.next()).await.ok()??;
        Some(message.payload)
    }
}
