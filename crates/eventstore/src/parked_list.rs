//! Parked inputs as operators are shown them: what is wrong with each and what was done about it,
//! without its bytes.

use domain::Personal;
use domain::ids::CompanyId;
use domain::input::Timestamp;
use sqlx::FromRow;

use crate::error::During;
use crate::row::{parse, signed, unsigned};
use crate::{EventStore, StoreError};

const LIST: &str = "list parked inputs";
const HISTORY: &str = "read what was done with a parked input";

/// Which inputs; all that are parked if nothing is said.
#[derive(Clone, Debug, Default)]
pub struct ParkedFilter {
    /// Only this company's; `None`: everybody's, and those of nobody.
    pub company: Option<CompanyId>,
    /// Only the one with this number.
    pub id: Option<u64>,
    /// Only those with this code.
    pub code: Option<String>,
    /// Those that were dropped (`true`), are parked (`false`), or both.
    pub dropped: Option<bool>,
    /// Only those before this number.
    pub before: Option<u64>,
}

/// An input that is parked, or was dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedInput {
    /// Its number among the parked ones.
    pub id: u64,
    /// Its company, if that could be told.
    pub company: Option<CompanyId>,
    /// The subject that it came on.
    pub subject: String,
    /// What is wrong with it, for machines.
    pub code: String,
    /// What is wrong with it, in words, without personal data.
    pub reason: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// SHA-256 of its bytes.
    pub payload_sha256: Vec<u8>,
    /// Its place in INBOX.
    pub inbox_sequence: u64,
    /// W3C trace context in which it came.
    pub traceparent: Option<String>,
    /// When it was given up.
    pub parked_at: Timestamp,
    /// How often it was put back before, and parked again.
    pub tries: u64,
    /// Since when it is to be put back.
    pub retry_requested_at: Option<Timestamp>,
    /// Why the last retry could not be done.
    pub retry_failed: Option<RetryFailed>,
    /// Who dropped it, if somebody did.
    pub dropped: Option<Dropped>,
}

/// A retry that can't be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryFailed {
    /// When that was found.
    pub at: Timestamp,
    /// What stands against it.
    pub problem: String,
}

/// An input that was dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Personal<String>,
    /// Why.
    pub reason: Personal<String>,
}

/// Something that was done with a parked input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedStep {
    /// When.
    pub at: Timestamp,
    /// `retry-requested`, `put-back`, `retry-failed` or `dropped`.
    pub step: String,
    /// Who wanted it.
    pub actor: Personal<String>,
    /// Why it was dropped, or what stood against the retry.
    pub detail: Option<Personal<String>>,
}

#[derive(FromRow)]
struct Row {
    id: i64,
    company: Option<String>,
    subject: String,
    code: String,
    reason: String,
    bytes: i64,
    payload_sha256: Vec<u8>,
    inbox_sequence: i64,
    traceparent: Option<String>,
    parked_at: Timestamp,
    tries: i64,
    retry_requested_at: Option<Timestamp>,
    failed_at: Option<Timestamp>,
    failed_why: Option<String>,
    dropped_at: Option<Timestamp>,
    dropped_by: Option<String>,
    dropped_why: Option<String>,
}

