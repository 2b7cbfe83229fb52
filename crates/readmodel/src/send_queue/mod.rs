//! The sender's side of the send queue: what to send next, and what came of it.
//!
//! [`crate::Projector::send_queue`] fills the queue and settles what events tell is settled;
//! the methods here add the sender's own marks. A claim is committed before the sender calls
//! WhatsApp, so a crash in between leaves a row that says so.

mod claim;
mod pace;
mod portfolio;
mod settle;

pub use pace::{Pace, Paces, Resting};

use domain::ids::{CompanyId, MessageId};
use domain::input::MessageReference;
use domain::outbound::OutboundMessage;
use sqlx::PgPool;

/// The queue of messages that the sender has still to send.
#[derive(Clone, Debug)]
pub struct SendQueue {
    pool: PgPool,
    paces: Paces,
}

impl SendQueue {
    /// The queue in this database; messages are taken as fast as they come: see [`Self::at`].
    pub const fn new(pool: PgPool) -> Self {
        Self { pool, paces: Paces::UNLIMITED }
    }
}

/// A message that the caller, and nobody else, may send until its lease ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The message, complete.
    pub message: OutboundMessage,
    /// What to send along as `biz_opaque_callback_data`.
    pub reference: MessageReference,
    /// Whose message it is.
    pub company: CompanyId,
    /// Which attempt this is, from 1; the other methods want it back, so that a claim whose
    /// lease ended changes nothing.
    pub attempt: u32,
    /// Whether it is the first.
    pub first: bool,
    /// Whether of any earlier attempt nobody knows if WhatsApp took the message: the sender
    /// crashed, or its answer was lost. The client may have it, so a failure is not definite.
    pub previous_unresolved: bool,
    /// Whether it must not be sent any more: give it up.
    pub expired: bool,
    /// Why it must not be sent any more although it is in time: give it up.
    pub withdrawn: Option<Withdrawn>,
    /// W3C trace context of the input that requested it.
    pub traceparent: Option<String>,
}

/// What has come between a message's request and its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withdrawn {
    /// It is a template, and its client wants none any more.
    Stopped,
    /// Its client is blocked.
    Blocked,
    /// Its client has left the number that it would go to.
    Moved,
}

impl Claimed {
    /// The message's id.
    pub const fn message_id(&self) -> MessageId {
        self.message.message_id
    }
}
