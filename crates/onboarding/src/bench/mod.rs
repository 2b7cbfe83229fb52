//! `onboarding bench`: the service beside its peers and its ceiling, in one run on one machine.
//!
//! Every measurement has a database and a NATS of its own; Postgres runs with `fsync`, INBOX with
//! `sync_interval: always`. Each figure is taken several times and told as median, least and most.
//! `docs/PERFORMANCE.md` explains what is measured and where the time goes. One file per section of
//! the report.

mod backlog;
mod ceiling;
mod company;
mod costs;
mod counters;
mod drained;
pub mod frames;
mod grown;
mod growth;
mod histogram;
mod instructions;
mod load;
mod nats_counters;
mod operation;
mod peers;
mod plots;
mod postgres_counters;
mod posts;
mod process;
mod progress;
mod proxy;
mod report;
mod side_by_side;
mod site;
mod slow_disk;
mod webhook;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;

use self::company::Company;
use self::report::Report;
use self::site::Site;

/// What is measured, how often, and where the report goes.
#[derive(Clone, Debug, clap::Args)]
pub struct BenchOptions {
    /// Only these sections, separated by commas; all of them if none is named.
    #[arg(long = "section", value_delimiter = ',', value_name = "SECTION")]
    pub sections: Vec<Section>,
    /// The folder for the report: `bench.json`, `bench.md` and the plots.
    #[arg(long, default_value = "bench-report", value_name = "FOLDER")]
    pub out: PathBuf,
    /// How often each figure is taken.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub runs: u32,
    /// How many onboardings one run measures.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1_000..))]
    pub onboardings: u64,
    /// How many seconds one run measures latency at each rate.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub seconds: u64,
    /// How many rooms the sections `growth` and `operation` grow a store to; each has six events. The
    /// backlog of `memory` is no larger.
    #[arg(long, default_value_t = 1_670_000, value_name = "ROOMS",
          value_parser = clap::value_parser!(u64).range(2_000..))]
    pub grown: u64,
}

/// A section of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Section {
    /// The service at saturation beside its ceilings and its peers.
    SideBySide,
    /// How long a message is on its way, stage by stage, at shares of capacity.
    Load,
    /// How fast messages are sent to WhatsApp, and how long an onboarding takes up to there.
    Sending,
    /// How fast posts are taken in, and how many.
    Webhook,
    /// What an onboarding costs, whatever the machine.
    Costs,
    /// The service at saturation when every fsync takes longer.
    SlowDisk,
    /// What an onboarding costs in a store that has grown, beside a small one.
    Growth,
    /// Start-up, and rebuild, check and replay of a store that has grown.
    Operation,
    /// Resident memory: idle, saturated, and with a backlog.
    Memory,
}

/// A run of the benchmark.
struct Bench {
    options: BenchOptions,
    site: Site,
    report: Report,
    /// The store that has grown, once there is one.
    grown: Option<grown::Store>,
}

/// Measures, and writes the report.
///
/// # Errors
/// A server can't be had, or the service does not do what it is measured at.
pub(crate) async fn run(options: BenchOptions) -> anyhow::Result<ExitCode> {
    crate::telemetry::start_logs(&crate::config::Log {
        filter: std::env::var("ONBOARDING_LOG__FILTER").unwrap_or_else(|_| "error".into()),
        format: crate::config::LogFormat::Text,
    })?;
    let site = Site::start(folder()).await?;
    let report = Report::new(&site, Company::USUAL, &options).await?;
    let mut bench = Bench { options, site, report, grown: None };
    for section in bench.sections() {
        match section {
            Section::SideBySide => side_by_side::run(&mut bench).await?,
            Section::Load => load::run(&mut bench).await?,
            Section::Sending => load::sending::run(&mut bench).await?,
            Section::Webhook => webhook::run(&mut bench).await?,
            Section::Costs => costs::run(&mut bench).await?,
            Section::SlowDisk => slow_disk::run(&mut bench).await?,
            Section::Growth => growth::run(&mut bench).await?,
            Section::Operation => operation::run(&mut bench).await?,
            Section::Memory => operation::memory(&mut bench).await?,
        }
        // After every section: what was measured is not lost with what comes after it.
        bench.report.write(&bench.options.out)?;
    }
    println!("{}", bench.report.tables());
    println!("The report is in {}.", bench.options.out.display());
    Ok(ExitCode::SUCCESS)
}

impl Bench {
    fn sections(&self) -> Vec<Section> {
        let asked = &self.options.sections;
        let all = Section::value_variants().iter().copied();
        all.filter(|section| asked.is_empty() || asked.contains(section)).collect()
    }
}

/// A folder of this run below the target folder, or the system's temporary one.
fn folder() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let target = program.ancestors().find(|folder| folder.ends_with("target"));
    let base = target.map_or_else(std::env::temp_dir, Path::to_owned);
    base.join("bench").join(std::process::id().to_string())
}
