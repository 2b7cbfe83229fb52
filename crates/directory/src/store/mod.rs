//! The directory's versions in Postgres.

mod apply;
mod change;
mod extension;
mod read;
mod show;

use domain::Personal;
use domain::ids::CompanyId;
use domain::input::Timestamp;
use sqlx::PgPool;

pub use apply::Applied;
pub use change::Changed;

use crate::error::DirectoryError;
use crate::model::Company;

/// The stored directory; cheap to clone.
#[derive(Clone, Debug)]
pub struct DirectoryStore {
    pool: PgPool,
}

impl DirectoryStore {
    /// Over a database whose migrations have run.
    pub const fn new(pool: PgPool) -> Self {
        Self { pool }
    }
}

/// One version of the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionInfo {
    /// Its number; 1, 2, 3 … without holes.
    pub version: u64,
    /// Who applied it.
    pub actor: Personal<String>,
    /// When.
    pub at: Timestamp,
    /// SHA-256 of the file, in hexadecimal digits.
    pub source_sha256: String,
    /// The companies that it changed.
    pub companies: Vec<CompanyId>,
}

/// A version as Postgres has it.
fn to_sql(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

/// A version as we have it; the table refuses negative ones.
fn from_sql(version: i64) -> u64 {
    u64::try_from(version).unwrap_or(0)
}

/// Reads a company's document, away from the threads that serve others: one with
/// 100,000 users takes a noticeable part of a second.
async fn read_documents(
    rows: Vec<(String, i64, String)>,
) -> Result<Vec<(u64, Company)>, DirectoryError> {
    let read = move || {
        let read_one = |(company, version, document): (String, i64, String)| {
            let version = from_sql(version);
            match serde_json::from_str(&document) {
                Ok(document) => Ok((version, document)),
                Err(error) => {
                    Err(DirectoryError::Unreadable { company, version, column: error.column() })
                }
            }
        };
        rows.into_iter().map(read_one).collect()
    };
    in_background(read).await
}

/// Runs work that takes long on a thread of its own.
async fn in_background<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
