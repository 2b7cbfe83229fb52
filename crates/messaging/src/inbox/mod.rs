//! `INBOX`: everything that enters a company's lane, and raw posts.
//!
//! **Invariant:** [`InboxPublisher::publish`] returns only after the stream has acknowledged all of
//! it. Duplicates are not recognised here (no `Nats-Msg-Id`) but in Postgres.

mod answers;
mod consumer;
mod evidence;
mod group;
mod message;
mod parse;
mod publisher;
mod purge;

pub use answers::Answers;
pub use consumer::{Delivery, InboxConsumer};
pub use evidence::{BadPiece, EvidenceConsumer, RawPiece};
pub use message::{InboxBody, InboxMessage};
pub use parse::{Malformed, parse};
pub use publisher::{InboxPublisher, PublishError};
pub use purge::purge_settled;

/// The consumer that feeds the engine.
pub(crate) const ENGINE: &str = "engine";
/// The consumer that feeds the evidence store.
pub(crate) const EVIDENCE: &str = "evidence";
/// The header that names who published an input.
pub(crate) const SOURCE: &str = "inbox-source";
