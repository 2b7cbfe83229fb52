//! The directory as a file again.

use domain::ids::CompanyId;

use super::{DirectoryStore, in_background, read_documents, to_sql};
use crate::error::{DirectoryError, doing};
use crate::model::Directory;

impl DirectoryStore {
    /// The directory, or one company of it, as YAML that can be applied again; now, or as
    /// it was in version `at`. Holds names of people.
    ///
    /// `None` if there was no such version or, in it, no such company.
    ///
    /// # Errors
    /// When the database fails or holds what this program cannot read.
    pub async fn show(
        &self,
        company: Option<&CompanyId>,
        at: Option<u64>,
    ) -> Result<Option<String>, DirectoryError> {
        let rows = sqlx::query_as(
            "SELECT company, version, document::text
             FROM directory_companies
             JOIN (
                 SELECT company, max(version) AS version FROM directory_companies
                 WHERE ($1 IS NULL OR company = $1) AND ($2 IS NULL OR version <= $2)
                 GROUP BY company
             ) newest USING (company, version)
             WHERE $2 IS NULL OR EXISTS (SELECT FROM directory_versions WHERE version = $2)
             ORDER BY company",
        )
        .bind(company.map(CompanyId::as_str))
        .bind(at.map(to_sql))
        .fetch_all(&self.pool)
        .await
        .map_err(doing("read the directory"))?;
        let documents = read_documents(rows).await?;
        if documents.is_empty() {
            return Ok(None);
        }
        let companies = documents.into_iter().map(|(_, company)| company).collect();
        let write = move || serde_saphyr::to_string(&Directory { companies });
        in_background(write).await.map(Some).map_err(|_| DirectoryError::Unwritable)
    }
}
