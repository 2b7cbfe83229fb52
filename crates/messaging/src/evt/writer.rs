//! The relay's side.

use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::Context;
use async_nats::jetstream::context::ContextBuilder;
use domain::record::RecordedEvent;

use crate::envelope;
use crate::error::NatsError;
use crate::publish::{Ask, Outgoing, PublishFailure, chained};
use crate::streams::{EVT, info};

/// Acknowledgements that are awaited at once.
const PIPELINE: usize = 16;
/// Of so many events one is acknowledged: with it all before it are, because each is stored only
/// right after the one before it. An acknowledgement of each made publishing a quarter slower.
const ACKNOWLEDGED: u64 = 64;
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
                .max_ack_inflight(4 * PIPELINE)
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

    /// Publishes events with consecutive positions and waits until the last is acknowledged, and
    /// all before it with it. Returns the last position; 0 if there are no events.
    ///
    /// # Errors
    /// At the first trouble no more is sent, and what is on the way is awaited. Whatever the kind:
    /// read back the last position and go on from the next. The first event of a call is always
    /// acknowledged: if it is at fault, going on tells why.
    pub async fn publish(&self, events: &[RecordedEvent]) -> Result<u64, WriteError> {
        let (Some(first), Some(last)) = (events.first(), events.last()) else { return Ok(0) };
        let (first, last) = (first.position, last.position);
        let asks = move |position: u64| {
            position == first || position == last || position.is_multiple_of(ACKNOWLEDGED)
        };
        let mut last_acked = None;
        let mut due = (first..).filter(|position| asks(*position));
        // A function, not a closure: its lifetime stays general, so callers can spawn the future.
        let messages = events.iter().zip(first..).map(at_its_place);
        let asked = (first..).map(|position| match asks(position) {
            true => Ask::Acknowledgement,
            false => Ask::Nothing,
        });
        let outcome = chained(&self.js, PIPELINE, asked.zip(messages), |ack| {
            let due = due.next();
            if ack.stream != EVT || Some(ack.sequence) != due || ack.duplicate {
                return Err(PublishFailure::WrongSequence);
            }
            last_acked = due;
            Ok(())
        })
        .await;
        outcome.map(|()| last).map_err(|kind| WriteError { first, last_acked, kind })
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
