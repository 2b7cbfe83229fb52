//! What operators change in the directory without a whole file: each time a version with this one
//! change, which this lane takes at once.

use directory::Changed;
use domain::Extension;
use domain::ids::{PhoneNumberId, UserId};
use domain::input::{NewNumber, OperatorCommand, Timestamp};
use serde_json::json;

use crate::decide::{Plan, Undecided};
use crate::lane::Lane;
use crate::operators::answered;

impl Lane {
    pub(crate) async fn set_extension(
        &mut self,
        command: &OperatorCommand,
        user_id: &UserId,
        extension: Option<&Extension>,
    ) -> Result<Plan, Undecided> {
        let Lane { engine, company, .. } = self;
        let at = engine.clock.now();
        let changed = engine.directory.set_extension(company, user_id, extension, command, at);
        let changed = changed.await?;
        self.changed(command, ("user_id", user_id.as_str()), changed, at).await
    }

    pub(crate) async fn add_number(
        &mut self,
        command: &OperatorCommand,
        new: &NewNumber,
    ) -> Result<Plan, Undecided> {
        let Lane { engine, company, .. } = self;
        let at = engine.clock.now();
        let changed = engine.directory.add_number(company, new, command, at).await?;
        self.changed(command, ("number", new.number.as_str()), changed, at).await
    }

    pub(crate) async fn remove_number(
        &mut self,
        command: &OperatorCommand,
        number: &PhoneNumberId,
    ) -> Result<Plan, Undecided> {
        let Lane { engine, company, .. } = self;
        let at = engine.clock.now();
        let changed = engine.directory.remove_number(company, number, command, at).await?;
        self.changed(command, ("number", number.as_str()), changed, at).await
    }

    /// Takes the version, and tells which and of `what` by its id. Whoever dies before it is taken
    /// finds the version made, and takes it.
    async fn changed(
        &mut self,
        command: &OperatorCommand,
        (what, id): (&str, &str),
        changed: Changed,
        at: Timestamp,
    ) -> Result<Plan, Undecided> {
        let version = match changed {
            Ok(version) => version,
            Err(refusal) => return Ok(answered(command, at, Err(refusal))),
        };
        let new = self.new_directory(version).await?;
        let (commands, picture) = new.map_or((vec![], None), |(c, picture)| (c, Some(picture)));
        let answer = json!({ "status": "done", (what): id, "directory_version": version });
        Ok(Plan { picture, ..answered(command, at, Ok((answer, commands))) })
    }
}
