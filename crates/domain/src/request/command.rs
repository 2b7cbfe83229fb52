//! What can be asked of an onboarding request, and why it may refuse.

use super::Outcome;
use crate::flow::{Decision, Facts};
use crate::ids::{ClientId, CompanyId, MessageId, RequestId, RoomId, UserId, Wamid};
use crate::input::{InboundMessage, SendReceipt, Timestamp};
use crate::outbound::{DeliveryStatus, OutboundMessage, SendError};

/// A request to an onboarding request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestCommand {
    /// Record a message, what was decided about it, and what follows at once.
    Receive(Box<Receive>),
    /// Record what was decided after a number failed, and what follows at once.
    DecideAgain(Box<DecideAgain>),
    /// Ask for one more message.
    RequestMessage(OutboundMessage),
    /// Record what the sender did.
    RecordReceipt(SendReceipt),
    /// Record what WhatsApp told.
    RecordStatus {
        /// The message.
        message_id: MessageId,
        /// WhatsApp's id of it.
        wamid: Wamid,
        /// How far it got.
        status: DeliveryStatus,
        /// Why it failed, if it did.
        error: Option<SendError>,
        /// When.
        at: Timestamp,
    },
    /// Record how it ended, unless it has ended.
    Complete(Completion),
}

/// A message with what was decided about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receive {
    /// The request.
    pub request_id: RequestId,
    /// Its company.
    pub company: CompanyId,
    /// Who asks.
    pub client_id: ClientId,
    /// The message.
    pub message: InboundMessage,
    /// What was known.
    pub facts: Facts,
    /// What was made of it.
    pub decision: Decision,
    /// What is to be sent at once.
    pub messages: Vec<OutboundMessage>,
    /// How it ended, if it has.
    pub completion: Option<Completion>,
}

/// What was decided after a number failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecideAgain {
    /// What was known.
    pub facts: Facts,
    /// What was made of it.
    pub decision: Decision,
    /// What is to be sent at once.
    pub messages: Vec<OutboundMessage>,
}

/// How a request ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// How.
    pub outcome: Outcome,
    /// The user who was asked for, if found.
    pub user_id: Option<UserId>,
    /// The room that it led to, if any.
    pub room_id: Option<RoomId>,
    /// When.
    pub at: Timestamp,
}

/// Why a request refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestRejection {
    /// There is no such request.
    #[error("the request does not exist")]
    NoSuchRequest,
    /// The request has no such message.
    #[error("message {0} does not exist")]
    NoSuchMessage(MessageId),
}
