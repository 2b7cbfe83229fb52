//! Statuses of messages that nobody knows yet: `migrations/0077_early_statuses.sql`. They are looked up
//! with everything else that inputs need: [`EventStore::look_up`].

use domain::ids::{CompanyId, MessageId, RequestId};
use domain::input::{MessageReference, MessageStatus};
use sqlx::types::Json;
use uuid::Uuid;

use crate::error::During;
use crate::{EventStore, StoreError};

const KEEP: &str = "keep statuses of unknown messages";
const FIND: &str = "find statuses that came early";

impl EventStore {
    /// Keeps statuses for an hour, in case it is told later whose messages they are of; a second time
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
                     WHERE company = $1 AND kept_at < now() - interval '1 hour' \
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

    /// Those that are kept of messages that are known by now, with whose they are: nobody may have
    /// come back to them. Of many, the last 512.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn early_statuses_of_known(
        &self,
        company: &CompanyId,
    ) -> Result<Vec<MessageStatus>, StoreError> {
        let rows: Vec<(Json<serde_json::Value>, Uuid, Uuid)> = sqlx::query_as(
            "SELECT e.body, m.request_id, m.message_id FROM early_statuses e CROSS JOIN LATERAL ( \
                 SELECT request_id, message_id FROM message_references m \
                 WHERE m.company = e.company AND m.wamid = e.wamid OFFSET 0) AS m \
             WHERE e.company = $1 AND e.kept_at > now() - interval '1 hour' \
             ORDER BY e.kept_at DESC LIMIT 512",
        )
        .bind(company.as_str())
        .fetch_all(&self.pool)
        .await
        .during(FIND)?;
        let known = rows.into_iter().filter_map(|(Json(body), request_id, message_id)| {
            let request_id = RequestId::from_uuid(request_id);
            let message_id = MessageId::from_uuid(message_id);
            let reference = Some(MessageReference { request_id, message_id });
            Some(MessageStatus { reference, ..read(body)? })
        });
        Ok(known.collect())
    }
}

/// One that can't be read, for a newer program has written it, costs the others nothing.
pub(crate) fn read(body: serde_json::Value) -> Option<MessageStatus> {
    let status = serde_json::from_value(body);
    status
        .inspect_err(|_| tracing::warn!("a status that came early can't be read; it is left out"))
        .ok()
}
