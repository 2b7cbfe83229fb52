//! Everything that goes over NATS, and nothing that does not.
//!
//! | stream | written by | read by |
//! |---|---|---|
//! | `INBOX` | [`inbox::InboxPublisher`] | [`inbox::InboxConsumer`], [`inbox::EvidenceConsumer`] |
//! | `EVT` | [`evt::EvtWriter`], and nobody else | [`evt::EvtReader`] |
//! | `DLQ` | [`dlq::DlqPublisher`] | [`dlq::ParkedConsumer`] |
//!
//! Beside them: the bucket that tells the gateway whose number is whose ([`numbers`]) and
//! request/reply ([`query`]).
//!
//! Deliberately absent: what an input means (the engine), Postgres, retries of publishing (an
//! error says whether one helps; whoever called decides).
//!
//! **Invariant:** no personal data in a subject, an error's text or a log line. A body is never
//! quoted; serde's messages are stripped of the values in them.

#![forbid(unsafe_code)]

mod batch;
mod connect;
pub mod dlq;
mod durable;
mod envelope;
mod error;
pub mod evt;
mod handle;
mod header;
pub mod inbox;
pub mod numbers;
mod publish;
pub mod query;
mod security;
pub mod stray;
mod streams;
pub mod subject;

pub use async_nats::{Client, HeaderMap, HeaderName, HeaderValue};
pub use connect::{
    ConnectError, ConnectSettings, MINIMUM_VERSION, Unsuitable, connect, require_version,
};
pub use envelope::{BadEnvelope, EventMessage, Unfit, decode, encode};
pub use error::NatsError;
pub use handle::Handle;
pub use header::is_traceparent;
pub use publish::PublishFailure;
pub use security::{Identity, Security};
pub use streams::{Difference, StreamSettings, Streams, Usage};
