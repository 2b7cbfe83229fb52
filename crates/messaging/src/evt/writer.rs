//! The relay's side.

use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::Context;
use async_nats::jetstream::context::ContextBuilder;
use domain::record::RecordedEvent;

use crate::envelope;
use crate::error::NatsError;
use crate::publish::{Outgoing, PublishFailure, pipelined};
use crate::streams::{EVT, info};

/// Unacknowledged events on the way.
const PIPELINE: usize = 1024;
const ACK_TIMEOUT: Duration = Duration::from_secs(5);

/// Writes events into `EVT`. Only one may be active; a second one breaks the chain and both
/// notice.
#[derive(Debug, Clone)]
pub struct EvtWriter {
    js: Context,
}

/// The chain broke. Whoever gets this reads back [`EvtWriter::last_position`] and goes on from the
/// next: what was not acknowledged may still have been stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("publishing the events from position {first} to EVT: {kind}")]
pub struct WriteError {
    /// The position that the call began with.
    pub first: u64,
    /// The last position that was acknowledged in this call.
    pub last_acked: Option<u64>,
    /// What happened.
    pub kind: PublishFailure,
}

impl WriteError {
    /// Whether going on after reading back can work without anybody's doing. Not if an event can
    /// never be published, or the connection is closed.
    pub const fn retry_helps(&self) -> bool {
        self.kind.retry_helps() || matches!(self.kind, PublishFailure::WrongSequence)
    }
}

impl EvtWriter {
    /// Nothing is asked of the server yet.
    pub fn new(client: &Client) -> Self {
        Self {
            js: ContextBuilder::new()
                .timeout(ACK_TIMEOUT)
                .max_ack_inflight(2 * PIPELINE)
                .build(client.clone()),
        }
    }

    /// The last position in the stream: 0 in an empty one, the one before its first in one that
    /// begins later.
    ///
    /// # Errors
    /// The server does not answer; or there is no stream (see
    /// [`Streams::ensure_evt`](crate::Streams::ensure_evt)), and then a retry does not help.
    pub async fn last_position(&self) -> Result<u64, NatsError> {
        let found = info(&self.js, EVT).await?;
        let found = found.ok_or_else(|| {
            NatsError::lasting("reading EVT's last position", "there is no stream EVT")
        })?;
        Ok(found.state.last_sequence)
    }

    /// Publishes events with consecutive positions and waits for every acknowledgement. Returns
    /// the last position; 0 if there are no events.
    ///
    /// # Errors
    /// At the first trouble no more is sent, and what is on the way is awaited. Whatever the kind:
    /// read back the last position and go on from the next.
    pub async fn publish<E: AsRef<RecordedEvent> + Sync>(
        &self,
        events: &[E],
    ) -> Result<u64, WriteError> {
        let Some(first) = events.first().map(|event| event.as_ref().position) else {
            return Ok(0);
        };
        let mut last_acked = None;
        let mut due = first;
        // A function, not a closure: its lifetime stays general, so callers can spawn the future.
        let messages = events.iter().map(AsRef::as_ref).zip(first..).map(at_its_place);
        let outcome = pipelined(&self.js, PIPELINE, messages, |ack| {
            if ack.stream != EVT || ack.sequence != due || ack.duplicate {
                return Err(PublishFailure::WrongSequence);
            }
            last_acked = Some(due);
            due += 1;
            Ok(())
        })
        .await;
        match outcome {
            Ok(()) => Ok(due - 1),
            Err(kind) => Err(WriteError { first, last_acked, kind }),
        }
    }
}

fn at_its_place((event, position): (&RecordedEvent, u64)) -> Result<Outgoing, PublishFailure> {
    if event.position == position {
        outgoing(event)
    } else {
        Err(PublishFailure::Unfit("its position is not the next".into()))
    }
}

fn outgoing(event: &RecordedEvent) -> Result<Outgoing, PublishFailure> {
    let message = envelope::encode(event).map_err(|e| PublishFailure::Unfit(e.to_string()))?;
    let mut headers = message.headers;
    headers.insert(
        async_nats::header::NATS_EXPECTED_LAST_SEQUENCE,
        event.position.saturating_sub(1).to_string(),
    );
    Ok(Outgoing { subject: message.subject.to_string(), headers, payload: message.body })
}
