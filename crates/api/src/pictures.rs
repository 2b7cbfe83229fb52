//! The companies' configuration, in memory.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use directory::{DirectoryError, DirectoryStore, Picture};
use domain::ids::CompanyId;

use crate::problem::Problem;

/// The latest picture of each company that was asked for. Every look costs one look into an index
/// of the database; the picture itself is read again only when its version changed.
pub struct Pictures {
    store: DirectoryStore,
    cached: Mutex<HashMap<CompanyId, Picture>>,
}

impl Pictures {
    /// Nothing is read yet.
    pub fn new(store: DirectoryStore) -> Self {
        Self { store, cached: Mutex::default() }
    }

    /// A company as it is now.
    ///
    /// # Errors
    /// 404 `unknown-company`; 503 or 500 when the directory does not answer.
    pub(crate) async fn of(&self, company: &CompanyId) -> Result<Picture, Problem> {
        self.read(company).await.map_err(|error| problem(&error))?.ok_or_else(|| {
            Problem::not_found(
                "unknown-company",
                "There is no such company",
                format!("company: the directory has no company {company}"),
            )
            .field("company")
        })
    }

    async fn read(&self, company: &CompanyId) -> Result<Option<Picture>, DirectoryError> {
        let Some(latest) = self.store.latest(company).await? else { return Ok(None) };
        let cached = self.lock().get(company).cloned();
        if let Some(picture) = cached.filter(|picture| picture.version() >= latest) {
            return Ok(Some(picture));
        }
        let picture = self.store.picture(company, latest).await?;
        if let Some(picture) = &picture {
            self.lock().insert(company.clone(), picture.clone());
        }
        Ok(picture)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<CompanyId, Picture>> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn problem(error: &DirectoryError) -> Problem {
    tracing::warn!(%error, "the directory could not be read");
    if error.may_pass() {
        Problem::unavailable("The directory does not answer; try again in a moment")
    } else {
        Problem::internal()
    }
}
