//! Whether ever a message was tried after it had expired: a free text after its 24-hour window, an
//! invitation after its room's deadline. And whether what is not settled is still in the send queue,
//! and nothing else is waiting there.

use std::collections::HashMap;

use chrono::TimeDelta;
use domain::AnyEvent;
use domain::ids::MessageId;
use domain::input::Timestamp;
use domain::record::RecordedEvent;
use domain::request::RequestEvent;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{CHECK, FindingKind, Findings};
use crate::StoreError;
use crate::error::During;

/// Between the look at the clock and the record of an attempt.
const TOLERANCE: TimeDelta = TimeDelta::seconds(60);

/// The messages that are not settled at this point of the log.
#[derive(Default)]
pub(super) struct Sends(HashMap<MessageId, Unsettled>);

struct Unsettled {
    position: u64,
    expires_at: Timestamp,
}

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
                let (position, expires_at) = (recorded.position, message.expires_at);
                self.0.insert(message.message_id, Unsettled { position, expires_at });
            }
            RequestEvent::MessageAttempted { message_id, at, .. } => {
                let message = self.0.get(message_id);
                let late = message.is_some_and(|it| *at > it.expires_at + TOLERANCE);
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

    /// Looked at when the log has been read to its end, `head`. The queue may be behind it.
    pub(super) async fn compare(
        &self,
        head: u64,
        db: &mut PgConnection,
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        let queued: Option<i64> =
            sqlx::query_scalar("SELECT position FROM rm_checkpoints WHERE view = 'send-queue'")
                .fetch_optional(&mut *db)
                .await
                .during(CHECK)?;
        let queued = queued.unwrap_or(0).unsigned_abs();
        let due = self.0.iter().filter(|(_, it)| it.position <= queued);
        let due: Vec<Uuid> = due.map(|(id, _)| id.as_uuid()).collect();
        // A row that is done is right: its receipt may be in INBOX.
        let lost: Vec<Uuid> = sqlx::query_scalar(
            "SELECT asked.id FROM unnest($1::uuid[]) AS asked (id) \
             WHERE NOT EXISTS (SELECT FROM send_queue q WHERE q.message_id = asked.id)",
        )
        .bind(due)
        .fetch_all(&mut *db)
        .await
        .during(CHECK)?;
        for id in lost {
            findings.add(FindingKind::LostMessage, format!("message {id}"));
        }
        if queued < head {
            return Ok(());
        }
        let waiting: Vec<Uuid> =
            sqlx::query_scalar("SELECT message_id FROM send_queue WHERE state <> 'done'")
                .fetch_all(db)
                .await
                .during(CHECK)?;
        for id in waiting {
            let is_unsettled = self.0.contains_key(&MessageId::from_uuid(id));
            findings
                .unless(is_unsettled, FindingKind::SettledMessageWaits, || format!("message {id}"));
        }
        Ok(())
    }
}
