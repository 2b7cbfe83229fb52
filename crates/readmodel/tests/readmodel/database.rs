//! A database of one test.

use std::path::PathBuf;

use sqlx::{Connection, PgConnection, PgPool};
use uuid::Uuid;

/// A pool on a new database.
pub(crate) async fn database() -> PgPool {
    let server = devservers::shared_postgres().await.unwrap();
    let name = format!("readmodel_{}", Uuid::now_v7().simple());
    let mut admin = PgConnection::connect(server.url()).await.unwrap();
    sqlx::query(&format!("CREATE DATABASE {name}")).execute(&mut admin).await.unwrap();
    admin.close().await.unwrap();
    let pool = PgPool::connect(&devservers::database_url(server.url(), &name)).await.unwrap();
    for migration in migrations() {
        sqlx::raw_sql(&std::fs::read_to_string(migration).unwrap()).execute(&pool).await.unwrap();
    }
    pool
}

fn migrations() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// All rows of a table, in order, as JSON.
pub(crate) async fn rows(pool: &PgPool, table: &str) -> Vec<serde_json::Value> {
    let select = format!("SELECT to_jsonb(t) FROM {table} t ORDER BY 1");
    sqlx::query_scalar(&select).fetch_all(pool).await.unwrap()
}
