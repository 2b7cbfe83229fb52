//! `DLQ`: inputs that could not be decided, with the reason, body unchanged; of an update for a
//! number that nobody has, what [`crate::stray`] keeps of it.

use async_nats::jetstream::Context;
use async_nats::jetstream::context::ContextBuilder;
use async_nats::{Client, HeaderMap};
use bytes::Bytes;

use crate::durable::{Durable, DurablePull};
use crate::error::NatsError;
use crate::handle::Handle;
use crate::header::{self, cleaned, set_traceparent};
use crate::inbox::PublishError;
use crate::publish::{Outgoing, PublishFailure, pipelined};
use crate::streams::DLQ;
use crate::subject::Subject;

const REASON: &str = "dlq-reason";
const CODE: &str = "dlq-code";
const SEQUENCE: &str = "dlq-inbox-sequence";

/// An input to park. Not `Debug`: it holds personal data.
#[derive(Clone)]
pub struct Parking {
    /// Where it came from.
    pub subject: String,
    /// Its bytes as they came.
    pub payload: Bytes,
    /// A stable word for the kind of trouble, e.g. `malformed-input`.
    pub code: String,
    /// What is wrong, for a human; no personal data. 500 characters are kept.
    pub reason: String,
    /// Its place in `INBOX`.
    pub inbox_sequence: u64,
    /// W3C trace context.
    pub traceparent: Option<String>,
}

/// Parks inputs.
#[derive(Debug, Clone)]
pub struct DlqPublisher {
    js: Context,
}

impl DlqPublisher {
    /// Nothing is asked of the server yet.
    pub fn new(client: &Client) -> Self {
        Self { js: ContextBuilder::new().build(client.clone()) }
    }

    /// Publishes on `dlq.onboarding.<original subject>` and awaits the acknowledgement; only then
    /// the input may be settled.
    ///
    /// # Errors
    /// It is not known to be stored. Parking it again is safe.
    pub async fn park(&self, input: Parking) -> Result<(), PublishError> {
        let mut headers = HeaderMap::new();
        headers.insert(REASON, cleaned(&input.reason));
        headers.insert(CODE, cleaned(&input.code));
        headers.insert(SEQUENCE, input.inbox_sequence.to_string());
        set_traceparent(&mut headers, input.traceparent.as_deref());
        let message = Outgoing {
            subject: Subject::Parked { original: input.subject }.to_string(),
            headers,
            payload: input.payload,
        };
        pipelined(&self.js, 1, [Ok(message)], |ack| match ack.stream.as_str() {
            DLQ => Ok(()),
            _ => Err(PublishFailure::NoStream),
        })
        .await
        .map_err(|kind| PublishError { kind })
    }
}

/// A parked input as it was delivered.
pub struct ParkedInput {
    /// Where it came from.
    pub subject: String,
    /// Its bytes as they came: personal data.
    pub payload: Bytes,
    /// The kind of trouble; `unknown` if nobody said.
    pub code: String,
    /// What is wrong.
    pub reason: String,
    /// Its place in `INBOX`, if it came from there.
    pub inbox_sequence: Option<u64>,
    /// W3C trace context.
    pub traceparent: Option<String>,
    /// Its place in `DLQ`.
    pub stream_sequence: u64,
    /// Settles it.
    pub handle: Handle,
}

/// Takes parked inputs from `DLQ`; any number of workers share them.
pub struct ParkedConsumer(DurablePull);

impl ParkedConsumer {
    /// Creates the consumer `parked` or gives an existing one our configuration.
    ///
    /// # Errors
    /// The server does not answer, or there is no stream `DLQ`.
    pub async fn open(client: &Client) -> Result<Self, NatsError> {
        let durable = Durable {
            stream: DLQ,
            name: "parked",
            filters: &["dlq.onboarding.>"],
            max_ack_pending: 256,
            pinned: false,
        };
        Ok(Self(DurablePull::open(client, durable).await?))
    }

    /// The next parked input, whenever it comes. Dropping the future loses nothing.
    pub async fn next(&mut self) -> ParkedInput {
        let message = self.0.next().await;
        let subject = match message.subject.parse() {
            Ok(Subject::Parked { original }) => original,
            _ => message.subject.to_string(),
        };
        let headers = message.headers.as_ref();
        let text = |name| header::text(headers, name).map(str::to_owned);
        ParkedInput {
            subject,
            payload: message.payload.clone(),
            code: text(CODE).unwrap_or_else(|| "unknown".to_owned()),
            reason: text(REASON).unwrap_or_default(),
            inbox_sequence: text(SEQUENCE).and_then(|n| n.parse().ok()),
            traceparent: header::traceparent(headers),
            stream_sequence: message.info().map_or(0, |info| info.stream_sequence),
            handle: Handle::of(message),
        }
    }
}
