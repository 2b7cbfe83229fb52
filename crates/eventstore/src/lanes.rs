//! What is known about lanes.

use domain::ids::CompanyId;

use crate::error::During;
use crate::row::unsigned;
use crate::{EventStore, StoreError};

const LANE: &str = "look up a lane";

impl EventStore {
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
