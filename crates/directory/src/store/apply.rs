//! Making a file the next version: all of it or nothing, one at a time.

use std::collections::HashMap;
use std::fmt;

use domain::Personal;
use domain::ids::{CompanyId, PhoneNumberId};
use domain::input::Timestamp;
use sha2::{Digest, Sha256};
use sqlx::{Postgres, Transaction};

use super::{DirectoryStore, from_sql, read_documents, to_sql};
use crate::diff::{Change, changes};
use crate::error::{DirectoryError, TakenNumber, doing};
use crate::model::{Company, Directory};

/// What applying a file did, or would do.
///
/// It prints as the list of changes, company by company, for the operator's terminal
/// and never for a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The new version, or the one that a dry run would have made; `None` if nothing changes.
    pub version: Option<u64>,
    /// What changes, by company.
    pub changes: Vec<Change>,
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut company = None;
        for change in &self.changes {
            if company != Some(&change.company) {
                writeln!(f, "{}", change.company)?;
                company = Some(&change.company);
            }
            writeln!(f, "  {change}")?;
        }
        Ok(())
    }
}

pub(super) type Tx = Transaction<'static, Postgres>;

impl DirectoryStore {
    /// Makes `directory` the next version, unless it changes nothing; on a dry run only
    /// tells what it would do. Companies that it does not name stay as they are.
    ///
    /// `source` is the file's text, `actor` who applies it and `at` when. Calls wait for
    /// each other; readers wait for nobody.
    ///
    /// # Errors
    /// [`DirectoryError::NumbersTaken`] when an official account belongs to a company
    /// that the file does not name; then, as on any other error, nothing is changed.
    pub async fn apply(
        &self,
        directory: &Directory,
        source: &str,
        actor: &Personal<String>,
        at: Timestamp,
        dry_run: bool,
    ) -> Result<Applied, DirectoryError> {
        let mut tx = self.begin_change().await?;
        let stored = latest_of(&mut tx, &ids(directory.companies())).await?;
        refuse_taken_numbers(&mut tx, directory).await?;

        let mut all_changes = Vec::new();
        let mut changed = Vec::new();
        for company in directory.companies() {
            let changes = changes(stored.get(&company.id).map(|(_, stored)| stored), company);
            if !changes.is_empty() {
                changed.push(company);
                all_changes.extend(changes);
            }
        }
        if changed.is_empty() {
            return Ok(Applied { version: None, changes: all_changes });
        }
        let version = insert_version(&mut tx, source, actor, at).await?;
        insert_documents(&mut tx, version, &changed).await?;
        replace_numbers(&mut tx, &changed).await?;
        if dry_run {
            tx.rollback().await.map_err(doing("end the dry run"))?;
        } else {
            tx.commit().await.map_err(doing("commit a directory version"))?;
            tracing::info!(version, companies = changed.len(), "directory version applied");
        }
        Ok(Applied { version: Some(version), changes: all_changes })
    }

    /// A transaction that is the only one to make versions until it ends.
    pub(super) async fn begin_change(&self) -> Result<Tx, DirectoryError> {
        let mut tx = self.pool.begin().await.map_err(doing("start to apply a directory"))?;
        sqlx::query("LOCK TABLE directory_versions IN SHARE ROW EXCLUSIVE MODE")
            .execute(&mut *tx)
            .await
            .map_err(doing("lock the directory"))?;
        Ok(tx)
    }
}

/// The newest version of each of the companies that has one.
pub(super) async fn latest_of(
    tx: &mut Tx,
    companies: &[&str],
) -> Result<HashMap<CompanyId, (u64, Company)>, DirectoryError> {
    let rows = sqlx::query_as(
        "SELECT latest.company, latest.version, latest.document::text
         FROM unnest($1::text[]) AS named (company)
         CROSS JOIN LATERAL (
             SELECT * FROM directory_companies d
             WHERE d.company = named.company ORDER BY d.version DESC LIMIT 1
         ) latest",
    )
    .bind(companies)
    .fetch_all(&mut **tx)
    .await
    .map_err(doing("read the companies' latest versions"))?;
    let documents = read_documents(rows).await?;
    Ok(documents.into_iter().map(|document| (document.1.id.clone(), document)).collect())
}

