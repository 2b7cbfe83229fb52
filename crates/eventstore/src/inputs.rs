//! What is known about inputs that were decided, and about lanes.

use domain::ids::{CompanyId, InputId};
use sqlx::types::Json;
use uuid::Uuid;

use crate::error::During;
use crate::row::unsigned;
use crate::{EventStore, Positions, StoreError, StoredAnswer};

const DECIDED: &str = "look up decided inputs";
const LANE: &str = "look up a lane";

type Row = (Uuid, Option<Json<serde_json::Value>>, Option<i64>, Option<i64>);

impl EventStore {
    /// Those of the inputs that were decided, with their answers.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn decided(
        &self,
        company: &CompanyId,
        input_ids: &[InputId],
    ) -> Result<Vec<(InputId, StoredAnswer)>, StoreError> {
        let ids: Vec<Uuid> = input_ids.iter().map(InputId::as_uuid).collect();
        let rows: Vec<Row> = sqlx::query_as(
            // One look-up each: with `= ANY`, a company's inputs may be read whole and compared.
            "SELECT known.* FROM unnest($2::uuid[]) AS asked (id) CROSS JOIN LATERAL (\
             SELECT input_id, answer, first_position, last_position FROM inputs \
             WHERE company = $1 AND input_id = asked.id OFFSET 0) AS known",
        )
        .bind(company.as_str())
        .bind(&ids)
        .fetch_all(&self.pool)
        .await
        .during(DECIDED)?;
        rows.into_iter()
            .map(|(id, answer, first, last)| {
                let first = first.map(|position| unsigned(DECIDED, position)).transpose()?;
                let last = last.map(|position| unsigned(DECIDED, position)).transpose()?;
                let answer = answer.map(|Json(answer)| answer);
                let stored = StoredAnswer { answer, positions: Positions { first, last } };
                Ok((InputId::from_uuid(id), stored))
            })
            .collect()
    }

    /// The directory version that counts in a company's lane; `None` before its first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn lane(&self, company: &CompanyId) -> Result<Option<u64>, StoreError> {
        let version: Option<i64> =
            sqlx::query_scalar("SELECT directory_version FROM lanes WHERE company = $1")
                .bind(company.as_str())
                .fetch_optional(&self.pool)
                .await
                .during(LANE)?;
        version.map(|version| unsigned(LANE, version)).transpose()
    }
}
