//! Snapshots: they spare a replay and are never the truth.

use crate::error::During;
use crate::row::{signed, unsigned};
use crate::{EventStore, Loaded, StoreError, StoredAggregate};

const SAVE: &str = "save a snapshot";
const READ: &str = "read snapshots";

impl EventStore {
    /// Keeps a state that was loaded, unless a newer one of the same shape is kept already.
    ///
    /// # Errors
    /// If the database does not answer; nothing is lost then.
    pub async fn save_snapshot<A: StoredAggregate>(
        &self,
        id: &A::Id,
        loaded: &Loaded<A>,
    ) -> Result<(), StoreError> {
        if loaded.version == 0 {
            return Ok(());
        }
        let payload = serde_json::to_string(&loaded.state)
            .map_err(|_| StoreError::misuse(SAVE, "the state has no JSON"))?;
        sqlx::query(
            "INSERT INTO snapshots AS s \
             (aggregate_type, aggregate_id, sequence, fingerprint, payload) \
             VALUES ($1, $2, $3, $4, $5::json) \
             ON CONFLICT (aggregate_type, aggregate_id) DO UPDATE SET \
             sequence = excluded.sequence, fingerprint = excluded.fingerprint, \
             payload = excluded.payload \
             WHERE s.fingerprint <> excluded.fingerprint OR s.sequence < excluded.sequence",
        )
        .bind(A::TYPE)
        .bind(id.to_string())
        .bind(signed(loaded.version))
        .bind(A::fingerprint())
        .bind(payload)
        .execute(&self.pool)
        .await
        .during(SAVE)?;
        Ok(())
    }

    /// Id, version and state of those snapshots that carry the fingerprint.
    pub(crate) async fn usable_snapshots(
        &self,
        kind: &str,
        ids: &[String],
        fingerprint: &str,
    ) -> Result<Vec<(String, u64, String)>, StoreError> {
        let rows: Vec<(String, i64, String)> = sqlx::query_as(
            "SELECT aggregate_id, sequence, payload::text FROM snapshots \
             WHERE aggregate_type = $1 AND aggregate_id = ANY ($2) AND fingerprint = $3",
        )
        .bind(kind)
        .bind(ids)
        .bind(fingerprint)
        .fetch_all(&self.pool)
        .await
        .during(READ)?;
        rows.into_iter().map(|(id, seq, state)| Ok((id, unsigned(READ, seq)?, state))).collect()
    }
}
