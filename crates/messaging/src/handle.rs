//! What can be done with a delivered message.

use std::time::Duration;

use async_nats::Client;
use async_nats::Subject;
use async_nats::jetstream::message::Acker;
use async_nats::jetstream::{self, AckKind};
use bytes::Bytes;

use crate::error::NatsError;
use crate::header;

/// The header that names where a command's answer goes.
pub(crate) const REPLY_TO: &str = "reply-to";

/// Settles one delivered message. Dropping it settles nothing: the server delivers the message
/// again, 30 seconds after the delivery.
pub struct Handle {
    client: Client,
    acker: Acker,
    answer_to: Option<Subject>,
}

impl Handle {
    pub(crate) fn of(message: jetstream::Message) -> Self {
        let client = message.context.client();
        // Only inboxes: else a command could make us publish anywhere.
        let answer_to = header::text(message.headers.as_ref(), REPLY_TO)
            .filter(|to| is_inbox(to))
            .map(Subject::from);
        let (_, acker) = message.split();
        Self { client, acker, answer_to }
    }

    /// The message is done with: it is not delivered again (if the server hears of it; a lost word
    /// means another delivery).
    ///
    /// # Errors
    /// The client is closed.
    pub async fn settle(self) -> Result<(), NatsError> {
        let done = self.acker.ack().await;
        done.map_err(|e| NatsError::lasting("settling a message", e))
    }

    /// The message is to be delivered again after `delay` (at least 10 ms: at once would be a
    /// busy loop).
    ///
    /// # Errors
    /// The client is closed.
    pub async fn retry_after(self, delay: Duration) -> Result<(), NatsError> {
        let delay = delay.max(Duration::from_millis(10));
        let done = self.acker.ack_with(AckKind::Nak(Some(delay))).await;
        done.map_err(|e| NatsError::lasting("giving a message back", e))
    }

    /// Whether somebody waits for an answer.
    pub const fn wants_answer(&self) -> bool {
        self.answer_to.is_some()
    }

    /// Sends an answer (JSON) to whoever waits for one; otherwise does nothing.
    ///
    /// # Errors
    /// The client is closed, or the answer is larger than the server's `max_payload`.
    pub async fn answer(&self, json: Bytes) -> Result<(), NatsError> {
        let Some(to) = &self.answer_to else {
            return Ok(());
        };
        let sent = self.client.publish(to.clone(), json).await;
        sent.map_err(|e| NatsError::lasting("answering a command", e))
    }
}

/// An inbox of a client, without wildcards.
pub(crate) fn is_inbox(subject: &str) -> bool {
    subject.strip_prefix("_INBOX.").is_some_and(|rest| {
        rest.split('.').all(|token| {
            !token.is_empty()
                && token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        })
    })
}
