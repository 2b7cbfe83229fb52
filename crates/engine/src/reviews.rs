//! Rooms that a version of the directory takes the ground from: their user is not active any more, their
//! number no secondary any more, or their user is not assigned to the profile's external company any more.

use std::collections::HashMap;
use std::time::Duration;

use domain::ids::CompanyId;
use domain::input::{Input, RoomReview};
use domain::profile::RoomPhase;
use futures::StreamExt;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::timers::submit_one;
use crate::{Engine, Submission};

/// How many rooms are read at once.
const PAGE: u32 = 2_000;
/// Most rooms of one company that are on their way at once.
const MOST_OF_ONE: usize = 64;
/// When the rooms are looked at again: some were still being opened, perhaps by a worker that had the
/// version before.
const AGAIN: Duration = Duration::from_secs(60);

/// One task for each company: however fast versions follow each other, each company's rooms are read
/// by one task at a time.
#[derive(Default)]
pub(crate) struct Reviews {
    newest: HashMap<CompanyId, watch::Sender<u64>>,
    tasks: JoinSet<()>,
}

impl Reviews {
    /// A version counts from here on.
    pub(crate) fn counts(
        &mut self,
        engine: &Engine,
        submit: &mpsc::Sender<Submission>,
        company: CompanyId,
        version: u64,
    ) {
        if let Some(newest) = self.newest.get(&company) {
            newest.send_if_modified(|newest| {
                let is_newer = version > *newest;
                *newest = version.max(*newest);
                is_newer
            });
            return;
        }
        let (newest, versions) = watch::channel(version);
        self.newest.insert(company.clone(), newest);
        let of_company = OfCompany { engine: engine.clone(), submit: submit.clone(), company };
        self.tasks.spawn(of_company.run(versions));
    }
}

struct OfCompany {
    engine: Engine,
    submit: mpsc::Sender<Submission>,
    company: CompanyId,
}

impl OfCompany {
    async fn run(self, mut versions: watch::Receiver<u64>) {
        loop {
            let version = *versions.borrow_and_update();
            tokio::select! {
                // The review of the newer one looks at all rooms, as this one is not done.
                newer = versions.changed() => if newer.is_err() { return },
                () = self.until_reviewed(version) => if versions.changed().await.is_err() { return },
            }
        }
    }

    /// Until a look finds nothing that the ones before it could have missed.
    async fn until_reviewed(&self, version: u64) {
        let mut looked_before = false;
        loop {
            match self.look(version).await {
                Ok(None) => return,
                Ok(Some(0)) if looked_before => {
                    match self.engine.store.set_reviewed_version(&self.company, version).await {
                        Ok(()) => return,
                        Err(error) => self.warn(&error.to_string()),
                    }
                }
                Ok(Some(_)) => looked_before = true,
                Err(problem) => self.warn(&problem),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    fn warn(&self, problem: &str) {
        tracing::warn!(
            company = %self.company,
            problem,
            "rooms could not be reviewed after a directory version; trying again"
        );
    }

    /// How many open rooms have lost their ground; all that are active were submitted. `None` if the
    /// version takes nothing from anybody.
    async fn look(&self, version: u64) -> Result<Option<usize>, String> {
        let Engine { store, directory, .. } = &self.engine;
        let reviewed = store.reviewed_version(&self.company).await;
        let reviewed = reviewed.map_err(|e| e.to_string())?;
        if reviewed.is_some_and(|reviewed| reviewed >= version) {
            return Ok(None);
        }
        let picture_of = async |version| {
            directory.picture(&self.company, version).await.map_err(|e| e.to_string())
        };
        let Some(picture) = picture_of(version).await? else { return Ok(None) };
        if let Some(reviewed) = reviewed {
            let since = directory.versions_of(&self.company, reviewed).await;
            let since = since.map_err(|e| e.to_string())?;
            // Rooms may stand on what a version between had, and none around it.
            let is_next = since.first().is_some_and(|next| *next >= version);
            if is_next
                && let Some(earlier) = picture_of(reviewed).await?
                && !picture.takes_away_from(&earlier)
            {
                let set = store.set_reviewed_version(&self.company, version).await;
                return set.map(|()| None).map_err(|e| e.to_string());
            }
        }
        let (mut lost, mut after) = (0, None);
        loop {
            let page = store.open_rooms(&self.company, after, PAGE).await;
            let page = page.map_err(|e| e.to_string())?;
            let Some(last) = page.last() else { return Ok(Some(lost)) };
            after = Some(last.cursor());
            let without_ground: Vec<_> = page
                .into_iter()
                .filter(|room| {
                    let standing = picture.standing(&room.user_id, &room.number);
                    standing.lost(room.external_company.as_ref()).is_some()
                })
                .collect();
            lost += without_ground.len();
            let active = without_ground.into_iter().filter(|room| room.phase == RoomPhase::Active);
            let inputs = active.map(|room| {
                Input::RoomReview(RoomReview {
                    profile_id: room.profile_id,
                    room_id: room.room_id,
                    directory_version: version,
                })
            });
            // What becomes of them, the next look tells.
            futures::stream::iter(inputs)
                .map(|input| submit_one(&self.submit, self.company.clone(), input))
                .buffer_unordered(MOST_OF_ONE)
                .for_each(|_| std::future::ready(()))
                .await;
        }
    }
}
