//! What came of a claim.

use domain::ids::MessageId;
use domain::input::Timestamp;
use domain::outbound::SendError;

use super::SendQueue;
use crate::error::DatabaseError;

impl SendQueue {
    /// Nothing is left to send: WhatsApp took the message, or it is given up, and the receipt
    /// that says so is kept durably. The row's personal data go.
    ///
    /// # Errors
    /// If the database fails; calling again is safe, and so is not calling at all once the
    /// receipt has become an event.
    pub async fn done(&self, message_id: MessageId, now: Timestamp) -> Result<(), DatabaseError> {
        sqlx::query(DONE).bind(message_id.as_uuid()).bind(now).execute(&self.pool).await?;
        Ok(())
    }

    /// The attempt failed and another one is worth it at `at` (or at the message's expiry, if
    /// that comes sooner, so that it is given up in time). An error that is not definite leaves
    /// the message marked [`super::Claimed::previous_unresolved`].
    ///
    /// Gives `false`, and changes nothing, if the message was settled or claimed again meanwhile.
    ///
    /// # Errors
    /// If the database fails; the message then comes back when its lease ends.
    pub async fn retry_at(
        &self,
        message_id: MessageId,
        attempt: u32,
        at: Timestamp,
        error: &SendError,
        now: Timestamp,
    ) -> Result<bool, DatabaseError> {
        let class = serde_json::to_value(error.class)
            .map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
        let done = sqlx::query(RETRY)
            .bind(message_id.as_uuid())
            .bind(i64::from(attempt))
            .bind(at)
            .bind(error.code)
            .bind(class.as_str())
            .bind(!error.definite)
            .bind(now)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The message was not tried after all (its number or account rests, or the sender
    /// stops): it waits until `at`, or its expiry, and the attempt does not count. Its turn does: it is
    /// not counted once more, if it comes back soon.
    ///
    /// Gives `false`, and changes nothing, if the message was settled or claimed again meanwhile.
    ///
    /// # Errors
    /// If the database fails; the message then comes back when its lease ends.
    pub async fn put_back(
        &self,
        message_id: MessageId,
        attempt: u32,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, DatabaseError> {
        let done = sqlx::query(PUT_BACK)
            .bind(message_id.as_uuid())
            .bind(i64::from(attempt))
            .bind(at)
            .bind(now)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The claim was taken while an earlier one is still at work on the message: it goes on as
    /// that one's, until `until`, and does not count.
    ///
    /// Gives `false`, and changes nothing, if the message was settled or put back meanwhile.
    ///
    /// # Errors
    /// If the database fails; the message then comes back when its lease ends.
    pub async fn leave(
        &self,
        message_id: MessageId,
        attempt: u32,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, DatabaseError> {
        let done = sqlx::query(LEAVE)
            .bind(message_id.as_uuid())
            .bind(i64::from(attempt))
            .bind(until)
            .bind(now)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Messages of which nobody knows whether WhatsApp took them wait at least until `until` (or
    /// their expiry) for somebody to tell: to be called when the sender starts. What another
    /// sender is at is not disturbed. Tells how many wait longer than they would have.
    ///
    /// # Errors
    /// If the database fails; calling again is safe.
    pub async fn hold_unresolved(
        &self,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<u64, DatabaseError> {
        let done = sqlx::query(HOLD).bind(until).bind(now).execute(&self.pool).await?;
        Ok(done.rows_affected())
    }

    /// Removes up to `limit` rows that were settled before a moment, and tells how many.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn prune(&self, before: Timestamp, limit: u32) -> Result<u64, DatabaseError> {
        let done =
            sqlx::query(PRUNE).bind(before).bind(i64::from(limit)).execute(&self.pool).await?;
        Ok(done.rows_affected())
    }
}

const DONE: &str = "
    UPDATE send_queue
    SET state = 'done', message = NULL, recipient = NULL, updated_at = $2
    WHERE message_id = $1 AND state <> 'done'";

const LEAVE: &str = "
    UPDATE send_queue
    SET attempts = attempts - 1, next_attempt_at = $3, updated_at = $4
    WHERE message_id = $1 AND state = 'sending' AND attempts = $2";

const RETRY: &str = "
    UPDATE send_queue SET
        state = 'waiting',
        next_attempt_at = CASE WHEN expires_at > $7 THEN least($3, expires_at) ELSE $3 END,
        last_error_code = $4,
        last_error_class = $5,
        turn_at = NULL,
        unresolved = unresolved OR $6,
        updated_at = $7
    WHERE message_id = $1 AND attempts = $2 AND state = 'sending'";

const PUT_BACK: &str = "
    UPDATE send_queue SET
        state = 'waiting',
        attempts = attempts - 1,
        next_attempt_at = CASE WHEN expires_at > $4 THEN least($3, expires_at) ELSE $3 END,
        updated_at = $4
    WHERE message_id = $1 AND attempts = $2 AND state = 'sending'";

const HOLD: &str = "
    UPDATE send_queue SET
        next_attempt_at = least($1, expires_at),
        updated_at = $2
    WHERE (state = 'sending' OR state = 'waiting' AND unresolved)
      AND next_attempt_at < least($1, expires_at)";

const PRUNE: &str = "
    DELETE FROM send_queue WHERE message_id IN (
        SELECT message_id FROM send_queue
        WHERE state = 'done' AND updated_at < $1
        ORDER BY updated_at
        LIMIT $2
        FOR UPDATE SKIP LOCKED)";
