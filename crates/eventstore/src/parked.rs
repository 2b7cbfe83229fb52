//! Inputs that could not be decided: kept with the reason, in nobody's way.

use domain::ids::CompanyId;
use domain::input::Timestamp;

use crate::error::During;
use crate::row::{parse, signed, unsigned};
use crate::{EventStore, StoreError};

const PARK: &str = "park an input";
const READ: &str = "read parked inputs";
const OWN: &str = "record whose a parked input is";

/// What [`Row`] reads.
const COLUMNS: &str =
    "id, inbox_sequence, company, subject, code, reason, payload, parked_at, traceparent";

/// An input to park. It may hold personal data.
#[derive(Clone)]
pub struct NewParkedInput {
    /// Its place in INBOX.
    pub inbox_sequence: u64,
    /// Its company, if that could be told.
    pub company: Option<CompanyId>,
    /// The subject that it came on.
    pub subject: String,
    /// What is wrong with it, for machines.
    pub code: String,
    /// What is wrong with it, in words, without personal data.
    pub reason: String,
    /// Its bytes.
    pub payload: Vec<u8>,
    /// When it was given up.
    pub parked_at: Timestamp,
    /// W3C trace context in which it came.
    pub traceparent: Option<String>,
}

impl std::fmt::Debug for NewParkedInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewParkedInput")
            .field("inbox_sequence", &self.inbox_sequence)
            .field("code", &self.code)
            .finish_non_exhaustive()
    }
}

/// An input that is parked.
#[derive(Clone, Debug)]
pub struct ParkedInput {
    /// Its number here.
    pub id: u64,
    /// The input.
    pub input: NewParkedInput,
}

type Row = (i64, i64, Option<String>, String, String, String, Vec<u8>, Timestamp, Option<String>);

impl EventStore {
    /// Parks an input; the same one a second time keeps the first reason.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn park(&self, input: &NewParkedInput) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO parked_inputs \
             (inbox_sequence, company, subject, code, reason, payload, parked_at, traceparent) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
             ON CONFLICT (inbox_sequence, payload_sha256) DO NOTHING",
        )
        .bind(signed(input.inbox_sequence))
        .bind(input.company.as_ref().map(CompanyId::as_str))
        .bind(&input.subject)
        .bind(&input.code)
        .bind(&input.reason)
        .bind(&input.payload)
        .bind(input.parked_at)
        .bind(&input.traceparent)
        .execute(&self.pool)
        .await
        .during(PARK)?;
        Ok(())
    }

    /// The latest parked inputs, newest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn parked(&self, limit: u32) -> Result<Vec<ParkedInput>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(&format!(
            "SELECT {COLUMNS} FROM parked_inputs ORDER BY id DESC LIMIT $1"
        ))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .during(READ)?;
        rows.into_iter().map(read).collect()
    }

    /// One of them.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn parked_input(&self, id: u64) -> Result<Option<ParkedInput>, StoreError> {
        let row: Option<Row> =
            sqlx::query_as(&format!("SELECT {COLUMNS} FROM parked_inputs WHERE id = $1"))
                .bind(signed(id))
                .fetch_optional(&self.pool)
                .await
                .during(READ)?;
        row.map(read).transpose()
    }

    /// Those with this code that are of no company, after a number, in their order.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn parked_of_nobody(
        &self,
        code: &str,
        after: u64,
        limit: u32,
    ) -> Result<Vec<ParkedInput>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(&format!(
            "SELECT {COLUMNS} FROM parked_inputs \
             WHERE company IS NULL AND id > $1 AND code = $2 ORDER BY id LIMIT $3"
        ))
        .bind(signed(after))
        .bind(code)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .during(READ)?;
        rows.into_iter().map(read).collect()
    }

    /// One that was of no company is this one's from now on. What has a company keeps it.
    ///
    /// # Errors
    /// If the database does not answer; doing it again is safe.
    pub async fn parked_is_of(&self, id: u64, company: &CompanyId) -> Result<(), StoreError> {
        sqlx::query("UPDATE parked_inputs SET company = $2 WHERE id = $1 AND company IS NULL")
            .bind(signed(id))
            .bind(company.as_str())
            .execute(&self.pool)
            .await
            .during(OWN)?;
        Ok(())
    }
}

fn read(row: Row) -> Result<ParkedInput, StoreError> {
    let (id, sequence, company, subject, code, reason, payload, parked_at, traceparent) = row;
    let company = company.map(|company| parse(READ, "company", &company)).transpose()?;
    let inbox_sequence = unsigned(READ, sequence)?;
    let input = NewParkedInput {
        inbox_sequence,
        company,
        subject,
        code,
        reason,
        payload,
        parked_at,
        traceparent,
    };
    Ok(ParkedInput { id: unsigned(READ, id)?, input })
}
