//! Statuses of messages that nobody knows yet: `migrations/0077_early_statuses.sql`.

use domain::ids::{CompanyId, MessageId, RequestId, Wamid};
use domain::input::{MessageReference, MessageStatus};
use sqlx::types::Json;
use uuid::Uuid;

use crate::error::During;
use crate::{EventStore, StoreError};

const KEEP: &str = "keep statuses of unknown messages";
const FIND: &str = "find statuses that came early";

impl EventStore {
    /// Keeps statuses for a day, in case it is told later whose messages they are of; a second time
    /// nothing happens. Older ones go, two for each that comes.
    ///
    /// # Errors
    /// If the database does not answer; calling again is safe.
    pub async fn keep_early_statuses(
        &self,
        company: &CompanyId,
        statuses: &[&MessageStatus],
    ) -> Result<(), StoreError> {
        let wamids: Vec<_> = statuses.iter().map(|it| it.wamid.as_str()).collect();
        let names: Vec<_> = statuses.iter().map(|it| it.status.as_str()).collect();
        let bodies: Vec<_> = statuses.iter().map(Json).collect();
        sqlx::query(
            "WITH gone AS ( \
                 DELETE FROM early_statuses WHERE (company, wamid, status) IN ( \
                     SELECT company, wamid, status FROM early_statuses \
                     WHERE company = $1 AND kept_at < now() - interval '1 day' \
                     ORDER BY kept_at LIMIT 2 * cardinality($2::text[]))) \
             INSERT INTO early_statuses (company, wamid, status, body) \
             SELECT $1, new.* FROM unnest($2::text[], $3::text[], $4::json[]) AS new \
             ON CONFLICT DO NOTHING",
        )
        .bind(company.as_str())
        .bind(wamids)
        .bind(names)
        .bind(bodies)
        .execute(&self.pool)
        .await
        .during(KEEP)?;
        Ok(())
    }

    /// Those that are kept of these messages.
    ///
    /// # Errors
    /// If the database does not answer, or a status can't be read.
    pub async fn early_statuses(
        &self,
        company: &CompanyId,
        wamids: &[&Wamid],
    ) -> Result<Vec<MessageStatus>, StoreError> {
        let wamids: Vec<_> = wamids.iter().map(|wamid| wamid.as_str()).collect();
        let rows: Vec<(Json<serde_json::Value>,)> = sqlx::query_as(
            "SELECT e.body FROM unnest($2::text[]) AS asked (wamid) CROSS JOIN LATERAL ( \
                 SELECT body FROM early_statuses e \
                 WHERE e.company = $1 AND e.wamid = asked.wamid OFFSET 0) AS e",
        )
        .bind(company.as_str())
        .bind(wamids)
        .fetch_all(&self.pool)
        .await
        .during(FIND)?;
        rows.into_iter().map(|(Json(body),)| read(body)).collect()
    }

    /// Those that are kept of messages that are known by now, with whose they are: nobody may have
    /// come back to them.
    ///
    /// # Errors
    /// If the database does not answer, or a status can't be read.
    pub async fn early_statuses_of_known(
        &self,
        company: &CompanyId,
    ) -> Result<Vec<MessageStatus>, StoreError> {
        let rows: Vec<(Json<serde_json::Value>, Uuid, Uuid)> = sqlx::query_as(
            "SELECT e.body, m.request_id, m.message_id FROM early_statuses e CROSS JOIN LATERAL ( \
                 SELECT request_id, message_id FROM message_references m \
                 WHERE m.company = e.company AND m.wamid = e.wamid OFFSET 0) AS m \
             WHERE e.company = $1",
        )
        .bind(company.as_str())
        .fetch_all(&self.pool)
        .await
        .during(FIND)?;
        let known = rows.into_iter().map(|(Json(body), request_id, message_id)| {
            let request_id = RequestId::from_uuid(request_id);
            let message_id = MessageId::from_uuid(message_id);
            let reference = Some(MessageReference { request_id, message_id });
            Ok(MessageStatus { reference, ..read(body)? })
        });
        known.collect()
    }

    /// Whether any is kept.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn has_early_statuses(&self, company: &CompanyId) -> Result<bool, StoreError> {
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM early_statuses WHERE company = $1)")
            .bind(company.as_str())
            .fetch_one(&self.pool)
            .await
            .during(FIND)
    }
}

fn read(body: serde_json::Value) -> Result<MessageStatus, StoreError> {
    let unread = |_| StoreError::corrupt(FIND, "a status is not valid");
    serde_json::from_value(body).map_err(unread)
}
