//! Pipelined publishing: many messages on the way, every acknowledgement awaited.

use std::collections::VecDeque;

use async_nats::HeaderMap;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::{Context, ErrorCode};
use bytes::Bytes;
use futures::future::join_all;

use crate::error::api_error;
use crate::header;

/// A message on its way into a stream.
#[derive(Clone)]
pub(crate) struct Outgoing {
    pub subject: String,
    pub headers: HeaderMap,
    pub payload: Bytes,
}

impl Outgoing {
    /// Bytes of headers and payload, which is what the server compares with `max_payload`.
    pub(crate) fn size(&self) -> usize {
        header::wire_len(&self.headers) + self.payload.len()
    }
}

impl From<Outgoing> for PublishMessage {
    fn from(message: Outgoing) -> Self {
        Self::build().headers(message.headers).payload(message.payload)
    }
}

/// Why a message did not get into its stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishFailure {
    /// No stream takes the subject.
    #[error("there is no stream for it")]
    NoStream,
    /// The stream is at its limit and takes nothing more.
    #[error("the stream is full")]
    Full,
    /// Larger than the server takes.
    #[error("it is larger than the server's max_payload")]
    TooLarge,
    /// No acknowledgement in time. The message may be stored, now or later.
    #[error("no acknowledgement came in time")]
    NotAcknowledged,
    /// Another sequence was last than the one expected.
    #[error("the stream's last sequence is not the one expected")]
    WrongSequence,
    /// Can't be published as it is; why.
    #[error("{0}")]
    Unfit(String),
    /// The server says no with this code of JetStream's API.
    #[error("the server refused it with JetStream code {0}")]
    Refused(u64),
    /// The client takes nothing more: it is closed.
    #[error("the connection is closed")]
    Closed,
}

impl PublishFailure {
    /// Whether the same message may get through later: not when it is at fault itself. A wrong
    /// sequence heals by reading back the last one, not by sending the same again.
    pub const fn retry_helps(&self) -> bool {
        match self {
            Self::NoStream | Self::Full | Self::NotAcknowledged | Self::Refused(_) => true,
            Self::TooLarge | Self::WrongSequence | Self::Unfit(_) | Self::Closed => false,
        }
    }

    pub(crate) fn of(error: &PublishError) -> Self {
        match error.kind() {
            PublishErrorKind::StreamNotFound => Self::NoStream,
            PublishErrorKind::WrongLastSequence => Self::WrongSequence,
            PublishErrorKind::MaxPayloadExceeded => Self::TooLarge,
            PublishErrorKind::TimedOut
            | PublishErrorKind::BrokenPipe
            | PublishErrorKind::MaxAckPending => Self::NotAcknowledged,
            PublishErrorKind::WrongLastMessageId | PublishErrorKind::Other => {
                api_error(error).map_or(Self::Closed, |refused| match refused.error_code() {
                    // async-nats knows 10071 only; the server also says 10164.
                    ErrorCode::STREAM_WRONG_LAST_SEQUENCE
                    | ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT => Self::WrongSequence,
                    ErrorCode::STREAM_STORE_FAILED
                    | ErrorCode::STORAGE_RESOURCES_EXCEEDED
                    | ErrorCode::INSUFFICIENT_RESOURCES => Self::Full,
                    ErrorCode(code) => Self::Refused(code),
                })
            }
        }
    }
}

/// Publishes in order with at most `cap` unacknowledged, and hands every acknowledgement to
/// `acked`, in order. At the first failure it sends no more, waits for what is on the way, and
/// returns that failure.
pub(crate) async fn pipelined(
    js: &Context,
    cap: usize,
    messages: impl IntoIterator<Item = Result<Outgoing, PublishFailure>>,
    mut acked: impl FnMut(&PublishAck) -> Result<(), PublishFailure>,
) -> Result<(), PublishFailure> {
    let mut waiting = VecDeque::with_capacity(cap);
    let mut check = |ack: Result<PublishAck, PublishError>| {
        ack.map_err(|e| PublishFailure::of(&e)).and_then(|ack| acked(&ack))
    };
    let mut outcome = Ok(());
    for message in messages {
        if waiting.len() >= cap
            && let Some(oldest) = waiting.pop_front()
        {
            outcome = check(IntoFuture::into_future(oldest).await);
        }
        if outcome.is_ok() {
            outcome = match message {
                Ok(message) => send(js, message).await.map(|ack| waiting.push_back(ack)),
                Err(unfit) => Err(unfit),
            };
        }
        if outcome.is_err() {
            break;
        }
    }
    // Together, so that a server that is gone costs one timeout and not one a message.
    for ack in join_all(waiting.into_iter().map(IntoFuture::into_future)).await {
        let result = check(ack);
        outcome = outcome.and(result);
    }
    outcome
}

/// Sends one; its acknowledgement comes from what is given.
pub(crate) async fn send(
    js: &Context,
    message: Outgoing,
) -> Result<async_nats::jetstream::context::PublishAckFuture, PublishFailure> {
    let subject = message.subject.clone();
    js.send_publish(subject, message.into()).await.map_err(|e| PublishFailure::of(&e))
}
