//! One user's extension, without a whole file.

use domain::ids::{CompanyId, UserId};
use domain::input::Timestamp;
use domain::{Extension, Personal};

use super::DirectoryStore;
use super::apply::{insert_documents, insert_version, latest_of};
use crate::error::{DirectoryError, doing};

/// What became of a user's extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExtensionSet {
    /// It is so in this version of the company: a new one, or one from before.
    Version(u64),
    /// The company has no such user.
    NoSuchUser,
    /// Another user has it, active or not.
    Taken(UserId),
}

impl DirectoryStore {
    /// Makes a version in which a user has this extension, or none, and nothing else is changed. If
    /// the user has it already there is nothing to make.
    ///
    /// # Errors
    /// When the database fails or holds what this program cannot read.
    pub async fn set_extension(
        &self,
        company: &CompanyId,
        user_id: &UserId,
        extension: Option<&Extension>,
        actor: &Personal<String>,
        at: Timestamp,
    ) -> Result<ExtensionSet, DirectoryError> {
        let mut tx = self.begin_change().await?;
        let stored = latest_of(&mut tx, &[company.as_str()]).await?.remove(company);
        let Some((version, mut stored)) = stored else { return Ok(ExtensionSet::NoSuchUser) };
        let has = |other: &&crate::model::User| {
            extension.is_some() && other.id != *user_id && other.extension.as_ref() == extension
        };
        if let Some(other) = stored.users.iter().find(has) {
            return Ok(ExtensionSet::Taken(other.id.clone()));
        }
        let Some(user) = stored.users.iter_mut().find(|user| user.id == *user_id) else {
            return Ok(ExtensionSet::NoSuchUser);
        };
        if user.extension.as_ref() == extension {
            return Ok(ExtensionSet::Version(version));
        }
        user.extension = extension.cloned();
        // There is no file: what is told of it instead is the change.
        let shown = extension.map_or("none", Extension::as_str);
        let source = format!("company {company}, user {user_id}, extension {shown}");
        let version = insert_version(&mut tx, &source, actor, at).await?;
        insert_documents(&mut tx, version, &[&stored]).await?;
        tx.commit().await.map_err(doing("commit a directory version"))?;
        tracing::info!(version, "a user's extension is set");
        Ok(ExtensionSet::Version(version))
    }
}
