//! One active client, and a takeover that keeps the order.
//!
//! The server numbers its deliveries. Where a number is missing something went to somebody else, or was
//! lost on the way, and would come again behind what is newer: that is a takeover too.
//!
//! The server pins one pulling client and moves the pin once that one has not pulled for
//! [`PIN_TIMEOUT`](super::PIN_TIMEOUT). What the lost client held would come only after its
//! `ack_wait`, behind newer inputs. So whoever takes over first resets the consumer to its ack
//! floor (server 2.14): everything unsettled comes again at once and in order, and so does what
//! was settled above the floor; repetitions are recognised in Postgres.

use std::time::Duration;

use async_nats::Client;
use async_nats::header::NATS_PIN_ID;
use async_nats::jetstream::consumer::{Consumer, Info, pull};
use async_nats::jetstream::message::Info as Delivered;
use async_nats::jetstream::{Context, Message};
use tokio::time::{sleep, timeout};

use super::order::Order;
use super::{Durable, DurablePull};
use crate::error::NatsError;

/// How often a client that gets nothing looks whether nobody is pinned.
const LOOK: Duration = Duration::from_secs(2);
/// How often a takeover asks for the order, and how long it waits in between.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);

/// The messages of a pinned consumer, for ever.
pub(crate) struct Pinned {
    pull: DurablePull,
    takeover: Takeover,
}

struct Takeover {
    js: Context,
    durable: Durable,
    pin: Option<String>,
    order: Order,
}

impl Pinned {
    pub(crate) async fn open(client: &Client, durable: Durable) -> Result<Self, NatsError> {
        let pull = DurablePull::open(client, durable.clone()).await?;
        let takeover =
            Takeover { js: pull.js.clone(), durable, pin: None, order: Order::default() };
        Ok(Self { pull, takeover })
    }

    /// The next message, whenever it comes. Dropping the future loses nothing but, during a
    /// takeover, the order.
    pub(crate) async fn next(&mut self) -> Message {
        loop {
            let next = self.pull.next();
            tokio::pin!(next);
            // Not cancelled when it is time to look: it may be opening the consumer.
            let message = loop {
                match timeout(LOOK, &mut next).await {
                    Ok(message) => break message,
                    Err(_) => self.takeover.wake_if_nobody_is_pinned().await,
                }
            };
            if self.takeover.counts(&message).await {
                return message;
            }
        }
    }
}

impl Takeover {
    /// Whether a message is to be worked on; not if it came ahead of unsettled ones, or before a
    /// reset.
    async fn counts(&mut self, message: &Message) -> bool {
        let Ok(info) = message.info() else {
            return true;
        };
        let number = info.consumer_sequence;
        if self.order.is_stale(number) {
            return false;
        }
        // The last one is the server's; a publisher could have sent another.
        let headers = message.headers.as_ref();
        let pin = headers.and_then(|h| h.get_last(NATS_PIN_ID));
        let pin = pin.map(|pin| pin.as_str().to_owned());
        if self.order.follows(number) && (pin.is_none() || pin == self.pin) {
            self.note(&info);
            return true;
        }
        self.pin = pin.or(self.pin.take());
        let in_order = |info: &Info| info.ack_floor.consumer_sequence + 1 >= number;
        for _ in 0..TRIES {
            match self.reset_unless(in_order).await {
                Ok(true) => {
                    self.order.reset_at(number);
                    return false;
                }
                Ok(false) => {
                    self.note(&info);
                    return true;
                }
                Err(error) => self.report(&error),
            }
            sleep(PAUSE).await;
        }
        // Out of order is better than not at all.
        self.note(&info);
        true
    }

    fn note(&mut self, info: &Delivered<'_>) {
        let Delivered { consumer_sequence, stream_sequence, delivered, .. } = *info;
        let behind = self.order.note(consumer_sequence, stream_sequence, delivered == 1);
        if let Some(newest) = behind {
            let consumer = self.durable.name;
            tracing::warn!(consumer, stream_sequence, newest, "an input came behind newer ones");
        }
    }

    /// Without new inputs nobody gets pinned, and what the lost client held would wait.
    async fn wake_if_nobody_is_pinned(&self) {
        let fine = |info: &Info| info.num_ack_pending == 0 || somebody_is_pinned(info);
        if let Err(error) = self.reset_unless(fine).await {
            self.report(&error);
        }
    }

    /// Whether the consumer was reset.
    async fn reset_unless(&self, fine: impl Fn(&Info) -> bool) -> Result<bool, NatsError> {
        let Durable { stream, name, .. } = self.durable;
        let found = self.js.get_consumer_from_stream(name, stream).await;
        let mut consumer: Consumer<pull::Config> =
            found.map_err(|e| NatsError::passing(format!("asking for the consumer {name}"), e))?;
        if fine(consumer.cached_info()) {
            return Ok(false);
        }
        let unsettled = consumer.cached_info().num_ack_pending;
        tracing::info!(consumer = name, unsettled, "taking over a consumer");
        let done = consumer.reset(None).await;
        done.map_err(|e| NatsError::passing(format!("resetting the consumer {name}"), e))?;
        Ok(true)
    }

    fn report(&self, error: &NatsError) {
        let consumer = self.durable.name;
        tracing::warn!(consumer, %error, "cannot look after the order of a takeover");
    }
}

fn somebody_is_pinned(info: &Info) -> bool {
    info.priority_groups.iter().any(|group| group.pinned_client_id.is_some())
}
