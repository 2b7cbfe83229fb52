//! Whether ever a message was tried after it had expired: a free text after its 24-hour window, an
//! invitation after its room's deadline.

use std::collections::HashMap;

use chrono::TimeDelta;
use domain::AnyEvent;
use domain::ids::MessageId;
use domain::input::Timestamp;
use domain::record::RecordedEvent;
use domain::request::RequestEvent;

use super::{FindingKind, Findings};

/// Between the look at the clock and the record of an attempt.
const TOLERANCE: TimeDelta = TimeDelta::seconds(60);

/// When the messages expire that are not settled at this point of the log.
#[derive(Default)]
pub(super) struct Sends(HashMap<MessageId, Timestamp>);

impl Sends {
    pub(super) fn next(
        &mut self,
        recorded: &RecordedEvent,
        event: &AnyEvent,
        findings: &mut Findings,
    ) {
        let AnyEvent::Request(event) = event else { return };
        match event {
            RequestEvent::MessageRequested { message } => {
                self.0.insert(message.message_id, message.expires_at);
            }
            RequestEvent::MessageAttempted { message_id, at, .. } => {
                let late = self.0.get(message_id).is_some_and(|end| *at > *end + TOLERANCE);
                findings.unless(!late, FindingKind::LateSend, || {
                    format!("position {}: message {message_id}", recorded.position)
                });
            }
            RequestEvent::MessageAccepted { message_id, .. }
            | RequestEvent::MessageFailed { message_id, .. } => {
                self.0.remove(message_id);
            }
            RequestEvent::OnboardingRequested { .. }
            | RequestEvent::ClientsLinked { .. }
            | RequestEvent::IdentifiersTakenOver { .. }
            | RequestEvent::IdentifiersLeft { .. }
            | RequestEvent::DecisionMade { .. }
            | RequestEvent::MessageStatusChanged { .. }
            | RequestEvent::TemplatesStopped { .. }
            | RequestEvent::TemplatesStarted { .. }
            | RequestEvent::OutcomeRecorded { .. } => {}
        }
    }
}
