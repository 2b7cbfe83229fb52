//! Taking messages out of the queue.

use std::time::Duration;

use chrono::TimeDelta;
use domain::ids::{CompanyId, MessageId, RequestId};
use domain::input::{MessageReference, Timestamp};
use domain::outbound::OutboundMessage;
use sqlx::FromRow;
use sqlx::types::Json;
use uuid::Uuid;

use super::{Claimed, SendQueue, Withdrawn};
use crate::error::DatabaseError;

/// How often one claim looks, if all that it finds has to wait: leases and `now` grow old meanwhile.
const LOOKS: usize = 16;
/// When a row that this program cannot read is looked at again.
const UNREADABLE: TimeDelta = TimeDelta::seconds(60);

impl SendQueue {
    /// Takes up to `limit` messages whose time has come, oldest first, for `lease`; committed
    /// when it returns. Of the messages from one number to one client only the oldest that is
    /// not settled is taken: none overtakes another. What would be faster than [`Self::at`] says, or
    /// [rests](Self::rest), is put back until it may go.
    ///
    /// A claim that is neither settled nor put back when its lease ends counts as a crash
    /// between call and record: the message can be claimed again, marked
    /// [`Claimed::previous_unresolved`]. So `lease` must be longer than the longest call.
    ///
    /// Whether it may still be sent is looked up in the same statement, for each attempt anew
    /// (`migrations/0076_send_paces.sql`, `migrations/0071_why_withdrawn.sql`).
    ///
    /// A row that this program cannot read (a newer one has written it) is put back, reported in the
    /// log, and looked at again a minute later. What the same number has for the same client after it
    /// waits for it; nobody else does.
    ///
    /// # Errors
    /// If the database fails. Where the answer was lost, the rows come back after `lease`.
    pub async fn claim(
        &self,
        now: Timestamp,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<Claimed>, DatabaseError> {
        let lease_end = TimeDelta::from_std(lease).ok().and_then(|l| now.checked_add_signed(l));
        let lease_end = lease_end.unwrap_or(Timestamp::MAX_UTC);
        let mut rows = vec![];
        for _ in 0..LOOKS {
            let query = sqlx::query_as(CLAIM).bind(now).bind(i64::from(limit)).bind(lease_end);
            let due: Vec<Row> = self.paces.bind(query).fetch_all(&self.pool).await?;
            let nothing = due.is_empty();
            rows.extend(due.into_iter().filter(|row| row.goes));
            // Where all that were due have to wait, others may be due after them.
            if nothing || !rows.is_empty() {
                break;
            }
        }
        rows.sort_by_key(|row| row.position);
        let mut claimed = Vec::with_capacity(rows.len());
        for row in rows {
            let (id, attempt) = (row.message_id, row.attempts.unsigned_abs());
            if let Some(message) = row.claimed(now) {
                claimed.push(message);
                continue;
            }
            tracing::error!(message_id = %id, "a row of the send queue cannot be read; a newer program may");
            let later = now + UNREADABLE;
            if let Err(error) = self.put_back(MessageId::from_uuid(id), attempt, later, now).await {
                tracing::warn!(%error, "a row that cannot be read was not put back; it comes again when its lease ends");
            }
        }
        Ok(claimed)
    }

    /// When the next message can be claimed, if nothing new comes: a moment that has passed
    /// means now.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, DatabaseError> {
        Ok(sqlx::query_scalar(NEXT_DUE).fetch_optional(&self.pool).await?)
    }
}

#[derive(FromRow)]
struct Row {
    goes: bool,
    message_id: Uuid,
    request_id: Uuid,
    company: String,
    message: Option<Json<serde_json::Value>>,
    position: i64,
    attempts: i32,
    unresolved: bool,
    traceparent: Option<String>,
    withdrawn: Option<String>,
}

impl Row {
    fn claimed(self, now: Timestamp) -> Option<Claimed> {
        let Json(message) = self.message?;
        let message = serde_json::from_value::<OutboundMessage>(message).ok();
        let company = CompanyId::try_from(self.company).ok();
        let (message, company) = message.zip(company)?;
        let withdrawn = match self.withdrawn.as_deref() {
            None => None,
            Some("stopped") => Some(Withdrawn::Stopped),
            Some("moved") => Some(Withdrawn::Moved),
            Some(_) => Some(Withdrawn::Blocked),
        };
        Some(Claimed {
            expired: message.expires_at <= now,
            withdrawn,
            reference: MessageReference {
                request_id: RequestId::from_uuid(self.request_id),
                message_id: MessageId::from_uuid(self.message_id),
            },
            message,
            company,
            attempt: self.attempts.unsigned_abs(),
            first: self.attempts == 1,
            previous_unresolved: self.unresolved,
            traceparent: self.traceparent,
        })
    }
}

/// The number of attempts is not capped here: expiry ends them.
const CLAIM: &str = "SELECT * FROM claim_messages($1, $2, $3, $4, $5, $6, $7, $8)";

const NEXT_DUE: &str = "
    SELECT q.next_attempt_at
    FROM send_queue q
    WHERE q.state <> 'done'
      AND NOT EXISTS (
        SELECT FROM send_queue older
        WHERE older.state <> 'done' AND older.from_number = q.from_number
          AND older.recipient = q.recipient AND older.position < q.position)
    ORDER BY q.next_attempt_at, q.position
    LIMIT 1";
