//! Whose number is whose, for updates that came before the directory had their number.

use std::collections::HashMap;

use directory::{DirectoryError, DirectoryStore};
use domain::ids::{AppId, CompanyId, PhoneNumberId};

/// The official accounts as the directory has them now.
#[derive(Default, PartialEq, Eq)]
pub(crate) struct Owners(HashMap<PhoneNumberId, (CompanyId, AppId)>);

/// Why an update is no company's, and the way out.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoOwner {
    /// The directory does not have the number.
    #[error(
        "no company has the phone_number_id {0}: have the directory get it \
         (`onboarding directory apply FILE`, or the command add-number), then retry"
    )]
    Nobody(PhoneNumberId),
    /// It has, for another app. Whoever knows one app's secret writes into no other app's lanes.
    #[error(
        "the phone_number_id {number} is of the app {of} in the directory, and this came by the app \
         {came_by}: if the directory is wrong, apply one that has the right app, then retry; else \
         drop it"
    )]
    OtherApp {
        /// The number.
        number: PhoneNumberId,
        /// Its app.
        of: AppId,
        /// The app whose webhook took the update.
        came_by: AppId,
    },
}

impl Owners {
    /// Reads them.
    pub(crate) async fn read(directory: &DirectoryStore) -> Result<Self, DirectoryError> {
        let numbers = directory.numbers().await?;
        Ok(Self(numbers.into_iter().map(|(number, owner, app)| (number, (owner, app))).collect()))
    }

    /// Whose an update of this number is that came by this app.
    pub(crate) fn of(&self, app: &AppId, number: &PhoneNumberId) -> Result<&CompanyId, NoOwner> {
        match self.0.get(number) {
            Some((owner, of)) if of == app => Ok(owner),
            Some((_, of)) => Err(NoOwner::OtherApp {
                number: number.clone(),
                of: of.clone(),
                came_by: app.clone(),
            }),
            None => Err(NoOwner::Nobody(number.clone())),
        }
    }
}
