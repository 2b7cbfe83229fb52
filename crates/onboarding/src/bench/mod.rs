//! `onboarding bench`: the service beside its ceiling, in one run on one machine.
//!
//! Every measurement has a database and a NATS of its own; Postgres runs with `fsync`, INBOX with
//! `sync_interval: always`. Each figure is taken several times and told as median, least and most.
//! `docs/PERFORMANCE.md` explains what is measured and where the time goes.

mod ceiling;
mod company;
mod drain;
mod latency;
mod load;
mod report;
mod site;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use self::company::Company;
use self::report::Report;
use self::site::Site;

/// What is measured, how often, and where the report goes.
#[derive(Clone, Debug, clap::Args)]
pub struct BenchOptions {
    /// The folder for the report: `bench.json` and `bench.md`.
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
    let company = Company::USUAL;
    let mut report = Report::new(&site, company, &options).await?;
    for run in 1..=options.runs {
        eprintln!("run {run} of {}", options.runs);
        let drained = drain::run(&site, company, options.onboardings).await?;
        report.add("onboardings/s, INBOX to read model, one company", drained.rate);
        for (name, cost) in drained.costs {
            report.add(name, cost);
        }
        let rows = drained.rows;
        report.add("ceiling: appended, chained and projected, onboardings/s", {
            ceiling::pipeline(&site, company, rows.clone()).await?
        });
        report.add("ceiling: appended only, onboardings/s", {
            ceiling::append_only(&site, company, &rows).await?
        });
        report.add("ceiling: published only, onboardings/s", {
            ceiling::publish_only(&site, company, &rows).await?
        });
        for rate in [50, 500] {
            let taken = latency::run(&site, company, rate, options.seconds).await?;
            for (percentile, milliseconds) in taken.percentiles() {
                let name = format!("INBOX to EVT at {rate}/s, {percentile}, ms");
                report.add(name, milliseconds);
            }
        }
    }
    report.relate(
        "share of the pipeline ceiling",
        "onboardings/s, INBOX to read model, one company",
        "ceiling: appended, chained and projected, onboardings/s",
    );
    report.write(&options.out)?;
    println!("{}", report.table());
    println!("The report is in {}.", options.out.display());
    Ok(ExitCode::SUCCESS)
}

/// A folder of this run below the target folder, or the system's temporary one.
fn folder() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let target = program.ancestors().find(|folder| folder.ends_with("target"));
    let base = target.map_or_else(std::env::temp_dir, Path::to_owned);
    base.join("bench").join(std::process::id().to_string())
}
