//! What clients said about templates: the table has what counts of it, and no room was opened and
//! no template sent as a reminder for a client that had stopped them.

use std::collections::HashMap;

use chrono::TimeDelta;
use domain::AnyEvent;
use domain::consent::{Said, Wish};
use domain::flow::{Decision, Facts, ReminderForm};
use domain::ids::{ClientId, CompanyId};
use domain::input::Timestamp;
use domain::record::RecordedEvent;
use domain::request::RequestEvent;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{CHECK, FindingKind, Findings};
use crate::StoreError;
use crate::error::During;

/// While one worker takes over from another, a decision may be made before and recorded after the
/// word that would have changed it.
const TOLERANCE: TimeDelta = TimeDelta::seconds(60);

/// What counts at this point of the log, and since when.
#[derive(Default)]
pub(super) struct Consents(HashMap<(CompanyId, ClientId), (Said, Timestamp)>);

impl Consents {
    pub(super) fn next(
        &mut self,
        recorded: &RecordedEvent,
        event: &AnyEvent,
        findings: &mut Findings,
    ) {
        let AnyEvent::Request(event) = event else { return };
        match event {
            RequestEvent::TemplatesStopped { at, .. }
            | RequestEvent::TemplatesStarted { at, .. } => {
                if let Some((client_id, said)) = event.said() {
                    self.note(recorded, client_id, said, *at);
                }
            }
            RequestEvent::DecisionMade { facts, decision } => {
                let against = sends_template(decision) && self.has_stopped(recorded, facts);
                findings.unless(!against, FindingKind::StoppedTemplate, || {
                    format!("position {}: client {}", recorded.position, facts.client_id)
                });
            }
            RequestEvent::OnboardingRequested { .. }
            | RequestEvent::ClientsLinked { .. }
            | RequestEvent::IdentifiersTakenOver { .. }
            | RequestEvent::IdentifiersLeft { .. }
            | RequestEvent::MessageRequested { .. }
            | RequestEvent::MessageAttempted { .. }
            | RequestEvent::MessageAccepted { .. }
            | RequestEvent::MessageStatusChanged { .. }
            | RequestEvent::MessageFailed { .. }
            | RequestEvent::OutcomeRecorded { .. } => {}
        }
    }

    fn note(&mut self, recorded: &RecordedEvent, client: ClientId, said: Said, at: Timestamp) {
        let known = self.0.entry((recorded.company.clone(), client)).or_insert((said, at));
        if said.outweighs(&known.0) {
            *known = (said, at);
        }
    }

    /// Whether the client had stopped templates, by what the decision knew or could have known.
    fn has_stopped(&self, recorded: &RecordedEvent, facts: &Facts) -> bool {
        let logged = self.0.get(&(recorded.company.clone(), facts.client_id));
        let logged = logged.filter(|(_, since)| facts.at > *since + TOLERANCE);
        let known = facts.templates.as_ref().and_then(|templates| templates.before);
        let last = Said::latest(known.into_iter().chain(logged.map(|(said, _)| *said)));
        last.is_some_and(|said| said.wish == Wish::Stop)
    }

    /// After the last event: what the table has.
    pub(super) async fn compare(
        self,
        db: &mut PgConnection,
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        let rows: Vec<(String, Uuid, bool, Timestamp)> =
            sqlx::query_as("SELECT company, client_id, stopped, sent_at FROM client_consents")
                .fetch_all(db)
                .await
                .during(CHECK)?;
        let rows = rows.into_iter().map(|(company, client, stopped, sent_at)| {
            ((company, client), (stopped, sent_at.timestamp_micros()))
        });
        let mut rows: HashMap<_, _> = rows.collect();
        for ((company, client), (said, _)) in self.0 {
            let expected = (said.wish == Wish::Stop, said.sent_at.timestamp_micros());
            let row = rows.remove(&(company.to_string(), client.as_uuid()));
            findings.unless(row == Some(expected), FindingKind::Consents, || {
                format!("client {client}")
            });
        }
        for (_, client) in rows.into_keys() {
            let what = format!("client {client} said nothing about templates in the log");
            findings.add(FindingKind::Consents, what);
        }
        Ok(())
    }
}

const fn sends_template(decision: &Decision) -> bool {
    matches!(
        decision,
        Decision::OpenRoom { .. } | Decision::Remind { form: ReminderForm::Template, .. }
    )
}
