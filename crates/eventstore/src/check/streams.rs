//! Stream by stream: sequences without holes, and what the folded states say about the tables.

use domain::ids::{ProfileId, RequestId};
use domain::pool::SecondaryNumberPool;
use domain::profile::ClientProfile;
use domain::record::RecordedEvent;
use domain::{AggregateType, AnyEvent};
use sqlx::PgConnection;

use super::messages::{FoldedRequest, Messages};
use super::pools::Pools;
use super::profiles::Profiles;
use super::{FindingKind, Findings};
use crate::StoreError;

/// The payload of an event `e`; empty if [`FoldedRequest`] makes nothing of the event. That it can
/// be read is checked in the order of positions.
pub(super) const PAYLOAD: &str = "CASE WHEN e.aggregate_type = 'onboarding-request' \
     AND e.event_type IN ('decision-made', 'message-requested', 'message-attempted', \
     'message-status-changed', 'message-failed', 'templates-stopped', 'templates-started') \
     THEN '' ELSE e.payload::text END";

/// One stream, folded as far as it was read.
enum Folded {
    Request(RequestId, FoldedRequest),
    Profile(ProfileId, ClientProfile),
    Pool(String, SecondaryNumberPool),
}

/// The stream that is being read, and the finished ones of this batch.
#[derive(Default)]
pub(super) struct Streams {
    name: (String, String),
    sequence: u64,
    /// `None` before the first event, and after one that cannot be read.
    folded: Option<Folded>,
    profiles: Profiles,
    messages: Messages,
    pools: Pools,
}

impl Streams {
    pub(super) fn next(&mut self, event: &RecordedEvent, findings: &mut Findings) {
        if (&self.name.0, &self.name.1) != (&event.aggregate_type, &event.aggregate_id) {
            self.end();
            self.name = (event.aggregate_type.clone(), event.aggregate_id.clone());
            self.sequence = 0;
        }
        findings.unless(event.sequence == self.sequence + 1, FindingKind::Sequences, || {
            let (kind, id) = &self.name;
            format!("{kind} {id}: sequence {} comes after {}", event.sequence, self.sequence)
        });
        let happened = if is_left_out(event) { Ok(None) } else { AnyEvent::read(event).map(Some) };
        let before = if self.sequence == 0 { Folded::empty(event) } else { self.folded.take() };
        self.folded = match happened {
            Ok(None) => before,
            Ok(Some(happened)) => before.and_then(|folded| folded.after(&happened)),
            Err(_) => None,
        };
        self.sequence = event.sequence;
    }

    /// The stream has no more events.
    fn end(&mut self) {
        match self.folded.take() {
            Some(Folded::Request(id, request)) => self.messages.add(id, request),
            Some(Folded::Profile(id, profile)) => self.profiles.add(id, profile),
            Some(Folded::Pool(id, pool)) => self.pools.add(id, pool),
            None => {}
        }
    }

    /// Compares the finished streams with the tables.
    pub(super) async fn compare(
        &mut self,
        db: &mut PgConnection,
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        self.profiles.compare(db, findings).await?;
        self.messages.compare(db, findings).await?;
        self.pools.compare(db, findings).await
    }

    /// After the last batch: the last stream, and what the tables have beyond the streams.
    pub(super) async fn finish(
        &mut self,
        db: &mut PgConnection,
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        self.end();
        self.compare(db, findings).await?;
        self.profiles.compare_rest(db, findings).await?;
        self.messages.compare_rest(db, findings).await?;
        self.pools.compare_rest(db, findings).await
    }
}

/// Whether an event was read without its payload.
fn is_left_out(event: &RecordedEvent) -> bool {
    event.payload.is_empty()
}

impl Folded {
    /// The state before a stream's first event.
    fn empty(first: &RecordedEvent) -> Option<Self> {
        let id = &first.aggregate_id;
        let kind = AggregateType::ALL.iter().find(|kind| kind.as_str() == first.aggregate_type)?;
        Some(match kind {
            AggregateType::OnboardingRequest => {
                Self::Request(id.parse().ok()?, FoldedRequest::default())
            }
            AggregateType::ClientProfile => {
                Self::Profile(id.parse().ok()?, ClientProfile::default())
            }
            AggregateType::SecondaryNumberPool => {
                Self::Pool(id.clone(), SecondaryNumberPool::default())
            }
        })
    }

    fn after(mut self, event: &AnyEvent) -> Option<Self> {
        match (&mut self, event) {
            (Self::Request(_, request), AnyEvent::Request(event)) => request.evolve(event),
            (Self::Profile(_, profile), AnyEvent::Profile(event)) => profile.evolve(event),
            (Self::Pool(_, pool), AnyEvent::Pool(event)) => pool.evolve(event),
            _ => return None,
        }
        Some(self)
    }
}
