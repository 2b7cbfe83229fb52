//! What becomes of parked inputs that are not decided after all: they are dropped, or their retry
//! can't be done. Both stay on record, with who wanted it and why.

use domain::ids::{CompanyId, OperationId};
use domain::input::Timestamp;
use domain::{Personal, Reason};
use sqlx::{Postgres, Transaction};

use crate::error::During;
use crate::row::signed;
use crate::{EventStore, StoreError};

const DROP: &str = "drop a parked input";
const FAILED: &str = "record that a parked input can't be put back";

/// Who drops a parked input, and why.
#[derive(Clone, Copy, Debug)]
pub struct Dropping<'a> {
    /// The operator's command; `None`: by hand.
    pub operation_id: Option<OperationId>,
    /// Who.
    pub actor: &'a Personal<String>,
    /// Why.
    pub reason: &'a Personal<Reason>,
    /// When.
    pub at: Timestamp,
}

/// What became of the wish to drop a parked input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropRequest {
    /// It is parked no more, and who dropped it and why is on record.
    Dropped,
    /// It was dropped before; that stays as it is recorded.
    DroppedBefore,
    /// There is no such parked input.
    NoSuchInput,
    /// Somebody wants it put back, and that is not done yet.
    RetryUnderWay,
}

impl EventStore {
    /// Drops a parked input, of a company if one is named. Its bytes go; what it was stays, with who
    /// dropped it and why.
    ///
    /// # Errors
    /// If the database does not answer; asking again is safe.
    pub async fn drop_parked(
        &self,
        company: Option<&CompanyId>,
        id: u64,
        dropping: &Dropping<'_>,
    ) -> Result<DropRequest, StoreError> {
        let mut transaction = self.pool.begin().await.during(DROP)?;
        let company = company.map(CompanyId::as_str);
        let held: Option<bool> = sqlx::query_scalar(
            "SELECT true FROM parked_inputs \
             WHERE id = $1 AND ($2::text IS NULL OR company = $2) FOR UPDATE",
        )
        .bind(signed(id))
        .bind(company)
        .fetch_optional(&mut *transaction)
        .await
        .during(DROP)?;
        if held.is_none() {
            let before = was_dropped(&mut transaction, company, id).await?;
            return Ok(if before { DropRequest::DroppedBefore } else { DropRequest::NoSuchInput });
        }
        // Only now, when nobody can take it away any more.
        let is_wanted: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM parked_retries \
             WHERE parked_id = $1 AND put_back_at IS NULL)",
        )
        .bind(signed(id))
        .fetch_one(&mut *transaction)
        .await
        .during(DROP)?;
        if is_wanted {
            return Ok(DropRequest::RetryUnderWay);
        }
        sqlx::query(
            "WITH gone AS (DELETE FROM parked_inputs WHERE id = $1 RETURNING *) \
             INSERT INTO parked_outcomes (parked_id, outcome, inbox_sequence, company, subject, \
                 code, reason, bytes, payload_sha256, parked_at, traceparent, operation_id, actor, \
                 why, at) \
             SELECT id, 'dropped', inbox_sequence, company, subject, code, reason, \
                 octet_length(payload), payload_sha256, parked_at, traceparent, $2, $3, $4, $5 \
             FROM gone",
        )
        .bind(signed(id))
        .bind(dropping.operation_id.map(|operation| operation.as_uuid()))
        .bind(dropping.actor.expose())
        .bind(dropping.reason.expose().as_str())
        .bind(dropping.at)
        .execute(&mut *transaction)
        .await
        .during(DROP)?;
        transaction.commit().await.during(DROP)?;
        Ok(DropRequest::Dropped)
    }
}

async fn was_dropped(
    transaction: &mut Transaction<'static, Postgres>,
    company: Option<&str>,
    id: u64,
) -> Result<bool, StoreError> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM parked_outcomes WHERE parked_id = $1 \
         AND outcome = 'dropped' AND ($2::text IS NULL OR company = $2))",
    )
    .bind(signed(id))
    .bind(company)
    .fetch_one(&mut **transaction)
    .await
    .during(DROP)
}

/// The wish to put an input back is over, and what stood against it is on record.
pub(crate) async fn retry_failed(
    transaction: &mut Transaction<'static, Postgres>,
    id: u64,
    problem: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "WITH wish AS (DELETE FROM parked_retries WHERE parked_id = $1 \
             RETURNING operation_id, actor) \
         INSERT INTO parked_outcomes (parked_id, outcome, inbox_sequence, company, subject, code, \
             reason, bytes, payload_sha256, parked_at, traceparent, operation_id, actor, why, at) \
         SELECT p.id, 'retry-failed', p.inbox_sequence, p.company, p.subject, p.code, p.reason, \
             octet_length(p.payload), p.payload_sha256, p.parked_at, p.traceparent, \
             wish.operation_id, wish.actor, $2, $3 \
         FROM parked_inputs p CROSS JOIN wish WHERE p.id = $1",
    )
    .bind(signed(id))
    .bind(problem)
    .bind(at)
    .execute(&mut **transaction)
    .await
    .during(FAILED)?;
    Ok(())
}
