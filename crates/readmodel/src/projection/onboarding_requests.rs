//! The view `onboarding-requests`.

use std::collections::BTreeMap;

use domain::flow::room_of;
use domain::ids::{ClientId, CompanyId, PhoneNumberId, RequestId, RoomId, UserId};
use domain::input::Timestamp;
use domain::record::RecordedEvent;
use domain::request::{Outcome, RequestEvent};
use domain::{AggregateType, AnyEvent, Personal, UnreadableEvent};
use serde::Serialize;
use sqlx::PgConnection;

use super::decision;
use crate::rows;

#[derive(Default)]
pub(super) struct Changes(BTreeMap<RequestId, Change>);

/// What changes in a row; what is `None` stays as it is.
#[derive(Serialize)]
struct Change {
    request_id: RequestId,
    #[serde(flatten)]
    requested: Option<Requested>,
    decision: Option<&'static str>,
    decided_at: Option<Timestamp>,
    directory_version: Option<u64>,
    user_id: Option<UserId>,
    room_id: Option<RoomId>,
    outcome: Option<Outcome>,
    outcome_at: Option<Timestamp>,
    messages: u32,
    promoted_by: Option<RequestId>,
    position: u64,
}

/// What a new row has from the start.
#[derive(Serialize)]
struct Requested {
    company: CompanyId,
    number: PhoneNumberId,
    client_id: ClientId,
    message_kind: String,
    message_text: Option<Personal<String>>,
    sent_at: Timestamp,
    received_at: Timestamp,
}

impl super::Changes for Changes {
    const AGGREGATE: AggregateType = AggregateType::OnboardingRequest;

    fn add(&mut self, recorded: &RecordedEvent, event: &AnyEvent) -> Result<(), UnreadableEvent> {
        let AnyEvent::Request(event) = event else { return Ok(()) };
        let request_id = super::aggregate_id(recorded)?;
        match event {
            RequestEvent::OnboardingRequested { request_id: _, company, client_id, message } => {
                let request = self.of(request_id, recorded);
                request.requested = Some(Requested {
                    company: company.clone(),
                    number: message.phone_number_id.clone(),
                    client_id: *client_id,
                    message_kind: message.kind.clone(),
                    message_text: message.text.clone(),
                    sent_at: message.sent_at,
                    received_at: message.received_at,
                });
            }
            RequestEvent::DecisionMade { facts, decision } => {
                let request = self.of(request_id, recorded);
                request.decision = Some(decision::kind(decision));
                request.decided_at = Some(facts.at);
                request.directory_version = Some(facts.company.directory_version);
                request.user_id = facts.user.as_ref().map(|user| user.user_id.clone());
                // Decided again, a request may be left with the room that it had.
                let room = room_of(decision).map(|(_, room_id)| room_id);
                request.room_id = room.or(request.room_id);
                // Decided again, because a number failed, it is no other promotion.
                let promotion = facts.promotion.as_ref();
                if let Some(promotion) = promotion.filter(|_| facts.failed_numbers.is_empty()) {
                    self.of(promotion.prospect, recorded).promoted_by = Some(request_id);
                }
            }
            RequestEvent::MessageRequested { .. } => self.of(request_id, recorded).messages += 1,
            RequestEvent::ClientsLinked { .. }
            | RequestEvent::IdentifiersTakenOver { .. }
            | RequestEvent::IdentifiersLeft { .. }
            | RequestEvent::MessageAttempted { .. }
            | RequestEvent::MessageAccepted { .. }
            | RequestEvent::MessageStatusChanged { .. }
            | RequestEvent::MessageFailed { .. }
            | RequestEvent::TemplatesStopped { .. }
            | RequestEvent::TemplatesStarted { .. } => {}
            RequestEvent::OutcomeRecorded { outcome, user_id, room_id, at } => {
                let request = self.of(request_id, recorded);
                request.outcome = Some(*outcome);
                request.outcome_at = Some(*at);
                request.user_id = user_id.clone().or(request.user_id.take());
                request.room_id = room_id.or(request.room_id);
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
    fn of(&mut self, request_id: RequestId, recorded: &RecordedEvent) -> &mut Change {
        let change = self.0.entry(request_id).or_insert_with(|| Change {
            request_id,
            requested: None,
            decision: None,
            decided_at: None,
            directory_version: None,
            user_id: None,
            room_id: None,
            outcome: None,
            outcome_at: None,
            messages: 0,
            promoted_by: None,
            position: 0,
        });
        change.position = recorded.position;
        change
    }
}

const INSERT: &str = "
    INSERT INTO rm_onboarding_requests (
        request_id, company, number, client_id, message_kind, message_text, sent_at, received_at,
        decision, decided_at, directory_version, user_id, room_id, outcome, outcome_at, messages,
        promoted_by, position)
    SELECT
        request_id, company, number, client_id, message_kind, message_text, sent_at, received_at,
        decision, decided_at, directory_version, user_id, room_id, outcome, outcome_at, messages,
        promoted_by, position
    FROM json_populate_recordset(NULL::rm_onboarding_requests, $1::json)";

const UPDATE: &str = "
    UPDATE rm_onboarding_requests r SET
        decision = coalesce(c.decision, r.decision),
        decided_at = coalesce(c.decided_at, r.decided_at),
        directory_version = coalesce(c.directory_version, r.directory_version),
        user_id = coalesce(c.user_id, r.user_id),
        room_id = coalesce(c.room_id, r.room_id),
        outcome = coalesce(c.outcome, r.outcome),
        outcome_at = coalesce(c.outcome_at, r.outcome_at),
        messages = r.messages + c.messages,
        promoted_by = coalesce(c.promoted_by, r.promoted_by),
        position = c.position
    FROM json_populate_recordset(NULL::rm_onboarding_requests, $1::json) c
    WHERE r.request_id = c.request_id";
