//! One change of one company, asked for by an operator, without a whole file.

use domain::flow::{OperatorRefusal, check_version};
use domain::ids::{CompanyId, PhoneNumberId};
use domain::input::{NewNumber, OperatorCommand, Timestamp};
use sha2::{Digest, Sha256};

use super::apply::{Tx, insert_documents, insert_version, latest_of, replace_numbers};
use super::{DirectoryStore, from_sql};
use crate::error::{DirectoryError, doing};
use crate::model::Company;

/// The version of the company in which it is so, a new one or one from before; or why it is refused.
pub type Changed = Result<u64, OperatorRefusal>;

impl DirectoryStore {
    /// Makes a version in which a pool has this secondary number too, and nothing else is changed. If
    /// it has it already, just so, there is nothing to make.
    ///
    /// # Errors
    /// When the database fails or holds what this program cannot read.
    pub async fn add_number(
        &self,
        company: &CompanyId,
        new: &NewNumber,
        command: &OperatorCommand,
        at: Timestamp,
    ) -> Result<Changed, DirectoryError> {
        let changed = self.change(company, command, at, |it| it.add_number(new)).await;
        match changed {
            Ok(changed) => {
                Ok(changed.unwrap_or_else(|| Err(OperatorRefusal::UnknownPool(new.pool.clone()))))
            }
            Err(error) if is_of_another_company(&error) => {
                Ok(Err(OperatorRefusal::NumberTaken(new.number.clone())))
            }
            Err(error) => Err(error),
        }
    }

    /// Makes a version in which no pool has this secondary number, and nothing else is changed. If
    /// none has it there is nothing to make.
    ///
    /// # Errors
    /// When the database fails or holds what this program cannot read.
    pub async fn remove_number(
        &self,
        company: &CompanyId,
        number: &PhoneNumberId,
        command: &OperatorCommand,
        at: Timestamp,
    ) -> Result<Changed, DirectoryError> {
        let changed = self.change(company, command, at, |it| it.remove_number(number)).await?;
        Ok(changed.unwrap_or_else(|| Err(OperatorRefusal::UnknownNumber(number.clone()))))
    }

    /// Makes a version in which a company is as `change` leaves it, unless that says that it was so
    /// before, or the operator saw another version. Whoever died after making it finds it made: each
    /// command makes one version at most. `None` if there is no such company.
    pub(super) async fn change(
        &self,
        company: &CompanyId,
        command: &OperatorCommand,
        at: Timestamp,
        change: impl FnOnce(&mut Company) -> Result<bool, OperatorRefusal> + Send,
    ) -> Result<Option<Changed>, DirectoryError> {
        let source = source_of(company, command)?;
        let mut tx = self.begin_change().await?;
        if let Some(version) = made_before(&mut tx, company, &source).await? {
            return Ok(Some(Ok(version)));
        }
        let stored = latest_of(&mut tx, &[company.as_str()]).await?.remove(company);
        let Some((version, mut stored)) = stored else { return Ok(None) };
        if let Err(refusal) = check_version(command.expected_version, version) {
            return Ok(Some(Err(refusal)));
        }
        match change(&mut stored) {
            Ok(true) => {}
            Ok(false) => return Ok(Some(Ok(version))),
            Err(refusal) => return Ok(Some(Err(refusal))),
        }
        let version = insert_version(&mut tx, &source, &command.actor, at).await?;
        insert_documents(&mut tx, version, &[&stored]).await?;
        replace_numbers(&mut tx, &[&stored]).await?;
        tx.commit().await.map_err(doing("commit a directory version"))?;
        tracing::info!(version, command = command.request.name(), "an operator made a version");
        Ok(Some(Ok(version)))
    }
}

/// There is no file: what is told of it instead is the command.
fn source_of(company: &CompanyId, command: &OperatorCommand) -> Result<String, DirectoryError> {
    let asked = serde_json::to_string(&command.request).map_err(|_| DirectoryError::Unwritable)?;
    Ok(format!("company {company}, operation {}: {asked}", command.operation_id))
}

/// The version of a company that was made from this source.
async fn made_before(
    tx: &mut Tx,
    company: &CompanyId,
    source: &str,
) -> Result<Option<u64>, DirectoryError> {
    let version: Option<i64> = sqlx::query_scalar(
        "SELECT max(v.version) FROM directory_companies c JOIN directory_versions v USING (version)
         WHERE c.company = $1 AND v.source_sha256 = $2",
    )
    .bind(company.as_str())
    .bind(hex::encode(Sha256::digest(source)))
    .fetch_one(&mut **tx)
    .await
    .map_err(doing("look for the version that a command made"))?;
    Ok(version.map(from_sql))
}

/// The table of official accounts has each once.
fn is_of_another_company(error: &DirectoryError) -> bool {
    let DirectoryError::Database { source: sqlx::Error::Database(error), .. } = error else {
        return false;
    };
    error.constraint() == Some("directory_numbers_pkey")
}
