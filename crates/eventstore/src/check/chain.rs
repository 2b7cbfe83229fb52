//! Positions, times and digests; the counter row; the inputs that the events came from.

use domain::input::Timestamp;
use sqlx::PgConnection;

use super::{CHECK, FindingKind, Findings, MOST_FINDINGS};
use crate::digest::is_chained;
use crate::error::During;
use crate::row::{LoggedEvent, signed};
use crate::{GENESIS, StoreError};

pub(super) struct Chain {
    position: u64,
    digest: Vec<u8>,
    recorded_at: Option<Timestamp>,
}

impl Default for Chain {
    fn default() -> Self {
        Self { position: 0, digest: GENESIS.to_vec(), recorded_at: None }
    }
}

impl Chain {
    /// Of the last event that was looked at.
    pub(super) const fn position(&self) -> u64 {
        self.position
    }

    /// After a fault it goes on from what is stored, so that one fault is one finding.
    pub(super) fn next(&mut self, logged: &LoggedEvent, findings: &mut Findings) {
        let event = &logged.recorded;
        findings.unless(event.position == self.position + 1, FindingKind::Positions, || {
            format!("position {} comes after {}", event.position, self.position)
        });
        findings.unless(
            self.recorded_at.is_none_or(|before| before <= event.recorded_at),
            FindingKind::Times,
            || format!("position {} is older than the one before", event.position),
        );
        findings.unless(is_chained(&self.digest, logged), FindingKind::Digest, || {
            format!("position {} is not what was recorded there", event.position)
        });
        self.position = event.position;
        self.digest.clone_from(&logged.digest);
        self.recorded_at = Some(event.recorded_at);
    }

    pub(super) async fn compare_head(
        &self,
        db: &mut PgConnection,
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        let head: Option<(i64, Vec<u8>)> = sqlx::query_as("SELECT position, digest FROM log_head")
            .fetch_optional(db)
            .await
            .during(CHECK)?;
        let agrees = head == Some((signed(self.position), self.digest.clone()));
        findings.unless(agrees, FindingKind::Head, || {
            format!("the counter row does not tell position {} and its digest", self.position)
        });
        Ok(())
    }
}

pub(super) async fn compare_inputs(
    db: &mut PgConnection,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let strays: Vec<i64> = sqlx::query_scalar(
        "SELECT e.position FROM events e \
         LEFT JOIN inputs i ON i.company = e.company AND i.input_id = e.causation_id \
         WHERE (e.position BETWEEN i.first_position AND i.last_position) IS NOT TRUE \
         ORDER BY e.position LIMIT $1",
    )
    .bind(MOST_FINDINGS as i64)
    .fetch_all(db)
    .await
    .during(CHECK)?;
    for position in strays {
        findings.add(FindingKind::Inputs, format!("position {position} belongs to no input"));
    }
    Ok(())
}
