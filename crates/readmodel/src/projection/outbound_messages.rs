//! The view `outbound-messages`.

use std::collections::BTreeMap;

use domain::identity::Recipient;
use domain::ids::{CompanyId, MessageId, PhoneNumberId, RequestId, RoomId, Wamid};
use domain::input::Timestamp;
use domain::outbound::{Content, DeliveryStatus, ErrorClass, OutboundMessage, Purpose};
use domain::record::RecordedEvent;
use domain::request::RequestEvent;
use domain::{AggregateType, AnyEvent, Personal, UnreadableEvent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use crate::rows;

#[derive(Default)]
pub(super) struct Changes(BTreeMap<MessageId, Change>);

/// How far a message of ours got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// To be sent.
    Requested,
    /// The sender has tried.
    Attempted,
    /// WhatsApp took it.
    Accepted,
    /// It left WhatsApp's servers.
    Sent,
    /// It reached the client's device.
    Delivered,
    /// The client saw it.
    Read,
    /// It will not arrive.
    Failed,
}

/// What changes in a row; what is `None` stays as it is.
#[derive(Default, Serialize)]
struct Change {
    message_id: Option<MessageId>,
    #[serde(flatten)]
    requested: Option<Requested>,
    state: Option<MessageState>,
    attempts: u32,
    wamid: Option<Wamid>,
    attempted_at: Option<Timestamp>,
    accepted_at: Option<Timestamp>,
    sent_at: Option<Timestamp>,
    delivered_at: Option<Timestamp>,
    read_at: Option<Timestamp>,
    failed_at: Option<Timestamp>,
    error_code: Option<i64>,
    error_class: Option<ErrorClass>,
    error_definite: Option<bool>,
    error_title: Option<String>,
    position: u64,
}

/// What a new row has from the start.
#[derive(Serialize)]
struct Requested {
    request_id: RequestId,
    company: CompanyId,
    purpose: Purpose,
    from_number: PhoneNumberId,
    recipient: Personal<Recipient>,
    content: Content,
    room_id: Option<RoomId>,
    expires_at: Timestamp,
    requested_at: Timestamp,
}

impl super::Changes for Changes {
    const AGGREGATE: AggregateType = AggregateType::OnboardingRequest;

    fn add(&mut self, recorded: &RecordedEvent, event: &AnyEvent) -> Result<(), UnreadableEvent> {
        let AnyEvent::Request(event) = event else { return Ok(()) };
        match event {
            RequestEvent::OnboardingRequested { .. }
            | RequestEvent::ClientsLinked { .. }
            | RequestEvent::IdentifiersTakenOver { .. }
            | RequestEvent::IdentifiersLeft { .. }
            | RequestEvent::DecisionMade { .. }
            | RequestEvent::TemplatesStopped { .. }
            | RequestEvent::TemplatesStarted { .. }
            | RequestEvent::OutcomeRecorded { .. } => {}
            RequestEvent::MessageRequested { message } => {
                let request_id = super::aggregate_id(recorded)?;
                let change = self.of(message.message_id, recorded);
                change.state = Some(MessageState::Requested);
                change.requested = Some(Requested::new(message.clone(), request_id, recorded));
            }
            RequestEvent::MessageAttempted { message_id, attempt, at } => {
                let change = self.of(*message_id, recorded);
                change.state = Some(MessageState::Attempted);
                change.attempts = *attempt;
                change.attempted_at = Some(*at);
            }
            RequestEvent::MessageAccepted { message_id, wamid, at } => {
                let change = self.of(*message_id, recorded);
                change.state = Some(MessageState::Accepted);
                change.wamid = Some(wamid.clone());
                change.accepted_at = Some(*at);
            }
            RequestEvent::MessageStatusChanged { message_id, status, at } => {
                self.of(*message_id, recorded).tell(*status, *at);
            }
            RequestEvent::MessageFailed { message_id, error, at } => {
                let change = self.of(*message_id, recorded);
                change.tell(DeliveryStatus::Failed, *at);
                change.error_code = Some(error.code);
                change.error_class = Some(error.class);
                change.error_definite = Some(error.definite);
                change.error_title = Some(error.title.clone());
            }
        }
        Ok(())
    }

    async fn write(self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let (new, changed): (Vec<_>, Vec<_>) =
            self.0.into_values().partition(|change| change.requested.is_some());
        rows::execute(connection, INSERT, &new).await?;
        rows::execute(connection, UPDATE, &changed).await
    }
}

impl Changes {
    fn of(&mut self, message_id: MessageId, recorded: &RecordedEvent) -> &mut Change {
        let change = self.0.entry(message_id).or_default();
        change.message_id = Some(message_id);
        change.position = recorded.position;
        change
    }
}

impl Change {
    fn tell(&mut self, status: DeliveryStatus, at: Timestamp) {
        let (state, when) = match status {
            DeliveryStatus::Sent => (MessageState::Sent, &mut self.sent_at),
            DeliveryStatus::Delivered => (MessageState::Delivered, &mut self.delivered_at),
            DeliveryStatus::Read => (MessageState::Read, &mut self.read_at),
            DeliveryStatus::Failed => (MessageState::Failed, &mut self.failed_at),
        };
        *when = Some(at);
        self.state = Some(state);
    }
}

impl Requested {
    fn new(message: OutboundMessage, request_id: RequestId, recorded: &RecordedEvent) -> Self {
        Self {
            request_id,
            company: recorded.company.clone(),
            purpose: message.purpose,
            from_number: message.from,
            recipient: message.to,
            content: message.content,
            room_id: message.room_id,
            expires_at: message.expires_at,
            requested_at: recorded.recorded_at,
        }
    }
}

const INSERT: &str = "
    INSERT INTO rm_outbound_messages (
        message_id, request_id, company, purpose, from_number, recipient, content, room_id,
        expires_at, state, attempts, wamid, requested_at, attempted_at, accepted_at, sent_at,
        delivered_at, read_at, failed_at, error_code, error_class, error_definite, error_title,
        position)
    SELECT
        message_id, request_id, company, purpose, from_number, recipient, content, room_id,
        expires_at, state, attempts, wamid, requested_at, attempted_at, accepted_at, sent_at,
        delivered_at, read_at, failed_at, error_code, error_class, error_definite, error_title,
        position
    FROM json_populate_recordset(NULL::rm_outbound_messages, $1::json)";

const UPDATE: &str = "
    UPDATE rm_outbound_messages r SET
        state = coalesce(c.state, r.state),
        attempts = greatest(c.attempts, r.attempts),
        wamid = coalesce(c.wamid, r.wamid),
        attempted_at = coalesce(c.attempted_at, r.attempted_at),
        accepted_at = coalesce(c.accepted_at, r.accepted_at),
        sent_at = coalesce(c.sent_at, r.sent_at),
        delivered_at = coalesce(c.delivered_at, r.delivered_at),
        read_at = coalesce(c.read_at, r.read_at),
        failed_at = coalesce(c.failed_at, r.failed_at),
        error_code = coalesce(c.error_code, r.error_code),
        error_class = coalesce(c.error_class, r.error_class),
        error_definite = coalesce(c.error_definite, r.error_definite),
        error_title = coalesce(c.error_title, r.error_title),
        position = c.position
    FROM json_populate_recordset(NULL::rm_outbound_messages, $1::json) c
    WHERE r.message_id = c.message_id";
