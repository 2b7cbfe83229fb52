//! What clients said about templates: the table has what counts of it, no room was opened and no
//! template sent as a reminder for a client that had stopped them, and none was tried that had waited
//! until then.

use std::collections::HashMap;

use chrono::TimeDelta;
use domain::AnyEvent;
use domain::consent::{Said, Wish};
use domain::flow::{Decision, Facts, ReminderForm};
use domain::ids::{ClientId, CompanyId, MessageId};
use domain::input::Timestamp;
use domain::outbound::Content;
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

/// What is known at this point of the log.
#[derive(Default)]
pub(super) struct Consents {
    /// What counts of what clients said, and since when.
    said: HashMap<(CompanyId, ClientId), (Said, Timestamp)>,
    /// The request of the last decision, and its client: what is sent because of it comes next.
    decided: Option<(String, ClientId)>,
    /// Whose the templates are that are not settled.
    templates: HashMap<MessageId, ClientId>,
}

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
                self.decided = Some((recorded.aggregate_id.clone(), facts.client_id));
            }
            RequestEvent::MessageRequested { message } => {
                let decided = self.decided.as_ref();
                let of_decision = decided.filter(|(id, _)| *id == recorded.aggregate_id);
                if let (Some((_, client)), Content::Template { .. }) =
                    (of_decision, &message.content)
                {
                    self.templates.insert(message.message_id, *client);
                }
            }
            RequestEvent::MessageAttempted { message_id, at, .. } => {
                let client = self.templates.get(message_id);
                let stopped = client.and_then(|client| self.counts(recorded, *client, *at));
                let against = stopped.is_some_and(|said| said.wish == Wish::Stop);
                findings.unless(!against, FindingKind::StoppedTemplate, || {
                    format!("position {}: message {message_id} was tried", recorded.position)
                });
            }
            RequestEvent::MessageAccepted { message_id, .. }
            | RequestEvent::MessageFailed { message_id, .. } => {
                self.templates.remove(message_id);
            }
            RequestEvent::OnboardingRequested { .. }
            | RequestEvent::ClientsLinked { .. }
            | RequestEvent::IdentifiersTakenOver { .. }
            | RequestEvent::IdentifiersLeft { .. }
            | RequestEvent::MessageStatusChanged { .. }
            | RequestEvent::OutcomeRecorded { .. } => {}
        }
    }

    fn note(&mut self, recorded: &RecordedEvent, client: ClientId, said: Said, at: Timestamp) {
        let known = self.said.entry((recorded.company.clone(), client)).or_insert((said, at));
        if said.outweighs(&known.0) {
            *known = (said, at);
        }
    }

    /// Whether the client had stopped templates, by what the decision knew or could have known.
    fn has_stopped(&self, recorded: &RecordedEvent, facts: &Facts) -> bool {
        let logged = self.counts(recorded, facts.client_id, facts.at);
        let known = facts.templates.as_ref().and_then(|templates| templates.before);
        let last = Said::latest(known.into_iter().chain(logged));
        last.is_some_and(|said| said.wish == Wish::Stop)
    }

    /// What counted of what the client said, if that was to be known at this moment.
    fn counts(&self, recorded: &RecordedEvent, client: ClientId, at: Timestamp) -> Option<Said> {
        let logged = self.said.get(&(recorded.company.clone(), client));
        logged.filter(|(_, since)| at > *since + TOLERANCE).map(|(said, _)| *said)
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
        for ((company, client), (said, _)) in self.said {
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
