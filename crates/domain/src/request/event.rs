//! What happened to an onboarding request.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::consent::{Said, Wish};
use crate::flow::{Decision, Facts};
use crate::identity::Identifier;
use crate::ids::{ClientId, CompanyId, MessageId, RequestId, RoomId, UserId, Wamid};
use crate::input::{InboundMessage, Timestamp};
use crate::outbound::{DeliveryStatus, OutboundMessage, SendError};
use crate::personal::Personal;

/// Facts about an onboarding request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum RequestEvent {
    /// A client's message asks for something.
    OnboardingRequested {
        /// The request.
        request_id: RequestId,
        /// Its company.
        company: CompanyId,
        /// Who asks.
        client_id: ClientId,
        /// The message.
        message: InboundMessage,
    },
    /// The message shows that several clients are one. The one that was seen first stays, and so do
    /// the profiles, rooms and requests of all of them.
    ClientsLinked {
        /// The client from now on.
        client_id: ClientId,
        /// Those that turn out to be it.
        same_as: Vec<ClientId>,
        /// When.
        at: Timestamp,
    },
    /// Numbers of the message's sender that another client had and has left: they lead to this one.
    IdentifiersTakenOver {
        /// The client.
        client_id: ClientId,
        /// The numbers.
        identifiers: BTreeSet<Personal<Identifier>>,
        /// When.
        at: Timestamp,
    },
    /// The client tells of another number. What is sent later by those that it had is not its own.
    IdentifiersLeft {
        /// The client.
        client_id: ClientId,
        /// The numbers that it had.
        identifiers: BTreeSet<Personal<Identifier>>,
        /// When it left them, by WhatsApp's clock.
        since: Timestamp,
        /// When that was recorded.
        at: Timestamp,
    },
    /// What was decided, with everything that it was decided from: the same
    /// facts give the same decision again.
    DecisionMade {
        /// What was known.
        facts: Box<Facts>,
        /// What was made of it.
        decision: Box<Decision>,
    },
    /// WhatsApp is to be asked to send a message.
    MessageRequested {
        /// The message, complete.
        message: OutboundMessage,
    },
    /// The sender is about to call WhatsApp.
    MessageAttempted {
        /// The message.
        message_id: MessageId,
        /// Which attempt, from 1.
        attempt: u32,
        /// When.
        at: Timestamp,
    },
    /// WhatsApp took the message.
    MessageAccepted {
        /// The message.
        message_id: MessageId,
        /// WhatsApp's id of it.
        wamid: Wamid,
        /// When.
        at: Timestamp,
    },
    /// WhatsApp tells how far the message got; statuses only ever rise.
    MessageStatusChanged {
        /// The message.
        message_id: MessageId,
        /// `sent`, `delivered` or `read`.
        status: DeliveryStatus,
        /// When, by WhatsApp's clock.
        at: Timestamp,
    },
    /// The message is given up, or WhatsApp tells that it will not arrive.
    MessageFailed {
        /// The message.
        message_id: MessageId,
        /// Why.
        error: SendError,
        /// When.
        at: Timestamp,
    },
    /// The client wants no more templates, from whichever number: no invitations, no reminders in
    /// that form. Of all that it said about them, what it sent last counts.
    TemplatesStopped {
        /// The client.
        client_id: ClientId,
        /// When the client sent it, by WhatsApp's clock.
        sent_at: Timestamp,
        /// When it was decided.
        at: Timestamp,
    },
    /// The client wants templates, again.
    TemplatesStarted {
        /// The client.
        client_id: ClientId,
        /// When the client sent it, by WhatsApp's clock.
        sent_at: Timestamp,
        /// When it was decided.
        at: Timestamp,
    },
    /// How the request ended. Exactly one per request.
    OutcomeRecorded {
        /// How.
        outcome: Outcome,
        /// The user who was asked for, if found.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user_id: Option<UserId>,
        /// The room that it led to, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room_id: Option<RoomId>,
        /// When.
        at: Timestamp,
    },
}

impl RequestEvent {
    /// What a client says about templates by it, if it does, and which client.
    pub const fn said(&self) -> Option<(ClientId, Said)> {
        match *self {
            Self::TemplatesStopped { client_id, sent_at, .. } => {
                Some((client_id, Said { wish: Wish::Stop, sent_at }))
            }
            Self::TemplatesStarted { client_id, sent_at, .. } => {
                Some((client_id, Said { wish: Wish::Start, sent_at }))
            }
            Self::OnboardingRequested { .. }
            | Self::ClientsLinked { .. }
            | Self::IdentifiersTakenOver { .. }
            | Self::IdentifiersLeft { .. }
            | Self::DecisionMade { .. }
            | Self::MessageRequested { .. }
            | Self::MessageAttempted { .. }
            | Self::MessageAccepted { .. }
            | Self::MessageStatusChanged { .. }
            | Self::MessageFailed { .. }
            | Self::OutcomeRecorded { .. } => None,
        }
    }

    /// Reads the JSON of an event whose name is known.
    ///
    /// # Errors
    /// It does not have the shape of that event.
    pub(crate) fn from_json(name: &str, json: &str) -> serde_json::Result<Self> {
        // By far the largest, and read for every view: a tagged enum first copies all of it into
        // a tree.
        #[derive(Deserialize)]
        struct DecisionMade {
            facts: Box<Facts>,
            decision: Box<Decision>,
        }
        if name == "decision-made" {
            let DecisionMade { facts, decision } = serde_json::from_str(json)?;
            return Ok(Self::DecisionMade { facts, decision });
        }
        serde_json::from_str(json)
    }
}

/// How a request ends.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The message names no extension.
    ExtensionMissing,
    /// No active user has the extension.
    UserNotFound,
    /// The client has an active room with the user and was reminded of it.
    Reminded,
    /// A room with the user was under way already.
    Joined,
    /// A new room is open.
    Onboarded,
    /// No secondary number was available.
    NoSecondaryNumber,
    /// The invitation could not be delivered.
    InvitationFailed,
    /// Auto promotion is off: the user will get in touch.
    ProspectRecorded,
    /// The message is older than 24 hours: recorded, not answered.
    Expired,
    /// A message on a secondary number without a room: sent to the primary.
    Redirected,
    /// Not a client's request (written in a group, by one of our own numbers, or WhatsApp's notice), to
    /// a number in no pool, or of a client who is not answered: blocked, at a number that it has left,
    /// or one time too many.
    Ignored,
    /// The client wants no more templates.
    Stopped,
    /// The client wants templates, again.
    Started,
    /// No room was opened, or it was closed again: that takes a template, and the client wants none.
    TemplatesStopped,
}

impl Outcome {
    /// The name as it is serialised.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExtensionMissing => "extension_missing",
            Self::UserNotFound => "user_not_found",
            Self::Reminded => "reminded",
            Self::Joined => "joined",
            Self::Onboarded => "onboarded",
            Self::NoSecondaryNumber => "no_secondary_number",
            Self::InvitationFailed => "invitation_failed",
            Self::ProspectRecorded => "prospect_recorded",
            Self::Expired => "expired",
            Self::Redirected => "redirected",
            Self::Ignored => "ignored",
            Self::Stopped => "stopped",
            Self::Started => "started",
            Self::TemplatesStopped => "templates_stopped",
        }
    }
}
