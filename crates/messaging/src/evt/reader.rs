//! The projectors' side: every event in order, from any position.
//!
//! Not async-nats' ordered consumer: that one heals silently and for ever, and so hides a stream
//! that was deleted and a hole. Here a pull consumer is opened at the next position, and again at
//! whatever trouble; the positions are checked one by one.

use std::time::{Duration, Instant};

use async_nats::Client;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::{self, Context, Message};
use domain::record::RecordedEvent;
use futures::{FutureExt, StreamExt};
use tokio::time::timeout;

use crate::envelope::{BadEnvelope, decode};
use crate::error::NatsError;
use crate::streams::{EVT, info};

const PULL: usize = 1000;
const EXPIRES: Duration = Duration::from_secs(20);
/// Twice this without a word from the server means that the consumer is lost.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How long a batch waits for an event that the server has announced.
const LINGER: Duration = Duration::from_millis(100);
/// How long a batch is waited together at most: under a steady load there is always one more.
const TOGETHER: Duration = Duration::from_millis(20);

/// Reads `EVT`, unfiltered.
pub struct EvtReader {
    js: Context,
    next: u64,
    open: Option<pull::Stream>,
    held_back: Option<ReaderError>,
    /// The server had more after the last event.
    more: bool,
}

/// Why there is no next event (yet).
#[derive(Debug, thiserror::Error)]
pub enum ReaderError {
    /// The wanted position is not in the stream, but a later one is. Get the events from
    /// `expected` to `found` − 1 from Postgres, then [`EvtReader::seek`] to `found`.
    #[error("EVT has no event at position {expected}; the next that it has is {found}")]
    Hole {
        /// The position that was wanted.
        expected: u64,
        /// The first later one that is there.
        found: u64,
    },
    /// A message that is no event, or not the one of its position: somebody else wrote it.
    #[error("what EVT holds at position {position} is not that event")]
    NotAnEvent {
        /// Its position.
        position: u64,
        /// What is wrong with it.
        #[source]
        source: BadEnvelope,
    },
    /// The stream is not there (yet): the relay makes it.
    #[error("there is no stream EVT")]
    NoStream,
    /// NATS does not do what it is asked.
    #[error(transparent)]
    Nats(#[from] NatsError),
}

impl ReaderError {
    /// Whether asking for the next event again can work without anybody's doing.
    pub const fn retry_helps(&self) -> bool {
        match self {
            Self::Hole { .. } | Self::NotAnEvent { .. } => false,
            Self::NoStream => true,
            Self::Nats(error) => error.retry_helps(),
        }
    }
}

impl EvtReader {
    /// A reader whose first event is the one at `position`. Nothing is asked of the server yet.
    pub fn from(client: &Client, position: u64) -> Self {
        Self {
            js: jetstream::new(client.clone()),
            next: position.max(1),
            open: None,
            held_back: None,
            more: false,
        }
    }

    /// The position of the event that comes next.
    pub const fn position(&self) -> u64 {
        self.next
    }

    /// Goes on with another position.
    pub fn seek(&mut self, position: u64) {
        self.next = position.max(1);
        self.open = None;
        self.held_back = None;
    }

    /// The next event, whenever it comes. Dropping the future loses nothing.
    ///
    /// # Errors
    /// See [`ReaderError`]. Lost consumers and servers that come back are not among them: the
    /// reader opens again at the next position. After an error the caller pauses a little.
    pub async fn next(&mut self) -> Result<RecordedEvent, ReaderError> {
        if let Some(error) = self.held_back.take() {
            return Err(error);
        }
        loop {
            let stream = match &mut self.open {
                Some(stream) => stream,
                None => {
                    let opened = open(&self.js, self.next).await?;
                    self.open.insert(opened)
                }
            };
            match stream.next().await {
                Some(Ok(message)) => {
                    if let Some(event) = self.take(&message)? {
                        return Ok(event);
                    }
                }
                lost => {
                    let error = lost.and_then(Result::err).map(|e| e.to_string());
                    tracing::debug!(position = self.next, error, "reading EVT anew");
                    self.open = None;
                }
            }
        }
    }

    /// What is there, at most `max` events; waits up to `max_wait` for the first, and a moment
    /// for those that the server has announced. Empty if none came.
    ///
    /// # Errors
    /// As [`next`](Self::next); an error after some events comes with the next call.
    pub async fn next_batch(
        &mut self,
        max: usize,
        max_wait: Duration,
    ) -> Result<Vec<RecordedEvent>, ReaderError> {
        // Not within `max_wait`, or a short one would cancel it again and again.
        if self.held_back.is_none() && self.open.is_none() {
            self.open = Some(open(&self.js, self.next).await?);
        }
        let Ok(first) = timeout(max_wait, self.next()).await else {
            return Ok(Vec::new());
        };
        let mut batch = vec![first?];
        let begun = Instant::now();
        while batch.len() < max {
            // Of what is there already, all: tokio would let a task have some sixty messages, and
            // then say that there are none.
            let mut next = tokio::task::unconstrained(self.next()).now_or_never();
            if next.is_none() && self.more && begun.elapsed() < TOGETHER {
                // On its way: without waiting, a rebuild would go in batches of a few events.
                next = timeout(LINGER, self.next()).await.ok();
            }
            match next {
                Some(Ok(event)) => batch.push(event),
                Some(Err(error)) => {
                    self.held_back = Some(error);
                    break;
                }
                None => break,
            }
        }
        Ok(batch)
    }

    /// `None` for one that was read already: a stream that was made anew is being refilled.
    fn take(&mut self, message: &Message) -> Result<Option<RecordedEvent>, ReaderError> {
        let found = match message.info() {
            Ok(info) => {
                self.more = info.pending > 0;
                info.stream_sequence
            }
            Err(error) => return Err(NatsError::passing("reading EVT", error).into()),
        };
        if found < self.next {
            return Ok(None);
        }
        if found > self.next {
            self.open = None;
            return Err(ReaderError::Hole { expected: self.next, found });
        }
        let event = decode(message.headers.as_ref(), &message.payload).and_then(|event| {
            if event.position == found {
                Ok(event)
            } else {
                Err(BadEnvelope::Malformed("ce-sequence"))
            }
        });
        match event {
            Ok(event) => {
                self.next += 1;
                Ok(Some(event))
            }
            Err(source) => {
                self.open = None;
                Err(ReaderError::NotAnEvent { position: found, source })
            }
        }
    }
}

/// A consumer of its own at `position`; the server forgets it 30 seconds after we are gone.
async fn open(js: &Context, position: u64) -> Result<pull::Stream, ReaderError> {
    let state = info(js, EVT).await?.ok_or(ReaderError::NoStream)?.state;
    if state.first_sequence > position {
        return Err(ReaderError::Hole { expected: position, found: state.first_sequence });
    }
    let config = pull::Config {
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: position },
        ack_policy: AckPolicy::None,
        memory_storage: true,
        num_replicas: 1,
        inactive_threshold: Duration::from_secs(30),
        ..Default::default()
    };
    let consumer = js
        .create_consumer_on_stream(config, EVT)
        .await
        .map_err(|e| NatsError::passing("creating a consumer of EVT", e))?;
    let stream = consumer
        .stream()
        .max_messages_per_batch(PULL)
        .expires(EXPIRES)
        .heartbeat(HEARTBEAT)
        .messages()
        .await
        .map_err(|e| NatsError::passing("pulling from EVT", e))?;
    tracing::debug!(position, "reading EVT");
    Ok(stream)
}
