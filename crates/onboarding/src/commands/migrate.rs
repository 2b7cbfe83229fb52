//! `onboarding migrate`.

use std::process::ExitCode;

use super::postgres;
use crate::config::Config;

/// Brings the database's tables up to date; says what it did.
///
/// # Errors
/// Postgres refuses, or a migration was changed after it ran.
pub async fn run(config: &Config) -> anyhow::Result<ExitCode> {
    let pool = postgres(config).await?;
    crate::MIGRATIONS.run(&pool).await?;
    let last = crate::MIGRATIONS.iter().map(|m| m.version).max().unwrap_or(0);
    println!("The database is at migration {last}.");
    Ok(ExitCode::SUCCESS)
}
