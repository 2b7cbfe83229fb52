//! The program: configuration, roles, lifecycle, telemetry, workers, wiring.
//!
//! [`cli`] says what it can do; [`service`] shows the wiring on one screen.

pub mod allocator;
pub mod bench;
pub mod cli;
pub mod commands;
pub mod config;
pub mod contracts;
pub mod demo;
mod owners;
mod process;
pub mod service;
mod supervisor;
mod telemetry;
mod tls;
mod web;
pub mod workers;

// What the acceptance tests act with.
pub use directory::access::AccessRole;
pub use engine::Clock;
pub use whatsapp;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command, TextsCommand};
use config::Config;

/// The embedded migrations: what `onboarding migrate` brings the database to.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");

/// Runs the program that the command line names.
pub fn run() -> ExitCode {
    run_by(Clock::system())
}

/// The same, where `serve` tells the time by this clock.
pub fn run_by(clock: Clock) -> ExitCode {
    let cli = Cli::parse();
    process::prepare();
    install_tls();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the program cannot start its threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(dispatch(cli, clock)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// One TLS provider for the process; a second call changes nothing.
pub(crate) fn install_tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

async fn dispatch(cli: Cli, clock: Clock) -> anyhow::Result<ExitCode> {
    if let Command::Demo { once } = cli.command {
        return demo::run(once).await;
    }
    if let Command::Bench(options) = cli.command {
        return bench::run(options).await;
    }
    if let Command::BackupCheck(options) = cli.command {
        return commands::backup_check::run(options).await;
    }
    if let Command::Contracts { folder } = cli.command {
        return commands::contracts::write(&folder);
    }
    if let Command::Texts(TextsCommand::Preview { file, company }) = cli.command {
        return commands::texts::preview(&file, company.as_ref());
    }
    let config = Config::load(cli.config.as_deref())?;
    match cli.command {
        Command::Demo { .. }
        | Command::Bench(_)
        | Command::BackupCheck(_)
        | Command::Contracts { .. }
        | Command::Texts(_) => Ok(ExitCode::SUCCESS),
        Command::Serve { roles } => service::serve(config, &roles, clock).await,
        Command::Migrate => commands::migrate::run(&config).await,
        Command::Directory(command) => commands::directory::run(&config, command).await,
        Command::Replay { id, json } => commands::replay::run(&config, &id, json).await,
        Command::Rebuild { view } => commands::rebuild::run(&config, &view).await,
        Command::Check { json } => commands::check::run(&config, json).await,
        Command::Parked(command) => commands::parked::run(&config, command).await,
        Command::Token(command) => commands::token::run(&config, command).await,
        Command::Doctor { json } => commands::doctor::run(&config, json).await,
        Command::Config(_) => {
            println!("{}", config.shown());
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// A connection to the configured NATS.
///
/// # Errors
/// It can't be reached or is too old.
pub async fn nats_client(config: &Config) -> anyhow::Result<messaging::Client> {
    commands::nats(config, "client").await
}
