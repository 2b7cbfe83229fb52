//! What the engine, the gateway and pages ask.

use domain::Personal;
use domain::ids::{AppId, CompanyId, PhoneNumberId};
use domain::input::Timestamp;

use super::{DirectoryStore, VersionInfo, from_sql, in_background, read_documents, to_sql};
use crate::error::{DirectoryError, doing};
use crate::picture::Picture;

impl DirectoryStore {
    /// The company as it counts at `at_version`: in the newest version up to that one in
    /// which it changed, which is then [`Picture::version`]. `None` if it is younger.
    ///
    /// # Errors
    /// When the database fails or holds what this program cannot read.
    pub async fn picture(
        &self,
        company: &CompanyId,
        at_version: u64,
    ) -> Result<Option<Picture>, DirectoryError> {
        let row = sqlx::query_as(
            "SELECT company, version, document::text FROM directory_companies
             WHERE company = $1 AND version <= $2 ORDER BY version DESC LIMIT 1",
        )
        .bind(company.as_str())
        .bind(to_sql(at_version))
        .fetch_optional(&self.pool)
        .await
        .map_err(doing("read a company's configuration"))?;
        let documents = read_documents(row.into_iter().collect()).await?;
        let draw = |(version, company)| in_background(move || Picture::new(version, company));
        match documents.into_iter().next() {
            Some(document) => Ok(Some(draw(document).await)),
            None => Ok(None),
        }
    }

    /// The newest version in which the company changed; `None` if there is no such company.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn latest(&self, company: &CompanyId) -> Result<Option<u64>, DirectoryError> {
        let version: Option<i64> =
            sqlx::query_scalar("SELECT max(version) FROM directory_companies WHERE company = $1")
                .bind(company.as_str())
                .fetch_one(&self.pool)
                .await
                .map_err(doing("read a company's latest version"))?;
        Ok(version.map(from_sql))
    }

    /// Every company with the newest version in which it changed, by company: for a start.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn latest_versions(&self) -> Result<Vec<(CompanyId, u64)>, DirectoryError> {
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "SELECT company, max(version) FROM directory_companies GROUP BY company ORDER BY company",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(doing("read the companies' latest versions"))?;
        rows.into_iter().map(company_and_version).collect()
    }

    /// Every change of a company after version `after` of the directory, oldest first: for
    /// polling, at the price of one look into an index.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn changed_after(&self, after: u64) -> Result<Vec<(CompanyId, u64)>, DirectoryError> {
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "SELECT company, version FROM directory_companies
             WHERE version > $1 ORDER BY version, company",
        )
        .bind(to_sql(after))
        .fetch_all(&self.pool)
        .await
        .map_err(doing("look for new directory versions"))?;
        rows.into_iter().map(company_and_version).collect()
    }

    /// The versions after `after` in which this company changed, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn versions_of(
        &self,
        company: &CompanyId,
        after: u64,
    ) -> Result<Vec<u64>, DirectoryError> {
        let versions: Vec<i64> = sqlx::query_scalar(
            "SELECT version FROM directory_companies
             WHERE company = $1 AND version > $2 ORDER BY version",
        )
        .bind(company.as_str())
        .bind(to_sql(after))
        .fetch_all(&self.pool)
        .await
        .map_err(doing("read a company's versions"))?;
        Ok(versions.into_iter().map(from_sql).collect())
    }

    /// All companies, by id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn companies(&self) -> Result<Vec<CompanyId>, DirectoryError> {
        let latest = self.latest_versions().await?;
        Ok(latest.into_iter().map(|(company, _)| company).collect())
    }

    /// Every official account with its company and its app, for the gateway's map.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn numbers(&self) -> Result<Vec<(PhoneNumberId, CompanyId, AppId)>, DirectoryError> {
        let rows: Vec<(String, String, String)> = sqlx::query_as(
            "SELECT phone_number_id, company, app FROM directory_numbers ORDER BY phone_number_id",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(doing("read the official accounts"))?;
        let typed = |(number, company, app): (String, String, String)| {
            Ok((number.parse()?, company.parse()?, app.parse()?))
        };
        rows.into_iter().map(typed).collect()
    }

    /// All versions, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn versions(&self) -> Result<Vec<VersionInfo>, DirectoryError> {
        let rows: Vec<(i64, String, Timestamp, String, Vec<String>)> = sqlx::query_as(
            "SELECT v.version, v.actor, v.applied_at, v.source_sha256,
                    ARRAY (SELECT company FROM directory_companies c
                           WHERE c.version = v.version ORDER BY company)
             FROM directory_versions v ORDER BY v.version",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(doing("read the directory's versions"))?;
        let typed = |(version, actor, at, source_sha256, companies): (_, _, _, _, Vec<String>)| {
            let companies: Result<_, _> = companies.iter().map(|id| id.parse()).collect();
            Ok(VersionInfo {
                version: from_sql(version),
                actor: Personal::new(actor),
                at,
                source_sha256,
                companies: companies?,
            })
        };
        rows.into_iter().map(typed).collect()
    }
}

fn company_and_version(
    (company, version): (String, i64),
) -> Result<(CompanyId, u64), DirectoryError> {
    Ok((company.parse()?, from_sql(version)))
}
