//! The engine's side: inputs in order, for one active worker.

use async_nats::Client;
use async_nats::jetstream::Message;
use bytes::Bytes;
use domain::ids::CompanyId;
use domain::input::LaneInput;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::parse::{Malformed, company_of, parse};
use super::{ENGINE, SOURCE};
use crate::durable::{Durable, Pinned};
use crate::error::NatsError;
use crate::handle::Handle;
use crate::header;
use crate::streams::INBOX;

/// Inputs delivered and not yet settled. The server sends no more until some are.
const MAX_UNSETTLED: usize = 4096;

/// One input as it was delivered.
pub struct Delivery {
    /// The input, or why it is none: then park it with [`DlqPublisher`](crate::dlq::DlqPublisher)
    /// and settle it.
    pub body: Result<LaneInput, Malformed>,
    /// Whose lane, if the subject tells.
    pub company: Option<CompanyId>,
    /// Where it was published.
    pub subject: String,
    /// Its bytes as they came: personal data.
    pub payload: Bytes,
    /// W3C trace context.
    pub traceparent: Option<String>,
    /// Who published it, by its own word.
    pub source: Option<String>,
    /// Its place in `INBOX`.
    pub stream_sequence: u64,
    /// How often it was delivered, from 1; a takeover begins counting anew.
    pub delivered: u64,
    /// Settles it.
    pub handle: Handle,
}

/// Takes inputs from `INBOX`. Any number may be open; one is active and gets everything, in order.
/// Within 10 seconds after it is gone another takes over and begins with the first input that is
/// not settled. So the same input can come several times, also while an earlier delivery of it is
/// still in work.
///
/// A task pulls whether or not anybody calls [`next`](Self::next): a worker that waits for its
/// database must not lose its place to another.
pub struct InboxConsumer {
    deliveries: mpsc::Receiver<Delivery>,
    pump: JoinHandle<()>,
}

impl InboxConsumer {
    /// Creates the consumer `engine` or gives an existing one our configuration, and begins to
    /// pull.
    ///
    /// # Errors
    /// The server does not answer, or there is no stream `INBOX`.
    pub async fn open(client: &Client) -> Result<Self, NatsError> {
        let durable = Durable {
            stream: INBOX,
            name: ENGINE,
            filters: &["wa.in.v1.>", "wa.status.v1.>", "cmd.onboarding.v1.>"],
            max_ack_pending: MAX_UNSETTLED as i64,
            pinned: true,
        };
        let pull = Pinned::open(client, durable).await?;
        let (sender, deliveries) = mpsc::channel(2 * MAX_UNSETTLED);
        Ok(Self { deliveries, pump: tokio::spawn(pump(pull, sender)) })
    }

    /// The next input, whenever it comes; `None` after [`close`](Self::close). Dropping the future
    /// loses nothing.
    pub async fn next(&mut self) -> Option<Delivery> {
        self.deliveries.recv().await
    }

    /// The next input if it is there.
    pub fn try_next(&mut self) -> Option<Delivery> {
        self.deliveries.try_recv().ok()
    }

    /// Takes no more from the server. What was delivered already still comes from
    /// [`next`](Self::next); give it back or let it be: it is delivered again in 30 seconds.
    pub fn close(&mut self) {
        self.pump.abort();
        self.deliveries.close();
    }
}

impl Drop for InboxConsumer {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

async fn pump(mut pull: Pinned, deliveries: mpsc::Sender<Delivery>) {
    loop {
        let delivery = delivery(pull.next().await);
        match deliveries.try_send(delivery) {
            // Full of repetitions, since the server stops at half of it; this one comes again too.
            Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => {}
            Err(mpsc::error::TrySendError::Closed(_)) => return,
        }
    }
}

fn delivery(message: Message) -> Delivery {
    let (stream_sequence, delivered) = message
        .info()
        .map_or((0, 1), |info| (info.stream_sequence, u64::try_from(info.delivered).unwrap_or(1)));
    let headers = message.headers.as_ref();
    Delivery {
        body: parse(&message.subject, &message.payload),
        company: company_of(&message.subject),
        subject: message.subject.to_string(),
        payload: message.payload.clone(),
        traceparent: header::traceparent(headers),
        source: header::text(headers, SOURCE).map(str::to_owned),
        stream_sequence,
        delivered,
        handle: Handle::of(message),
    }
}
