//! One user's extension, without a whole file.

use domain::Extension;
use domain::flow::OperatorRefusal;
use domain::ids::{CompanyId, UserId};
use domain::input::{OperatorCommand, Timestamp};

use super::DirectoryStore;
use super::change::Changed;
use crate::error::DirectoryError;
use crate::model::{Company, User};

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
        command: &OperatorCommand,
        at: Timestamp,
    ) -> Result<Changed, DirectoryError> {
        let changed = self.change(company, command, at, |it| it.set_extension(user_id, extension));
        let no_such_user = || Err(OperatorRefusal::NoSuchUser(user_id.clone()));
        Ok(changed.await?.unwrap_or_else(no_such_user))
    }
}

impl Company {
    /// `false`: the user has it already. Nobody else may have it, active or not.
    fn set_extension(
        &mut self,
        user_id: &UserId,
        extension: Option<&Extension>,
    ) -> Result<bool, OperatorRefusal> {
        let has = |other: &&User| {
            extension.is_some() && other.id != *user_id && other.extension.as_ref() == extension
        };
        if let Some(other) = self.users.iter().find(has) {
            return Err(OperatorRefusal::ExtensionTaken(other.id.clone()));
        }
        let user = self.users.iter_mut().find(|user| user.id == *user_id);
        let user = user.ok_or_else(|| OperatorRefusal::NoSuchUser(user_id.clone()))?;
        if user.extension.as_ref() == extension {
            return Ok(false);
        }
        user.extension = extension.cloned();
        Ok(true)
    }
}