async fn refuse_taken_numbers(tx: &mut Tx, directory: &Directory) -> Result<(), DirectoryError> {
    let numbers: Vec<&str> = directory
        .companies()
        .iter()
        .flat_map(|c| c.official_accounts.iter().map(|a| a.phone_number_id.as_str()))
        .collect();
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT phone_number_id, company FROM directory_numbers
         WHERE phone_number_id = ANY ($1) AND company <> ALL ($2) ORDER BY 1",
    )
    .bind(numbers)
    .bind(ids(directory.companies()))
    .fetch_all(&mut **tx)
    .await
    .map_err(doing("look for official accounts of other companies"))?;
    if rows.is_empty() {
        return Ok(());
    }
    let taken = |(number, owner): (String, String)| {
        let phone_number_id: PhoneNumberId = number.parse()?;
        Ok(TakenNumber { phone_number_id, owner: owner.parse()? })
    };
    let taken: Result<_, DirectoryError> = rows.into_iter().map(taken).collect();
    Err(DirectoryError::NumbersTaken(taken?))
}

pub(super) async fn insert_version(
    tx: &mut Tx,
    source: &str,
    actor: &Personal<String>,
    at: Timestamp,
) -> Result<u64, DirectoryError> {
    let version: i64 = sqlx::query_scalar(
        "INSERT INTO directory_versions (version, actor, applied_at, source_sha256)
         SELECT coalesce(max(version), 0) + 1, $1, $2, $3 FROM directory_versions
         RETURNING version",
    )
    .bind(actor.expose())
    .bind(at)
    .bind(hex::encode(Sha256::digest(source)))
    .fetch_one(&mut **tx)
    .await
    .map_err(doing("write a directory version"))?;
    Ok(from_sql(version))
}

pub(super) async fn insert_documents(
    tx: &mut Tx,
    version: u64,
    changed: &[&Company],
) -> Result<(), DirectoryError> {
    for company in changed {
        let document = serde_json::to_string(company).map_err(|_| DirectoryError::Unwritable)?;
        sqlx::query(
            "INSERT INTO directory_companies (version, company, document) VALUES ($1, $2, $3::json)",
        )
        .bind(to_sql(version))
        .bind(company.id.as_str())
        .bind(document)
        .execute(&mut **tx)
        .await
        .map_err(doing("write a company's document"))?;
    }
    Ok(())
}

/// All old rows go before the new ones come: a number may move between two companies of a file.
pub(super) async fn replace_numbers(
    tx: &mut Tx,
    changed: &[&Company],
) -> Result<(), DirectoryError> {
    let companies: Vec<&str> = changed.iter().map(|company| company.id.as_str()).collect();
    sqlx::query("DELETE FROM directory_numbers WHERE company = ANY ($1)")
        .bind(companies)
        .execute(&mut **tx)
        .await
        .map_err(doing("take the official accounts back"))?;
    let accounts = || changed.iter().flat_map(|c| c.official_accounts.iter().map(move |a| (c, a)));
    sqlx::query(
        "INSERT INTO directory_numbers (phone_number_id, company, app)
         SELECT * FROM unnest($1::text[], $2::text[], $3::text[])",
    )
    .bind(accounts().map(|(_, a)| a.phone_number_id.as_str()).collect::<Vec<_>>())
    .bind(accounts().map(|(c, _)| c.id.as_str()).collect::<Vec<_>>())
    .bind(accounts().map(|(_, a)| a.app.as_str()).collect::<Vec<_>>())
    .execute(&mut **tx)
    .await
    .map_err(doing("write the official accounts"))?;
    Ok(())
}

fn ids(companies: &[Company]) -> Vec<&str> {
    companies.iter().map(|company| company.id.as_str()).collect()
}
