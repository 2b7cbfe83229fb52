//! The three streams: created when missing, compared when there.
//!
//! An existing stream is never changed silently: another configuration may be
//! an operator's decision or an accident, and only a human knows which.

mod config;
mod difference;

use async_nats::Client;
use async_nats::jetstream::context::{CreateStreamErrorKind, GetStreamErrorKind};
use async_nats::jetstream::stream::{Config, Info};
use async_nats::jetstream::{self, Context, ErrorCode};

pub use difference::Difference;

use crate::error::{NatsError, stays_refused};

pub(crate) const INBOX: &str = "INBOX";
pub(crate) const EVT: &str = "EVT";
pub(crate) const DLQ: &str = "DLQ";

/// What may differ between installations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamSettings {
    /// How many servers hold each message: 1 on one node, 3 in a cluster. With 1, `EVT` is
    /// created with `persist_mode: async`, which can't be changed later (delete and refill it).
    pub replicas: usize,
    /// Bytes that `INBOX` takes before it refuses more; `None` for as much as the disk holds.
    pub inbox_max_bytes: Option<u64>,
}

impl Default for StreamSettings {
    /// One node, 2 GiB.
    fn default() -> Self {
        Self { replicas: 1, inbox_max_bytes: Some(2 << 30) }
    }
}

/// How full a stream is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// Its name.
    pub stream: &'static str,
    /// Messages in it.
    pub messages: u64,
    /// Bytes in it.
    pub bytes: u64,
    /// Bytes that it takes at most, if there is a limit. Raise an alarm at 75 %.
    pub max_bytes: Option<u64>,
}

/// Creates, compares and measures the streams.
#[derive(Debug, Clone)]
pub struct Streams {
    js: Context,
    settings: StreamSettings,
}

impl Streams {
    /// Nothing is asked of the server yet.
    pub fn new(client: &Client, settings: StreamSettings) -> Self {
        Self { js: jetstream::new(client.clone()), settings }
    }

    /// Creates `INBOX` if it is missing; otherwise tells how it differs from what it should be.
    ///
    /// # Errors
    /// The server does not answer or refuses to create it.
    pub async fn ensure_inbox(&self) -> Result<Vec<Difference>, NatsError> {
        self.ensure(config::inbox(self.settings)).await
    }

    /// The same for `DLQ`.
    ///
    /// # Errors
    /// The server does not answer or refuses to create it.
    pub async fn ensure_dlq(&self) -> Result<Vec<Difference>, NatsError> {
        self.ensure(config::dlq(self.settings)).await
    }

    /// The same for `EVT`. A new one begins with `first_position` (1, unless older events shall
    /// stay out of it), so that its sequence is the event's position; an existing one keeps its
    /// beginning.
    ///
    /// # Errors
    /// The server does not answer or refuses to create it.
    pub async fn ensure_evt(&self, first_position: u64) -> Result<Vec<Difference>, NatsError> {
        self.ensure(Config {
            first_sequence: (first_position > 1).then_some(first_position),
            ..config::evt(self.settings)
        })
        .await
    }

    /// How all three differ from what they should be; creates nothing. A missing stream is one
    /// difference, of the field `stream`.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn differences(&self) -> Result<Vec<Difference>, NatsError> {
        let mut all = Vec::new();
        for wanted in
            [config::inbox(self.settings), config::evt(self.settings), config::dlq(self.settings)]
        {
            match info(&self.js, &wanted.name).await? {
                Some(found) => all.extend(difference::between(&wanted, &found.config)),
                None => all.push(Difference::missing(&wanted.name)),
            }
        }
        Ok(all)
    }

    /// How full the streams are; a missing one is left out.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn usage(&self) -> Result<Vec<Usage>, NatsError> {
        let mut all = Vec::new();
        for stream in [INBOX, EVT, DLQ] {
            let found = info(&self.js, stream).await?;
            all.extend(found.map(|info| Usage {
                stream,
                messages: info.state.messages,
                bytes: info.state.bytes,
                max_bytes: u64::try_from(info.config.max_bytes).ok(),
            }));
        }
        Ok(all)
    }

    /// Deletes `EVT`, to have it made anew and filled from Postgres. Already gone: nothing.
    /// (Purging would not do: a purged stream keeps counting.)
    ///
    /// # Errors
    /// The server does not answer or refuses.
    pub async fn delete_evt(&self) -> Result<(), NatsError> {
        if info(&self.js, EVT).await?.is_none() {
            return Ok(());
        }
        let deleted = self.js.delete_stream(EVT).await;
        deleted.map_err(|e| NatsError::of("deleting the stream EVT", e))?;
        Ok(())
    }

    async fn ensure(&self, wanted: Config) -> Result<Vec<Difference>, NatsError> {
        if let Some(found) = info(&self.js, &wanted.name).await? {
            return Ok(difference::between(&wanted, &found.config));
        }
        let operation = || format!("creating the stream {}", wanted.name);
        match self.js.create_stream(&wanted).await {
            Ok(created) => Ok(difference::between(&wanted, &created.cached_info().config)),
            Err(error) => match error.kind() {
                // Somebody else was quicker.
                CreateStreamErrorKind::JetStream(e)
                    if e.error_code() == ErrorCode::STREAM_NAME_EXIST =>
                {
                    let found = info(&self.js, &wanted.name).await?;
                    let found = found.ok_or_else(|| NatsError::passing(operation(), error))?;
                    Ok(difference::between(&wanted, &found.config))
                }
                CreateStreamErrorKind::JetStream(e) if stays_refused(&e) => {
                    Err(NatsError::lasting(operation(), error))
                }
                _ => Err(NatsError::passing(operation(), error)),
            },
        }
    }
}

/// A stream's configuration and state; `None` if there is no such stream.
pub(crate) async fn info(js: &Context, stream: &str) -> Result<Option<Info>, NatsError> {
    match js.get_stream(stream).await {
        Ok(found) => Ok(Some(found.cached_info().clone())),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(e) if e.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                Ok(None)
            }
            _ => Err(NatsError::passing(format!("asking for the stream {stream}"), error)),
        },
    }
}
