//! A durable pull consumer that is opened again at whatever trouble.

mod order;
mod pinned;

use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PriorityPolicy, pull};
use async_nats::jetstream::{self, Context, Message};
use futures::StreamExt;
use tokio::time::sleep;

pub(crate) use pinned::Pinned;

use crate::error::NatsError;

/// What tells one durable consumer from another.
#[derive(Debug, Clone)]
pub(crate) struct Durable {
    pub stream: &'static str,
    pub name: &'static str,
    pub filters: &'static [&'static str],
    /// Delivered and not yet settled, at most.
    pub max_ack_pending: i64,
    /// One client at a time: read it with [`Pinned`].
    pub pinned: bool,
}

/// How long after its last pull a pinned client is taken for gone.
const PIN_TIMEOUT: Duration = Duration::from_secs(6);
const PIN_GROUP: &str = "active";
const ACK_WAIT: Duration = Duration::from_secs(30);
const BATCH: usize = 500;

impl Durable {
    fn config(&self) -> pull::Config {
        pull::Config {
            durable_name: Some(self.name.into()),
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            filter_subjects: self.filters.iter().map(|&f| f.into()).collect(),
            max_ack_pending: self.max_ack_pending,
            priority_policy: match self.pinned {
                true => PriorityPolicy::PinnedClient,
                false => PriorityPolicy::None,
            },
            priority_groups: self.pinned.then(|| PIN_GROUP.into()).into_iter().collect(),
            priority_timeout: if self.pinned { PIN_TIMEOUT } else { Duration::ZERO },
            ..Default::default()
        }
    }

    /// Expiry and heartbeat of a pull. A pinned client must pull well within [`PIN_TIMEOUT`].
    const fn rhythm(&self) -> (Duration, Duration) {
        match self.pinned {
            true => (Duration::from_millis(2500), Duration::from_millis(1200)),
            false => (Duration::from_secs(20), Duration::from_secs(2)),
        }
    }
}

/// The messages of a durable consumer, for ever.
pub(crate) struct DurablePull {
    js: Context,
    durable: Durable,
    open: Option<pull::Stream>,
    failures: u32,
}

impl DurablePull {
    /// Creates the consumer, or gives an existing one our configuration.
    pub(crate) async fn open(client: &Client, durable: Durable) -> Result<Self, NatsError> {
        let mut pull =
            Self { js: jetstream::new(client.clone()), durable, open: None, failures: 0 };
        pull.open = Some(pull.connect().await?);
        Ok(pull)
    }

    /// The next message, whenever it comes. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Message {
        loop {
            let Some(stream) = &mut self.open else {
                self.reopen().await;
                continue;
            };
            match stream.next().await {
                Some(Ok(message)) => {
                    self.failures = 0;
                    return message;
                }
                lost => {
                    let error = lost.and_then(Result::err).map(|e| e.to_string());
                    let consumer = self.durable.name;
                    tracing::warn!(consumer, error, "lost a consumer, opening it again");
                    self.open = None;
                }
            }
        }
    }

    async fn reopen(&mut self) {
        if self.failures > 0 {
            sleep(Duration::from_millis(50 << self.failures.min(6))).await;
        }
        self.failures += 1;
        match self.connect().await {
            Ok(stream) => self.open = Some(stream),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                let consumer = self.durable.name;
                tracing::warn!(consumer, %error, cause, "cannot open a consumer, trying again");
            }
        }
    }

    async fn connect(&self) -> Result<pull::Stream, NatsError> {
        let Durable { stream, name, .. } = self.durable;
        let failed = |what: &str| format!("{what} the consumer {name} of {stream}");
        // Creating also updates: `get_or_create` would leave an old configuration as it is.
        let consumer = self
            .js
            .create_consumer_on_stream(self.durable.config(), stream)
            .await
            .map_err(|e| NatsError::passing(failed("creating"), e))?;
        let (expires, heartbeat) = self.durable.rhythm();
        let mut pulls =
            consumer.stream().max_messages_per_batch(BATCH).expires(expires).heartbeat(heartbeat);
        if self.durable.pinned {
            pulls = pulls.group(PIN_GROUP);
        }
        pulls.messages().await.map_err(|e| NatsError::passing(failed("pulling from"), e))
    }
}
