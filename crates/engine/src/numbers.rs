//! Numbers join and leave pools, one at a time: each in a version of the directory that this lane
//! takes at once.

use directory::Changed;
use domain::ids::PhoneNumberId;
use domain::input::{NewNumber, OperatorCommand, Timestamp};
use serde_json::json;

use crate::decide::{Plan, Undecided};
use crate::lane::Lane;
use crate::operators::answered;

impl Lane {
    pub(crate) async fn add_number(
        &mut self,
        command: &OperatorCommand,
        new: &NewNumber,
    ) -> Result<Plan, Undecided> {
        let Lane { engine, company, .. } = self;
        let at = engine.clock.now();
        let changed = engine.directory.add_number(company, new, command, at).await?;
        self.number_changed(command, &new.number, changed, at).await
    }

    pub(crate) async fn remove_number(
        &mut self,
        command: &OperatorCommand,
        number: &PhoneNumberId,
    ) -> Result<Plan, Undecided> {
        let Lane { engine, company, .. } = self;
        let at = engine.clock.now();
        let changed = engine.directory.remove_number(company, number, command, at).await?;
        self.number_changed(command, number, changed, at).await
    }

    /// Whoever dies before the version is taken finds it made, and takes it.
    async fn number_changed(
        &mut self,
        command: &OperatorCommand,
        number: &PhoneNumberId,
        changed: Changed,
        at: Timestamp,
    ) -> Result<Plan, Undecided> {
        let version = match changed {
            Ok(version) => version,
            Err(refusal) => return Ok(answered(command, at, Err(refusal))),
        };
        let new = self.new_directory(version).await?;
        let (commands, picture) = new.map_or((vec![], None), |(c, picture)| (c, Some(picture)));
        let answer = json!({ "status": "done", "number": number, "directory_version": version });
        Ok(Plan { picture, ..answered(command, at, Ok((answer, commands))) })
    }
}
