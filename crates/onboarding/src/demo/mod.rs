//! `onboarding demo`: the whole flow on private servers, as its people see it.

mod borrowed;
pub mod scenes;
pub mod stage;
mod tell;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use devservers::{Options, Server};
use engine::Clock;

pub use stage::{APP, Stage, StageOptions};

/// Plays every scene; then stays up until Ctrl-C, or ends at once.
///
/// # Errors
/// A server can't be had or the service does not start.
pub async fn run(once: bool) -> anyhow::Result<ExitCode> {
    let log = crate::config::Log {
        filter: std::env::var("ONBOARDING_LOG__FILTER").unwrap_or_else(|_| "off".into()),
        format: match std::env::var("ONBOARDING_LOG__FORMAT").as_deref() {
            Ok("json") => crate::config::LogFormat::Json,
            _ => crate::config::LogFormat::Text,
        },
    };
    crate::telemetry::start_logs(&log)?;
    let folder = tempfolder()?;
    let progress = |line: &str| eprintln!("  {line}");
    eprintln!("Preparing the stage");
    let options = Options::new(&folder);
    let postgres = devservers::postgres(&options, &progress).await?;
    let nats = devservers::nats(&options, &progress).await?;
    borrowed::require_unused(&nats).await?;
    let database = stage::create_database(postgres.url(), &database_name()).await?;
    eprintln!("  starting the service with all its roles, and a fake WhatsApp");
    let stage = Stage::start(&database, nats.url(), Clock::system(), StageOptions::default());
    let played = tokio::select! {
        played = async {
            let stage = stage.await?;
            let good = tell::all_scenes(&stage, std::io::stdout().is_terminal()).await?;
            anyhow::Ok(Some((stage, good)))
        } => played?,
        signal = tokio::signal::ctrl_c() => {
            signal?;
            None
        }
    };
    let good = match played {
        Some((stage, good)) => {
            if !once {
                stay(&stage, &nats, &database).await?;
            }
            stage.stop().await;
            good
        }
        None => {
            eprintln!("\nStopped before the end.");
            false
        }
    };
    borrowed::clean_up(&postgres, &nats, &database_name()).await;
    drop((nats, postgres));
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Shows where everything is, until Ctrl-C.
async fn stay(stage: &Stage, nats: &Server, database: &str) -> anyhow::Result<()> {
    println!("The service stays up until Ctrl-C:");
    println!("  API       {}/api/v1/onboarding-requests?company=demo-bank", stage.api());
    println!("  token     {}", stage.token(&"demo-bank".parse()?).await?);
    println!("  webhooks  {}/webhooks/whatsapp/{APP}", stage.api());
    println!("  metrics   {}/metrics", stage.api());
    println!("  NATS      {}", nats.url());
    println!("  Postgres  {database}");
    tokio::signal::ctrl_c().await?;
    eprintln!("\nStopping.");
    Ok(())
}

/// One database a demo, so that two can share a server that was given to both.
fn database_name() -> String {
    format!("onboarding_demo_{}", std::process::id())
}

/// A folder of this demo below the target folder.
fn tempfolder() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().find(|folder| folder.ends_with("target"));
    let base = target.map_or_else(std::env::temp_dir, PathBuf::from);
    Ok(base.join("demo").join(std::process::id().to_string()))
}

/// The longest that anything in the play may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
