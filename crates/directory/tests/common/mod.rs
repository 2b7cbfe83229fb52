//! What the tests with a database share.
#![allow(dead_code, reason = "not every test file uses all of it")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use directory::{Applied, Directory, DirectoryError, DirectoryStore, parse_and_validate};
use domain::Personal;
use sqlx::PgPool;

/// A store over a database of its own.
pub(crate) async fn store(name: &str) -> (DirectoryStore, PgPool) {
    let server = devservers::shared_postgres().await.unwrap();
    let name = format!("directory_{name}_{}", std::process::id());
    let admin = PgPool::connect(server.url()).await.unwrap();
    for statement in [format!("DROP DATABASE IF EXISTS {name}"), format!("CREATE DATABASE {name}")]
    {
        sqlx::raw_sql(&statement).execute(&admin).await.unwrap();
    }
    let url = devservers::database_url(server.url(), &name);
    let pool = PgPool::connect(&url).await.unwrap();
    for migration in migrations() {
        sqlx::raw_sql(&migration).execute(&pool).await.unwrap();
    }
    (DirectoryStore::new(pool.clone()), pool)
}

/// This crate's migrations, 0020 to 0029 and 0055, in order.
fn migrations() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    let ours = |name: &str| name.starts_with("002") || name.starts_with("0055");
    files.retain(|path| ours(&path.file_name().unwrap().to_string_lossy()));
    files.sort();
    files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

pub(crate) fn good(yaml: &str) -> Directory {
    parse_and_validate(yaml).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

/// Applies a file as `operator` at a fixed time.
pub(crate) async fn apply(store: &DirectoryStore, yaml: &str) -> Result<Applied, DirectoryError> {
    store
        .apply(&good(yaml), yaml, &operator(), "2026-03-01T09:00:00Z".parse().unwrap(), false)
        .await
}

pub(crate) fn operator() -> Personal<String> {
    Personal::new("operator".to_owned())
}
