//! `onboarding directory …`.

use std::process::ExitCode;

use anyhow::Context;
use directory::{Applied, DirectoryStore};
use domain::Personal;
use domain::input::Timestamp;
use engine::Clock;
use sqlx::PgPool;

use super::{postgres, require_migrated};
use crate::cli::DirectoryCommand;
use crate::config::Config;

/// Runs one of the directory's commands.
///
/// # Errors
/// The file can't be read or Postgres refuses; faults of the file are printed.
pub async fn run(config: &Config, command: DirectoryCommand) -> anyhow::Result<ExitCode> {
    let pool = postgres(config).await?;
    require_migrated(&pool).await?;
    let store = DirectoryStore::new(pool);
    match command {
        DirectoryCommand::Apply { file, actor, dry_run } => {
            let text = std::fs::read_to_string(&file)
                .with_context(|| format!("reading {}", file.display()))?;
            let directory = match directory::parse_and_validate(&text) {
                Ok(directory) => directory,
                Err(faults) => {
                    for fault in &faults {
                        eprintln!("{}:{fault}", file.display());
                    }
                    eprintln!("{} fault(s); nothing is applied.", faults.len());
                    return Ok(ExitCode::FAILURE);
                }
            };
            let now = Clock::system().now();
            let applied =
                store.apply(&directory, &text, &Personal::new(actor), now, dry_run).await?;
            print(&applied, dry_run);
        }
        DirectoryCommand::Show { company, at } => {
            let shown = store.show(company.as_ref(), at).await?;
            print!("{}", shown.context("there is no such company or version")?);
        }
        DirectoryCommand::Versions => {
            for info in store.versions().await? {
                let companies: Vec<_> = info.companies.iter().map(ToString::to_string).collect();
                println!(
                    "{:>6}  {}  {}  {}",
                    info.version,
                    info.at.format("%Y-%m-%d %H:%M:%S UTC"),
                    info.actor.expose(),
                    companies.join(", ")
                );
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(applied: &Applied, dry_run: bool) {
    for change in &applied.changes {
        println!("{change}");
    }
    match applied.version {
        _ if dry_run => println!("{} change(s); nothing is applied.", applied.changes.len()),
        Some(version) => println!("{} change(s): version {version}.", applied.changes.len()),
        None => println!("Nothing to change."),
    }
}

/// Applies a file's text; for the demo and tests.
///
/// # Errors
/// The text has faults, or Postgres refuses.
pub async fn apply_text(
    pool: &PgPool,
    text: &str,
    actor: &str,
    at: Timestamp,
) -> anyhow::Result<Applied> {
    let directory = directory::parse_and_validate(text).map_err(|faults| {
        let lines: Vec<_> = faults.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the directory has faults:\n{}", lines.join("\n"))
    })?;
    let actor = Personal::new(actor.to_owned());
    Ok(DirectoryStore::new(pool.clone()).apply(&directory, text, &actor, at, false).await?)
}
