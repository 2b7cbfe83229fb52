//! The onboarding request: one per message that a client sent to a primary
//! (or to a secondary without a room, or about templates), and one per promotion of a prospect: what was decided, which messages were
//! requested, what became of them, and how it ended.

mod command;
mod decide;
mod event;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use command::{Completion, DecideAgain, Receive, RequestCommand, RequestRejection};
pub use event::{Outcome, RequestEvent};

use crate::flow::{Decision, Facts};
use crate::ids::{ClientId, CompanyId, MessageId, RequestId};
use crate::input::InboundMessage;
use crate::outbound::{DeliveryStatus, OutboundMessage};

/// One request's state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnboardingRequest {
    /// The message has not come yet.
    #[default]
    Absent,
    /// It has been decided.
    Present(Box<Request>),
}

/// A request that was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The request.
    pub request_id: RequestId,
    /// Its company.
    pub company: CompanyId,
    /// Who asked.
    pub client_id: ClientId,
    /// The message.
    pub message: InboundMessage,
    /// What was known, and what was made of it.
    pub decided: Option<(Box<Facts>, Box<Decision>)>,
    /// The messages that it led to, in order.
    pub messages: Vec<OutboundMessage>,
    /// How far each got.
    pub progress: BTreeMap<MessageId, MessageProgress>,
    /// How often each was tried, of those that were more than once.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attempts: BTreeMap<MessageId, u32>,
    /// How it ended.
    pub outcome: Option<Outcome>,
}

/// How far a message of ours got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MessageProgress {
    /// To be sent.
    Requested,
    /// The sender tried this many times.
    Attempted(u32),
    /// WhatsApp took it.
    Accepted,
    /// WhatsApp told how far it got.
    Told(DeliveryStatus),
    /// It will not arrive.
    Failed,
}

impl MessageProgress {
    /// Accepted, or given up: nothing is left to send.
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Accepted | Self::Told(_) | Self::Failed)
    }
}

impl OnboardingRequest {
    /// The state after one more event. Total: an event that cannot follow
    /// changes nothing.
    pub fn evolve(&mut self, event: &RequestEvent) {
        if let Self::Present(request) = self {
            request.evolve(event);
        } else if let RequestEvent::OnboardingRequested {
            request_id,
            company,
            client_id,
            message,
        } = event
        {
            *self = Self::Present(Box::new(Request {
                request_id: *request_id,
                company: company.clone(),
                client_id: *client_id,
                message: message.clone(),
                decided: None,
                messages: vec![],
                progress: BTreeMap::new(),
                attempts: BTreeMap::new(),
                outcome: None,
            }));
        }
    }

    /// The request, if there is one.
    pub fn present(&self) -> Option<&Request> {
        match self {
            Self::Absent => None,
            Self::Present(request) => Some(request),
        }
    }
}

impl Request {
    fn evolve(&mut self, event: &RequestEvent) {
        match event {
            RequestEvent::OnboardingRequested { .. }
            | RequestEvent::ClientsLinked { .. }
            | RequestEvent::IdentifiersTakenOver { .. }
            | RequestEvent::IdentifiersLeft { .. }
            | RequestEvent::TemplatesStopped { .. }
            | RequestEvent::TemplatesStarted { .. } => {}
            RequestEvent::DecisionMade { facts, decision } => {
                self.decided = Some((facts.clone(), decision.clone()));
            }
            RequestEvent::MessageRequested { message } => {
                self.progress.insert(message.message_id, MessageProgress::Requested);
                self.messages.push(message.clone());
            }
            RequestEvent::MessageAttempted { message_id, attempt, .. } => {
                self.reach(*message_id, MessageProgress::Attempted(*attempt));
                if *attempt > 1 {
                    self.attempts.insert(*message_id, *attempt);
                }
            }
            RequestEvent::MessageAccepted { message_id, .. } => {
                self.reach(*message_id, MessageProgress::Accepted);
            }
            RequestEvent::MessageStatusChanged { message_id, status, .. } => {
                self.reach(*message_id, MessageProgress::Told(*status));
            }
            RequestEvent::MessageFailed { message_id, .. } => {
                self.reach(*message_id, MessageProgress::Failed);
            }
            RequestEvent::OutcomeRecorded { outcome, .. } => self.outcome = Some(*outcome),
        }
    }

    fn reach(&mut self, message_id: MessageId, progress: MessageProgress) {
        if let Some(now) = self.progress.get_mut(&message_id) {
            *now = progress;
        }
    }

    /// One of its messages and how far it got.
    pub fn message(&self, message_id: MessageId) -> Option<(&OutboundMessage, MessageProgress)> {
        let message = self.messages.iter().find(|m| m.message_id == message_id)?;
        Some((message, *self.progress.get(&message_id)?))
    }

    /// The id of the message that it requests next.
    pub fn next_message_id(&self) -> MessageId {
        MessageId::of(self.request_id, self.messages.len())
    }
}
