//! What can be published, and how it looks on the wire.

use async_nats::HeaderMap;
use bytes::Bytes;
use chrono::SecondsFormat;
use domain::ids::{AppId, CompanyId};
use domain::input::{InboundMessage, MessageStatus, OperatorCommand, SendReceipt, Timestamp};
use serde::Serialize;

use super::SOURCE;
use crate::handle::{REPLY_TO, is_inbox};
use crate::header::set_traceparent;
use crate::publish::{Outgoing, PublishFailure};
use crate::subject::{RECORD_RECEIPT, Subject, Token};

pub(super) const POST_SHA256: &str = "post-sha256";
pub(super) const PIECE: &str = "piece";
pub(super) const PIECES: &str = "pieces";
pub(super) const RECEIVED_AT: &str = "received-at";

/// Kept free of a message's size for its headers, which count against `max_payload`.
const ROOM_FOR_HEADERS: usize = 4096;

/// One thing to publish. Not `Debug`: it holds personal data.
#[derive(Clone)]
pub struct InboxMessage {
    /// What.
    pub body: InboxBody,
    /// Who publishes it: `gateway`, `sender`, `api`, a connector's name. Header `inbox-source`.
    pub source: Token,
    /// W3C trace context; left out if it is malformed.
    pub traceparent: Option<String>,
}

/// What can be published into `INBOX`.
#[derive(Clone)]
pub enum InboxBody {
    /// A webhook's post as it came, split into pieces that the server takes.
    RawPost {
        /// The app whose webhook took it.
        app: AppId,
        /// SHA-256 of the bytes, hexadecimal: the key to evidence.
        post_sha256: String,
        /// When it came.
        received_at: Timestamp,
        /// The post.
        bytes: Bytes,
    },
    /// A client's message.
    Message {
        /// Whose lane.
        company: CompanyId,
        /// The message.
        message: InboundMessage,
    },
    /// What became of a message of ours.
    Status {
        /// Whose lane.
        company: CompanyId,
        /// What.
        status: MessageStatus,
    },
    /// What our sender did.
    Receipt {
        /// Whose lane.
        company: CompanyId,
        /// What.
        receipt: SendReceipt,
    },
    /// What an operator asks for.
    Command {
        /// Whose lane.
        company: CompanyId,
        /// What.
        command: OperatorCommand,
        /// Where the answer goes: [`Answers::subject`](super::Answers::subject).
        reply_to: Option<String>,
    },
    /// An input that came before, byte for byte: it could not be decided then.
    Again {
        /// The subject that it came on.
        subject: String,
        /// Its bytes.
        payload: Bytes,
    },
}

impl InboxMessage {
    /// The messages to publish, each smaller than `max_payload` (bytes) where that is in our hand.
    pub(super) fn into_outgoing(self, max_payload: usize) -> Result<Vec<Outgoing>, PublishFailure> {
        let mut headers = HeaderMap::new();
        headers.insert(SOURCE, self.source.as_str());
        set_traceparent(&mut headers, self.traceparent.as_deref());
        let one = |subject: Subject, headers: HeaderMap, payload: Bytes| {
            vec![Outgoing { subject: subject.to_string(), headers, payload }]
        };
        Ok(match self.body {
            InboxBody::RawPost { app, post_sha256, received_at, bytes } => {
                if !is_sha256(&post_sha256) {
                    return Err(PublishFailure::Unfit("post_sha256 is no SHA-256".into()));
                }
                let received_at = received_at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
                headers.insert(POST_SHA256, post_sha256);
                headers.insert(RECEIVED_AT, received_at);
                let size = max_payload.saturating_sub(ROOM_FOR_HEADERS).max(1024);
                pieces(&Subject::RawPost { app }, &headers, &bytes, size)
            }
            InboxBody::Message { company, message } => {
                let number = message.phone_number_id.clone();
                one(Subject::Message { company, number }, headers, json(&message)?)
            }
            InboxBody::Status { company, status } => {
                let number = status.phone_number_id.clone();
                one(Subject::Status { company, number }, headers, json(&status)?)
            }
            InboxBody::Receipt { company, receipt } => {
                one(command(company, RECORD_RECEIPT)?, headers, json(&receipt)?)
            }
            InboxBody::Command { company, command: asked, reply_to } => {
                if let Some(to) = reply_to {
                    if !is_inbox(&to) {
                        return Err(PublishFailure::Unfit("reply_to is no inbox".into()));
                    }
                    headers.insert(REPLY_TO, to);
                }
                let subject = command(company, asked.request.name())?;
                one(subject, headers, json(&asked)?)
            }
            InboxBody::Again { subject, payload } => one(of_input(&subject)?, headers, payload),
        })
    }
}

/// An empty post is one empty piece.
fn pieces(subject: &Subject, headers: &HeaderMap, bytes: &Bytes, size: usize) -> Vec<Outgoing> {
    let count = bytes.len().div_ceil(size).max(1);
    (0..count)
        .map(|piece| {
            let mut headers = headers.clone();
            headers.insert(PIECE, piece.to_string());
            headers.insert(PIECES, count.to_string());
            let end = bytes.len().min((piece + 1) * size);
            Outgoing {
                subject: subject.to_string(),
                headers,
                payload: bytes.slice(piece * size..end),
            }
        })
        .collect()
}

pub(super) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn command(company: CompanyId, name: &str) -> Result<Subject, PublishFailure> {
    let command = name.parse::<Token>();
    let command = command.map_err(|e| PublishFailure::Unfit(e.to_string()))?;
    Ok(Subject::Command { company, command })
}

/// A subject of inputs: what comes on others enters no lane.
fn of_input(subject: &str) -> Result<Subject, PublishFailure> {
    let unfit = || PublishFailure::Unfit("it did not come on a subject of inputs".into());
    let subject: Subject = subject.parse().map_err(|_| unfit())?;
    match subject {
        Subject::Message { .. } | Subject::Status { .. } | Subject::Command { .. } => Ok(subject),
        Subject::RawPost { .. }
        | Subject::Event { .. }
        | Subject::Parked { .. }
        | Subject::Query { .. } => Err(unfit()),
    }
}

fn json(body: &impl Serialize) -> Result<Bytes, PublishFailure> {
    serde_json::to_vec(body)
        .map(Bytes::from)
        .map_err(|_| PublishFailure::Unfit("it can't be written as JSON".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_came_on_a_subject_of_inputs_comes_again() {
        let again = |subject: &str| {
            let (subject, payload) = (subject.to_owned(), Bytes::from_static(b"{"));
            let body = InboxBody::Again { subject, payload };
            let source = "operator".parse().unwrap();
            InboxMessage { body, source, traceparent: None }.into_outgoing(1024)
        };
        for subject in ["wa.in.v1.acme.1", "wa.status.v1.acme.1", "cmd.onboarding.v1.acme.x"] {
            let outgoing = again(subject).unwrap_or_default();
            assert_eq!(outgoing.len(), 1, "{subject}");
            assert_eq!(outgoing[0].subject, subject);
            assert_eq!(&outgoing[0].payload[..], b"{");
        }
        for subject in ["wa.raw.v1.app", "qry.onboarding.v1.events", "wa.in.v1.acme", "x"] {
            assert!(again(subject).is_err(), "{subject}");
        }
    }
}
