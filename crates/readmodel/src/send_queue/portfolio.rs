//! WhatsApp's limit of a portfolio: with how many different clients it may begin to talk within a
//! moving 24 hours. `migrations/0061_portfolio_places.sql` counts them.

use domain::ids::{AppId, MessageId};
use domain::input::Timestamp;

use super::SendQueue;
use crate::error::DatabaseError;

impl SendQueue {
    /// Counts the client of a template that is about to be sent, if it is no answer to the client
    /// and the client not counted already. `None`: the template may go. Else: when to ask again.
    ///
    /// `most` is how many different clients the app's portfolio may write to in 24 hours. Of the
    /// templates that wait none is overtaken by one that was requested later. Asking twice for the
    /// same message counts once; several senders may ask at the same time.
    ///
    /// # Errors
    /// If the database fails; asking again is safe.
    pub async fn count_client(
        &self,
        app: &AppId,
        message_id: MessageId,
        most: u32,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, DatabaseError> {
        let waits = sqlx::query_scalar("SELECT count_client($1, $2, $3, $4)")
            .bind(app.as_str())
            .bind(message_id.as_uuid())
            .bind(i32::try_from(most).unwrap_or(i32::MAX))
            .bind(now)
            .fetch_one(&self.pool)
            .await?;
        Ok(waits)
    }

    /// A template was not sent after all: it neither waits nor counts, unless its client has got
    /// another one since. The one that waits for its place is tried at once.
    ///
    /// # Errors
    /// If the database fails; calling again is safe. Not calling at all costs the portfolio one
    /// client for the rest of the 24 hours.
    pub async fn uncount_client(
        &self,
        message_id: MessageId,
        now: Timestamp,
    ) -> Result<(), DatabaseError> {
        sqlx::query(UNCOUNT).bind(message_id.as_uuid()).bind(now).execute(&self.pool).await?;
        Ok(())
    }

    /// Has all templates tried that wait for a place: the limits may be others than before.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn try_waiting(&self, now: Timestamp) -> Result<(), DatabaseError> {
        sqlx::query(TRY_WAITING).bind(now).execute(&self.pool).await?;
        Ok(())
    }

    /// Has the first template tried that waits for a place in each portfolio: the one before it may have
    /// been given up at the moment at which it asked.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn try_first_waiting(&self, now: Timestamp) -> Result<(), DatabaseError> {
        sqlx::query(TRY_FIRST_WAITING).bind(now).execute(&self.pool).await?;
        Ok(())
    }

    /// Forgets who was counted last before a moment (more than a day ago, or who is still counted
    /// would be forgotten too), and what waits no more.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn forget_counted(&self, before: Timestamp) -> Result<(), DatabaseError> {
        sqlx::query(FORGET).bind(before).execute(&self.pool).await?;
        Ok(())
    }
}

const UNCOUNT: &str = "
    WITH waits_no_more AS (DELETE FROM portfolio_waiting WHERE message_id = $1),
    freed AS (
        UPDATE portfolio_places SET client = NULL, message_id = NULL, counted_at = 'epoch'
        WHERE message_id = $1 RETURNING app)
    UPDATE send_queue q SET next_attempt_at = $2
    FROM freed CROSS JOIN LATERAL (
        SELECT w.message_id FROM portfolio_waiting w
        WHERE w.app = freed.app AND w.message_id <> $1 ORDER BY w.position LIMIT 1) AS next
    WHERE q.message_id = next.message_id AND q.state = 'waiting' AND q.next_attempt_at > $2";

const TRY_WAITING: &str = "
    UPDATE send_queue q SET next_attempt_at = $1 FROM portfolio_waiting w
    WHERE q.message_id = w.message_id AND q.state = 'waiting' AND q.next_attempt_at > $1";

const TRY_FIRST_WAITING: &str = "
    UPDATE send_queue q SET next_attempt_at = $1 FROM (
        SELECT DISTINCT ON (w.app) w.message_id FROM portfolio_waiting w
        JOIN send_queue s ON s.message_id = w.message_id AND s.state <> 'done'
        ORDER BY w.app, w.position) AS first
    WHERE q.message_id = first.message_id AND q.state = 'waiting' AND q.next_attempt_at > $1";

const FORGET: &str = "
    WITH waits_no_more AS (
        DELETE FROM portfolio_waiting w WHERE NOT EXISTS (
            SELECT FROM send_queue q WHERE q.message_id = w.message_id AND q.state <> 'done'))
    UPDATE portfolio_places SET client = NULL, message_id = NULL
    WHERE client IS NOT NULL AND counted_at < $1";
