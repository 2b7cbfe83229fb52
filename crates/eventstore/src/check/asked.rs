//! What clients asked in vain: whatever the table has is in the log. (What it lacks is not told: rows
//! go after an hour, and programs of before do not write any.)

use std::collections::HashMap;

use domain::AnyEvent;
use domain::ids::{ClientId, RequestId};
use domain::input::{InboundMessage, Timestamp};
use domain::record::RecordedEvent;
use domain::request::RequestEvent;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{CHECK, FindingKind, Findings};
use crate::error::During;
use crate::{InVain, StoreError};

/// What the table has, and what was found of it in the log.
pub(super) struct Asked {
    rows: HashMap<RequestId, Row>,
    /// Of those, the request that the log is at.
    at: Option<(RequestId, InboundMessage)>,
}

struct Row {
    company: String,
    client: Uuid,
    asked: InVain,
    /// The log says the same of who asked, and of what and when.
    decided: bool,
    /// It has a reply.
    replied: bool,
}

impl Asked {
    pub(super) async fn load(db: &mut PgConnection) -> Result<Self, StoreError> {
        let rows: Vec<(String, Uuid, Uuid, Timestamp, bool, Option<String>)> = sqlx::query_as(
            "SELECT company, client_id, request_id, at, replied, wrong_extension FROM asked_in_vain",
        )
        .fetch_all(db)
        .await
        .during(CHECK)?;
        let rows = rows.into_iter().map(|(company, client, request, at, replied, wrong)| {
            let request_id = RequestId::from_uuid(request);
            let asked = InVain { request_id, at, replied, wrong_extension: wrong };
            (request_id, Row { company, client, asked, decided: false, replied: false })
        });
        Ok(Self { rows: rows.collect(), at: None })
    }

    pub(super) fn next(&mut self, recorded: &RecordedEvent, event: &AnyEvent) {
        let AnyEvent::Request(event) = event else { return };
        match event {
            RequestEvent::OnboardingRequested { request_id, client_id, message, .. } => {
                let row = self.rows.get(request_id);
                let same = row.is_some_and(|row| is_of(row, recorded, *client_id));
                self.at = same.then(|| (*request_id, message.clone()));
            }
            RequestEvent::DecisionMade { facts, decision } => {
                let Some((request_id, message)) = &self.at else { return };
                let Some(row) = self.rows.get_mut(request_id) else { return };
                let decided = (&**decision, facts.at);
                row.decided = InVain::of(*request_id, message, decided, row.asked.replied)
                    .is_some_and(|asked| asked == row.asked);
            }
            RequestEvent::MessageRequested { .. } => {
                let row = self.at.as_ref().and_then(|(id, _)| self.rows.get_mut(id));
                if let Some(row) = row.filter(|row| row.decided) {
                    row.replied = true;
                }
            }
            RequestEvent::OutcomeRecorded { .. } => self.at = None,
            RequestEvent::ClientsLinked { .. }
            | RequestEvent::IdentifiersTakenOver { .. }
            | RequestEvent::IdentifiersLeft { .. }
            | RequestEvent::MessageAttempted { .. }
            | RequestEvent::MessageAccepted { .. }
            | RequestEvent::MessageStatusChanged { .. }
            | RequestEvent::MessageFailed { .. }
            | RequestEvent::TemplatesStopped { .. }
            | RequestEvent::TemplatesStarted { .. } => {}
        }
    }

    /// After the last event.
    pub(super) fn finish(self, findings: &mut Findings) {
        for (request_id, row) in self.rows {
            let same = row.decided && row.replied == row.asked.replied;
            findings.unless(same, FindingKind::AskedInVain, || format!("request {request_id}"));
        }
    }
}

fn is_of(row: &Row, recorded: &RecordedEvent, client: ClientId) -> bool {
    row.company == recorded.company.as_str() && row.client == client.as_uuid()
}