impl EventStore {
    /// At most `limit` of them, the newest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn parked_list(
        &self,
        filter: &ParkedFilter,
        limit: u32,
    ) -> Result<Vec<ListedInput>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT p.*, ( \
                 SELECT count(*) FROM parked_retries r WHERE r.payload_sha256 = p.payload_sha256 \
                 AND r.subject = p.subject AND r.put_back_at IS NOT NULL) AS tries, ( \
                 SELECT r.requested_at FROM parked_retries r \
                 WHERE r.parked_id = p.id AND r.put_back_at IS NULL) AS retry_requested_at, \
                 failed.at AS failed_at, failed.why AS failed_why \
             FROM ( \
                 SELECT id, company, subject, code, reason, octet_length(payload)::bigint AS bytes, \
                     payload_sha256, inbox_sequence, traceparent, parked_at, \
                     NULL::timestamptz AS dropped_at, NULL::text AS dropped_by, \
                     NULL::text AS dropped_why \
                 FROM parked_inputs \
                 UNION ALL \
                 SELECT parked_id, company, subject, code, reason, bytes, payload_sha256, \
                     inbox_sequence, traceparent, parked_at, at, actor, why \
                 FROM parked_outcomes WHERE outcome = 'dropped' \
             ) p \
             LEFT JOIN LATERAL ( \
                 SELECT o.at, o.why FROM parked_outcomes o \
                 WHERE o.parked_id = p.id AND o.outcome = 'retry-failed' \
                 ORDER BY o.id DESC LIMIT 1 \
             ) failed ON true \
             WHERE ($1::text IS NULL OR p.company = $1) AND ($2::bigint IS NULL OR p.id = $2) \
                 AND ($3::text IS NULL OR p.code = $3) \
                 AND ($4::boolean IS NULL OR (p.dropped_at IS NOT NULL) = $4) \
                 AND ($5::bigint IS NULL OR p.id < $5) \
             ORDER BY p.id DESC LIMIT $6",
        )
        .bind(filter.company.as_ref().map(CompanyId::as_str))
        .bind(filter.id.map(signed))
        .bind(&filter.code)
        .bind(filter.dropped)
        .bind(filter.before.map(signed))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .during(LIST)?;
        rows.into_iter().map(ListedInput::try_from).collect()
    }

    /// What was done with an input, in order: all of it, also under other numbers that it was parked
    /// with before and after.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn parked_history(&self, of: &ListedInput) -> Result<Vec<ParkedStep>, StoreError> {
        let rows: Vec<(Timestamp, String, String, Option<String>)> = sqlx::query_as(
            "SELECT at, step, actor, detail FROM ( \
                 SELECT requested_at AS at, 'retry-requested' AS step, actor, \
                     NULL::text AS detail, 1 AS place \
                 FROM parked_retries WHERE payload_sha256 = $1 AND subject = $2 \
                 UNION ALL \
                 SELECT put_back_at, 'put-back', actor, NULL, 2 \
                 FROM parked_retries WHERE payload_sha256 = $1 AND subject = $2 \
                     AND put_back_at IS NOT NULL \
                 UNION ALL \
                 SELECT at, outcome, actor, why, 3 \
                 FROM parked_outcomes WHERE payload_sha256 = $1 AND subject = $2 \
             ) steps ORDER BY at, place",
        )
        .bind(&of.payload_sha256)
        .bind(&of.subject)
        .fetch_all(&self.pool)
        .await
        .during(HISTORY)?;
        let step = |(at, step, actor, detail): (Timestamp, String, String, Option<String>)| {
            let detail = detail.map(Personal::new);
            ParkedStep { at, step, actor: Personal::new(actor), detail }
        };
        Ok(rows.into_iter().map(step).collect())
    }
}

impl TryFrom<Row> for ListedInput {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let company = row.company.map(|company| parse(LIST, "company", &company)).transpose()?;
        let failed = row.failed_at.zip(row.failed_why);
        let by = row.dropped_by.zip(row.dropped_why);
        Ok(Self {
            id: unsigned(LIST, row.id)?,
            company,
            subject: row.subject,
            code: row.code,
            reason: row.reason,
            bytes: unsigned(LIST, row.bytes)?,
            payload_sha256: row.payload_sha256,
            inbox_sequence: unsigned(LIST, row.inbox_sequence)?,
            traceparent: row.traceparent,
            parked_at: row.parked_at,
            tries: unsigned(LIST, row.tries)?,
            retry_requested_at: row.retry_requested_at,
            retry_failed: failed.map(|(at, problem)| RetryFailed { at, problem }),
            dropped: row.dropped_at.zip(by).map(|(at, (actor, reason))| Dropped {
                at,
                actor: Personal::new(actor),
                reason: Personal::new(reason),
            }),
        })
    }
}
