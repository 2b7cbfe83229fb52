//! The evidence store's side: raw posts, piece by piece.

use std::str::FromStr;

use async_nats::Client;
use async_nats::jetstream::Message;
use bytes::Bytes;
use domain::ids::AppId;
use domain::input::Timestamp;

use super::EVIDENCE;
use super::message::{PIECE, PIECES, POST_SHA256, RECEIVED_AT, is_sha256};
use crate::durable::{Durable, DurablePull};
use crate::error::NatsError;
use crate::handle::Handle;
use crate::header;
use crate::streams::INBOX;
use crate::subject::Subject;

/// One piece of a post.
pub struct RawPiece {
    /// The app whose webhook took it.
    pub app: AppId,
    /// SHA-256 of the whole post, hexadecimal.
    pub post_sha256: String,
    /// Which piece, from 0.
    pub piece: u32,
    /// Of how many.
    pub pieces: u32,
    /// When the post came.
    pub received_at: Timestamp,
    /// The piece.
    pub bytes: Bytes,
    /// W3C trace context.
    pub traceparent: Option<String>,
    /// Its place in `INBOX`.
    pub stream_sequence: u64,
    /// Settles it.
    pub handle: Handle,
}

/// A message on `wa.raw.v1.…` that is no piece of a post: park it and settle it.
pub struct BadPiece {
    /// What is wrong with it.
    pub reason: &'static str,
    /// Where it was published.
    pub subject: String,
    /// Its bytes.
    pub payload: Bytes,
    /// Its place in `INBOX`.
    pub stream_sequence: u64,
    /// Settles it.
    pub handle: Handle,
}

/// Takes raw posts from `INBOX`; any number of workers share them.
pub struct EvidenceConsumer(DurablePull);

impl EvidenceConsumer {
    /// Creates the consumer `evidence` or gives an existing one our configuration.
    ///
    /// # Errors
    /// The server does not answer, or there is no stream `INBOX`.
    pub async fn open(client: &Client) -> Result<Self, NatsError> {
        let durable = Durable {
            stream: INBOX,
            name: EVIDENCE,
            filters: &["wa.raw.v1.>"],
            max_ack_pending: 256,
            pinned: false,
        };
        Ok(Self(DurablePull::open(client, durable).await?))
    }

    /// The next piece, whenever it comes. Dropping the future loses nothing.
    ///
    /// # Errors
    /// A message that is no piece of a post.
    pub async fn next(&mut self) -> Result<RawPiece, BadPiece> {
        let message = self.0.next().await;
        let stream_sequence = message.info().map_or(0, |info| info.stream_sequence);
        match read(&message) {
            Ok(read) => Ok(RawPiece {
                app: read.app,
                post_sha256: read.post_sha256,
                piece: read.piece,
                pieces: read.pieces,
                received_at: read.received_at,
                bytes: message.payload.clone(),
                traceparent: header::traceparent(message.headers.as_ref()),
                stream_sequence,
                handle: Handle::of(message),
            }),
            Err(reason) => Err(BadPiece {
                reason,
                subject: message.subject.to_string(),
                payload: message.payload.clone(),
                stream_sequence,
                handle: Handle::of(message),
            }),
        }
    }
}

struct Read {
    app: AppId,
    post_sha256: String,
    piece: u32,
    pieces: u32,
    received_at: Timestamp,
}

fn read(message: &Message) -> Result<Read, &'static str> {
    let Ok(Subject::RawPost { app }) = message.subject.parse() else {
        return Err("the subject is not one of raw posts");
    };
    let read = Read {
        app,
        post_sha256: header::text(message.headers.as_ref(), POST_SHA256)
            .filter(|sha| is_sha256(sha))
            .ok_or("the header post-sha256 is missing or malformed")?
            .to_owned(),
        piece: parsed(message, PIECE).ok_or("the header piece is missing or malformed")?,
        pieces: parsed(message, PIECES).ok_or("the header pieces is missing or malformed")?,
        received_at: parsed(message, RECEIVED_AT)
            .ok_or("the header received-at is missing or malformed")?,
    };
    if read.piece >= read.pieces {
        return Err("the piece is not one of the pieces");
    }
    Ok(read)
}

fn parsed<T: FromStr>(message: &Message, name: &'static str) -> Option<T> {
    header::text(message.headers.as_ref(), name)?.parse().ok()
}
