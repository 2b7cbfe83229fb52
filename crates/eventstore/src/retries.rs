//! Parked inputs that operators have put back into their lanes: the wish first, and who has it; then,
//! by whoever publishes inputs, the deed.

use domain::Personal;
use domain::ids::{CompanyId, OperationId};
use domain::input::Timestamp;
use sqlx::{Postgres, Transaction};

use crate::error::During;
use crate::parked_outcomes::retry_failed;
use crate::row::{parse, signed, unsigned};
use crate::{EventStore, StoreError};

const ASK: &str = "record that a parked input is to be put back";
const NEXT: &str = "look for a parked input to put back";
const DONE: &str = "record that a parked input was put back";

/// What became of an operator's wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryRequest {
    /// It is on record, now or before: the input is put back once, by whomever it was asked for.
    Requested,
    /// The company has no such parked input.
    NoSuchInput,
    /// It is a part of something too large, and no input.
    NotRetriable,
}

/// A parked input that is being put back, which nobody else has meanwhile. Dropped without a word it
/// is still to be put back. No `Debug`: it holds personal data.
pub struct PuttingBack {
    transaction: Transaction<'static, Postgres>,
    id: u64,
    /// Its company.
    pub company: Option<CompanyId>,
    /// The subject that it came on.
    pub subject: String,
    /// What was wrong with it, for machines.
    pub code: String,
    /// Its bytes.
    pub payload: Vec<u8>,
    /// W3C trace context in which it came.
    pub traceparent: Option<String>,
}

impl EventStore {
    /// Records that a company's parked input is to be put back, and who wants it. However often and by
    /// whomever it is asked for, it is put back once.
    ///
    /// # Errors
    /// If the database does not answer; asking again is safe.
    pub async fn request_retry(
        &self,
        company: &CompanyId,
        id: u64,
        operation_id: OperationId,
        actor: &Personal<String>,
        at: Timestamp,
    ) -> Result<RetryRequest, StoreError> {
        sqlx::query(
            "INSERT INTO parked_retries \
             (parked_id, company, subject, payload_sha256, operation_id, actor, requested_at) \
             SELECT id, company, subject, payload_sha256, $3, $4, $5 FROM parked_inputs \
             WHERE id = $1 AND company = $2 AND code <> 'too-large' FOR UPDATE \
             ON CONFLICT (parked_id) DO NOTHING", // asked for before
        )
        .bind(signed(id))
        .bind(company.as_str())
        .bind(operation_id.as_uuid())
        .bind(actor.expose())
        .bind(at)
        .execute(&self.pool)
        .await
        .during(ASK)?;
        let (is_asked, is_parked): (bool, bool) = sqlx::query_as(
            "SELECT EXISTS (SELECT FROM parked_retries WHERE parked_id = $1 AND company = $2), \
             EXISTS (SELECT FROM parked_inputs WHERE id = $1 AND company = $2)",
        )
        .bind(signed(id))
        .bind(company.as_str())
        .fetch_one(&self.pool)
        .await
        .during(ASK)?;
        Ok(match (is_asked, is_parked) {
            (true, _) => RetryRequest::Requested,
            (false, true) => RetryRequest::NotRetriable,
            (false, false) => RetryRequest::NoSuchInput,
        })
    }

    /// The next parked input that is to be put back, if there is one that nobody is putting back.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn next_to_put_back(&self) -> Result<Option<PuttingBack>, StoreError> {
        type Row = (i64, Option<String>, String, String, Vec<u8>, Option<String>);
        let mut transaction = self.pool.begin().await.during(NEXT)?;
        let next: Option<Row> = sqlx::query_as(
            "SELECT p.id, p.company, p.subject, p.code, p.payload, p.traceparent \
             FROM parked_retries r JOIN parked_inputs p ON p.id = r.parked_id \
             WHERE r.put_back_at IS NULL ORDER BY r.parked_id LIMIT 1 FOR UPDATE OF r SKIP LOCKED",
        )
        .fetch_optional(&mut *transaction)
        .await
        .during(NEXT)?;
        let Some((id, company, subject, code, payload, traceparent)) = next else {
            return Ok(None);
        };
        let id = unsigned(NEXT, id)?;
        let company = company.map(|company| parse(NEXT, "company", &company)).transpose()?;
        Ok(Some(PuttingBack { transaction, id, company, subject, code, payload, traceparent }))
    }

    /// A parked input was put back by hand: who did it stays, and it is parked no more.
    ///
    /// # Errors
    /// If the database does not answer; then it is still parked.
    pub async fn put_back_by_hand(
        &self,
        id: u64,
        actor: &Personal<String>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "WITH put_back AS ( \
                 INSERT INTO parked_retries \
                 (parked_id, company, subject, payload_sha256, actor, requested_at, put_back_at) \
                 SELECT id, company, subject, payload_sha256, $2, $3, $3 \
                 FROM parked_inputs WHERE id = $1 \
                 ON CONFLICT (parked_id) DO UPDATE SET put_back_at = excluded.put_back_at \
             ) DELETE FROM parked_inputs WHERE id = $1",
        )
        .bind(signed(id))
        .bind(actor.expose())
        .bind(at)
        .execute(&self.pool)
        .await
        .during(DONE)?;
        Ok(())
    }
}

impl PuttingBack {
    /// Its number among the parked ones.
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// It is back in its lane: it is parked no more.
    ///
    /// # Errors
    /// If the database does not answer; then it is put back again, and recognised there.
    pub async fn done(self, at: Timestamp) -> Result<(), StoreError> {
        let Self { mut transaction, id, .. } = self;
        sqlx::query("UPDATE parked_retries SET put_back_at = $2 WHERE parked_id = $1")
            .bind(signed(id))
            .bind(at)
            .execute(&mut *transaction)
            .await
            .during(DONE)?;
        sqlx::query("DELETE FROM parked_inputs WHERE id = $1")
            .bind(signed(id))
            .execute(&mut *transaction)
            .await
            .during(DONE)?;
        transaction.commit().await.during(DONE)
    }

    /// It can't be put back as it is: it stays parked, nobody waits for it any more, and what stands
    /// against it is on record.
    ///
    /// # Errors
    /// If the database does not answer; then it is tried again.
    pub async fn give_up(self, problem: &str, at: Timestamp) -> Result<(), StoreError> {
        let Self { mut transaction, id, .. } = self;
        retry_failed(&mut transaction, id, problem, at).await?;
        transaction.commit().await.during(DONE)
    }
}
