//! JetStream's atomic batches (server 2.12 and later, ADR-50): all messages get into the stream one
//! after the other, or none does. The stream is synced once for all of them, and one
//! acknowledgement vouches for all.

use async_nats::Client;
use async_nats::client::PublishErrorKind;
use async_nats::header::{
    NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE,
};
use async_nats::jetstream::Context;

use crate::publish::{Outgoing, PublishFailure, send};

/// What the server takes in one batch, unless it is configured to take less.
pub(crate) const MOST: usize = 1000;

/// Bytes that a batch's headers add to a message at most.
pub(crate) const HEADERS: usize = 128;

/// Publishes the messages as one batch and waits for its acknowledgement.
///
/// # Errors
/// Nothing is stored, except after `NotAcknowledged`: then everything or nothing is.
pub(crate) async fn publish(
    client: &Client,
    js: &Context,
    mut messages: Vec<Outgoing>,
) -> Result<(), PublishFailure> {
    let Some(last) = messages.pop() else { return Ok(()) };
    let inbox = client.new_inbox();
    let id = inbox.rsplit('.').next().unwrap_or(&inbox);
    let count = messages.len() as u64 + 1;
    for (message, sequence) in messages.into_iter().zip(1..) {
        let Outgoing { subject, headers, payload } = of_batch(message, id, sequence);
        let sent = client.publish_with_headers(subject, headers, payload).await;
        sent.map_err(|error| match error.kind() {
            PublishErrorKind::MaxPayloadExceeded => PublishFailure::TooLarge,
            _ => PublishFailure::Closed,
        })?;
    }
    let mut last = of_batch(last, id, count);
    last.headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
    let ack = send(js, last).await?.await.map_err(|error| PublishFailure::of(&error))?;
    // One message fewer than were sent would be one lost.
    if ack.batch_id.as_deref() == Some(id) && ack.batch_size == Some(count) {
        Ok(())
    } else {
        Err(PublishFailure::NotAcknowledged)
    }
}

fn of_batch(mut message: Outgoing, id: &str, sequence: u64) -> Outgoing {
    message.headers.insert(NATS_BATCH_ID, id);
    message.headers.insert(NATS_BATCH_SEQUENCE, sequence.to_string());
    message
}
