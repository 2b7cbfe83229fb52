//! The send queue's rows: a message that is requested waits, and whatever tells that WhatsApp
//! took or refused it settles it, so that a status which arrives after the sender crashed
//! prevents a second send.

use std::collections::BTreeMap;

use domain::identity::Recipient;
use domain::ids::{CompanyId, MessageId, PhoneNumberId, RequestId};
use domain::input::Timestamp;
use domain::outbound::OutboundMessage;
use domain::record::RecordedEvent;
use domain::request::RequestEvent;
use domain::{AggregateType, AnyEvent, Personal, UnreadableEvent};
use serde::Serialize;
use sqlx::PgConnection;

use crate::rows;

#[derive(Default)]
pub(super) struct Changes {
    waiting: BTreeMap<MessageId, Waiting>,
    settled: Vec<Settled>,
}

#[derive(Serialize)]
struct Waiting {
    message_id: MessageId,
    company: CompanyId,
    request_id: RequestId,
    from_number: PhoneNumberId,
    recipient: Personal<String>,
    message: OutboundMessage,
    position: u64,
    expires_at: Timestamp,
    updated_at: Timestamp,
    traceparent: Option<String>,
}

#[derive(Serialize)]
struct Settled {
    message_id: MessageId,
    updated_at: Timestamp,
}

impl super::Changes for Changes {
    const AGGREGATE: AggregateType = AggregateType::OnboardingRequest;

    fn add(&mut self, recorded: &RecordedEvent, event: &AnyEvent) -> Result<(), UnreadableEvent> {
        let AnyEvent::Request(event) = event else { return Ok(()) };
        match event {
            RequestEvent::MessageRequested { message } => {
                let waiting = Waiting {
                    message_id: message.message_id,
                    company: recorded.company.clone(),
                    request_id: super::aggregate_id(recorded)?,
                    from_number: message.from.clone(),
                    recipient: Personal::new(address(message.to.expose())),
                    position: recorded.position,
                    expires_at: message.expires_at,
                    updated_at: recorded.recorded_at,
                    traceparent: recorded.traceparent.clone(),
                    message: message.clone(),
                };
                self.waiting.insert(waiting.message_id, waiting);
            }
            RequestEvent::MessageAccepted { message_id, .. }
            | RequestEvent::MessageStatusChanged { message_id, .. }
            | RequestEvent::MessageFailed { message_id, .. } => {
                self.settled
                    .push(Settled { message_id: *message_id, updated_at: recorded.recorded_at });
            }
            RequestEvent::OnboardingRequested { .. }
            | RequestEvent::ClientsLinked { .. }
            | RequestEvent::IdentifiersTakenOver { .. }
            | RequestEvent::IdentifiersLeft { .. }
            | RequestEvent::DecisionMade { .. }
            | RequestEvent::MessageAttempted { .. }
            | RequestEvent::TemplatesStopped { .. }
            | RequestEvent::TemplatesStarted { .. }
            | RequestEvent::OutcomeRecorded { .. } => {}
        }
        Ok(())
    }

    async fn write(self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let waiting: Vec<_> = self.waiting.into_values().collect();
        rows::execute(connection, INSERT, &waiting).await?;
        rows::execute(connection, SETTLE, &self.settled).await
    }
}

/// What tells two clients apart; messages to the same one keep their order.
pub(crate) fn address(recipient: &Recipient) -> String {
    match recipient {
        Recipient::Phone(number) => number.to_string(),
        Recipient::Bsuid(id) => id.to_string(),
    }
}

const INSERT: &str = "
    INSERT INTO send_queue (
        message_id, company, request_id, from_number, recipient, message, position, state,
        expires_at, updated_at, traceparent)
    SELECT
        message_id, company, request_id, from_number, recipient, message, position, 'waiting',
        expires_at, updated_at, traceparent
    FROM json_populate_recordset(NULL::send_queue, $1::json)";

/// A settled row keeps no personal data.
const SETTLE: &str = "
    UPDATE send_queue q
    SET state = 'done', message = NULL, recipient = NULL, updated_at = s.updated_at
    FROM json_populate_recordset(NULL::send_queue, $1::json) s
    WHERE q.message_id = s.message_id AND q.state <> 'done'";
