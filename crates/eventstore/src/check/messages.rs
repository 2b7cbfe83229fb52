//! Requests: their outcomes, and the references of their messages.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use domain::flow::MOST_NUMBERS;
use domain::ids::{MessageId, RequestId, RoomId, Wamid};
use domain::request::RequestEvent;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{CHECK, FindingKind, Findings};
use crate::StoreError;
use crate::error::During;

/// What matters here of a request.
#[derive(Default)]
pub(super) struct FoldedRequest {
    company: String,
    outcomes: u32,
    accepted: BTreeSet<(Wamid, MessageId)>,
}

impl FoldedRequest {
    pub(super) fn evolve(&mut self, event: &RequestEvent) {
        match event {
            RequestEvent::OutcomeRecorded { .. } => self.outcomes += 1,
            RequestEvent::MessageAccepted { message_id, wamid, .. } => {
                self.accepted.insert((wamid.clone(), *message_id));
            }
            RequestEvent::OnboardingRequested { company, .. } => {
                self.company = company.to_string();
            }
            // Read without their payloads: see `streams::PAYLOAD`.
            RequestEvent::DecisionMade { .. }
            | RequestEvent::ClientsLinked { .. }
            | RequestEvent::IdentifiersTakenOver { .. }
            | RequestEvent::IdentifiersLeft { .. }
            | RequestEvent::MessageRequested { .. }
            | RequestEvent::MessageAttempted { .. }
            | RequestEvent::MessageStatusChanged { .. }
            | RequestEvent::MessageFailed { .. }
            | RequestEvent::TemplatesStopped { .. }
            | RequestEvent::TemplatesStarted { .. } => {}
        }
    }
}

/// The requests of this batch, and how many rows all of them so far had.
#[derive(Default)]
pub(super) struct Messages {
    folded: BTreeMap<Uuid, FoldedRequest>,
    seen: usize,
}

impl Messages {
    pub(super) fn add(&mut self, id: RequestId, request: FoldedRequest) {
        self.folded.insert(id.as_uuid(), request);
    }

    pub(super) async fn compare(
        &mut self,
        db: &mut PgConnection,
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        if self.folded.is_empty() {
            return Ok(());
        }
        let folded = std::mem::take(&mut self.folded);
        compare_outcomes(db, &folded, findings).await?;
        let told = folded.values().flat_map(|r| r.accepted.iter().map(|(w, _)| (&r.company, w)));
        let (companies, wamids): (Vec<String>, Vec<String>) =
            told.map(|(company, wamid)| (company.clone(), wamid.to_string())).unzip();
        let rows: Vec<(Uuid, String, Uuid)> = sqlx::query_as(
            "SELECT m.* FROM unnest($1::text[], $2::text[]) AS told (company, wamid) \
             CROSS JOIN LATERAL (SELECT request_id, wamid, message_id FROM message_references m \
             WHERE m.company = told.company AND m.wamid = told.wamid OFFSET 0) AS m",
        )
        .bind(companies)
        .bind(wamids)
        .fetch_all(db)
        .await
        .during(CHECK)?;
        self.seen += rows.len();
        let mut there: BTreeMap<Uuid, BTreeSet<(String, Uuid)>> = BTreeMap::new();
        for (id, wamid, message_id) in rows {
            there.entry(id).or_default().insert((wamid, message_id));
        }
        for (id, request) in &folded {
            let accepted: BTreeSet<_> =
                request.accepted.iter().map(|(w, m)| (w.to_string(), m.as_uuid())).collect();
            let agree = there.remove(id).unwrap_or_default() == accepted;
            findings.unless(agree, FindingKind::Messages, || format!("request {id}"));
        }
        Ok(())
    }

    pub(super) async fn compare_rest(
        &self,
        db: &mut PgConnection,
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        let there: i64 = sqlx::query_scalar("SELECT count(*) FROM message_references")
            .fetch_one(db)
            .await
            .during(CHECK)?;
        let seen = self.seen;
        findings.unless(there == seen as i64, FindingKind::Messages, || {
            format!("message_references has {there} rows, {seen} of them of requests in the log")
        });
        Ok(())
    }
}

/// Two outcomes are never right; none is, while the request's room is under way.
async fn compare_outcomes(
    db: &mut PgConnection,
    folded: &BTreeMap<Uuid, FoldedRequest>,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let open: Vec<Uuid> =
        folded.iter().filter(|(_, r)| r.outcomes == 0).map(|(id, _)| *id).collect();
    // On how many numbers so ever a request has tried its invitation.
    let opened_by = |id: &Uuid| {
        let request = RequestId::from_uuid(*id);
        (0..MOST_NUMBERS).map(move |failed| RoomId::opened_after(request, failed).as_uuid())
    };
    let rooms: Vec<Uuid> = open.iter().flat_map(opened_by).collect();
    let under_way: Vec<Uuid> = sqlx::query_scalar(
        "SELECT room_id FROM rooms \
         WHERE room_id = ANY ($1) AND phase IN ('reserved', 'invited')",
    )
    .bind(rooms)
    .fetch_all(db)
    .await
    .during(CHECK)?;
    let under_way: HashSet<Uuid> = under_way.into_iter().collect();
    for id in &open {
        if !opened_by(id).any(|room| under_way.contains(&room)) {
            findings.add(FindingKind::NoOutcome, format!("request {id}"));
        }
    }
    for (id, request) in folded.iter().filter(|(_, request)| request.outcomes > 1) {
        let what = format!("request {id} has {} outcomes", request.outcomes);
        findings.add(FindingKind::SecondOutcome, what);
    }
    Ok(())
}
