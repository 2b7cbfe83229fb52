//! JetStream's atomic batches (server 2.12 and later, ADR-50): all messages get into the stream one
//! after the other, or none does. The stream is synced once for all of them, and one
//! acknowledgement vouches for all.

use async_nats::header::{
    NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE,
};
use async_nats::jetstream::Context;
use async_nats::{Client, client};

use crate::publish::{Outgoing, PublishFailure};

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
    messages: impl ExactSizeIterator<Item = Outgoing>,
) -> Result<(), PublishFailure> {
    let count = messages.len();
    let id = client.new_inbox();
    let id = id.rsplit('.').next().unwrap_or(&id).to_owned();
    for (message, sequence) in messages.zip(1_u64..) {
        let Outgoing { subject, mut headers, payload } = message;
        headers.insert(NATS_BATCH_ID, id.as_str());
        headers.insert(NATS_BATCH_SEQUENCE, sequence.to_string());
        if usize::try_from(sequence) == Ok(count) {
            headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
            let last = Outgoing { subject: subject.clone(), headers, payload };
            let sent = js.send_publish(subject, last.into()).await;
            let acknowledged = match sent {
                Ok(acknowledgement) => acknowledgement.await,
                Err(error) => Err(error),
            };
            let ack = acknowledged.map_err(|error| PublishFailure::of(&error))?;
            // One message fewer than were sent would be one lost.
            return if ack.batch_size == u64::try_from(count).ok() {
                Ok(())
            } else {
                Err(PublishFailure::NotAcknowledged)
            };
        }
        let sent = client.publish_with_headers(subject, headers, payload).await;
        sent.map_err(|error| match error.kind() {
            client::PublishErrorKind::MaxPayloadExceeded => PublishFailure::TooLarge,
            _ => PublishFailure::Closed,
        })?;
    }
    Ok(())
}
